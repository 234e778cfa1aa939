"""A crash between any two statements of a verb changes nothing that anyone can see afterwards."""

import random
from pathlib import Path

import pytest

from penstock.app import jobs, money
from penstock.app.access import SYSTEM
from penstock.sim.centre import SimulatedCentre
from penstock.sim.faults import Point, watched
from walk import opened, walk

MODULES = ("app/", "store/")
SEED = 20261123
SAMPLE = 20


def outcome(centre: SimulatedCentre) -> dict[str, object]:
    """All that must not depend on crashes: balances, states, attempts, charges."""
    accounts = money.list_accounts(centre.app, SYSTEM, None)
    found = jobs.list_jobs(centre.app, SYSTEM)
    return {
        "balances": {account.id: (account.balance_micros, account.held_micros) for account in accounts},
        "jobs": {job.id: (job.state, job.attempts, job.ended_at) for job in found},
        "charges": sorted(
            (line.subject, line.start, line.end, line.amount_micros)
            for line in money.list_charges(centre.app, SYSTEM, None, None, None)
        ),
        "starts": centre.engine.starts,
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], list[tuple[str, int]]]:
    """The walk without a crash, and every line it came along."""
    centre = opened(tmp_path_factory.mktemp("reference"))
    with watched(MODULES) as visits:
        assert walk(centre) == 0
    assert centre.check().ok
    result = outcome(centre)
    centre.close()
    return result, sorted(visits)


def points(lines: list[tuple[str, int]], seed: int, count: int) -> list[Point]:
    """A seeded choice of lines, each at its first, second or fifth visit."""
    chooser = random.Random(seed)
    return [Point(*chooser.choice(lines), visit=chooser.choice((1, 2, 5))) for _ in range(count)]


def crash_at(directory: Path, point: Point) -> tuple[int, SimulatedCentre]:
    centre = opened(directory)
    with watched(MODULES, point):
        crashes = walk(centre)
    return crashes, centre


def test_walk_reaches_every_verdict(reference: tuple[dict[str, object], list[tuple[str, int]]]) -> None:
    result, lines = reference
    states = {name: str(job[0]) for name, job in result["jobs"].items()}
    assert states == {
        "acme.leased": "succeeded",
        "acme.failing": "failed",
        "acme.stopped": "cancelled",
        "poor.endless": "failed",
    }
    assert result["jobs"]["acme.failing"][1] == 2
    assert len(lines) > 500


def test_crash_anywhere_changes_nothing(
    tmp_path: Path, reference: tuple[dict[str, object], list[tuple[str, int]]]
) -> None:
    expected, lines = reference
    crashed = 0
    for number, point in enumerate(points(lines, SEED, SAMPLE)):
        crashes, centre = crash_at(tmp_path / str(number), point)
        crashed += crashes
        report = centre.check()
        assert report.ok, f"crash at {point}: {report}"
        assert outcome(centre) == expected, f"crash at {point}"
        centre.close()
    assert crashed > SAMPLE // 2
