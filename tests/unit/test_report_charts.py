"""Where a report's pictures put things."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from penstock.base.window import Window
from penstock.fleet.device import Device
from penstock.insight.ladder import ladder
from penstock.insight.model import History, Line, Span
from penstock.web.documents.report_charts import lane, stack, strips, time_ticks
from penstock.web.documents.report_data import LossPoint
from penstock.web.documents.report_loss import LossChart, loss_chart


def at(second: float) -> datetime:
    return datetime(2026, 11, 23, 23, 59, tzinfo=UTC) + timedelta(seconds=second)


def span(line: Line, start: float, end: float, device: str = "d0", **fields) -> Span:
    return Span(device=device, model="cpu", line=line, start=at(start), end=at(end), **fields)


SPANS = [
    span(Line.DOWN, 0, 1),
    span(Line.PRODUCTIVE, 1, 7, attempt="a", job="j", tenant="t"),
    span(Line.NO_DEMAND, 7, 8),
]


def test_the_stack_fills_the_bar_with_the_effective_line_first() -> None:
    device = Device(id="d0", node="n", model="cpu", handle="", commissioned_at=at(0))
    past = History(devices=(device,), device_intervals=(), leases=(), attempts=(), waits=(), offers=())
    blocks = stack(ladder(SPANS, past, Window(at(0), at(8))))
    assert [(b.line, b.start, b.width) for b in blocks] == [
        (Line.PRODUCTIVE, 0, 75),
        (Line.NO_DEMAND, 75, 12.5),
        (Line.DOWN, 87.5, 12.5),
    ]


def test_strips_are_cut_to_the_window_and_say_whom_to_ask() -> None:
    (strip,) = strips(SPANS, at(3), at(13))
    assert [(b.line, b.start, b.width, b.title) for b in strip.blocks] == [
        (Line.PRODUCTIVE, 0, 40, "a · t"),
        (Line.NO_DEMAND, 40, 10, ""),
    ]


def test_a_lane_is_cut_to_the_window() -> None:
    window = Window(at(0), at(10))
    found = [
        lane("x", at(a), None if b is None else at(b), window) for a, b in ((-5, 5), (4, None), (10, 12))
    ]
    assert [one and (one.start, one.width) for one in found] == [(0, 50), (40, 60), None]


@pytest.mark.parametrize(
    ("start", "length_s", "labels"),
    [
        (0, 100, "23:59:00 23:59:20 23:59:40 00:00:00 00:00:20 00:00:40"),
        (7, 11, "23:59:08 23:59:10 23:59:12 23:59:14 23:59:16 23:59:18"),
        (0, 3 * 3600, "00:00:00 00:30:00 01:00:00 01:30:00 02:00:00 02:30:00"),
        (60, 30 * 86400, "00:00:00 00:00:00 00:00:00 00:00:00"),
    ],
)
def test_times_are_marked_on_round_instants(start: float, length_s: int, labels: str) -> None:
    ticks = time_ticks(at(start), at(start + length_s))
    assert " ".join(f"{instant:%H:%M:%S}" for _, instant in ticks) == labels
    for position, instant in ticks:
        assert position == pytest.approx(100 * (instant - at(start)).total_seconds() / length_s)


def test_round_instants_are_those_of_the_zone() -> None:
    delhi = at(60).astimezone(timezone(timedelta(hours=5, minutes=30)))
    first = time_ticks(delhi, delhi + timedelta(hours=24))[0][1]
    assert (first.hour, first.minute) == (6, 0)


def points(*rows: tuple[int, float, int]) -> list[LossPoint]:
    return [LossPoint(*row) for row in rows]


def chart(*rows: tuple[int, float, int], **steps: tuple[int, int]) -> LossChart:
    made = loss_chart(points(*rows), {int(name[1:]): known for name, known in steps.items()})
    assert made is not None
    return made


def test_a_break_splits_what_was_kept_from_what_was_lost() -> None:
    made = chart(
        (10, 4.0, 1), (20, 3.0, 1), (30, 2.0, 1), (25, 2.0, 2), (40, 1.0, 2), a1=(0, 35), a2=(20, 40)
    )
    assert [(c.attempt, c.lost, c.points) for c in made.curves] == [
        (1, False, "25.000,0.000 50.000,25.000"),
        (1, True, "50.000,25.000 75.000,50.000"),
        (2, False, "62.500,50.000 100.000,75.000"),
    ]
    assert [(b.attempt, b.step, b.at, b.resumed_step, b.resumed_at) for b in made.breaks] == [
        (1, 35, 87.5, 20, 50)
    ]
    assert [tick.label for tick in made.y_ticks] == ["0", "1", "2", "3", "4"]
    assert [tick.label for tick in made.x_ticks] == ["0", "5", "10", "15", "20", "25", "30", "35", "40"]


def test_without_known_steps_the_losses_tell_where_an_attempt_broke_off() -> None:
    made = chart((10, 4.0, 1), (30, 2.0, 1), (20, 3.0, 2), (40, 1.0, 2))
    assert [(b.step, b.resumed_step) for b in made.breaks] == [(30, 20)]


@pytest.mark.parametrize(
    ("losses", "logarithmic", "labels"),
    [
        ((1.0, 0.05), True, "0.05 0.1 0.2 0.5 1"),
        ((0.0123, 0.4367), True, "0.01 0.02 0.05 0.1 0.2 0.5"),
        ((1.0, 0.06), False, "0 0.2 0.4 0.6 0.8 1"),
        ((3.0, -1.0), False, "-1 0 1 2 3"),
        ((0.0, 0.0), False, "0 1"),
        ((0.0, 7e-5), False, "0 2e-05 4e-05 6e-05 8e-05"),
        ((1e9, 2.0), True, "1 100 1e+04 1e+06 1e+08"),
    ],
)
def test_the_scale_suits_the_losses(losses: tuple[float, float], logarithmic: bool, labels: str) -> None:
    made = chart((0, losses[0], 1), (1, losses[1], 1))
    assert made.logarithmic is logarithmic
    assert " ".join(tick.label for tick in made.y_ticks).startswith(labels)
    assert len(made.y_ticks) <= 10
    assert all(-1e-6 <= tick.at <= 100 + 1e-6 for tick in made.y_ticks)
    heights = [float(pair.split(",")[1]) for curve in made.curves for pair in curve.points.split()]
    assert all(0 <= height <= 100 for height in heights)


def test_too_few_or_endless_losses_make_no_curve() -> None:
    assert loss_chart([], {}) is None
    assert loss_chart(points((1, 0.5, 1), (2, float("inf"), 1)), {}) is None
