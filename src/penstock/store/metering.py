"""Declared meters, the events they were sent, and what those sum to in a period."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

import msgspec
from sqlalchemy import Connection, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError

from penstock.base.window import Window
from penstock.billing.metering.aggregate import aggregate
from penstock.billing.metering.judging import EventRow
from penstock.billing.metering.model import Aggregation, Meter, MeteredQuantity, Series
from penstock.store import readings, rows
from penstock.store.bulk import insert_rows
from penstock.store.tables import METER_SERIES, METERED_EVENTS, METERS, StoredEvent

_ASK_AT_ONCE = 400
_EVENT = ("source", "id", "type", "tenant", "time", "data")

type Key = tuple[str, str]


def add_meter(tx: Connection, meter: Meter) -> None:
    """Keep a new meter."""
    rows.add(tx, METERS, [meter])


def meter(tx: Connection, name: str) -> Meter | None:
    """One meter."""
    return rows.get(tx, METERS, id=name)


def meters(tx: Connection) -> tuple[Meter, ...]:
    """All meters, by id."""
    return rows.many(tx, METERS, order=[METERS.c.id])


def count_meters(tx: Connection) -> int:
    """How many meters there are."""
    return tx.execute(select(func.count()).select_from(METERS)).scalar_one()


def add_events(tx: Connection, new: Iterable[EventRow]) -> dict[Key, EventRow]:
    """Keep what is new, each key once; the rows of those that are there already, as they were kept."""
    known: dict[Key, EventRow] = {}
    # In one order, so that two processes that bring the same events do not wait for each other.
    ordered = sorted(new)
    try:
        with tx.begin_nested():
            insert_rows(tx, METERED_EVENTS, _EVENT, ordered)
    except IntegrityError:
        with tx.begin_nested():
            known = _known(tx, [row[:2] for row in ordered])
            insert_rows(tx, METERED_EVENTS, _EVENT, [row for row in ordered if row[:2] not in known])
    return known


def _known(tx: Connection, keys: Sequence[Key]) -> dict[Key, EventRow]:
    found: dict[Key, EventRow] = {}
    names = ", ".join(f"metered_events.{name}" for name in _EVENT)
    for start in range(0, len(keys), _ASK_AT_ONCE):
        some = keys[start : start + _ASK_AT_ONCE]
        if tx.dialect.name == "postgresql":
            asked, given = (
                "SELECT * FROM unnest(%s::text[], %s::text[])",
                tuple(map(list, zip(*some, strict=True))),
            )
        else:
            asked, given = f"VALUES {', '.join(['(?, ?)'] * len(some))}", tuple(chain.from_iterable(some))
        query = (
            f"WITH asked (source, id) AS ({asked}) SELECT {names} FROM asked"
            " CROSS JOIN metered_events WHERE metered_events.source = asked.source AND metered_events.id = asked.id"
        )
        for row in tx.exec_driver_sql(query, given):
            found[row[0], row[1]] = tuple(row)
    return found


def events(tx: Connection, tenant: str | None, window: Window, limit: int) -> tuple[StoredEvent, ...]:
    """The latest events of a time, newest first."""
    table = METERED_EVENTS
    where = [table.c.time >= window.start, table.c.time < window.end]
    if tenant is not None:
        where.append(table.c.tenant == tenant)
    return rows.many(tx, table, *where, order=[table.c.time.desc(), table.c.source, table.c.id], limit=limit)


def series_numbers(tx: Connection, wanted: Collection[Series]) -> dict[Series, int]:
    """The number of each series; those that are new get one."""
    found: dict[Series, int] = {}
    texts = {one: _series_row(one) for one in wanted}
    for attempt in (1, 2):
        missing = [one for one in wanted if one not in found]
        for start in range(0, len(missing), _ASK_AT_ONCE):
            found |= _numbers(tx, {texts[one]: one for one in missing[start : start + _ASK_AT_ONCE]})
        missing = [one for one in wanted if one not in found]
        if not missing:
            return found
        if attempt == 1:
            insert = postgresql_insert if tx.dialect.name == "postgresql" else sqlite_insert
            names = ("meter", "tenant", "dimensions", "value")
            tx.execute(
                insert(METER_SERIES).on_conflict_do_nothing(),
                # In one order, so that two processes that add the same ones do not wait for each other.
                [dict(zip(names, texts[one], strict=True)) for one in sorted(missing, key=texts.__getitem__)],
            )
    raise AssertionError("series that were added are there")


def _series_row(one: Series) -> tuple[str, str, str, str]:
    return one.meter, one.tenant, msgspec.json.encode(one.dimensions).decode(), one.value


def _numbers(tx: Connection, wanted: Mapping[tuple[str, ...], Series]) -> dict[Series, int]:
    table = METER_SERIES
    key = tuple_(table.c.meter, table.c.tenant, table.c.dimensions, table.c.value)
    query = select(table).where(key.in_(list(wanted)))
    return {wanted[tuple(row[1:])]: row[0] for row in tx.execute(query)}


def changed_meters(tx: Connection, window: Window, after: int, until: int) -> set[str]:
    """The meters with readings for the window in the rows numbered in (after, until]."""
    import numpy as np

    numbers = np.unique(readings.columns(tx, window, until, after).series).tolist()
    found = set[str]()
    for start in range(0, len(numbers), _ASK_AT_ONCE):
        some = METER_SERIES.c.number.in_(numbers[start : start + _ASK_AT_ONCE])
        found |= set(tx.execute(select(METER_SERIES.c.meter).where(some).distinct()).scalars())
    return found


def quantities(
    tx: Connection,
    window: Window,
    tenant: str | None = None,
    known_until: int | None = None,
    after: int = 0,
) -> list[MeteredQuantity]:
    """What was used in a window, of one tenant or all, by everything known or known with that row.

    `after`: by the rows behind that one alone.
    """
    import numpy as np

    declared = {one.id: one for one in meters(tx)}
    table = METER_SERIES
    query = select(table).order_by(table.c.number)
    found = [row for row in tx.execute(query) if tenant is None or row.tenant == tenant]
    if not found:
        return []
    until = readings.known_until(tx) if known_until is None else known_until
    columns = readings.columns(tx, window, until, after)
    index = np.full(max(int(columns.series.max(initial=0)), found[-1].number) + 1, -1, dtype=np.int64)
    index[[row.number for row in found]] = np.arange(len(found))
    places = index[columns.series]
    if tenant is not None:
        columns = columns._replace(
            series=columns.series[places >= 0],
            time_us=columns.time_us[places >= 0],
            value=columns.value[places >= 0],
        )
        places = places[places >= 0]
    series = [
        Series(row.meter, row.tenant, tuple(msgspec.json.decode(row.dimensions)), row.value) for row in found
    ]
    return aggregate(columns._replace(series=places), series, declared, window)


def is_level(meter: Meter) -> bool:
    """Whether its readings hold on after the end of a period."""
    return meter.aggregation is Aggregation.TIME_WEIGHTED_AVERAGE
