"""Sums up the ladder of hours and days that are over, one stretch in a turn, and again what came late has changed.

An hour is claimed before it is read, so that whoever writes a fact of it from then on says so (`store.settled`);
what was computed meanwhile is dropped and made anew.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from penstock.app.context import App
from penstock.base.window import Window
from penstock.fleet.device import Device
from penstock.insight.attribution import attribute
from penstock.insight.settled import AXES, WHOLE_CENTRE, Cell, added, cell_of, settle
from penstock.store import fleet, settled
from penstock.store.database import Tx
from penstock.store.settled import DAY, HOUR, State
from penstock.store.tables import LadderCells
from penstock.store.world import history

LAG = timedelta(minutes=1)
"""An hour is settled so long after its end: engines tell the ends of jobs a little late."""
DEVICE_HOURS = 10_000
"""How much is settled in one turn at most, but an hour at least: the loop waits for it. An hour of 10,000 devices with
62,000 spans took 3 s of processor time on a loaded machine."""
LAYOUT = 2
"""Of the cells; those of another layout are settled anew."""
_ALL_AXES = (WHOLE_CENTRE, *AXES)


def settle_ladder(app: App) -> None:
    """Settle the next hours that are over, if any; safe to repeat."""
    rules, now = f"{LAYOUT} {app.policy.currency}", app.now()
    with app.database.read() as tx:
        known, devices = settled.state(tx), fleet.devices(tx)
    if known.rules == rules and known.until is not None and known.until + HOUR + LAG > now:
        return
    if known.rules != rules:
        with app.database.write() as tx:
            known = settled.void(tx, rules)
    stretch = _next(app, known, devices, now)
    if stretch is not None:
        _settle(app, stretch)


def _next(app: App, known: State, devices: Iterable[Device], now: datetime) -> Window | None:
    """The first hours that are over and not settled, within one day; claimed."""
    lives = [device.commissioned_at for device in devices if device.commissioned_at is not None]
    if not lives:
        return None
    end = settled.floor(now - LAG, HOUR)
    start = known.until or settled.floor(min(lives), HOUR)
    hours = min(max(DEVICE_HOURS // len(lives), 1), DAY // HOUR)
    with app.database.read() as tx:
        done = settled.fresh_hours(tx, start, 2 * hours)
    while start in done:
        start += HOUR
    stretch_end = start
    while stretch_end < min(end, settled.floor(start, DAY) + DAY, start + hours * HOUR):
        if stretch_end in done:
            break
        stretch_end += HOUR
    with app.database.write() as tx:
        now_known = settled.state(tx)
        if now_known.changes != known.changes:
            return None
        upto = max(now_known.upto or stretch_end, stretch_end)
        if (start, upto) != (now_known.until, now_known.upto):
            settled.keep(tx, msgspec.structs.replace(now_known, until=start, upto=upto))
    return Window(start, stretch_end) if start < stretch_end else None


def _settle(app: App, stretch: Window) -> None:
    with app.database.read() as tx:
        changes, past = settled.state(tx).changes, history(tx, stretch)
    hours = [Window(start, start + HOUR) for start in _hours(stretch)]
    made = settle(attribute(past, stretch), past, hours, app.policy.currency)
    rows = [
        LadderCells(axis=axis, hours=1, start=hour.start, end=hour.end, cells=packed(cells.get(axis, {})))
        for hour, cells in zip(hours, made, strict=True)
        for axis in _ALL_AXES
    ]
    with app.database.write() as tx:
        known = settled.state(tx)
        if known.changes != changes:
            return
        settled.put(tx, rows)
        _settle_day(tx, settled.floor(stretch.start, DAY))
        settled.prune(tx, stretch.end)
        settled.keep(tx, msgspec.structs.replace(known, until=stretch.end))


def _settle_day(tx: Tx, day: datetime) -> None:
    """A day whose hours all hold is their sum."""
    hours: dict[str, list[LadderCells]] = {axis: [] for axis in _ALL_AXES}
    for one in settled.hours_of(tx, day):
        hours[one.axis].append(one)
    if any(len(own) < DAY // HOUR for own in hours.values()):
        return
    settled.put(
        tx,
        [
            LadderCells(axis=axis, hours=24, start=day, end=day + DAY, cells=packed(summed(own, axis)))
            for axis, own in hours.items()
        ],
    )


def summed(rows: Sequence[LadderCells], axis: str) -> dict[str, Cell]:
    """The cells of several rows of an axis, added up."""
    found = added(unpacked(row.cells) for row in rows)
    return {name: cell_of(tally, named=axis == "tenant") for name, tally in found.items()}


def packed(cells: Mapping[str, Cell]) -> bytes:
    """Cells as they are stored."""
    return zlib.compress(msgspec.msgpack.encode(cells))


def unpacked(content: bytes) -> dict[str, Cell]:
    """Cells from the store."""
    return msgspec.msgpack.decode(zlib.decompress(content), type=dict[str, Cell])


def _hours(window: Window) -> Iterable[datetime]:
    start = window.start
    while start < window.end:
        yield start
        start += HOUR
