"""One database, two ways in: read, and write. Every verb is one transaction.

SQLite takes its write lock when a write begins, and PostgreSQL an advisory lock for as long as the transaction
lasts, so on both what a verb loaded is still true when it saves. `append` is for rows that never change what
another verb decides (usage events): on PostgreSQL several go on at once.
"""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from threading import Event, local

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, SQLAlchemyError

from penstock.base.refusal import Fault, Refusal, Refused, disk_full
from penstock.store import settings
from penstock.store.postgresql import Postgresql
from penstock.store.sqlite import Sqlite

type Tx = Connection
"""An open transaction, as verbs hand it to queries."""

_CANNOT = ("not a database", "malformed", "unable to open", "readonly")
_WAITS = ("locked", "I/O error", "connection", "terminating", "server closed", "deadlock")


class Database:
    """Opens `penstock.db` in a directory, or a PostgreSQL by its URL, and brings its schema up to date."""

    def __init__(self, where: Path | str) -> None:
        self._dialect = Sqlite(where) if isinstance(where, Path) else Postgresql(where)
        self._engine = self._dialect.engine
        self.alone = isinstance(self._dialect, Sqlite)
        """Whether no other process writes in it: the lock of the data directory sees to that."""
        self._fence = 0
        self._own = local()
        self.bell = Event()
        """Set when something that the loop acts on was committed by another thread than its own; whoever sees news
        elsewhere may set it too.
        """
        self.described = self._dialect.described
        """Which database this is, for people; without any password."""

    @contextmanager
    def read(self) -> Generator[Tx]:
        """One consistent view; nothing is written."""
        joined: Tx | None = getattr(self._own, "tx", None)
        if joined is not None:
            yield joined
            return
        try:
            with self._dialect.reading() as connection:
                yield connection
        except OperationalError as error:
            raise _outside(error) from error

    @contextmanager
    def write(self) -> Generator[Tx]:
        """Commits when the block ends well, and leaves nothing behind otherwise; the only one of its time."""
        joined: Tx | None = getattr(self._own, "tx", None)
        if joined is not None:
            yield joined
            return
        with self._transaction(alone=True) as tx:
            yield tx

    @contextmanager
    def together(self) -> Generator[Tx]:
        """All that this thread reads and writes in the block is one transaction, which nobody else writes beside."""
        with self.write() as tx:
            self._own.tx = tx
            try:
                yield tx
            finally:
                self._own.tx = None

    def rings_not(self) -> None:
        """What this thread commits is no news to it: it turns the loop."""
        self._own.silent = True

    @contextmanager
    def append(self) -> Generator[Tx]:
        """As `write`, at the same time as others where the database allows it; a key that another made is a fault."""
        try:
            with self._transaction(alone=False) as tx:
                yield tx
        except IntegrityError as error:
            raise Fault("another transaction brought the same at the same time") from error

    @contextmanager
    def _transaction(self, *, alone: bool) -> Generator[Tx]:
        try:
            with self._dialect.writing(alone=alone) as tx:
                if self._fence and int(settings.get(tx, settings.FENCE, "0")) != self._fence:
                    raise Fault("another process turns the loop by now")
                yield tx
            if settings.bumped(tx) and not getattr(self._own, "silent", False):
                self.bell.set()
        except OperationalError as error:
            raise _outside(error) from error

    def lead(self) -> "Leadership | None":
        """Become the one process that turns the loop; None while another is. Ends with the process at the latest.

        What the leader writes through its own `database` is refused once another leads: each has a higher
        number than the one before, and every such transaction looks whether its own is still the last.
        """
        if isinstance(self._dialect, Sqlite):  # the lock of the data directory has decided it
            return Leadership(self, None)
        lock = self._dialect.lead()
        if lock is None:
            return None
        with self.write() as tx:
            number = int(settings.get(tx, settings.FENCE, "0")) + 1
            settings.put(tx, settings.FENCE, str(number))
        fenced = copy(self)
        fenced._fence = number  # noqa: SLF001 - it is one of us
        return Leadership(fenced, lock)

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


class Leadership:
    """The right to turn the loop, and the database to do it with."""

    def __init__(self, database: Database, lock: Connection | None) -> None:
        self.database = database
        self._lock = lock

    def holds(self) -> bool:
        """Whether it is still ours; where the connection broke, it is not."""
        if self._lock is None:
            return True
        try:
            self._lock.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            return False
        return True

    def end(self) -> None:
        """Let another lead."""
        if self._lock is not None:
            with suppress(SQLAlchemyError):
                self._lock.invalidate()
                self._lock.close()


def migration_config() -> Config:
    """Alembic's settings, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _outside(error: DatabaseError) -> Exception:
    """What the disk, the network or another process did to us, as a refusal or a fault."""
    cause = str(error.orig)
    if "disk is full" in cause or "No space left" in cause:
        return Refused(disk_full())
    if any(sign in cause for sign in _CANNOT):
        return Refused(
            Refusal(
                "data_unusable",
                f"the database cannot be used: {cause}",
                "restore it from a backup, or give another --data directory",
                status=507,
            )
        )
    if any(sign in cause for sign in _WAITS):
        return Fault(f"using the database: {cause}")
    return error
