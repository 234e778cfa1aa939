"""Repeating a measurement until it is steady."""

import math
import statistics
from collections import deque
from collections.abc import Callable

import msgspec

WINDOW = 15
WARM_UP = 2
CALM = 0.03
"""A window whose spread is under this is steady: warmed up, clocks settled."""


class Figure(msgspec.Struct, frozen=True):
    """A median with its spread, (p90 - p10) / median, over `samples` repeats in a row."""

    value: float
    spread: float
    samples: int


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the bench measured on one device. Rates are TFLOPS by precision, memory is bytes per second.

    `findings` say, as `code: sentence`, what could not be measured or was measured wrong; `remarks` say
    what to know beside the figures.
    """

    rates: dict[str, Figure] = {}
    memory: Figure | None = None
    software: dict[str, str] = {}
    findings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def settle(operation: Callable[[], float], clock: Callable[[], float], budget_s: float) -> Figure:
    """Seconds that `operation` says it took, repeated until steady or until the budget is used.

    The calmest window of repeats counts: warm-up and passing disturbances fall out as the window moves.
    One window is measured in any case, unless that would take three times the budget.
    """
    last: deque[float] = deque(maxlen=WINDOW)
    best = Figure(0.0, math.inf, 0)
    start = clock()
    for _ in range(WARM_UP):
        operation()
    while best.spread > CALM:
        used_s = clock() - start
        if len(last) >= WINDOW // 3 and used_s > (1 if best.samples else 3) * budget_s:
            break
        last.append(operation())
        if len(last) == WINDOW and spread(last) < best.spread:
            best = Figure(statistics.median(last), spread(last), WINDOW)
    return best if best.samples else Figure(statistics.median(last), spread(last), len(last))


def spread(values: "deque[float] | list[float]") -> float:
    """(p90 - p10) / median of at least two values."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return (tenths[-1] - tenths[0]) / statistics.median(values)


def as_rate(seconds: Figure, work: float) -> Figure:
    """Work per second, from the time that the work took; the spread stays the fraction that it is."""
    return Figure(work / seconds.value, seconds.spread, seconds.samples)
