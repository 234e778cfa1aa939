"""Closed periods, and up to when the books are closed."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from penstock.base.window import Window
from penstock.billing.metering.closing import PeriodClosing
from penstock.store import rows, settings
from penstock.store.prepared import Prepared
from penstock.store.remembered import Remembered
from penstock.store.tables import CLOSINGS

_CLOSED_UNTIL = Prepared(select(func.max(CLOSINGS.c.end)))
_closed_until = Remembered[datetime | None](settings.SELDOM, lambda tx: _CLOSED_UNTIL.one(tx)[0])


def add(tx: Connection, closing: PeriodClosing) -> None:
    """Keep a closing."""
    rows.add(tx, CLOSINGS, [closing])
    settings.bump(tx, settings.SELDOM)


def closings(tx: Connection) -> tuple[PeriodClosing, ...]:
    """All closings, in order of their periods and numbers."""
    return rows.many(tx, CLOSINGS, order=[CLOSINGS.c.start, CLOSINGS.c.number])


def of(tx: Connection, period: Window) -> tuple[PeriodClosing, ...]:
    """The closings of one period, the sealing one first."""
    where = (CLOSINGS.c.start == period.start, CLOSINGS.c.end == period.end)
    return rows.many(tx, CLOSINGS, *where, order=[CLOSINGS.c.number])


def closed_until(tx: Connection) -> datetime | None:
    """The books take nothing that is dated before this."""
    return _closed_until(tx)
