"""Interest and electricity on the ladder: what a device at work or idle carries of them, by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.window import Window, to_us
from penstock.fleet.device import Device, DeviceInterval, DeviceState
from penstock.insight.attribution import attribute
from penstock.insight.economics.carrying import SharedInterest
from penstock.insight.economics.plan import CentreCosts, Loan, Power
from penstock.insight.economics.units import Amount, Share, Term
from penstock.insight.ladder import ladder
from penstock.insight.model import History, Line
from penstock.lease.job import Attempt, AttemptState

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
MONTH = Window(START, START + 31 * DAY)
LOAN = Loan(
    name="bank",
    principal=Amount(1_200_000_000_000),
    rate=Share(60_000),
    drawn=date(2026, 3, 1),
    term=Term(12),
)
"""1.2 million at 6 %: 6,000 in the first month."""


def device(name, born=START, gone=None):
    return Device(
        id=name, node="n", model="h800", handle="", commissioned_at=born, accepted_at=born, retired_at=gone
    )


def book(*devices, costs, attempts=()):
    up = [DeviceInterval(device=d.id, state=DeviceState.AVAILABLE, start=d.commissioned_at) for d in devices]
    past = History(
        devices=devices, device_intervals=tuple(up), leases=(), attempts=tuple(attempts), waits=(), offers=(),
        costs=costs, watts={"h800": 700},
    )  # fmt: skip
    return ladder(attribute(past, MONTH), past, MONTH)


def line(found, name):
    return next(one for one in found.lines if one.line is name)


def test_interest_is_shared_by_the_devices_in_service_at_the_time():
    costs = CentreCosts(loans=(LOAN,))
    assert line(book(device("a"), costs=costs), Line.NO_DEMAND).interest_micros == pytest.approx(
        6_000e6, abs=1
    )
    late = device("b", START + 15.5 * DAY)
    both = book(device("a"), late, costs=costs)
    assert line(both, Line.NO_DEMAND).interest_micros == pytest.approx(6_000e6, abs=2), "all of it, once"


def test_power_is_full_at_work_and_the_idle_share_otherwise():
    work = Attempt(
        id="t", job="j", tenant="acme", number=1, engine="local", devices=("a",), placed_at=START,
        running_at=START, ended_at=START + DAY, state=AttemptState.SUCCEEDED,
    )  # fmt: skip
    costs = CentreCosts(power=Power(pue=1.2, per_kwh=Amount(500_000), idle=Share(300_000)))
    found = book(device("a"), costs=costs, attempts=[work])
    per_day = 0.7 * 24 * 1.2 * 0.5e6
    assert line(found, Line.PRODUCTIVE).power_micros == pytest.approx(per_day, abs=1)
    assert line(found, Line.NO_DEMAND).power_micros == pytest.approx(30 * 0.3 * per_day, abs=1)
    busy = line(found, Line.PRODUCTIVE)
    assert busy.carried_cost_micros == busy.depreciation_micros + busy.interest_micros + busy.power_micros


@given(st.lists(st.integers(0, 400 * 24), min_size=2, max_size=6), st.integers(0, 400 * 24))
def test_interest_of_any_fleet_is_a_function_of_time(hours, at):
    lives = [START + timedelta(hours=hour) for hour in hours]
    devices = [device(f"d{n}", born, None if n % 2 else born + 90 * DAY) for n, born in enumerate(lives)]
    shared = SharedInterest((LOAN,), devices)
    instant = to_us(START + timedelta(hours=at))
    assert shared.until(instant) <= shared.until(instant + 1)
    assert shared.until(to_us(START)) == 0
    assert shared.until(to_us(START + 2_000 * DAY)) == shared.until(to_us(START + 3_000 * DAY))
