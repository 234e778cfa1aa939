"""The schema that migrations make is the schema that the code uses, from nothing and again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.exc import OperationalError

from penstock.base.refusal import Refused
from penstock.store.columns import METADATA
from penstock.store.database import Database, migration_config
from penstock.store.tables import ALL


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    yield made
    made.close()


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


def test_an_empty_database_becomes_what_the_code_uses(database: Database) -> None:
    database.migrate()
    with database.read() as tx:
        assert differences(tx) == []


def test_migrated_and_created_tables_have_the_same_keys(tmp_path: Path, database: Database) -> None:
    database.migrate()
    (tmp_path / "created").mkdir()
    with closing(Database(tmp_path / "created")) as created, created.write() as tx:
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


def at_revision(directory: Path, revision: str) -> Database:
    """A database as an earlier version left it, with a row in it."""
    directory.mkdir()
    database = Database(directory)
    with database.write() as tx:
        config = migration_config()
        config.attributes["connection"] = tx
        command.upgrade(config, revision)
        tx.exec_driver_sql("INSERT INTO settings VALUES ('kept', 'yes')")
    return database


def test_every_earlier_revision_becomes_the_newest_and_keeps_its_rows(tmp_path: Path) -> None:
    script = ScriptDirectory.from_config(migration_config())
    revisions = [one.revision for one in script.walk_revisions()]
    for revision in revisions:
        with closing(at_revision(tmp_path / revision, revision)) as database:
            database.migrate()
            with database.read() as tx:
                assert differences(tx) == []
                assert (
                    tx.exec_driver_sql("SELECT value FROM settings WHERE key = 'kept'").scalar_one() == "yes"
                )
        assert schema(tmp_path / revision / "penstock.db")[-1] == (script.get_current_head(),)
    assert revisions


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
