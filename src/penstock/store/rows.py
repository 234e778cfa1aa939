"""Structs in, structs out: the few statements that every noun's queries are made of."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, bindparam, insert, select, update

from penstock.store.columns import STRUCTS
from penstock.store.prepared import Prepared, among


def values(struct: msgspec.Struct) -> dict[str, Any]:
    """The row of a struct: its fields, nested ones still as objects."""
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def add(tx: Connection, table: Table, structs: Iterable[msgspec.Struct]) -> None:
    """Insert rows; a key that exists is a broken invariant."""
    rows = [values(struct) for struct in structs]
    if rows:
        _insert(table).change(tx, rows)


def put(tx: Connection, table: Table, struct: msgspec.Struct) -> None:
    """Overwrite the row with the struct's key, which must exist."""
    statement, keys = _update_by_key(table)
    row = values(struct)
    touched = statement.change(tx, [row | {f"key_{key}": row[key] for key in keys}])
    assert touched == 1, f"{table.name}: no row to overwrite"


def put_all(tx: Connection, table: Table, structs: Iterable[msgspec.Struct]) -> None:
    """Overwrite the rows with the structs' keys, which must exist; in one order of keys, whoever asks."""
    statement, keys = _update_by_key(table)
    found = [row | {f"key_{key}": row[key] for key in keys} for row in map(values, structs)]
    if found:
        found.sort(key=lambda row: [row[key] for key in keys])
        touched = statement.change(tx, found)
        assert touched == len(found), f"{table.name}: a row to overwrite is not there"


def put_metered(tx: Connection, table: Table, metered: Sequence[tuple[str, datetime, bool]]) -> None:
    """Write `metered_until` and `metered` of the rows with these ids."""
    if metered:
        given = [{"key": name, "until": until, "last": last} for name, until, last in metered]
        _update_metered(table).change(tx, given)


def save(tx: Connection, table: Table, struct: msgspec.Struct) -> None:
    """Insert the struct, or overwrite the row with its key."""
    keys = {column.name: getattr(struct, column.name) for column in table.primary_key}
    if get(tx, table, **keys) is None:
        add(tx, table, [struct])
    else:
        put(tx, table, struct)


def get(tx: Connection, table: Table, **keys: Any) -> Any:
    """The struct with these column values, or None."""
    return first(tx, _select_by(table, tuple(keys)), STRUCTS[table.name], **keys)


def first(tx: Connection, query: Prepared, struct: type[Any], **given: Any) -> Any:
    """The first row of such a query, if it has one."""
    row = query.first(tx, **given)
    return None if row is None else _struct(struct, row)


def fetch(tx: Connection, query: Prepared, struct: type[Any], **given: Any) -> tuple[Any, ...]:
    """All rows of a query over one whole table, as its structs; `given` are the values of its parameters."""
    return tuple(_struct(struct, row) for row in query.all(tx, **given))


def found(tx: Connection, query: Select[Any], struct: type[Any]) -> tuple[Any, ...]:
    """The same of a query that is composed where it is asked."""
    return tuple(_struct(struct, row) for row in tx.execute(query))


def many(
    tx: Connection, table: Table, *where: Any, order: Sequence[Any] = (), limit: int | None = None
) -> Any:
    """All structs of a table that meet the conditions."""
    query = select(table).where(*where).order_by(*order)
    if limit is not None:
        query = query.limit(limit)
    return found(tx, query, STRUCTS[table.name])


def with_ids(tx: Connection, table: Table, names: Iterable[str]) -> Any:
    """The structs of a table whose key `id` is one of these, in no order."""
    wanted = sorted(names)
    return fetch(tx, _select_ids(table), STRUCTS[table.name], names=wanted) if wanted else ()


def _struct(struct: type[Any], row: Iterable[Any]) -> Any:
    """Columns come in the order of the struct's fields: tables are made of them."""
    return struct(**dict(zip(struct.__struct_fields__, row, strict=True)))


@cache
def _insert(table: Table) -> Prepared:
    return Prepared(insert(table).inline())


@cache
def _select_by(table: Table, names: tuple[str, ...]) -> Prepared:
    return Prepared(select(table).where(*(table.c[name] == bindparam(name) for name in names)))


@cache
def _select_ids(table: Table) -> Prepared:
    return among(select(table), table.c.id)


@cache
def _update_by_key(table: Table) -> tuple[Prepared, tuple[str, ...]]:
    keys = tuple(column.name for column in table.primary_key)
    where = (table.c[key] == bindparam(f"key_{key}") for key in keys)
    fixed = table.info["fixed"]
    changed = {column.name: bindparam(column.name) for column in table.columns if column.name not in fixed}
    return Prepared(update(table).where(*where).values(changed)), keys


@cache
def _update_metered(table: Table) -> Prepared:
    changed = {"metered_until": bindparam("until"), "metered": bindparam("last")}
    return Prepared(update(table).where(table.c.id == bindparam("key")).values(changed))
