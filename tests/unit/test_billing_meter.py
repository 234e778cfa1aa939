"""Usage cut at fixed instants: every moment once, whatever the rhythm of asking."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from penstock.base.refusal import Refusal
from penstock.billing.meter import Subject, arrivals, attempt_subject, lease_subject, usage_of
from penstock.billing.model import UsageEvent
from penstock.lease.job import Attempt
from penstock.lease.offer import Lease

DAY = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)


def minute(number: float) -> datetime:
    return DAY + timedelta(minutes=number)


def subject(began: float, ended: float | None = None) -> Subject:
    return Subject(
        kind="attempt",
        id="a1",
        tenant="acme",
        model="H100",
        devices=4,
        began_at=minute(began),
        ended_at=None if ended is None else minute(ended),
    )


# began ended   metered observed | windows in minutes, the final one with a !
CASES = [
    (2, None, None, 2, ""),
    (2, None, None, 5, ""),
    (2, None, None, 5.1, "2-5"),
    (2, None, 5, 12, "5-10"),
    (2, None, 10, 12, ""),
    (0, None, None, 11, "0-5 5-10"),
    (2, 12, None, 20, "2-5 5-10 10-12!"),
    (2, 12, 10, 20, "10-12!"),
    (2, 10, 5, 20, "5-10!"),
    (2, 3, None, 20, "2-3!"),
    (2, 2, None, 20, "2-2!"),
    (2, 10, 10, 20, "10-10!"),
    (2, 9, 10, 20, "10-10!"),
    (2, 1, None, 20, "2-2!"),
]


@pytest.mark.parametrize(("began", "ended", "metered", "observed", "expected"), CASES)
def test_windows(began, ended, metered, observed, expected) -> None:
    metered_until = None if metered is None else minute(metered)
    events = usage_of(subject(began, ended), metered_until, minute(observed), STEP)
    assert " ".join(map(_text, events)) == expected
    assert all(event.quantity == 4 * event.window.duration_us for event in events)


def _text(event: UsageEvent) -> str:
    start, end = ((t - DAY) / timedelta(minutes=1) for t in (event.start, event.end))
    return f"{start:g}-{end:g}{'!' if event.final else ''}"


def test_the_same_window_has_the_same_id_however_it_was_reached() -> None:
    at_once = usage_of(subject(2, 12), None, minute(30), STEP)
    in_steps, until = [], None
    for now in (4, 5, 6, 9, 11):
        in_steps += usage_of(subject(2), until, minute(now), STEP)
        until = in_steps[-1].end if in_steps else None
    in_steps += usage_of(subject(2, 12), until, minute(12), STEP)
    assert in_steps == at_once
    assert len({event.id for event in at_once}) == 3


def test_ids_differ_between_subjects_and_kinds() -> None:
    base = subject(0, 5)
    others = [base, msgspec.structs.replace(base, id="a2"), msgspec.structs.replace(base, kind="lease")]
    assert len({usage_of(one, None, minute(9), STEP)[0].id for one in others}) == 3


def attempt(**fields: object) -> Attempt:
    plain = {
        "id": "a1",
        "job": "j1",
        "tenant": "acme",
        "number": 1,
        "engine": "local",
        "devices": ("d1", "d2"),
        "placed_at": DAY,
        "began_at": minute(1),
        "ended_at": minute(3),
    }
    return Attempt(**(plain | fields))


def test_an_attempt_is_charged_from_when_it_began_and_only_on_demand() -> None:
    found = attempt_subject(attempt(), "H100")
    assert found is not None
    assert (found.kind, found.devices, found.began_at, found.ended_at) == ("attempt", 2, minute(1), minute(3))
    assert attempt_subject(attempt(began_at=None), "H100") is None
    assert attempt_subject(attempt(lease="l1"), "H100") is None


@pytest.mark.parametrize(
    ("now", "ended", "expected"),
    [
        (-1, None, None),
        (0, None, (0, None)),
        (59, None, (0, None)),
        (60, None, (0, 60)),
        (90, None, (0, 60)),
        (30, 20, (0, 20)),
        (10, 20, (0, None)),
        (90, 70, (0, 60)),
        (30, 0, None),
        (30, -5, None),
    ],
)
def test_a_lease_is_charged_over_its_window_or_until_it_was_ended(now, ended, expected) -> None:
    lease = Lease(
        id="l1",
        tenant="acme",
        quote="q1",
        offer="o1",
        model="H100",
        devices=("d1",),
        start=minute(0),
        end=minute(60),
        price_micros_per_card_hour=1,
        created_at=DAY,
        ended_at=None if ended is None else minute(ended),
    )
    found = lease_subject(lease, minute(now))
    if expected is None:
        assert found is None
        return
    assert found is not None
    began, until = expected
    assert (found.began_at, found.ended_at) == (minute(began), None if until is None else minute(until))


def test_arrivals_keep_each_event_once_and_refuse_other_content_under_its_id() -> None:
    one, two = usage_of(subject(0, 10), None, minute(20), STEP)
    other = msgspec.structs.replace(two, quantity=7)
    new, statuses = arrivals({}, [one, two, one, other])
    assert new == [one, two]
    assert statuses[:3] == ["new", "new", "duplicate"]
    assert isinstance(statuses[3], Refusal)
    assert statuses[3].code == "id_conflict"
    rated = {(one.source, one.id): msgspec.structs.replace(one, rated=True)}
    assert arrivals(rated, [one, two]) == ([two], ["duplicate", "new"])
    elsewhere = msgspec.structs.replace(one, source="probe")
    assert arrivals(rated, [elsewhere])[1] == ["new"]
