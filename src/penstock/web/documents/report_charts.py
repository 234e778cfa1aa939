"""The geometry of the card-hour pictures of a report: numbers in, positions out; the template draws them.

Positions are per cent of the picture's width: a picture stretches with its column, its texts do not.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from penstock.base.window import Window
from penstock.insight.model import Ladder, Line, Span
from penstock.web.documents.ladder_view import lines_with_time

FULL = 100.0
DEVICES_MAX = 64
_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class Tick(msgspec.Struct, frozen=True):
    """A mark on an axis."""

    at: float
    label: str


class Block(msgspec.Struct, frozen=True):
    """A stretch of one line, with its share of the whole or whom to ask about it."""

    line: Line
    start: float
    width: float
    title: str = ""


class Lane(msgspec.Struct, frozen=True):
    """Something that lasted, over the window."""

    label: str
    start: float
    width: float


class Strip(msgspec.Struct, frozen=True):
    """One device over the window."""

    device: str
    blocks: tuple[Block, ...]


def stack(ladder: Ladder) -> tuple[Block, ...]:
    """The ladder's lines side by side, the effective one first; their widths make up the whole bar."""
    blocks: list[Block] = []
    done_us = 0
    for line in reversed(lines_with_time(ladder)):
        start = FULL * done_us / ladder.capacity_card_us
        blocks.append(Block(line.line, start, FULL * line.card_us / ladder.capacity_card_us))
        done_us += line.card_us
    return tuple(blocks)


def strips(spans: Iterable[Span], start: datetime, end: datetime) -> tuple[Strip, ...]:
    """Each device over [start, end), the first `DEVICES_MAX` of them by id."""
    by_device: dict[str, list[Block]] = {}
    for span in sorted(spans, key=lambda span: (span.device, span.start)):
        since, until = max(span.start, start), min(span.end, end)
        if since < until and (span.device in by_device or len(by_device) < DEVICES_MAX):
            left, right = (FULL * ((at - start) / (end - start)) for at in (since, until))
            block = Block(span.line, left, right - left, _who(span))
            by_device.setdefault(span.device, []).append(block)
    return tuple(Strip(device, tuple(blocks)) for device, blocks in by_device.items())


def lane(label: str, since: datetime, until: datetime | None, window: Window) -> Lane | None:
    """What lasted from `since` to `until` (or on), as far as it lies in the window."""
    inside = window.overlap(Window(since, until or window.end))
    if inside is None:
        return None
    left, right = (
        FULL * ((at - window.start) / (window.end - window.start)) for at in (inside.start, inside.end)
    )
    return Lane(label, left, right - left)


def time_ticks(start: datetime, end: datetime) -> tuple[tuple[float, datetime], ...]:
    """At most seven instants on round seconds of the day in the zone of `start`, with their positions."""
    length = end - start
    step_s = next((s for s in _STEPS_S if length / timedelta(seconds=s) <= 6), _STEPS_S[-1])
    while length / timedelta(seconds=step_s) > 6:
        step_s *= 2
    step = timedelta(seconds=step_s)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    instants = (midnight + step * (n - (midnight - start) // step) for n in range(7))
    return tuple((FULL * ((at - start) / length), at) for at in instants if start <= at <= end)


def _who(span: Span) -> str:
    names = (span.attempt or span.job, span.lease, span.tenant)
    return " · ".join(name for name in names if name)
