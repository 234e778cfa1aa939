"""Readings become exact quantities, whatever their order, and as a plain reading of the rules says."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.base.window import MICROSECOND, Window
from penstock.billing.metering.aggregate import aggregate_events
from penstock.billing.metering.difference import difference
from penstock.billing.metering.extract import Meters
from penstock.billing.metering.model import Aggregation, Meter, MeterEvent, decimal_text

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))


def meters(decimals: int = 0) -> Meters:
    return Meters(
        Meter(
            id=kind.value,
            aggregation=kind,
            unit="u",
            event_type="e",
            value="" if kind is Aggregation.COUNT else "v",
            dimensions=("d",),
            decimals=decimals,
            negative=True,
        )
        for kind in Aggregation
    )


def event(number: int, hour: float, value: int, dimension: str = "") -> MeterEvent:
    at = START + timedelta(hours=hour)
    data = {"v": value, "d": dimension}
    return MeterEvent(source="s", id=str(number), type="e", tenant="acme", time=at, data=data)


def quantities(events: list[MeterEvent], window: Window = DAY) -> dict[tuple[str, str], Fraction]:
    found, refused = aggregate_events(events, meters(), window)
    assert refused == []
    return {(one.meter, one.dimensions["d"]): one.quantity for one in found}


# hours and values -> count, sum, max, unique, last, average over the day
TABLE = [
    ([(0, 24)], (1, 24, 24, 1, 24, 24)),
    ([(12, 24)], (1, 24, 24, 1, 24, 12)),
    ([(0, 10), (6, 20), (18, 0)], (3, 30, 20, 3, 0, Fraction(10 * 6 + 20 * 12, 24))),
    ([(18, 0), (6, 20), (0, 10)], (3, 30, 20, 3, 0, Fraction(10 * 6 + 20 * 12, 24))),
    ([(3, 5), (3, 7), (3, 6)], (3, 18, 7, 3, 7, Fraction(7 * 21, 24))),
    ([(1, -4), (2, -4)], (2, -8, -4, 1, -4, Fraction(-4 * 23, 24))),
    ([(-1, 6), (6, 0)], (1, 0, 0, 1, 0, Fraction(6, 4))),
    ([(24, 9), (25, 9)], None),
    ([(23.5, 10**18), (23.75, 10**18)], (2, 2 * 10**18, 10**18, 1, 10**18, Fraction(10**18, 48))),
    ([(1, 10**18), (2, -(10**18)), (3, 1)], (3, 1, 10**18, 3, 1, Fraction(21, 24))),
]


@pytest.mark.parametrize(("rows", "expected"), TABLE)
def test_aggregations(rows: list[tuple[float, int]], expected: tuple | None) -> None:
    found = quantities([event(number, *row) for number, row in enumerate(rows)])
    names = ("count", "sum", "max", "unique", "last", "time_weighted_average")
    wanted = (
        {} if expected is None else {(name, ""): value for name, value in zip(names, expected, strict=True)}
    )
    assert found == wanted


def test_a_level_is_carried_over_a_period_without_events() -> None:
    found, _ = aggregate_events([event(1, -100, 6)], meters(), DAY)
    assert [(one.meter, one.quantity, one.events) for one in found] == [("time_weighted_average", 6, 0)]


def test_an_event_counts_once_and_another_under_its_name_is_refused() -> None:
    first, other = event(1, 1, 5), event(1, 1, 6)
    found, refused = aggregate_events([first, first, other, first], meters(), DAY)
    assert {one.meter: one.quantity for one in found}["sum"] == 5
    assert [refusal.code for _, refusal in refused] == ["id_conflict"]


def test_what_late_events_change_is_a_document() -> None:
    early, late = [event(1, 1, 5, "a"), event(2, 2, 5, "b")], event(3, 3, 7, "a")
    before, _ = aggregate_events(early, meters(), DAY)
    after, _ = aggregate_events([*early, late], meters(), DAY)
    changes = {
        one.after.meter: (one.before and one.before.quantity, one.after.quantity)
        for one in difference(before, after)
        if one.after is not None
    }
    averages = (Fraction(5 * 23, 24), Fraction(5 * 2 + 7 * 21, 24))
    expected = {"count": (1, 2), "sum": (5, 12), "max": (5, 7), "unique": (1, 2), "last": (5, 7)}
    assert changes == expected | {"time_weighted_average": averages}
    assert difference(after, after) == []


def test_quantities_are_shown_as_decimals() -> None:
    (found,) = (one for one in aggregate_events([event(1, 12, 1)], meters(), DAY)[0] if one.meter == "sum")
    shown = {
        numerator: decimal_text(msgspec.structs.replace(found, numerator=numerator, denominator=3))
        for numerator in (1, 3, 300, -2)
    }
    assert shown == {1: "0.333333333", 3: "1", 300: "100", -2: "-0.666666667"}


def plain(events: list[MeterEvent]) -> dict[tuple[str, str], Fraction]:
    """The rules once more, one event at a time."""
    groups: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for one in {e.id: e for e in events}.values():
        groups[one.data["d"]].append((one.time, one.data["v"]))
    found: dict[tuple[str, str], Fraction] = {}
    for name, pairs in groups.items():
        known = sorted(pair for pair in pairs if pair[0] < DAY.end)
        here = [value for at, value in known if at >= DAY.start]
        total, level, since = 0, 0, DAY.start
        for at, value in [*known, (DAY.end, 0)]:
            total += level * ((max(at, DAY.start) - since) // MICROSECOND)
            level, since = value, max(at, DAY.start)
        if here or total:
            found["time_weighted_average", name] = Fraction(total, DAY.duration_us)
        if here:
            found["count", name] = Fraction(len(here))
            found["sum", name] = Fraction(sum(here))
            found["max", name] = Fraction(max(here))
            found["unique", name] = Fraction(len(set(here)))
            found["last", name] = Fraction(here[-1])
    return found


rows = st.lists(
    st.tuples(
        st.sampled_from([-30.0, -1.0, 0.0, 0.5, 7.25, 23.999, 24.0, 40.0]),
        st.integers(-5, 5) | st.integers(-(10**18), 10**18),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(rows, st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_repetition_change_nothing(rows: list, random, repeated: int) -> None:
    events = [event(number, *row) for number, row in enumerate(rows)]
    expected = plain(events)
    shuffled = events + events[:repeated]
    random.shuffle(shuffled)
    assert quantities(events) == quantities(shuffled) == expected
