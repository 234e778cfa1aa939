"""What devices did is read back as it was seen, across blocks and nodes, and what is old is gone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from penstock.base.window import Window
from penstock.fleet.telemetry import Sample
from penstock.store import samples
from penstock.store.database import Database

BEGAN = datetime(2026, 3, 1, 12, 4, tzinfo=UTC)
NODES = {"a.0": "a", "a.1": "a", "b.0": "b"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    made.migrate()
    yield made
    made.close()


def watts(n: int) -> dict[str, Sample]:
    """The second device of `a` is heard of from the third minute on."""
    found = {
        "a.0": Sample(index=0, activity=0.5, power_w=n, memory_used_bytes=2**30),
        "b.0": Sample(index=0, power_w=n + 0.5),
    }
    return found | ({"a.1": Sample(index=1, temperature_c=40)} if n >= 2 else {})


def test_what_was_seen_is_read_back_minute_by_minute(database: Database) -> None:
    with database.write() as tx:
        for n in range(25):
            samples.record(tx, BEGAN + n * MINUTE, NODES, watts(n))
            samples.record(tx, BEGAN + n * MINUTE + timedelta(seconds=20), NODES, watts(n))
        found = samples.seen_of(tx, NODES, ["a.0", "a.1"], Window(BEGAN + MINUTE, BEGAN + timedelta(hours=1)))
        assert found.times == tuple(BEGAN + n * MINUTE for n in range(1, 25))
        assert found.devices["a.0"]["power"] == [float(n) for n in range(1, 25)]
        assert found.devices["a.0"]["memory"] == [1.0] * 24
        assert found.devices["a.1"]["temperature"] == [None] + [40.0] * 23
        assert found.devices["a.1"]["activity"] == [None] * 24
        only = samples.seen_of(tx, NODES, ["b.0"], Window(BEGAN, BEGAN + 2 * MINUTE))
        assert only.devices == {
            "b.0": {
                "activity": [None] * 2,
                "memory": [None] * 2,
                "power": [0.5, 1.5],
                "temperature": [None] * 2,
            }
        }


def test_the_latest_is_what_was_seen_lately(database: Database) -> None:
    with database.write() as tx:
        assert samples.latest(tx, BEGAN) == {}
        samples.record(tx, BEGAN, NODES, watts(3))
        samples.record(tx, BEGAN + MINUTE, NODES, {"a.0": Sample(index=0, activity=0.25)})
        found = samples.latest(tx, BEGAN + MINUTE)
        assert found["a.0"] == (0.25, None, None, None)
        assert found["b.0"] == (None, None, 3.5, None)
        assert "b.0" not in samples.latest(tx, BEGAN + 4 * MINUTE)


def test_what_is_old_is_forgotten(database: Database) -> None:
    with database.write() as tx:
        samples.record(tx, BEGAN, NODES, watts(3))
        samples.record(tx, BEGAN + samples.BLOCK, NODES, watts(3))
        later = BEGAN + samples.KEPT + 2 * samples.BLOCK
        samples.record(tx, later, NODES, watts(3))
        found = samples.seen_of(tx, NODES, ["a.0"], Window(BEGAN, later + MINUTE))
    assert found.times == (BEGAN + samples.BLOCK, later)
