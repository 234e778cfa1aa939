"""The schema that migrations make is the schema that the code uses, from nothing and again, on both databases."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.exc import OperationalError
from tests import migrated
from tests.postgresql import new_database

from penstock.base.refusal import Refused
from penstock.store.columns import METADATA
from penstock.store.database import Database, migration_config
from penstock.store.tables import ALL


@pytest.fixture(autouse=True)
def really(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here nothing is a copy."""
    monkeypatch.setattr(Database, "migrate", migrated.migrate)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Makes empty databases of one kind."""
    with ExitStack() as closings:
        if request.param == "postgresql":
            url = request.getfixturevalue("postgresql_server")
            yield lambda: closings.enter_context(closing(Database(new_database(url))))
        else:
            folders = (tmp_path / f"empty-{number}" for number in count())

            def made() -> Database:
                folder = next(folders)
                folder.mkdir()
                return closings.enter_context(closing(Database(folder)))

            yield made


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, without our own ways into it; what was written is committed."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def schema(path: Path) -> list[tuple[object, ...]]:
    """Every statement that made the file, and the revision it is at."""
    with opened(path) as connection:
        statements = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
        return [*statements.fetchall(), *connection.execute("SELECT * FROM alembic_version").fetchall()]


def set_revision(path: Path, revision: str) -> None:
    with opened(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def differences(tx: Connection) -> list[object]:
    """What autogenerate would still write into a migration, types and nullability included."""
    context = MigrationContext.configure(tx, opts={"compare_type": True})
    return list(compare_metadata(context, METADATA))


def keys(inspector: Inspector, table: str) -> dict[str, object]:
    """What autogenerate does not look at: primary keys, foreign keys, uniqueness, null or not."""
    return {
        "columns": sorted((column["name"], column["nullable"]) for column in inspector.get_columns(table)),
        "primary": inspector.get_pk_constraint(table)["constrained_columns"],
        "foreign": sorted(
            (key["constrained_columns"], key["referred_table"], key["referred_columns"])
            for key in inspector.get_foreign_keys(table)
        ),
        "unique": sorted(sorted(one["column_names"]) for one in inspector.get_unique_constraints(table)),
        "indexes": sorted((one["name"], one["column_names"]) for one in inspector.get_indexes(table)),
    }


def test_an_empty_database_becomes_what_the_code_uses(either: Callable[[], Database]) -> None:
    database = either()
    database.migrate()
    with database.read() as tx:
        assert differences(tx) == []


def test_migrated_and_created_tables_have_the_same_keys(either: Callable[[], Database]) -> None:
    database, created = either(), either()
    database.migrate()
    with created.write() as tx:
        METADATA.create_all(tx)
        wanted = {table: keys(inspect(tx), table) for table in ALL.tables}
    with database.read() as tx:
        found = {table: keys(inspect(tx), table) for table in ALL.tables}
    assert found == wanted
    assert len(found) > 20


def test_every_column_that_a_struct_has_can_be_written_and_read(database: Database) -> None:
    database.migrate()
    with database.read() as tx:
        names = {table: {column["name"] for column in inspect(tx).get_columns(table)} for table in ALL.tables}
    assert names == {name: {column.name for column in table.columns} for name, table in ALL.tables.items()}


def test_migrating_again_changes_nothing(tmp_path: Path, database: Database) -> None:
    database.migrate()
    before = schema(tmp_path / "penstock.db")
    with opened(tmp_path / "penstock.db") as looking:
        version = looking.execute("PRAGMA data_version").fetchone()
        for _ in range(3):
            database.migrate()
        assert looking.execute("PRAGMA data_version").fetchone() == version
    assert schema(tmp_path / "penstock.db") == before


def test_a_newer_revision_is_refused_and_left_alone(tmp_path: Path, database: Database) -> None:
    database.migrate()
    set_revision(tmp_path / "penstock.db", "9999")
    before = schema(tmp_path / "penstock.db")
    with pytest.raises(Refused) as caught:
        database.migrate()
    assert [refusal.code for refusal in caught.value.refusals] == ["data_newer"]
    assert "9999" in caught.value.refusals[0].message
    assert schema(tmp_path / "penstock.db") == before


def to_revision(database: Database, revision: str) -> None:
    """A database as the version of this revision left it, with a row of its time in it."""
    with database.write() as tx:
        config = migration_config()
        config.attributes["connection"] = tx
        command.upgrade(config, revision)
        tx.exec_driver_sql(f"INSERT INTO settings VALUES ('kept-{revision}', 'yes')")


def kept(database: Database) -> set[str]:
    """Of which revisions there are rows, in a database that is as the code uses it."""
    script = ScriptDirectory.from_config(migration_config())
    with database.read() as tx:
        assert differences(tx) == []
        assert MigrationContext.configure(tx).get_current_revision() == script.get_current_head()
        rows = tx.exec_driver_sql("SELECT key FROM settings WHERE value = 'yes'")
        return {key.removeprefix("kept-") for (key,) in rows}


def test_every_earlier_revision_becomes_the_newest_and_keeps_its_rows(either: Callable[[], Database]) -> None:
    """Each step from a revision to the next, alone; and all steps at once, from the first and from the middle."""
    script = ScriptDirectory.from_config(migration_config())
    revisions = [one.revision for one in script.walk_revisions()][::-1]
    database = either()
    for revision in revisions:
        to_revision(database, revision)
    assert kept(database) == set(revisions)
    for revision in (revisions[0], revisions[len(revisions) // 2]):
        database = either()
        to_revision(database, revision)
        database.migrate()
        assert kept(database) == {revision}


def test_revisions_follow_each_other_in_one_line() -> None:
    script = ScriptDirectory.from_config(migration_config())
    assert len(script.get_heads()) == 1
    assert all(len(one.nextrev) <= 1 for one in script.walk_revisions())


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path, database: Database) -> None:
    with opened(tmp_path / "penstock.db") as connection:
        connection.execute("CREATE TABLE volumes (stray TEXT)")
    with pytest.raises(OperationalError, match="volumes"):
        database.migrate()
    with opened(tmp_path / "penstock.db") as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert found == [("volumes",)]
