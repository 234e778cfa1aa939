"""Prepared statements say and return what SQLAlchemy would, on both databases, and fail as it does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from penstock.ledger.model import Account, Hold, HoldState
from penstock.store import rows
from penstock.store.database import Database, Tx
from penstock.store.prepared import Prepared
from penstock.store.tables import ACCOUNTS, HOLDS
from postgresql import new_database

AT = datetime(2026, 1, 5, 8, 30, 15, 250_000, tzinfo=UTC)
ACCOUNT = Account(id="tenant/å/prepaid", currency="CNY", created_at=AT, floor_micros=None)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    where = tmp_path
    if request.param == "postgresql":
        where = new_database(request.getfixturevalue("postgresql_server"))
    opened = Database(where)
    opened.migrate()
    yield opened
    opened.close()


def hold(name: str, expires_at: datetime | None = None) -> Hold:
    return Hold(
        id=name,
        account=ACCOUNT.id,
        amount_micros=7,
        currency="CNY",
        created_at=AT,
        expires_at=expires_at,
        state=HoldState.VOIDED,
    )


def by_sqlalchemy(tx: Tx) -> list[Hold]:
    found = tx.execute(select(HOLDS).order_by(HOLDS.c.id))
    return [Hold(**dict(zip(Hold.__struct_fields__, row, strict=True))) for row in found]


def test_rows_are_what_sqlalchemy_reads(database: Database) -> None:
    holds = [hold("a", AT + timedelta(days=1)), hold("b"), hold("c' OR 1=1 --")]
    with database.write() as tx:
        rows.add(tx, ACCOUNTS, [ACCOUNT])
        rows.add(tx, HOLDS, holds)
    with database.read() as tx:
        assert by_sqlalchemy(tx) == holds
        assert rows.get(tx, HOLDS, id=holds[2].id) == holds[2]
        assert rows.get(tx, HOLDS, id="d") is None
        assert (
            sorted(rows.with_ids(tx, HOLDS, {"a", "c' OR 1=1 --", "d"}), key=lambda one: one.id) == holds[::2]
        )
        voided = Prepared(
            select(HOLDS.c.id).where(HOLDS.c.state.in_([HoldState.VOIDED])).order_by(HOLDS.c.id)
        )
        assert [row[0] for row in voided.all(tx)] == [one.id for one in holds]


def test_what_the_database_refuses_is_refused_as_by_sqlalchemy(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as tx:
        rows.add(tx, ACCOUNTS, [ACCOUNT, ACCOUNT])
    with database.read() as tx:
        assert rows.get(tx, ACCOUNTS, id=ACCOUNT.id) is None


def test_a_row_that_is_not_there_is_not_overwritten(database: Database) -> None:
    with pytest.raises(AssertionError, match="not there"), database.write() as tx:
        rows.put_all(tx, ACCOUNTS, [ACCOUNT])
