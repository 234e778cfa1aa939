"""The same app under a virtual clock: a thousand devices, tenants at work, nodes that fail, balanced books.

A day of the thousand devices and half a day of small, overfull centres, where most is waited for, so that all tests
end in bounded time; a week of the one and days of the others with `PENSTOCK_WEEK=1`, and in `make campaign`.
"""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from penstock.app.context import Policy
from penstock.sim.centre import SimulatedCentre
from penstock.sim.workload import Workload

QUARTER = timedelta(minutes=15)
DAY = ((1, 125, 24), (2, 8, 12), (3, 3, 12))
WEEK = ((1, 125, 168), (2, 8, 72), (3, 3, 48))


def live(directory: Path, seed: int, nodes: int, hours: float) -> tuple[SimulatedCentre, Workload]:
    centre = SimulatedCentre(directory, seed, Policy(metering_step=timedelta(hours=1)))
    centre.engine.fault_rate = 0.01
    centre.install("a100", nodes, 8)
    workload = Workload(centre, "a100")
    workload.open()
    for _ in range(int(hours * 4)):
        workload.hour(0.25)
        centre.run(QUARTER, QUARTER)
    return centre, workload


@pytest.mark.parametrize(("seed", "nodes", "hours"), WEEK if os.environ.get("PENSTOCK_WEEK") else DAY)
def test_books_balance(tmp_path: Path, seed: int, nodes: int, hours: float) -> None:
    centre, workload = live(tmp_path, seed, nodes, hours)
    report = centre.check()
    assert report.ok, f"seed {seed}: {report}"
    assert workload.submitted > hours * 10
    assert report.checked["lines"] > 100
    centre.close()
