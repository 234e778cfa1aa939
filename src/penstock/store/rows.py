"""Structs in, structs out: the few statements that every noun's queries are made of."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, and_, insert, select, update

from penstock.store.columns import STRUCTS


def values(struct: msgspec.Struct) -> dict[str, Any]:
    """The row of a struct: its fields, nested ones still as objects."""
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def add(tx: Connection, table: Table, structs: Iterable[msgspec.Struct]) -> None:
    """Insert rows; a key that exists is a broken invariant."""
    rows = [values(struct) for struct in structs]
    if rows:
        tx.execute(insert(table), rows)


def put(tx: Connection, table: Table, struct: msgspec.Struct) -> None:
    """Overwrite the row with the struct's key, which must exist."""
    keys = [column.name for column in table.primary_key]
    row = values(struct)
    where = and_(*(table.c[key] == row.pop(key) for key in keys))
    result = tx.execute(update(table).where(where).values(row))
    assert result.rowcount == 1, f"{table.name}: no row to overwrite"


def save(tx: Connection, table: Table, struct: msgspec.Struct) -> None:
    """Insert the struct, or overwrite the row with its key."""
    keys = {column.name: getattr(struct, column.name) for column in table.primary_key}
    if get(tx, table, **keys) is None:
        add(tx, table, [struct])
    else:
        put(tx, table, struct)


def get(tx: Connection, table: Table, **keys: Any) -> Any:
    """The struct with these column values, or None."""
    query = select(table).where(*(table.c[name] == value for name, value in keys.items()))
    row = tx.execute(query).one_or_none()
    return None if row is None else STRUCTS[table.name](**row._mapping)  # noqa: SLF001


def fetch(tx: Connection, query: Select[Any], struct: type[Any]) -> tuple[Any, ...]:
    """All rows of a query over one whole table, as its structs."""
    return tuple(struct(**row._mapping) for row in tx.execute(query))  # noqa: SLF001


def many(
    tx: Connection, table: Table, *where: Any, order: Sequence[Any] = (), limit: int | None = None
) -> Any:
    """All structs of a table that meet the conditions."""
    query = select(table).where(*where).order_by(*order)
    if limit is not None:
        query = query.limit(limit)
    return fetch(tx, query, STRUCTS[table.name])
