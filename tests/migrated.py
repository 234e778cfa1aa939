"""A migrated database to copy from: what an empty one becomes is asked in `tests/store/test_migrations.py`, once.

Where a test opens a new database in its own process, it gets a copy in place of all migrations again, and does not
wait for the disk: no test takes the power away. Processes that a test starts do both by themselves.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from penstock.store import sqlite
from penstock.store.database import Database

migrate = Database.migrate
"""The real one."""


def make(folder: Path) -> Path:
    """The file of a migrated database."""
    with closing(Database(folder)) as database:
        migrate(database)
    return folder / "penstock.db"


@contextmanager
def copied(template: Path) -> Iterator[None]:
    """Within, a new SQLite database becomes a copy of the template, and one that is as new as it is left alone."""
    with closing(sqlite3.connect(template)) as connection:
        newest = connection.execute("SELECT version_num FROM alembic_version").fetchall()

    def quick(database: Database) -> None:
        path = Path(database._engine.url.database or "")
        if database.alone and (not path.exists() or path.stat().st_size == 0):
            shutil.copyfile(template, path)
        elif _version(database) != newest:
            migrate(database)

    set_pragmas = sqlite._set_pragmas

    def without_waiting(connection: sqlite3.Connection, record: object) -> None:
        set_pragmas(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "migrate", quick)
        patch.setattr(sqlite, "_set_pragmas", without_waiting)
        yield


def _version(database: Database) -> list[tuple[str, ...]]:
    try:
        with database.read() as tx:
            return [tuple(row) for row in tx.execute(text("SELECT version_num FROM alembic_version"))]
    except DatabaseError:
        return []
