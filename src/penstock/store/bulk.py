"""Many rows of one table at once, each a tuple of plain values in the order of the columns named."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

_ROWS_AT_ONCE = 500


def insert_rows(
    tx: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert; raises IntegrityError, and spoils the transaction up to its last savepoint, where a key exists.

    PostgreSQL's COPY takes five times as many rows a second as its INSERT. SQLite gets many rows in one statement:
    Python's driver gives up the interpreter at each, and would wait at each row for threads that compute.
    """
    if not rows:
        return
    preparer = tx.dialect.identifier_preparer
    names = ", ".join(preparer.quote(name) for name in columns)
    target = f"{preparer.format_table(table)} ({names})"
    if tx.dialect.name == "postgresql":
        _copy(tx, f"COPY {target} FROM STDIN", rows)
    else:
        _insert(tx, f"INSERT INTO {target} VALUES", f"({', '.join('?' * len(columns))})", rows)


def _insert(tx: Connection, head: str, places: str, rows: Sequence[tuple[Any, ...]]) -> None:
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    many = f"{head} {', '.join([places] * _ROWS_AT_ONCE)}"
    for start in range(0, whole, _ROWS_AT_ONCE):
        tx.exec_driver_sql(many, tuple(chain.from_iterable(rows[start : start + _ROWS_AT_ONCE])))
    if whole < len(rows):
        tx.exec_driver_sql(f"{head} {places}", list(rows[whole:]))


def _copy(tx: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    from psycopg import IntegrityError as DriverIntegrityError
    from sqlalchemy.exc import IntegrityError

    driver: Any = tx.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            text = _text(rows)
            if text is not None:
                copy.write(text)
            else:
                for row in rows:
                    copy.write_row(row)
    except DriverIntegrityError as error:
        raise IntegrityError(statement, None, error) from error


def _text(rows: Sequence[tuple[Any, ...]]) -> str | None:
    """The rows in COPY's text form, where they are texts and whole numbers on one line each; a fifth of the time.

    Source: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format".
    """
    if any({*map(type, column)} - {str, int} for column in zip(*rows, strict=True)):
        return None
    columns = len(rows[0])
    line = "\t".join(["%s"] * columns) + "\n"
    text = "".join(map(line.__mod__, rows))
    alone = text.count("\n") == len(rows) and text.count("\t") == len(rows) * (columns - 1)
    return text.replace("\\", "\\\\") if alone and "\r" not in text else None
