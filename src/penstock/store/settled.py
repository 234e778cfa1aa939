"""Settled cells of the ladder by hour and day, and which of them no longer hold.

Every write to what the card-hour book is made of says so here. What lies before `upto` may have been summed, so a
change of it makes its rows stale; they are settled anew in their turn.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, and_, delete, select, update

from penstock.base.window import EPOCH, Window, to_us
from penstock.insight.settled import WHOLE_CENTRE
from penstock.store import rows, settings
from penstock.store.tables import LADDER_CELLS, LadderCells

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURLY = timedelta(days=3)
"""How long hours are kept by group; those of the whole centre stay."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far the ladder is settled. `rules` names what it was settled by; another makes all of it void.

    No row before `until` is missing or stale; none after `upto` exists. `changes` counts late facts.
    """

    rules: str = ""
    until: datetime | None = None
    upto: datetime | None = None
    changes: int = 0


def state(tx: Connection) -> State:
    """How far it is settled."""
    text = settings.get(tx, settings.SETTLED)
    return msgspec.json.decode(text, type=State) if text else State()


def keep(tx: Connection, new: State) -> None:
    """Remember how far it is settled."""
    settings.put(tx, settings.SETTLED, msgspec.json.encode(new).decode())


def horizon_us(tx: Connection) -> int:
    """Facts from this instant on (microseconds) change nothing that was settled."""
    upto = state(tx).upto
    return 0 if upto is None else to_us(upto)


def changed(tx: Connection, windows: Iterable[Window | None]) -> None:
    """What was settled of these windows no longer holds."""
    moved = [window for window in windows if window is not None]
    known = state(tx) if moved else State()
    if known.upto is None or known.until is None:
        return
    settled_time = Window(EPOCH, known.upto)
    late = [one for one in (window.overlap(settled_time) for window in moved) if one is not None]
    starts = [_make_stale(tx, one, known.upto) for one in late]
    if starts:
        until = floor(min(known.until, *starts), HOUR)
        keep(tx, msgspec.structs.replace(known, until=until, changes=known.changes + 1))


def _make_stale(tx: Connection, late: Window, upto: datetime) -> datetime:
    """Where what is to be settled anew begins: whole days where the hours by group are gone."""
    start, end, table = late.start, late.end, LADDER_CELLS
    if floor(start, DAY) < floor(upto, DAY) - HOURLY:
        start, end = floor(start, DAY), floor(end, DAY) + DAY
    touched = and_(table.c.start < end, table.c.end > start)
    tx.execute(update(table).where(touched).values(stale=True))
    return start


def void(tx: Connection, rules: str) -> State:
    """Begin anew under other rules."""
    tx.execute(delete(LADDER_CELLS))
    begun = State(rules=rules, changes=state(tx).changes + 1)
    keep(tx, begun)
    return begun


def fresh_hours(tx: Connection, since: datetime, limit: int) -> set[datetime]:
    """The hours from an instant on that hold, at most so many."""
    table = LADDER_CELLS
    where = (table.c.axis == WHOLE_CENTRE, table.c.hours == 1, table.c.start >= since, ~table.c.stale)
    return set(tx.execute(select(table.c.start).where(*where).order_by(table.c.start).limit(limit)).scalars())


def put(tx: Connection, cells: Sequence[LadderCells]) -> None:
    """Keep cells, all of hours or all of days, of every axis, in place of those of the same time."""
    table = LADDER_CELLS
    first, last = min(one.start for one in cells), max(one.start for one in cells)
    same = (table.c.hours == cells[0].hours, table.c.start >= first, table.c.start <= last)
    tx.execute(delete(table).where(*same))
    rows.add(tx, table, cells)


def hours_of(tx: Connection, day: datetime) -> tuple[LadderCells, ...]:
    """All cells of the hours of a day that hold."""
    table = LADDER_CELLS
    where = (table.c.hours == 1, table.c.start >= day, table.c.start < day + DAY, ~table.c.stale)
    return rows.many(tx, table, *where)


def prune(tx: Connection, upto: datetime) -> None:
    """Forget the hours by group that are old enough; their days stay."""
    table = LADDER_CELLS
    old = table.c.start < floor(upto, DAY) - HOURLY
    tx.execute(delete(table).where(table.c.hours == 1, table.c.axis != WHOLE_CENTRE, old))


def cells(tx: Connection, axis: str, hours: int, window: Window, *, stale: bool) -> tuple[LadderCells, ...]:
    """The hours (1) or days (24) of an axis that lie wholly in a window, in order; with stale ones, if asked."""
    table = LADDER_CELLS
    where = [table.c.axis == axis, table.c.hours == hours, table.c.start >= window.start]
    where += [table.c.end <= window.end] if stale else [table.c.end <= window.end, ~table.c.stale]
    return rows.many(tx, table, *where, order=[table.c.start])


def floor(instant: datetime, step: timedelta) -> datetime:
    """The last multiple of a step since 1970 that is not after the instant."""
    return instant - (instant - EPOCH) % step
