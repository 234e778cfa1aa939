"""What tests of several folders share."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests import migrated
from tests.postgresql import QUICK, new_database, server

from penstock.store.database import Database

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
"""Or each process that a test starts would compile all libraries anew."""

settings.register_profile(
    "penstock",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="PENSTOCK_HUNT" not in os.environ,
)
settings.load_profile("penstock")
"""A busy machine is no finding: properties are never timed. The same examples each time, but on the hunt."""


LONGEST = (
    "property/test_replay.py",
    "property/test_more_kernels.py",
    "property/test_kernels.py",
    "unit/test_displaced_work.py",
    "unit/test_remedies_example.py",
    "sim/test_rehearsing.py",
    "contract/test_engine.py",
    "e2e/test_engines_together.py",
    "sim/test_campaign.py",
    "e2e/test_guides.py",
    "unit/test_plan_build.py",
    "golden/test_golden.py",
    "e2e/test_console_browser.py",
    "sim/test_week.py",
    "property/test_commerce_history.py",
    "golden/test_follow.py",
    "e2e/test_postgresql.py",
    "e2e/test_opening.py",
    "sim/test_crashes.py",
)
"""Files of the longest tests. Before them those of kernels: one process compiles these, and all others find them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest go first: one that came last would leave the other processors idle."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """New SQLite databases of this process are copies of one that was migrated."""
    with migrated.copied(migrated.make(tmp_path_factory.mktemp("migrated"))):
        yield


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a real server, started once for those who ask."""
    with server(*QUICK) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_migrated(postgresql_server: str) -> str:
    """The name of a migrated database of the server, to make others from."""
    url = new_database(postgresql_server)
    with closing(Database(url)) as database:
        migrated.migrate(database)
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of a database without rows: None for SQLite in the test's own directory, then PostgreSQL."""
    if request.param == "sqlite":
        return None
    server_url = request.getfixturevalue("postgresql_server")
    return new_database(server_url, request.getfixturevalue("postgresql_migrated"))
