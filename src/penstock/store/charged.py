"""What was charged in a stretch of time, from sums by the hour that are kept with every line."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from penstock.base.money import Micros
from penstock.base.quantity import CardMicroseconds
from penstock.base.window import EPOCH, MICROSECOND, Window
from penstock.billing.model import ChargeLine
from penstock.store import rows
from penstock.store.prepared import Prepared
from penstock.store.tables import CHARGE_HOURS, CONTRACT_LINES, ChargeHour

HOUR = timedelta(hours=1)
_KEYS = tuple(column.name for column in CHARGE_HOURS.primary_key)
_COUNTED = ("lines", "quantity", "amount_micros")


def _adding(new: Any) -> Any:
    counted = {name: CHARGE_HOURS.c[name] + new.excluded[name] for name in _COUNTED}
    return new.on_conflict_do_update(index_elements=_KEYS, set_=counted)


_ADD = Prepared(_adding(sqlite_insert(CHARGE_HOURS)), _adding(postgresql_insert(CHARGE_HOURS)))


class Used(msgspec.Struct, frozen=True):
    """What a meter counted of a model in one part of a time, and what was charged for it."""

    meter: str
    model: str
    part: int
    lines: int
    card_us: CardMicroseconds
    amount_micros: Micros


def hour_of(end: datetime) -> datetime:
    """The hour that a line belongs to which ends then; one that ends at a full hour ends the hour before it."""
    last = end - MICROSECOND
    return last - (last - EPOCH) % HOUR


def sums(lines: Iterable[ChargeLine]) -> dict[tuple[Any, ...], ChargeHour]:
    """Lines added up by their hours."""
    found: dict[tuple[Any, ...], ChargeHour] = {}
    for line in lines:
        one = ChargeHour(
            tenant=line.tenant,
            start=hour_of(line.end),
            meter=line.meter,
            model=line.model,
            currency=line.currency,
            lines=1,
            quantity=line.quantity,
            amount_micros=line.amount_micros,
        )
        key = tuple(getattr(one, name) for name in _KEYS)
        found[key] = _both(found[key], one) if key in found else one
    return found


def _both(one: ChargeHour, other: ChargeHour) -> ChargeHour:
    return msgspec.structs.replace(
        one,
        lines=one.lines + other.lines,
        quantity=one.quantity + other.quantity,
        amount_micros=one.amount_micros + other.amount_micros,
    )


def add(tx: Connection, lines: Iterable[ChargeLine]) -> None:
    """Count new lines in; within a transaction that writes alone."""
    if new := sums(lines):
        _ADD.change(tx, [rows.values(one) for one in new.values()])


def check(tx: Connection, lines: Iterable[ChargeLine]) -> list[str]:
    """What is wrong with the sums, given all lines."""
    kept = {tuple(getattr(one, name) for name in _KEYS): one for one in rows.many(tx, CHARGE_HOURS)}
    due = sums(lines)
    wrong = [due.get(key) or kept[key] for key in {*kept, *due} if kept.get(key) != due.get(key)]
    return [
        f"hour_wrong: what was charged is not the sum of its lines ({one.tenant} {one.start.isoformat()} {one.model})"
        for one in sorted(wrong, key=lambda one: (one.tenant, one.start, one.model))
    ]


def hours(tx: Connection, window: Window, currency: str) -> tuple[ChargeHour, ...]:
    """The sums of the lines that end within a window of full hours, after its start."""
    at = CHARGE_HOURS.c.start
    return rows.many(
        tx, CHARGE_HOURS, at >= window.start, at < window.end, CHARGE_HOURS.c.currency == currency, order=[at]
    )


def used(tx: Connection, tenant: str, edges: Sequence[datetime]) -> tuple[Used, ...]:
    """What each meter counted between each two of the edges, which lie at full hours."""
    table = CHARGE_HOURS
    where = (table.c.tenant == tenant, table.c.start >= edges[0], table.c.start < edges[-1])
    found: dict[tuple[str, str, int], Used] = {}
    for one in rows.many(tx, table, *where, order=[table.c.start, table.c.meter, table.c.model]):
        key = (one.meter, one.model, bisect_right(edges, one.start) - 1)
        before = found.get(key, Used(*key, 0, 0, 0))
        found[key] = Used(
            *key,
            before.lines + one.lines,
            before.card_us + one.quantity,
            before.amount_micros + one.amount_micros,
        )
    return tuple(found[key] for key in sorted(found))


def amounts(
    tx: Connection, edges: Sequence[datetime], currency: str, tenant: str | None = None
) -> list[Micros]:
    """Micros charged between each two of the edges, which lie at full hours: by the hour, and under contracts."""
    totals = [0] * (len(edges) - 1)
    for table, at in ((CHARGE_HOURS, CHARGE_HOURS.c.start), (CONTRACT_LINES, CONTRACT_LINES.c.due)):
        where = [at >= edges[0], at < edges[-1], table.c.currency == currency]
        if tenant is not None:
            where.append(table.c.tenant == tenant)
        query = select(at, func.sum(table.c.amount_micros)).where(*where).group_by(at)
        for instant, amount in tx.execute(query):
            totals[bisect_right(edges, instant) - 1] += int(amount)
    return totals
