"""The geometry of the loss curve: what each attempt kept, what it did in vain, where the next went on.

Positions are per cent of the picture's width and height, y from the top.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, isfinite, log10

import msgspec

from penstock.web.documents.report_charts import FULL, Tick
from penstock.web.documents.report_data import LossPoint

_LOG_RATIO = 20
_SIZES = (1, 2, 5)


class Curve(msgspec.Struct, frozen=True):
    """A polyline of one attempt: its points as SVG wants them. `lost` steps were done again later."""

    attempt: int
    lost: bool
    points: str


class Break(msgspec.Struct, frozen=True):
    """An attempt broke off at one step, and the next went on from a checkpoint at another; with positions."""

    attempt: int
    step: int
    at: float
    resumed_step: int
    resumed_at: float


class LossChart(msgspec.Struct, frozen=True, kw_only=True):
    """The loss over the steps, with what was done twice."""

    curves: tuple[Curve, ...]
    breaks: tuple[Break, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    logarithmic: bool
    first: LossPoint
    last: LossPoint


def loss_chart(losses: Sequence[LossPoint], attempt_steps: dict[int, tuple[int, int]]) -> LossChart | None:
    """The curves of all attempts; None where fewer than two losses are known. Infinite ones are left out."""
    finite = (point for point in losses if isfinite(point.loss))
    points = sorted(finite, key=lambda point: (point.attempt, point.step))
    if len(points) < 2:
        return None
    ranges = _ranges(points, attempt_steps)
    last_step = max(1, *(last for _, last in ranges.values()))
    per_step = FULL / last_step
    heights = _Heights([point.loss for point in points])
    attempts = list(ranges)
    breaks = tuple(
        Break(one, ranges[one][1], ranges[one][1] * per_step, ranges[two][0], ranges[two][0] * per_step)
        for one, two in pairwise(attempts)
    )
    kept_until = {broken.attempt: broken.resumed_step for broken in breaks}
    curves: list[Curve] = []
    for attempt in attempts:
        own = [
            (p.step, f"{p.step * per_step:.3f},{heights.of(p.loss):.3f}")
            for p in points
            if p.attempt == attempt
        ]
        limit = kept_until.get(attempt, last_step)
        kept = [position for step, position in own if step <= limit]
        lost = [position for step, position in own if step > limit]
        curves.append(Curve(attempt, lost=False, points=" ".join(kept)))
        curves.append(Curve(attempt, lost=True, points=" ".join([*kept[-1:], *lost] if lost else [])))
    return LossChart(
        curves=tuple(curve for curve in curves if curve.points),
        breaks=breaks,
        x_ticks=tuple(Tick(step * per_step, f"{step:,}") for step in _round_steps(last_step)),
        y_ticks=heights.ticks(),
        logarithmic=heights.logarithmic,
        first=points[0],
        last=points[-1],
    )


class _Heights:
    """Loss to height: from nothing at the bottom, or logarithmic where it falls by a factor of twenty."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values), max(values)
        self.logarithmic = low > 0 and high / low >= _LOG_RATIO
        self._marks = _round_marks(low, high) if self.logarithmic else _even_marks(low, high)

    def of(self, value: float) -> float:
        """The height, from the top."""
        low, high = self._marks[0], self._marks[-1]
        part = log10(value / low) / log10(high / low) if self.logarithmic else (value - low) / (high - low)
        return FULL * (1 - part)

    def ticks(self) -> tuple[Tick, ...]:
        """Round values."""
        return tuple(Tick(self.of(mark), f"{mark:.4g}") for mark in self._marks)


def _round_marks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from the last at or under `low` to the first at or over `high`.

    Beyond three decades powers of ten alone, at most seven of them.
    """
    if high / low > 1000:
        first, last = floor(log10(low)), ceil(log10(high))
        stride = ceil((last - first) / 6)
        return [10.0**power for power in range(first, last + stride, stride)]
    marks = [m * 10.0**p for p in range(floor(log10(low)) - 1, floor(log10(high)) + 2) for m in _SIZES]
    under = max(mark for mark in marks if mark <= low)
    over = min(mark for mark in marks if mark >= high)
    return [mark for mark in marks if under <= mark <= over]


def _even_marks(low: float, high: float) -> list[float]:
    """At most seven multiples of a round size that enclose 0, `low` and `high`."""
    bottom, top = min(low, 0.0), max(high, 0.0)
    if bottom == top:
        return [0.0, 1.0]
    power = floor(log10(top - bottom)) - 1
    sizes = (m * 10.0**p for p in range(power, power + 4) for m in _SIZES)
    size = next(size for size in sizes if (top - bottom) / size <= 5)
    return [size * n for n in range(floor(bottom / size), ceil(top / size) + 1)]


def _ranges(points: Sequence[LossPoint], known: dict[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """First and last step of each attempt."""
    steps: dict[int, list[int]] = {}
    for point in points:
        steps.setdefault(point.attempt, []).append(point.step)
    return {attempt: known.get(attempt, (own[0], own[-1])) for attempt, own in steps.items()}


def _round_steps(last: int) -> range:
    """At most nine multiples of 1, 2 or 5 times a power of ten, from 0 on."""
    sizes = (m * 10**p for p in range(len(str(last)) + 1) for m in _SIZES)
    return range(0, last + 1, next(size for size in sizes if last / size <= 8))
