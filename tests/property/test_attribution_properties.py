"""The card-hour book holds for any history: it partitions capacity, in any order, cut at any instant."""

import random
from collections import Counter
from itertools import chain, pairwise

import msgspec
import numpy as np
import pytest
from attribution_histories import CELL, TICK, TICKS, at, card_time_of, histories, obvious_book, window
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from penstock.base.window import MICROSECOND, Window, to_us
from penstock.fleet.device import DeviceInterval, DeviceState
from penstock.insight.attribution import attribute
from penstock.insight.check import check_ladder, check_spans
from penstock.insight.ladder import ladder, ladder_by
from penstock.insight.model import History, Ladder, Line, Span
from penstock.insight.opened import causes, intervals
from penstock.insight.value import Depreciation

many = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
sound = histories(sound=True)
anything = histories(sound=False)
microseconds = st.integers(0, TICKS * (TICK // MICROSECOND))


def commissioned_us(history: History, over: Window) -> int:
    lives = [
        (max(d.commissioned_at, over.start), min(d.retired_at or over.end, over.end))
        for d in history.devices
        if d.commissioned_at is not None
    ]
    return sum(max((end - start) // MICROSECOND, 0) for start, end in lives)


@many
@given(sound)
def test_it_equals_the_book_made_tick_by_tick(history: History) -> None:
    spans = attribute(history, window())
    made = {}
    for span in spans:
        for tick in range(TICKS):
            if span.start <= at(tick) < span.end:
                who = span.attempt or span.lease if span.line != "reserved_unused" else span.lease
                for cell in range(span.low // CELL, span.high // CELL):
                    made[span.device, tick, cell] = (span.line, span.tenant, span.job, who)
    expected = obvious_book(history)
    assert made == expected
    lines = ladder(spans, history, window()).lines
    times = card_time_of(expected)
    assert {line.line: line.card_us for line in lines} == {line.line: times[line.line] for line in lines}


@many
@given(st.one_of(sound, anything))
def test_spans_partition_capacity_to_the_microsecond(history: History) -> None:
    spans = attribute(history, window())
    assert sum(span.card_us for span in spans) == commissioned_us(history, window())
    for one, other in pairwise(spans):
        assert (one.device, one.low, one.start) < (other.device, other.low, other.start)
        if (one.device, one.low) == (other.device, other.low):
            assert one.end <= other.start
            assert one.end < other.start or _whose(one) != _whose(other), "touching equal spans are one span"


@many
@given(sound)
def test_a_sound_history_has_no_findings(history: History) -> None:
    spans = attribute(history, window())
    findings = check_spans(history, window(), spans)
    assert [f for f in findings if " on device " not in f] == [], "only attempts outside a device's life"
    assert check_ladder(history, window(), ladder(spans, history, window())) == []


@many
@given(st.one_of(sound, anything), microseconds)
def test_a_cut_changes_no_sum(history: History, cut_us: int) -> None:
    cut = window().start + cut_us * MICROSECOND
    parts = (Window(window().start, cut), Window(cut, window().end))
    whole = ladder(attribute(history, window()), history, window())
    halves = [ladder(attribute(history, part), history, part) for part in parts]
    clipped = [ladder(attribute(history, window()), history, part) for part in parts]
    assert halves == clipped
    assert (_amounts(halves[0]) + _amounts(halves[1])).tolist() == _amounts(whole).tolist()


@many
@given(st.one_of(sound, anything), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(history: History, chance: random.Random) -> None:
    fields = msgspec.structs.asdict(history)
    rows = {
        name: tuple(chance.sample(one, len(one))) for name, one in fields.items() if isinstance(one, tuple)
    }
    shuffled = msgspec.structs.replace(history, **rows)
    assert attribute(shuffled, window()) == attribute(history, window())


@many
@given(st.one_of(sound, anything), st.sampled_from(("model", "node", "tenant", "tranche", "site")))
def test_ladders_of_the_parts_make_up_the_whole(history: History, by: str) -> None:
    spans = attribute(history, window())
    parts = ladder_by(spans, history, window(), by)
    whole = _amounts(ladder(spans, history, window()))
    assert sum((_amounts(part) for part in parts.values()), start=0 * whole).tolist() == whole.tolist()


@many
@given(st.one_of(sound, anything), microseconds)
def test_a_line_opened_sums_to_the_line_and_a_cut_changes_nothing(history: History, cut_us: int) -> None:
    cut = window().start + cut_us * MICROSECOND
    spans = attribute(history, window())
    opened = Counter()
    for part in (Window(window().start, cut), Window(cut, window().end)):
        for one in intervals(spans, history, part, "CNY"):
            assert part.start <= one.start < one.end <= part.end
            opened[one.line] += one.card_us
            opened[one.line, "value"] += one.list_value_micros
            opened[one.line, "cost"] += one.carried_cost_micros
    for line in ladder(spans, history, window()).lines:
        assert opened[line.line] == line.card_us
        assert opened[line.line, "value"] == line.list_value_micros
        assert opened[line.line, "cost"] == line.carried_cost_micros
    assert sum(cause.card_us for cause in causes(intervals(spans, history, window(), "CNY"))) == sum(
        span.card_us for span in spans
    )


@many
@given(st.one_of(sound, anything))
def test_cost_and_capacity_are_those_of_the_devices(history: History) -> None:
    spans = attribute(history, window())
    whole = ladder(spans, history, window())
    assert whole.capacity_card_us == commissioned_us(history, window())
    assert sum(line.card_us for line in whole.lines) == whole.capacity_card_us
    rungs = (whole.available_card_us, whole.sold_card_us, whole.occupied_card_us, whole.active_card_us)
    assert sorted(rungs, reverse=True) == list(rungs)
    assert whole.capacity_card_us >= rungs[0] >= whole.effective_card_us >= 0
    expected = 0
    for device in history.devices:
        if device.commissioned_at is not None:
            start = max(device.commissioned_at, window().start)
            end = max(min(device.retired_at or window().end, window().end), start)
            expected += Depreciation(device).until(to_us(end)) - Depreciation(device).until(to_us(start))
    assert sum(line.carried_cost_micros for line in whole.lines) == expected


@many
@given(sound, st.data())
def test_planted_faults_are_found(history: History, data: st.DataObject) -> None:
    spans = attribute(history, window())
    assume(spans)
    index = data.draw(st.integers(0, len(spans) - 1))
    span = spans[index]
    rest = spans[:index] + spans[index + 1 :]
    half = span.start + (span.end - span.start) / 2
    before = set(check_spans(history, window(), spans))
    faults = {
        "gap": rest,
        "double": [*spans, span],
        "short by a microsecond": [*rest, msgspec.structs.replace(span, end=span.end - MICROSECOND)],
        "two lines": [*spans, msgspec.structs.replace(span, start=half)],
        "unknown device": [*spans, msgspec.structs.replace(span, device="nobody")],
        "another attempt": [*rest, msgspec.structs.replace(span, line=Line.PRODUCTIVE, attempt="ghost")],
        "another lease": [*rest, msgspec.structs.replace(span, line=Line.RESERVED_UNUSED, lease="ghost")],
        "a claim of nobody": [*rest, msgspec.structs.replace(span, line=Line.NO_FIT_PRICE, job="ghost")],
    }
    for name, faulty in faults.items():
        assert set(check_spans(history, window(), faulty)) - before, name


@many
@given(sound)
def test_planted_double_use_is_found(history: History) -> None:
    assume(any(a.ended_at is None or a.placed_at < a.ended_at for a in history.attempts))
    longest = max(history.attempts, key=lambda a: ((a.ended_at or at(99)) - a.placed_at, a.id))
    twin = msgspec.structs.replace(longest, id="twin")
    twice = msgspec.structs.replace(history, attempts=(*history.attempts, twin))
    findings = check_spans(twice, window(), attribute(twice, window()))
    assert any("two attempts at once" in finding and "twin" in finding for finding in findings)


@pytest.mark.parametrize("state", [DeviceState.PLANNED, DeviceState.RETIRED])
@given(history=sound)
@settings(max_examples=20, deadline=None)
def test_a_state_that_is_not_in_service_counts_as_a_fault(history: History, state: DeviceState) -> None:
    wrong = tuple(
        DeviceInterval(device=i.device, state=state, start=i.start, end=i.end)
        for i in history.device_intervals
    )
    odd = msgspec.structs.replace(history, device_intervals=wrong)
    assert {span.line for span in attribute(odd, window())} <= {"down"}


def _whose(span: Span) -> tuple:
    return span.line, span.tenant, span.job, span.attempt, span.lease


def _amounts(ladder_: Ladder) -> np.ndarray:
    """All sums of a ladder, exact, to be added up."""
    rungs = [getattr(ladder_, name) for name in ladder_.__struct_fields__ if name.endswith("_card_us")]
    lines = [(line.card_us, line.list_value_micros, line.carried_cost_micros) for line in ladder_.lines]
    return np.array([*rungs, *chain.from_iterable(lines)], dtype=object)
