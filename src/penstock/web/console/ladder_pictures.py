"""The geometry of the ladder's pictures: a Sankey of rungs and losses, and a strip of parts over time."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from penstock.insight.ladder import RUNG_OF
from penstock.insight.model import Ladder, LadderLine, Line
from penstock.web.documents.ladder_view import lines_with_time, rungs

WIDTH, TOP, MARGIN = 1000.0, 34.0, 150.0
BAR, GAP, LABEL = 10.0, 14.0, 18.0
_BODY = 190.0
"""Height of the whole capacity."""
_LOSS_OF = {
    "available": "not_available",
    "sold": "not_sold",
    "occupied": "not_occupied",
    "active": "not_active",
    "effective": "not_effective",
}


class Step(msgspec.Struct, frozen=True):
    """One rung: a bar at (x, y), its height, and its share of capacity."""

    name: str
    x: float
    y: float
    height: float
    card_us: int
    share: float


class Flow(msgspec.Struct, frozen=True):
    """A band from one rung to the next."""

    name: str
    path: str


class Loss(msgspec.Struct, frozen=True):
    """A line that leaves at a rung: its band, and the bar at (x, y) where it ends, with the label beside it."""

    name: str
    path: str
    x: float
    y: float
    height: float
    card_us: int


class Sankey(msgspec.Struct, frozen=True):
    """Everything to draw; widths and heights in the picture's own units."""

    steps: tuple[Step, ...]
    flows: tuple[Flow, ...]
    losses: tuple[Loss, ...]
    height: float
    width: float = WIDTH


class Part(msgspec.Struct, frozen=True):
    """A stretch of time as a column: (line, y, height), from the top, in per cent; and its card time."""

    start: datetime
    x: float
    width: float
    blocks: tuple[tuple[Line, float, float], ...]
    effective: float


def sankey(ladder: Ladder) -> Sankey:
    """Capacity flows to the right; at each rung what is lost bends away under the rest and ends there.

    The losses of an earlier rung lie lower by a label's height for each one after it, so no two bands cross.
    """
    whole = ladder.capacity_card_us
    found = rungs(ladder)
    gap = (WIDTH - BAR - MARGIN) / (len(found) - 1)
    height = [_BODY * rung.card_us / whole if whole else 0.0 for rung in found]
    steps = tuple(
        Step(rung.name, n * gap, TOP, height[n], rung.card_us, rung.card_us / whole if whole else 0.0)
        for n, rung in enumerate(found)
    )
    flows, losses = [], list[Loss]()
    left = [lost_at(ladder, step.name) for step in steps]
    for n in range(1, len(steps)):
        before, after = steps[n - 1], steps[n]
        flows.append(Flow(after.name, _band(before, after)))
        y, end = TOP + after.height, TOP + after.height + GAP + LABEL * sum(map(len, left[n + 1 :]))
        for line in left[n]:
            thick = _BODY * line.card_us / whole
            path = _bend(before.x + BAR, y, after.x, end, thick)
            losses.append(Loss(str(line.line), path, after.x, end, max(thick, 1.0), line.card_us))
            y, end = y + thick, end + max(thick, LABEL - 2) + 2
    bottom = max([TOP + _BODY, *(loss.y + max(loss.height, LABEL) for loss in losses)])
    return Sankey(steps, tuple(flows), tuple(losses), bottom + 8)


def lost_at(ladder: Ladder, rung: str) -> list[LadderLine]:
    """The lines that have time and keep it from reaching this rung."""
    return [line for line in lines_with_time(ladder) if RUNG_OF[line.line] == _LOSS_OF.get(rung)]


def _band(before: Step, after: Step) -> str:
    """A level band of the height of the later rung."""
    x, until = before.x + BAR, after.x
    return f"M{x:.1f} {TOP:.1f}H{until:.1f}V{TOP + after.height:.1f}H{x:.1f}Z"


def _bend(x: float, y: float, until: float, end: float, thick: float) -> str:
    """From (x, y) to the right and down to (until, end), of one thickness."""
    middle = (x + until) / 2
    return (
        f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {end:.1f} {until:.1f} {end:.1f}V{end + thick:.1f}"
        f"C{middle:.1f} {end + thick:.1f} {middle:.1f} {y + thick:.1f} {x:.1f} {y + thick:.1f}Z"
    )


def strip(parts: Sequence[Ladder]) -> tuple[Part, ...]:
    """Each part of the window as a column of its lines, the effective one lowest."""
    width = 100.0 / max(len(parts), 1)
    columns = []
    for n, part in enumerate(parts):
        blocks, y = [], 0.0
        for line in part.lines:
            if line.card_us:
                height = 100.0 * line.card_us / part.capacity_card_us
                blocks.append((line.line, y, height))
                y += height
        effective = part.effective_card_us / part.capacity_card_us if part.capacity_card_us else 0.0
        columns.append(Part(part.start, n * width, width, tuple(blocks), effective))
    return tuple(columns)
