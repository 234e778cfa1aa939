"""Depreciation, loans and returns against a spreadsheet engine, and what must hold whatever is planned."""

import warnings
from datetime import date, timedelta

import numpy as np
import pytest
import pyxirr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from penstock.insight.economics.depreciation import declining_balance, straight_line, units_of_production
from penstock.insight.economics.loans import amortise, payment
from penstock.insight.economics.returns import irr, npv, payback, xirr, xnpv

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import formulas

    SHEET = formulas.get_functions()

CLOSE = 1e-9
COSTS = st.integers(10**12, 10**15)
MONTHS = st.integers(1, 360)
RATES = st.integers(1_000, 400_000)
START = date(2024, 1, 31)


def sheet(name, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(np.ravel(SHEET[name](*arguments))[0])


@given(COSTS, st.integers(0, 100), MONTHS)
def test_straight_line_is_the_spreadsheets(cost, percent, months):
    residual = cost * percent // 100
    written = straight_line(cost, residual, months)
    assert sum(written) == cost - residual
    each = sheet("SLN", float(cost), float(residual), months)
    assert written == pytest.approx([each] * months, rel=CLOSE, abs=1)


@settings(max_examples=25)
@given(COSTS, st.integers(1, 60), st.integers(6, 72))
def test_declining_balance_is_the_spreadsheets(cost, percent, months):
    residual = cost * percent // 100
    written = declining_balance(cost, residual, months)
    assert sum(written) == cost - residual
    for month in range(0, months - 1, max(months // 7, 1)):  # the engine refuses the last
        expected = sheet("VDB", float(cost), float(residual), months, month, month + 1, 2)
        assert written[month] == pytest.approx(expected, rel=CLOSE, abs=cost * CLOSE), month


@given(COSTS, st.integers(0, 100), st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_units_of_production_follow_what_was_produced(cost, percent, units):
    residual, life = cost * percent // 100, sum(units) or 1
    written = units_of_production(cost, residual, units, life)
    assert sum(written) == (cost - residual if sum(units) else 0)
    assert written == pytest.approx([(cost - residual) * unit / life for unit in units], rel=CLOSE, abs=1)


@settings(max_examples=50)
@given(COSTS, RATES, st.integers(1, 120))  # its floats lose digits over longer terms
def test_an_annuity_is_the_spreadsheets(principal, rate_ppm, months):
    monthly = rate_ppm / 12e6
    schedule = amortise(principal, rate_ppm, months, "annuity")
    assert payment(principal, rate_ppm, months) == pytest.approx(
        -pyxirr.pmt(monthly, months, principal), rel=CLOSE
    )
    for month in {0, months // 2, months - 1}:
        interest = -pyxirr.ipmt(monthly, month + 1, months, principal)
        back = -pyxirr.ppmt(monthly, month + 1, months, principal)
        assert schedule[month].interest == pytest.approx(interest, rel=CLOSE, abs=principal * CLOSE)
        assert schedule[month].principal == pytest.approx(back, rel=CLOSE, abs=principal * CLOSE)
    assert schedule[-1].balance == 0


@given(COSTS, st.integers(0, 400_000), MONTHS, st.sampled_from(["annuity", "equal_principal", "bullet"]))
def test_a_loan_is_paid_back_to_the_micro(principal, rate_ppm, months, repayment):
    schedule = amortise(principal, rate_ppm, months, repayment)
    assert sum(one.principal for one in schedule) == principal
    assert schedule[-1].balance == 0
    assert all(one.interest >= 0 for one in schedule)


FLOWS = st.lists(st.tuples(st.integers(1, 200), st.integers(-(10**14), 10**14)), min_size=2, max_size=40)


def dated(steps):
    day, flows = START, []
    for gap, amount in steps:
        day += timedelta(days=gap)
        flows.append((day, amount))
    return flows


@given(st.floats(-0.5, 2), FLOWS)
def test_xnpv_is_the_spreadsheets(rate, steps):
    flows = dated(steps)
    biggest = max(abs(amount) for _, amount in flows)
    days, amounts = zip(*flows, strict=True)
    assert xnpv(rate, flows) == pytest.approx(
        pyxirr.xnpv(rate, days, list(map(float, amounts))), rel=CLOSE, abs=(biggest or 1) * CLOSE
    )


SENSIBLE = st.lists(st.tuples(st.integers(30, 365), st.integers(1, 200)), min_size=4, max_size=40)
"""Days to the next payment, and its percentage of what was invested."""


@settings(max_examples=50)
@given(COSTS, SENSIBLE)
def test_xirr_is_the_spreadsheets(cost, steps):
    flows = [(START, -cost), *dated([(gap, cost * percent // 100) for gap, percent in steps])]
    days, amounts = zip(*flows, strict=True)
    found, expected = xirr(flows), pyxirr.xirr(days, list(map(float, amounts)))
    assert found is not None
    assume(expected is not None)  # it gives up near a total loss
    assert found == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


@settings(max_examples=25)
@given(COSTS, SENSIBLE)
def test_irr_is_the_spreadsheets(cost, steps):
    amounts = [-cost, *(cost * percent // 100 for _, percent in steps)]
    found, expected = irr(amounts), pyxirr.irr(list(map(float, amounts)))
    assert found is not None
    assume(expected is not None)  # it gives up near a total loss
    assert found == pytest.approx(expected, rel=CLOSE, abs=CLOSE)
    assert npv(found, amounts) == pytest.approx(0, abs=cost * 1e-6)


@pytest.mark.parametrize("amounts", [[], [0, 0], [1, 2], [-1, -2]])
def test_flows_of_one_sign_have_no_rate(amounts):
    assert irr(amounts) is None
    assert xirr([(START, amount) for amount in amounts]) is None
    assert payback([-2, 1]) is None
    assert payback([-2, 1, 4]) == 1.25
    assert payback([-2, 3, -4, 5]) == pytest.approx(2.6)
