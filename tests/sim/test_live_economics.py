"""A running centre's accounts come from its own books: groups and parts of time sum to the whole, to the micro."""

from datetime import timedelta

import pytest

from penstock.app import economics, money, reports
from penstock.app.access import SYSTEM
from penstock.app.context import Policy
from penstock.base.refusal import Refused
from penstock.lease.tenant import Principal, Scope
from penstock.sim.centre import OPENING, SimulatedCentre
from penstock.sim.workload import Workload
from penstock.store import billing

COSTS = b"""
costs:
  - {name: operations, kind: staff, amount: 2.25 M}
  - {name: racks, kind: colocation, amount: 30k, every: month}
  - {name: selling, kind: selling, share: 3 %}
loans:
  - {name: bank, principal: 4 M, rate: 6 %, drawn: 2026-01-01, term: 5 years, repayment: equal_principal}
power:
  pue: 1.25
  idle: 30 %
  tariff: [{from_hour: 8, to_hour: 22, per_kwh: 0.70}, {from_hour: 22, to_hour: 8, per_kwh: 0.30}]
"""
AXES = ("model", "node", "tenant", "tranche")


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    made = SimulatedCentre(tmp_path_factory.mktemp("centre"), 5, Policy(metering_step=timedelta(hours=1)))
    made.install("a100", 3, 8)
    workload = Workload(made, "a100", jobs_per_hour=8.0)
    workload.open()
    for _ in range(30):
        workload.hour(1)
        made.run(timedelta(hours=1), timedelta(minutes=30))
    yield made
    made.close()


def shown(centre, by=None, start=0.0, end=30.0):
    ends = (OPENING + timedelta(hours=hours) for hours in (start, end))
    return economics.show_economics(centre.app, SYSTEM, *ends, by)


def amounts(accounts):
    return {line: figure.value for line, figure in accounts.profit.items()}


def added(rows):
    lines = sorted({line for row in rows for line in row})
    return {line: sum(row.get(line, 0) for row in rows) for line in lines}


def test_without_stated_costs_there_are_revenue_and_depreciation(centre):
    whole = amounts(shown(centre)[""])
    with centre.app.database.read() as tx:
        charged = sum(line.amount_micros for line in billing.lines(tx))
    ends = (OPENING, OPENING + timedelta(hours=30))
    ladder = reports.show_ladder(centre.app, SYSTEM, *ends)[""]
    assert whole["revenue"] == charged > 0
    assert whole["depreciation"] == sum(line.carried_cost_micros for line in ladder.lines) > 0
    assert whole["result"] == whole["revenue"] - whole["depreciation"]


def test_groups_and_parts_of_time_sum_to_the_whole(centre):
    economics.set_costs(centre.app, SYSTEM, COSTS, "costs.yaml")
    whole = amounts(shown(centre)[""])
    exact = ("revenue", "depreciation", "staff", "colocation", "interest")
    for axis in AXES:
        groups = shown(centre, axis)
        summed = added([amounts(one) for one in groups.values()])
        assert {line: summed[line] for line in exact} == {line: whole[line] for line in exact}, axis
        assert summed["power"] == pytest.approx(whole["power"], abs=100), axis
    halves = added([amounts(shown(centre, None, *ends)[""]) for ends in ((0, 11.3), (11.3, 30))])
    assert {line: halves[line] for line in exact[:4]} == {line: whole[line] for line in exact[:4]}


@pytest.mark.parametrize("ends", [(7, 19), (12, 13), (7.2, 19), (29, 30)])
def test_sums_by_the_hour_are_what_the_lines_say(centre, ends):
    with centre.app.database.read() as tx:
        starts = [(line.start - OPENING).total_seconds() / 3600 for line in billing.lines(tx)]
    assert any(start % 1 for start in starts), "lines reach over full hours"
    whole, by_node = shown(centre, None, *ends)[""], shown(centre, "node", *ends)
    revenue = sum(amounts(one)["revenue"] for one in by_node.values())
    assert amounts(whole)["revenue"] == revenue > 0


def test_interest_and_power_are_those_that_the_ladder_carries(centre):
    ends = (OPENING, OPENING + timedelta(hours=30))
    for axis in (None, *AXES):
        ladders = reports.show_ladder(centre.app, SYSTEM, *ends, axis)
        for name, accounts in shown(centre, axis).items():
            own = amounts(accounts)
            for line in ("depreciation", "interest", "power"):
                carried = sum(getattr(one, f"{line}_micros") for one in ladders[name].lines)
                assert own[line] == carried, (axis, name, line)
    assert all(line.carried_cost_micros for line in ladders["first"].lines if line.card_us)


