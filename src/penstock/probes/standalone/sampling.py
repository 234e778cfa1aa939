"""Repeating a measurement until it is steady. Needs nothing but Python, so that any interpreter runs it."""

import math
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW = 15
WARM_UP = 2
CALM = 0.03
"""A window whose spread is under this is steady: warmed up, clocks settled."""


@dataclass(frozen=True)
class Figure:
    """A median with its spread, (p90 - p10) / median, over `samples` repeats in a row.

    `steady`: the first and the second half of them have the same median, within 3 %: the device no longer
    speeds up as it wakes or slows down as it heats.
    """

    value: float
    spread: float
    samples: int
    steady: bool = True


@dataclass(frozen=True)
class BenchReport:
    """What the bench measured on one device. Rates are TFLOPS by precision, memory is bytes per second.

    `findings` say, as `code: sentence`, what could not be measured or was measured wrong; `remarks` say
    what to know beside the figures.
    """

    rates: dict[str, Figure] = field(default_factory=dict)
    memory: Figure | None = None
    software: dict[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def settle(
    operation: Callable[[], float], clock: Callable[[], float], budget_s: float, warm_up_s: float = 0.0
) -> Figure:
    """Seconds that `operation` says it took, repeated until steady or until the budget is used.

    First it is repeated for `warm_up_s` under full load, for the device to reach its temperature. Then the
    calmest window of repeats counts: what is left of warm-up and passing disturbances fall out as the window
    moves. One window is measured in any case, unless that would take three times the budget.
    """
    last: deque[float] = deque(maxlen=WINDOW)
    best = Figure(0.0, math.inf, 0)
    start = clock()
    for _ in range(WARM_UP):
        operation()
    while clock() - start < warm_up_s:
        operation()
    start = clock()
    while best.spread > CALM:
        used_s = clock() - start
        if len(last) >= WINDOW // 3 and used_s > (1 if best.samples else 3) * budget_s:
            break
        last.append(operation())
        if len(last) == WINDOW and spread(last) < best.spread:
            best = figure_of(list(last))
    return best if best.samples else figure_of(list(last))


def figure_of(values: "list[float]") -> Figure:
    """The figure of at least two values in the order in which they were measured."""
    half = len(values) // 2
    middle = statistics.median(values)
    moved = abs(statistics.median(values[:half]) - statistics.median(values[-half:]))
    return Figure(middle, spread(values), len(values), moved <= CALM * middle)


def spread(values: "deque[float] | list[float]") -> float:
    """(p90 - p10) / median of at least two values."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return (tenths[-1] - tenths[0]) / statistics.median(values)


def as_rate(seconds: Figure, work: float) -> Figure:
    """Work per second, from the time that the work took; the spread stays the fraction that it is."""
    return Figure(work / seconds.value, seconds.spread, seconds.samples, seconds.steady)


def unsteady(figures: "dict[str, Figure]") -> "tuple[str, ...]":
    """A remark about the figures that were still moving at their end; none where all were steady."""
    moving = [name for name, figure in figures.items() if not figure.steady]
    return (f"not_steady: {', '.join(moving)} still moved at the end; measure longer",) if moving else ()
