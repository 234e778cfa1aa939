"""SQLite, embedded: one file in WAL mode, what was committed is on the disk, one writer at a time."""

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, text

from penstock.store.prepared import Prepared

BUSY_TIMEOUT_MS = 10_000
CACHE_KIB = 65_536
LOG_PAGES = 8_192
"""After so many pages (32 MiB) the write-ahead log is copied into the file, not after each large commit."""

_BEGIN, _BEGIN_IMMEDIATE = Prepared(text("BEGIN")), Prepared(text("BEGIN IMMEDIATE"))


class Sqlite:
    """`penstock.db` in a directory; the directory's own lock keeps other processes away."""

    def __init__(self, directory: Path) -> None:
        self.described = f"SQLite {sqlite3.sqlite_version} in {directory}"
        self.engine = create_engine(f"sqlite:///{directory / 'penstock.db'}", pool_size=16)
        self._writing = threading.Lock()
        event.listen(self.engine, "connect", _set_pragmas)

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """An open transaction that sees one state."""
        with self.engine.connect() as connection, connection.begin():
            _BEGIN.change(connection)
            yield connection

    @contextmanager
    def writing(self, *, alone: bool) -> Generator[Connection]:  # noqa: ARG002 - there is only one way here
        """An open transaction that has the write lock from its beginning."""
        with self._writing, self.engine.connect() as connection, connection.begin():
            _BEGIN_IMMEDIATE.change(connection)
            yield connection


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        f"cache_size=-{CACHE_KIB}",
        f"wal_autocheckpoint={LOG_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")
