"""A shared device in lanes: ranges of its thousandths, each with what covers it over time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from penstock.insight.cover import Cover, Piece


class Lane(NamedTuple):
    """Thousandths [low, high) of one device, and what covers them."""

    low: int
    high: int
    pieces: list[Piece[Cover]]


type Portions = tuple[tuple[int, Cover], ...]
"""Of the free thousandths of a device at one instant, from the lowest on: (how many, who claims them)."""


def painted(free: Sequence[Lane], claims: Sequence[Piece[Portions]]) -> list[Lane]:
    """The free lanes of a device with who claims them; a claim of a part divides a lane.

    `claims` cover the time in which anything of the device is free.
    """
    if len(free) == 1 and all(len(portions) == 1 for _, _, portions in claims):
        return [free[0]._replace(pieces=[(start, end, portions[0][1]) for start, end, portions in claims])]
    return [Lane(low, high, [piece]) for low, high, piece in _parts(free, claims)]


def together(*groups: Iterable[Lane]) -> list[Lane]:
    """All lanes as few as can be that do not overlap, by thousandths; pieces by time."""
    lanes = [lane for group in groups for lane in group if lane.pieces]
    cuts = sorted({cut for lane in lanes for cut in (lane.low, lane.high)})
    if len(cuts) <= 2:
        return [Lane(cuts[0], cuts[1], sorted(p for lane in lanes for p in lane.pieces))] if lanes else []
    return [
        Lane(low, high, sorted(p for lane in lanes if lane.low <= low < lane.high for p in lane.pieces))
        for low, high in pairwise(cuts)
    ]


def _parts(
    free: Sequence[Lane], claims: Sequence[Piece[Portions]]
) -> Iterator[tuple[int, int, Piece[Cover]]]:
    """Each claimed range of thousandths over each time in which the same lanes are free."""
    cuts = sorted({at for lane in free for piece in lane.pieces for at in piece[:2]})
    for start, end, portions in claims:
        inside = [start, *(at for at in cuts if start < at < end), end]
        for since, until in pairwise(inside):
            open_lanes = [lane for lane in free if any(a <= since < b for a, b, _ in lane.pieces)]
            for low, high, cover in _dealt(open_lanes, portions):
                yield low, high, (since, until, cover)


def _dealt(lanes: Iterable[Lane], portions: Portions) -> Iterator[tuple[int, int, Cover]]:
    """The portions dealt out over the lanes, from the lowest thousandth on."""
    queue = [(amount, cover) for amount, cover in reversed(portions) if amount]
    for lane in sorted(lanes):
        low = lane.low
        while low < lane.high:
            amount, cover = queue.pop()
            high = min(lane.high, low + amount)
            yield low, high, cover
            if amount > high - low:
                queue.append((amount - (high - low), cover))
            low = high
