"""A long queue: turns that look only at the first of each line decide as one that looks at all."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from penstock.app import placing, running
from penstock.lease.job import AttemptState, Job, JobSpec, JobState, Resources
from penstock.lease.tenant import Tenant
from penstock.placement.kind import line_of
from penstock.placement.model import Rules
from penstock.placement.solve import solve
from penstock.sim.centre import SimulatedCentre
from penstock.store import jobs, rows, settings
from penstock.store.tables import TENANTS

KINDS = ((1, 1000, 60), (1, 1000, None), (1, 300, 600), (2, 1000, 60))
"""Devices, thousandths of each, time limit in seconds."""


@pytest.fixture
def centre(tmp_path: Path):
    made = SimulatedCentre(tmp_path, 1)
    yield made
    made.close()


def submit(centre: SimulatedCentre, count: int, kinds: tuple[tuple[int, int, int | None], ...]) -> None:
    with centre.app.database.write() as tx:
        settings.put(tx, settings.PLACEMENT, msgspec.json.encode(Rules(policy="tightest")).decode())
        rows.add(tx, TENANTS, [Tenant(id=t, name=t, created_at=centre.clock.now()) for t in "ab"])
        for number in range(count):
            devices, share, limit = kinds[number * 7 % len(kinds)]
            needs = Resources(models=("x",), devices_per_node=devices, device_share=share)
            job = Job(
                id=f"j{number:04}",
                tenant="aab"[number % 3],
                created_at=centre.clock.now() + timedelta(seconds=number // 5),
                spec=JobSpec(name="j", run="true", resources=needs, time_limit_s=limit),
            )
            jobs.add_job(tx, msgspec.structs.replace(job, line=line_of(job)))


def end(centre: SimulatedCentre, count: int) -> None:
    """The oldest attempts end."""
    now = centre.clock.now()
    with centre.app.database.write() as tx:
        for attempt in jobs.live_attempts(tx)[:count]:
            ended = msgspec.structs.replace(attempt, state=AttemptState.SUCCEEDED, ended_at=now)
            jobs.put_attempt(tx, ended)
            job = jobs.job(tx, attempt.job)
            assert job is not None
            jobs.put_job(tx, msgspec.structs.replace(job, state=JobState.SUCCEEDED))


def by_all(centre: SimulatedCentre):
    with centre.app.database.read() as tx:
        seen = placing.seen(centre.app, tx)
    return seen, solve(seen, centre.clock.now())


def test_turns_decide_as_if_they_looked_at_all(centre: SimulatedCentre) -> None:
    centre.install("x", 2, 3)
    submit(centre, 300, KINDS)
    running.place(centre.app)
    looked_at = []
    for _ in range(5):
        centre.clock.advance(timedelta(milliseconds=100))
        end(centre, 3)
        everything, wanted = by_all(centre)
        decided = placing.decided(centre.app, centre.clock.now())
        assert decided is not None
        seen, plan = decided
        assert plan.placements == wanted.placements
        assert {line.job: line.promise for line in plan.waiting if line.promise} == {
            line.job: line.promise for line in wanted.waiting if line.promise
        }
        looked_at.append(len(seen.queue) / len(everything.queue))
        running.place(centre.app)
    assert max(looked_at) < 0.7


def test_a_turn_looks_deeper_where_much_is_free(centre: SimulatedCentre) -> None:
    centre.install("x", 1, 1)
    submit(centre, 300, ((1, 1000, 60),))
    running.place(centre.app)
    centre.install("x", 20, 8)
    running.place(centre.app)
    with centre.app.database.read() as tx:
        assert len(jobs.live_attempts(tx)) == 160


def test_all_are_given_a_reason_in_the_end(centre: SimulatedCentre) -> None:
    centre.install("x", 1, 1)
    submit(centre, 300, ((2, 1000, 60),))
    running.place(centre.app)
    with centre.app.database.read() as tx:
        assert all(job.reasons for job in jobs.queued(tx))
    centre.install("x", 1, 2)
    centre.clock.advance(timedelta(seconds=2))
    running.place(centre.app)
    with centre.app.database.read() as tx:
        assert {sum(job.reasons.values()) for job in jobs.queued(tx)} == {2}
