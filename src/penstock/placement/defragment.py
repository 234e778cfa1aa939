"""Which running jobs to move, and in what order, so that one that does not fit is admitted, and what it costs."""

from datetime import datetime

from penstock.base.quantity import WHOLE, CardMicroseconds
from penstock.base.window import US_PER_SECOND, from_us, to_us
from penstock.lease.job import Attempt, AttemptState, Job, Promise
from penstock.placement import displace, fits
from penstock.placement.answers import Defragmentation, Move
from penstock.placement.fair import level_of
from penstock.placement.model import World
from penstock.placement.planner import Planner
from penstock.placement.reasons import book_reason
from penstock.placement.snapshot import Groups
from penstock.placement.solve import tasks_of

TRIES = 16
"""How often a job that finds no other place is left where it is, and others are moved instead."""


def defragment(world: World, job: Job, now: datetime) -> Defragmentation:
    """The cheapest moves found that admit the job.

    Moved are jobs on demand that keep checkpoints, run, and are no more important than the job. Each must fit
    elsewhere at once; one that finds no place stays, and the search goes on without it.
    """
    planner = Planner(world, now)
    closed = planner.gate(job)
    if closed is None and _under_way(planner, job):
        assert job.promise is not None
        return Defragmentation(job=job.id, revision=world.revision, possible=True, promise=job.promise)
    groups = planner.now_for(job) if closed is None else None
    if groups is not None:
        return _answer(planner, job, groups, ())
    costs = {
        attempt.id: displace.lost_us(attempt, planner.now_us) + set_up_us(attempt)
        for attempt in world.attempts
        if closed is None and _movable(planner, attempt, job)
    }
    for _ in range(TRIES):
        found = displace.cheapest(planner, job, costs) if costs else None
        if found is None:
            break
        moves, stuck = _moves(planner, job, *found)
        if stuck is None:
            return _answer(planner, job, found[1], moves)
        del costs[stuck]
    counts = fits.counts(planner.need(job), planner.snapshot, closed)
    return Defragmentation(
        job=job.id,
        revision=world.revision,
        possible=False,
        reason=book_reason(counts),
        counts=dict(counts),
    )


def set_up_us(attempt: Attempt) -> CardMicroseconds:
    """Card time from placing to running: what starting again takes."""
    if attempt.running_at is None:
        return 0
    elapsed_us = to_us(attempt.running_at) - to_us(attempt.placed_at)
    return len(attempt.devices) * attempt.share * elapsed_us // WHOLE


def _under_way(planner: Planner, job: Job) -> bool:
    """Whether what is on the devices promised to the job has been told to go, so that it need only wait."""
    if job.promise is None or planner.keeps(job) is None:
        return False
    promised = {device for task in job.promise.tasks for device in task}
    held = [attempt for attempt in planner.attempts.values() if promised & set(attempt.devices)]
    owners = [planner.running.get(attempt.job) for attempt in held]
    return bool(held) and all(owner is not None and owner.stop_reason is not None for owner in owners)


def _movable(planner: Planner, attempt: Attempt, job: Job) -> bool:
    owner = planner.running.get(attempt.job)
    return (
        owner is not None
        and owner.spec.checkpoint is not None
        and owner.stop_reason is None
        and attempt.lease is None
        and attempt.state is AttemptState.RUNNING
        and level_of(owner) >= level_of(job)
        and attempt.id in planner.snapshot.holdings
    )


def _moves(
    planner: Planner, job: Job, victims: list[str], groups: Groups
) -> tuple[tuple[Move, ...], str | None]:
    """Where each of them goes, in order, or the first that finds no place. The snapshot is as before."""
    snapshot = planner.snapshot
    before = snapshot.room.copy()
    holdings = [snapshot.holdings[name] for name in victims]
    for name in victims:
        snapshot.release(name)
    host = (job.spec.resources.cpu_millicores, job.spec.resources.memory_bytes)
    snapshot.take(job.id, groups, planner.share(job, groups), host, fits.NEVER_US)
    taken, moves, stuck = [job.id], [], None
    for name in sorted(victims, key=lambda n: (-len(planner.attempts[n].devices), n)):
        attempt = planner.attempts[name]
        owner = planner.running[attempt.job]
        target = planner.now_for(owner)
        if target is None:
            stuck = name
            break
        resources, share = owner.spec.resources, planner.share(owner, target)
        host = (resources.cpu_millicores, resources.memory_bytes)
        snapshot.take(f"move/{name}", target, share, host, fits.NEVER_US)
        taken.append(f"move/{name}")
        waits = any(before[cell] < share for group in target for cell in group)
        moves.append(_move(planner, attempt, owner, target, waits=waits))
    for name in reversed(taken):
        snapshot.release(name)
    for holding in holdings:
        snapshot.put_back(holding)
    return tuple(sorted(moves, key=lambda move: move.waits)), stuck


def _move(planner: Planner, attempt: Attempt, owner: Job, target: Groups, *, waits: bool) -> Move:
    return Move(
        job=owner.id,
        attempt=attempt.id,
        tenant=owner.tenant,
        devices=attempt.devices,
        promise=Promise(start=planner.now, tasks=tasks_of(planner, owner, target)),
        lost_us=displace.lost_us(attempt, planner.now_us),
        again_us=set_up_us(attempt),
        waits=waits,
    )


def _answer(planner: Planner, job: Job, groups: Groups, moves: tuple[Move, ...]) -> Defragmentation:
    graces = [planner.running[move.job].spec.grace_s for move in moves]
    start_us = planner.now_us + max(graces, default=0) * US_PER_SECOND
    return Defragmentation(
        job=job.id,
        revision=planner.world.revision,
        possible=True,
        moves=moves,
        cost_us=sum(move.lost_us + move.again_us for move in moves),
        promise=Promise(start=from_us(start_us), tasks=tasks_of(planner, job, groups)),
    )
