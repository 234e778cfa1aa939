"""One database, two ways in: read, and write. Every verb is one transaction.

SQLite (WAL, foreign keys, full synchronous) takes its write lock when a write begins, so what a verb
loaded is still true when it saves.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from penstock.base.refusal import Fault, Refusal, Refused

type Tx = Connection
"""An open transaction, as verbs hand it to queries."""

BUSY_TIMEOUT_MS = 10_000


class Database:
    """Opens `penstock.db` in a directory and brings its schema up to date."""

    def __init__(self, directory: Path) -> None:
        self._engine = create_engine(f"sqlite:///{directory / 'penstock.db'}", pool_size=16)
        self._writing = threading.Lock()
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)

    @contextmanager
    def read(self) -> Generator[Tx]:
        """One consistent view; nothing is written."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Generator[Tx]:
        """Commits when the block ends well, and leaves nothing behind otherwise."""
        with self._writing, self._engine.connect() as connection:
            connection.execution_options(penstock_write=True)
            try:
                with connection.begin():
                    yield connection
            except OperationalError as error:
                raise _outside(error) from error

    def migrate(self) -> None:
        """Apply what is missing; refuse a schema that only a newer version knows, and a file that is none."""
        try:
            self._migrate()
        except DatabaseError as error:
            raise _outside(error) from error

    def _migrate(self) -> None:
        script = ScriptDirectory.from_config(migration_config())
        with self._engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            known = {revision.revision for revision in script.walk_revisions()}
            if current is not None and current not in known:
                raise Refused(
                    Refusal(
                        "data_newer",
                        f"the data directory was written by a newer version (schema {current})",
                        "run that version, or give another --data directory",
                    )
                )
            if current == script.get_current_head():
                return
        with self.write() as tx:
            config = migration_config()
            config.attributes["connection"] = tx
            command.upgrade(config, "head")

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()


def migration_config() -> Config:
    """Alembic's settings, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _outside(error: DatabaseError) -> Exception:
    """What the disk or another process did to us, as a refusal or a fault."""
    cause = str(error.orig)
    if "disk is full" in cause:
        return Refused(
            Refusal(
                "disk_full",
                "the disk of the data directory is full; nothing was written",
                "free space",
                status=507,
            )
        )
    if any(sign in cause for sign in ("not a database", "malformed", "unable to open", "readonly")):
        return Refused(
            Refusal(
                "data_unusable",
                f"the database cannot be used: {cause}",
                "restore it from a backup, or give another --data directory",
                status=507,
            )
        )
    if "locked" in cause or "I/O error" in cause:
        return Fault(f"writing to the database: {cause}")
    return error


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("penstock_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
