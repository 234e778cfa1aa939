"""The calendar of capacity: for each model how much is let over time, and its leases one a row."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

import msgspec

from penstock.lease.offer import Lease, LeaseState
from penstock.web.documents.report_charts import time_ticks

ROW, TOP, WIDTH = 26, 28, 1600
LABEL, GRAPH, IN_SIGHT = 22, 34, 110
ROWS_MAX = 200
BEFORE, AFTER_MIN, AFTER_MAX = timedelta(days=1), timedelta(days=2), timedelta(days=62)


class Slot(msgspec.Struct, frozen=True):
    """One lease, in the picture's own units."""

    lease: Lease
    x: float
    y: int
    width: float
    label: float
    """Where its name begins: in sight when the calendar opens."""


class Lane(msgspec.Struct, frozen=True):
    """One model: its leases, and what of its devices is let over time as an area, where that may be seen.

    `y` is where its name stands, `area` the outline of what is let, which reaches up to `full` when all is.
    """

    model: str
    y: int
    slots: tuple[Slot, ...]
    devices: int = 0
    let_now: int = 0
    area: str = ""
    full: int = 0


class Calendar(msgspec.Struct, frozen=True):
    """Leases over time; `now` is where the present stands."""

    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, datetime], ...]
    now: float
    width: int
    height: int


def calendar(leases: Sequence[Lease], capacity: Mapping[str, int], now: datetime, zone: tzinfo) -> Calendar:
    """The leases that hold devices from a day ago on. `capacity`: model -> devices on sale; only of these is drawn
    how much is let.
    """
    start = now - BEFORE
    held = [one for one in leases if one.end > start and one.state is not LeaseState.CANCELLED]
    shown = held[:ROWS_MAX]
    end = max([now + AFTER_MIN, *(one.end for one in shown if one.end < now + AFTER_MAX)])

    def place(instant: datetime) -> float:
        return WIDTH * ((min(max(instant, start), end) - start) / (end - start))

    by_model: defaultdict[str, list[Lease]] = defaultdict(list)
    for lease in sorted(shown, key=lambda one: (one.start, one.id)):
        by_model[lease.model].append(lease)
    lanes, y = [], TOP
    for model in sorted({*by_model, *capacity}):
        own = [one for one in held if one.model == model]
        lane, y = _lane(model, by_model[model], own, capacity.get(model, 0), now, y, place)
        lanes.append(lane)
    ticks = tuple((WIDTH * at / 100, instant) for at, instant in time_ticks(start.astimezone(zone), end))
    return Calendar(tuple(lanes), ticks, place(now), WIDTH, y + 8)


def _lane(
    model: str,
    rows: Sequence[Lease],
    held: Sequence[Lease],
    devices: int,
    now: datetime,
    y: int,
    place: Callable[[datetime], float],
) -> tuple[Lane, int]:
    """The lane that begins at `y`, and where the next one does."""
    first = y + LABEL + (GRAPH + 6 if devices else 0)
    slots = tuple(_slot(one, first + n * ROW, place(now), place) for n, one in enumerate(rows))
    full = y + LABEL
    lane = Lane(
        model=model,
        y=y + 15,
        slots=slots,
        devices=devices,
        let_now=sum(len(one.devices) for one in held if one.start <= now < _until(one)),
        area=_area(held, devices, full, place) if devices else "",
        full=full,
    )
    return lane, first + len(slots) * ROW + 10


def _slot(lease: Lease, y: int, now: float, place: Callable[[datetime], float]) -> Slot:
    start, end = place(lease.start), place(_until(lease))
    label = max(start, min(now - IN_SIGHT, end - IN_SIGHT))
    return Slot(lease, start, y, max(end - start, 2.0), label)


def _until(lease: Lease) -> datetime:
    return lease.ended_at or lease.end


def _area(leases: Iterable[Lease], devices: int, full: int, place: Callable[[datetime], float]) -> str:
    """The outline of how many devices are let over time."""
    steps: defaultdict[float, int] = defaultdict(int)
    for one in leases:
        steps[place(one.start)] += len(one.devices)
        steps[place(_until(one))] -= len(one.devices)
    base, let = full + GRAPH, 0
    path = [f"M0 {base}"]
    for x in sorted(steps):
        let += steps[x]
        path.append(f"H{x:.1f}V{base - GRAPH * min(let / devices, 1.0):.1f}")
    return "".join([*path, f"H{WIDTH}V{base}Z"])
