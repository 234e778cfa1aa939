"""What tests of several folders share."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.postgresql import QUICK, new_database, server

settings.register_profile(
    "penstock",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="PENSTOCK_HUNT" not in os.environ,
)
settings.load_profile("penstock")
"""A busy machine is no finding: properties are never timed. The same examples each time, but on the hunt."""


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a real server, started once for those who ask."""
    with server(*QUICK) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of an empty database: None for SQLite in the test's own directory, then PostgreSQL."""
    if request.param == "sqlite":
        return None
    return new_database(request.getfixturevalue("postgresql_server"))
