"""PostgreSQL: several processes serve, one writes at a time, and one turns the loop.

Advisory locks, all in one key space (`_SPACE`): a write holds `_WRITE` for as long as its transaction lasts, an
append shares it; the process that turns the loop holds `_LOOP` for as long as its connection does.
"""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError

from penstock.base.refusal import Refusal, Refused

_SPACE, _WRITE, _LOOP = 0x70656E73, 1, 2
CONNECT_TIMEOUT_S = 10
POOL_SIZE = 16
_LOCK = text("SELECT pg_advisory_xact_lock(:space, :key)").bindparams(space=_SPACE, key=_WRITE)
_SHARE = text("SELECT pg_advisory_xact_lock_shared(:space, :key)").bindparams(space=_SPACE, key=_WRITE)
_LEAD = text("SELECT pg_try_advisory_lock(:space, :key)").bindparams(space=_SPACE, key=_LOOP)


class Postgresql:
    """One database by its URL, `postgresql://user:password@host:port/name`."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise Refused(_no_url(url)) from error
        if parsed.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise Refused(_no_url(parsed.render_as_string(hide_password=True)))
        parsed = parsed.set(drivername="postgresql+psycopg")
        self.engine = create_engine(
            parsed,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": "penstock",
                # What was committed is on the disk, whatever the server's default is.
                "options": "-c synchronous_commit=on -c timezone=UTC",
            },
        )
        self.described = self._reached(parsed.host or "a local socket", parsed.port, parsed.database)

    def _reached(self, host: str, port: int | None, name: str | None) -> str:
        try:
            with self.engine.connect() as connection:
                version = connection.execute(text("SHOW server_version")).scalar_one()
        except OperationalError as error:
            self.engine.dispose()
            cause = str(error.orig).strip().splitlines()[0]
            raise Refused(
                Refusal(
                    "database_unreachable",
                    f"PostgreSQL at {host} does not let us in: {cause}",
                    "start it, make the database and its user, and check the URL of --database",
                    "database",
                )
            ) from error
        return f"PostgreSQL {version.partition(' ')[0]} at {host}:{port or 5432}/{name}"

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """An open transaction that sees one state and cannot write."""
        reading = self.engine.connect()
        with (
            reading.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            ) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def writing(self, *, alone: bool) -> Generator[Connection]:
        """An open transaction; `alone`, it waits until no other of these is open, then sees what they left.

        Those that are not alone go on at once, and never beside one that is.
        """
        with self.engine.connect() as connection, connection.begin():
            connection.execute(_LOCK if alone else _SHARE)
            yield connection

    def lead(self) -> Connection | None:
        """A connection that holds the loop's lock until it is closed or breaks; None where another has it."""
        connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.execute(_LEAD).scalar_one():
            return connection
        connection.close()
        return None


def _no_url(url: str) -> Refusal:
    return Refusal(
        "database_unknown",
        f"{url!r} is no database of ours",
        "give postgresql://user@host:5432/name, or leave --database out for SQLite",
        "database",
        422,
    )
