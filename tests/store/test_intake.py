"""Usage events are kept exactly once on both databases, whoever sends them again, together or at odds."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from penstock.app import identity, usage
from penstock.app.access import SYSTEM
from penstock.app.intake import Intake, Receipt
from penstock.base.refusal import Refused
from penstock.billing.metering.model import Aggregation
from penstock.lease.tenant import Principal, Scope
from penstock.sim.centre import SimulatedCentre

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
GATEWAY = Principal("gateway", (Scope.METER,))


class Metered:
    """A centre at noon with two tenants and three meters over one type of event."""

    def __init__(self, centre: SimulatedCentre) -> None:
        self.centre = centre
        self.app = centre.app
        self.app.clock.advance(NOON - self.app.now())
        for name in ("acme", "beta"):
            identity.open_tenant(self.app, SYSTEM, identity.NewTenant(id=name))
        self.declare("tokens", Aggregation.SUM, "n", dimensions=("model",))
        self.declare("calls", Aggregation.COUNT, "")
        self.declare("stored", Aggregation.TIME_WEIGHTED_AVERAGE, "gb", event_type="level")
        self.intake = Intake(self.app)

    def declare(self, name: str, kind: Aggregation, value: str, **fields: object) -> None:
        request = {"event_type": "chat", **fields}
        usage.declare_meter(
            self.app,
            SYSTEM,
            usage.NewMeter(id=name, aggregation=kind, unit="u", value=value, **request),
        )

    def send(self, *events: dict, intake: Intake | None = None) -> Receipt:
        return (intake or self.intake).send_batch(GATEWAY, json.dumps(events).encode())

    def quantities(self, tenant: str | None = None, **window: datetime) -> dict[tuple[str, str], Fraction]:
        ends = {"start": NOON - timedelta(days=1), "end": NOON + timedelta(days=1), **window}
        found = usage.show_quantities(self.app, SYSTEM, tenant, **ends)
        return {(one.tenant, one.meter): one.quantity for one in found}


@pytest.fixture
def metered(tmp_path: Path, database_url: str | None) -> Iterator[Metered]:
    centre = SimulatedCentre(tmp_path, 1, database=database_url)
    yield Metered(centre)
    centre.close()


def event(name: str, number: object = 1, kind: str = "chat", at: datetime = NOON, **fields: object) -> dict:
    data = {"n": number, "model": "m"} if kind == "chat" else {"gb": number}
    return {
        "specversion": "1.0",
        "source": "//gateway",
        "subject": "acme",
        "id": name,
        "type": kind,
        "time": at.isoformat(),
        "data": data,
    } | fields


def counts(receipt: Receipt) -> tuple[int, int, list[tuple[int, str]]]:
    refused = [(one.index, one.refusal.code) for one in receipt.refused]
    return receipt.accepted, receipt.duplicates, refused


def test_each_event_counts_once_and_the_answer_says_which_do_not(metered: Metered) -> None:
    first = metered.send(event("1", 5), event("2", 7), event("1", 5), event("2", 8), event("3", "x"))
    assert counts(first) == (2, 1, [(3, "id_conflict"), (4, "value_not_number")])
    again = metered.send(event("1", 5), event("2", 8), event("4", 1.5), event("1", 5, source="//other"))
    assert counts(again) == (2, 1, [(1, "id_conflict")])
    expected = {("acme", "tokens"): Fraction(37, 2), ("acme", "calls"): Fraction(4)}
    assert metered.quantities() == expected
    assert metered.quantities("beta") == {}
    shown = usage.list_events(metered.app, SYSTEM, "acme", None, None)
    assert sorted((one.source, one.id) for one in shown) == [
        ("//gateway", "1"),
        ("//gateway", "2"),
        ("//gateway", "4"),
        ("//other", "1"),
    ]


def test_who_and_when_and_what_is_unknown(metered: Metered) -> None:
    late, early = NOON + timedelta(minutes=6), NOON - timedelta(days=367)
    found = metered.send(
        event("1", subject="gamma"), event("2", at=late), event("3", at=early), event("4", type="else")
    )
    codes = ["tenant_not_found", "event_in_future", "event_too_old", "meter_unknown"]
    assert counts(found) == (0, 0, list(enumerate(codes)))
    with pytest.raises(Refused, match="forbidden"):
        metered.intake.send(Principal("ann", (Scope.MANAGE,), "acme", "ann"), [])


def test_a_meter_of_later_reads_what_comes_later(metered: Metered) -> None:
    metered.send(event("1", 5))
    metered.declare("peak", Aggregation.MAX, "n")
    metered.send(event("2", 3))
    assert metered.quantities()["acme", "peak"] == 3
    assert metered.quantities()["acme", "calls"] == 2


def test_another_process_knows_what_one_took(metered: Metered) -> None:
    metered.send(event("1", 5))
    other = Intake(metered.app)
    assert counts(metered.send(event("1", 5), event("2", 1), intake=other)) == (1, 1, [])
    metered.centre.restart()
    assert counts(metered.send(event("2", 1), intake=Intake(metered.centre.app))) == (0, 1, [])


def test_many_at_once_lose_nothing_and_double_nothing(metered: Metered) -> None:
    intakes = [metered.intake, Intake(metered.app)]
    batches = [
        [event(f"{number % 40}", 1, subject="acme" if number % 2 else "beta")] for number in range(120)
    ]
    receipts: list[Receipt] = []

    def work(mine: list[list[dict]], intake: Intake) -> None:
        receipts.extend(metered.send(*batch, intake=intake) for batch in mine)

    threads = [
        threading.Thread(target=work, args=(batches[number::6], intakes[number % 2])) for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sum(one.accepted for one in receipts), sum(one.duplicates for one in receipts)] == [40, 80]
    assert metered.quantities() == {
        (tenant, meter): Fraction(20) for tenant in ("acme", "beta") for meter in ("tokens", "calls")
    }


def test_levels_go_on_and_a_closed_period_stays(metered: Metered) -> None:
    app = metered.app
    midnight = NOON.replace(hour=0)
    metered.send(event("1", 10, "level", NOON - timedelta(hours=6)), event("2", 4))
    app.clock.advance(timedelta(days=4))
    before = metered.quantities(start=midnight, end=midnight + timedelta(days=1))
    assert before == {
        ("acme", "stored"): Fraction(10 * 18, 24),
        ("acme", "tokens"): Fraction(4),
        ("acme", "calls"): Fraction(1),
    }
    following = metered.quantities(start=midnight + timedelta(days=1), end=midnight + timedelta(days=2))
    assert following == {("acme", "stored"): Fraction(10)}
    closing = usage.close_period(app, SYSTEM, usage.NewClosing(end=midnight + timedelta(days=1)))
    assert closing == usage.close_period(app, SYSTEM, usage.NewClosing(end=closing.end))
    metered.send(event("3", 9))
    changes = usage.late_changes(app, SYSTEM, closing.end)
    assert {one.after.meter: (one.before.quantity, one.after.quantity) for one in changes.differences} == {
        "tokens": (4, 13),
        "calls": (1, 2),
    }
    with pytest.raises(Refused, match="period_open"):
        usage.close_period(app, SYSTEM, usage.NewClosing(end=midnight + timedelta(days=3)))
    with pytest.raises(Refused, match="period_closed"):
        usage.close_period(app, SYSTEM, usage.NewClosing(end=midnight + timedelta(hours=23)))
    assert metered.centre.check().ok
    assert msgspec.json.encode(usage.list_closings(app, SYSTEM)[0]) == msgspec.json.encode(closing)


def test_what_is_in_conflict_is_refused_each_time_it_stands_in_a_batch(metered: Metered) -> None:
    known, other = event("one", 1), event("one", 2)
    assert metered.send(known).accepted == 1
    receipt = metered.send(other, other, known)
    assert [one.index for one in receipt.refused] == [0, 1]
    assert (receipt.accepted, receipt.duplicates) == (0, 1)
    receipt = metered.send(event("two", 1), event("two", 2), event("two", 1))
    assert [one.index for one in receipt.refused] == [1]
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
