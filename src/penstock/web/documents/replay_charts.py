"""Geometry of the plots of a rehearsal: series over the window as points in per cent of a picture."""

from collections.abc import Sequence

import msgspec

from penstock.sim.rehearsal import Part, Rehearsal

FULL = 100.0
_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Curve(msgspec.Struct, frozen=True):
    """One series: its steps as the `d` of a path, and the area below it."""

    path: str
    area: str


class Plot(msgspec.Struct, frozen=True):
    """Curves over the same axes; ticks as (position in per cent from top or left, value); x in `unit`."""

    unit: str
    curves: tuple[Curve, ...]
    y_ticks: tuple[tuple[float, float], ...]
    x_ticks: tuple[tuple[float, float], ...]


def allocation(run: Rehearsal) -> Plot:
    """Percent of devices busy over the window."""
    return plot(run.parts, [[part.allocated_percent for part in run.parts]], FULL)


def queue(run: Rehearsal) -> Plot:
    """Cards waited for over the window."""
    waiting = [part.waiting_cards for part in run.parts]
    return plot(run.parts, [waiting], max(waiting, default=0))


def plot(parts: Sequence[Part], series: Sequence[Sequence[float]], most: float) -> Plot:
    """Steps from part to part, the highest tick at or above `most`."""
    step = _step(most)
    top = step * max(-(-most // step), 1)
    start, end = parts[0].start_s, parts[-1].end_s
    curves = tuple(_curve(parts, values, start, end, top) for values in series)
    count = round(top / step)
    unit, size = next((name, size) for name, size in _UNITS if end - start >= 2 * size or size == 1)
    length = (end - start) / size
    mark = _step(length)
    x_ticks = tuple((FULL * mark * i / length, mark * i) for i in range(int(length / mark) + 1))
    return Plot(unit, curves, tuple((FULL * (1 - i / count), step * i) for i in range(count + 1)), x_ticks)


def _curve(parts: Sequence[Part], values: Sequence[float], start: float, end: float, top: float) -> Curve:
    points = [
        f"{FULL * (at - start) / (end - start):.3f} {FULL * (1 - value / top):.3f}"
        for part, value in zip(parts, values, strict=True)
        for at in (part.start_s, part.end_s)
    ]
    path = "M" + "L".join(points)
    return Curve(path, f"{path}L{FULL:g} {FULL:g}L0 {FULL:g}Z")


def _step(most: float) -> float:
    """A round step of which at most five reach `most`."""
    scale = 1.0
    while most > 5 * 10 * scale:
        scale *= 10
    while most <= 5 * scale / 10 and most > 0:
        scale /= 10
    return next((step * scale for step in _STEPS if most <= 5 * step * scale), 10 * scale)
