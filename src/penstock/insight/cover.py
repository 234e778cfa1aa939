"""Time painted in layers: pieces [start, end) in integer microseconds, each with what covers it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from penstock.insight.model import Line

type Piece[T] = tuple[int, int, T]
"""(start_us, end_us, what covers it)."""


class Cover(NamedTuple):
    """What a span says besides device and time."""

    line: Line
    tenant: str | None = None
    job: str | None = None
    attempt: str | None = None
    lease: str | None = None


NO_DEMAND = Cover(Line.NO_DEMAND)


def clip[T](pieces: Iterable[Piece[T]], start_us: int, end_us: int) -> list[Piece[T]]:
    """The parts of the pieces inside [start, end); empty ones fall away."""
    return [
        (max(start, start_us), min(end, end_us), cover)
        for start, end, cover in pieces
        if max(start, start_us) < min(end, end_us)
    ]


def disjoint[T](pieces: Iterable[Piece[T]]) -> list[Piece[T]]:
    """Pieces sorted by start without overlaps: what an earlier one covers, a later one does not."""
    result: list[Piece[T]] = []
    covered_until = None
    for start, end, cover in pieces:
        free_from = start if covered_until is None else max(start, covered_until)
        if free_from < end:
            result.append((free_from, end, cover))
            covered_until = end
    return result


def show_through[T](upper: Iterable[Piece[T]], lower: Iterable[Piece[T]]) -> list[Piece[T]]:
    """The upper pieces, and of the lower ones what shows in the gaps; both sorted and disjoint."""
    result: list[Piece[T]] = []
    above = iter(upper)
    top = next(above, None)
    for start, end, cover in lower:
        at = start
        while top is not None and top[0] < end:
            if at < top[0]:
                result.append((at, top[0], cover))
            if top[1] > end:
                at = max(at, top[1])
                break
            result.append(top)
            at = max(at, top[1])
            top = next(above, None)
        if at < end:
            result.append((at, end, cover))
    if top is not None:
        result += [top, *above]
    return result


def merged[T](pieces: Iterable[Piece[T]]) -> Iterator[Piece[T]]:
    """Sorted disjoint pieces with touching equal ones joined."""
    held: Piece[T] | None = None
    for piece in pieces:
        if held is not None and held[1] == piece[0] and held[2] == piece[2]:
            held = (held[0], piece[1], held[2])
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held