def test_each_cost_is_what_was_stated_for_the_time(centre):
    whole = amounts(shown(centre)[""])
    assert whole["staff"] == pytest.approx(2.25e12 * 30 / 8760, rel=1e-6)
    assert whole["colocation"] == pytest.approx(30e9 * 12 * 30 / 8760, rel=1e-6)
    assert whole["selling"] == pytest.approx(0.03 * whole["revenue"], rel=1e-6)
    full_kwh, least = 24 * 0.4 * 1.25 * 30, 0.3 * 0.3e6
    assert least * full_kwh < whole["power"] < 0.7e6 * full_kwh
    assert whole["interest"] > 0


def test_what_moved_on_the_ledger_stands_beside(centre):
    one = shown(centre)[""]
    assert (
        one.ledger["income_booked"].value
        == one.profit["revenue"].value + one.ledger["booked_elsewhere"].value
    )
    assert one.ledger["received"].value > 0
    assert one.ledger["received"].status == "measured"
    assert all(
        figure.unit and figure.population
        for figures in (one.profit, one.card_hours)
        for figure in figures.values()
    )
    per_hour = one.per_card_hour["revenue_sold"].value
    assert per_hour == pytest.approx(one.profit["revenue"].value / one.card_hours["sold"].value, rel=1e-6)


GRANT = (
    COSTS
    + b"""
subsidies: [{name: racks, on: 2026-01-04, amount: 3.652 M, tranche: first}, {name: none, on: 2026-01-04, amount: 1, tranche: no}]
income_tax: 25 %
"""
)


def test_public_money_and_income_tax_are_in_the_accounts(centre):
    before = amounts(shown(centre)[""])
    economics.set_costs(centre.app, SYSTEM, GRANT, "costs.yaml")
    booked = money.NewTransfer(
        id="grant", debit="centre/cash", credit="centre/subsidies", amount_micros=9_000_000_000_000,
        currency="CNY", note="for electricity",
    )  # fmt: skip
    money.post_transfers(centre.app, SYSTEM, money.NewTransfers(transfers=(booked,)))
    centre.clock.advance(timedelta(minutes=1))
    end = 30 + 1 / 60
    whole = shown(centre, None, 0, end)[""]
    own, after = amounts(whole), 9_000_000_000_000
    grant = 3_652_000_000_000 * end / (1826 * 24)
    assert own["subsidy"] == pytest.approx(after + grant, rel=1e-9), "five years from the first device on"
    assert own["result"] > before["result"] + after
    assert own["income_tax"] == (own["result"] + 2) // 4, "a quarter, to the nearest micro"
    assert own["net"] == own["result"] - own["income_tax"]
    assert whole.ledger["subsidies_booked"].value == after
    assert whole.profit["subsidy"].status == "claimed", "the grant is said, not booked"
    for axis in AXES:
        groups = shown(centre, axis, 0, end)
        assert added([amounts(one) for one in groups.values()])["subsidy"] == own["subsidy"], axis
        assert all("income_tax" not in one.profit for one in groups.values())
    economics.set_costs(centre.app, SYSTEM, COSTS, "costs.yaml")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"costs: [{name: a, kind: staff}]", "cost_unclear"),
        (b"costs: [{name: a, kind: staff, amount: 1, every: plan}]", "cost_unclear"),
        (b"power: {pue: 0.5, per_kwh: 0.4}", "pue_impossible"),
        (b"wages: 3", "field_unknown"),
        (b"income_tax: 140 %", "number_out_of_range"),
        (b"subsidies: [{name: a, on: 2026-01-01, amount: 1}]", "subsidy_unclear"),
        (b"subsidies: [{name: a, on: 2026-01-01, amount: -1, tranche: t}]", "amount_negative"),
        (
            b"costs: [{name: a, kind: staff, share: 60 %}, {name: b, kind: selling, share: 50 %}]",
            "shares_exceed",
        ),
        (b"", "file_empty"),
    ],
)
def test_costs_that_make_no_sense_are_refused_and_change_nothing(centre, content, code):
    before = economics.show_costs(centre.app, SYSTEM)
    with pytest.raises(Refused) as refused:
        economics.set_costs(centre.app, SYSTEM, content, "costs.yaml")
    assert refused.value.refusals[0].code == code
    assert economics.show_costs(centre.app, SYSTEM) == before


def test_tenants_see_none_of_it(centre):
    tenant = Principal(token="t", scopes=(Scope.READ, Scope.BUY), tenant="t1", member="m")
    for ask in (economics.show_economics, economics.show_costs):
        with pytest.raises(Refused) as refused:
            ask(centre.app, tenant)
        assert refused.value.refusals[0].code == "forbidden"
