"""The complete answer to "why is it pending?": counts, the latest start known, and what would help."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from penstock.base.window import Window
from penstock.fleet.device import DeviceState
from penstock.lease.job import Attempt, AttemptState, Job, JobSpec
from penstock.lease.offer import LeaseState
from penstock.lease.tenant import TenantState
from penstock.placement import calendar, filters, software
from penstock.placement.model import Option, Request, Why, World
from penstock.placement.occupancy import Occupancy
from penstock.placement.reasons import book_reason
from penstock.placement.solve import attempt, queue_order, solve

_DAY_S = 86_400
_STEPS_MAX = 256
"""How many ends of leases and time limits are looked at; beyond, the answer is "not known"."""


def why(world: World, job: Job, now: datetime) -> Why:
    """Explain one waiting job. `job` may be changed, or not be in the queue at all (a what-if)."""
    others = tuple(other for other in world.queue if other.id != job.id)
    first = tuple(other for other in others if queue_order(other) < queue_order(job))
    asked = msgspec.structs.replace(world, queue=(*first, job))
    plan = solve(asked, now)
    waiting = next((line for line in plan.waiting if line.job == job.id), None)
    if waiting is None:
        return Why(job=job.id, reason="", counts={}, ahead=len(first), possible=True, starts_by=now)
    possible, starts_by = fits_empty(asked, job, now), _starts_by(asked, job.id, now)
    options = tuple(sorted(_options(asked, job, now, starts_by), key=lambda o: (o.starts_at, o.change)))
    return Why(
        job=job.id,
        reason=book_reason(Counter(waiting.counts)),
        counts=waiting.counts,
        ahead=len(first),
        possible=possible,
        starts_by=starts_by,
        options=options,
        software=software.exclusions(
            job, filter(lambda d: filters.names(job.spec.resources, d), world.devices)
        ),
    )


def fits_empty(world: World, job: Job, now: datetime) -> bool:
    """Whether the job would fit if nothing ran, nothing else was booked and all devices were in service."""
    devices = tuple(
        msgspec.structs.replace(d, state=DeviceState.AVAILABLE, accepted_at=now)
        if calendar.commissioned(d)
        else d
        for d in world.devices
    )
    leases = tuple(
        msgspec.structs.replace(lease, state=LeaseState.ACTIVE, start=now, end=now + timedelta(days=1))
        for lease in world.leases
        if lease.id == job.lease
    )
    empty = World(
        revision=world.revision,
        nodes=world.nodes,
        devices=devices,
        leases=leases,
        tenants=tuple(msgspec.structs.replace(t, state=TenantState.ACTIVE) for t in world.tenants),
        projects=world.projects,
    )
    return not isinstance(attempt(job, Occupancy(empty, now)), Counter)


def _starts_by(world: World, job: str, now: datetime) -> datetime | None:
    """Play time forward from end to known end, starting what fits, until the job starts."""
    for _ in range(_STEPS_MAX):
        plan = solve(world, now)
        started = {placed.job: placed for placed in plan.placements}
        if job in started:
            return now
        jobs = {queued.id: queued for queued in world.queue}
        world = msgspec.structs.replace(
            world,
            queue=tuple(queued for queued in world.queue if queued.id not in started),
            running=(*world.running, *(jobs[name] for name in started)),
            attempts=(
                *world.attempts,
                *(_running(jobs[p.job], (d for t in p.tasks for d in t), now) for p in started.values()),
            ),
        )
        later = _next_end(world, now)
        if later is None:
            return None
        now, world = later, _advance(world, later)
    return None


def _running(job: Job, devices: Iterator[str], now: datetime) -> Attempt:
    return Attempt(
        id=job.id,
        job=job.id,
        tenant=job.tenant,
        number=1,
        engine="",
        devices=tuple(dict.fromkeys(devices)),
        placed_at=now,
        lease=job.lease,
        state=AttemptState.RUNNING,
        running_at=now,
    )


def _ends(world: World, now: datetime) -> Iterator[tuple[str, datetime]]:
    """When each attempt has surely ended: by its time limit, or with its lease."""
    jobs, leases = {job.id: job for job in world.running}, {lease.id: lease for lease in world.leases}
    for running in world.attempts:
        job = jobs.get(running.job)
        end = calendar.sure_end(job, running.running_at or now)
        lease = leases.get(running.lease or "")
        if lease is not None:
            grace = timedelta(seconds=job.spec.grace_s if job else 0)
            end = min(end, lease.end + grace)
        yield running.id, end


def _next_end(world: World, now: datetime) -> datetime | None:
    instants = [end for _, end in _ends(world, now)]
    instants += [instant for lease in world.leases for instant in (lease.start, lease.end)]
    return min((instant for instant in instants if now < instant < calendar.NEVER), default=None)


def _advance(world: World, now: datetime) -> World:
    """The world at a later instant, if nothing but known ends happens."""
    over = {name for name, end in _ends(world, now) if end <= now}
    leases = (
        msgspec.structs.replace(lease, state=LeaseState.ACTIVE)
        if lease.state == LeaseState.RESERVED and lease.start <= now
        else lease
        for lease in world.leases
        if lease.end > now
    )
    return msgspec.structs.replace(
        world,
        leases=tuple(leases),
        attempts=tuple(running for running in world.attempts if running.id not in over),
    )


def _options(world: World, job: Job, now: datetime, starts_by: datetime | None) -> Iterator[Option]:
    """Each change that would start the job sooner than the job as it is."""
    for change, value, spec in _changes(world, job):
        changed = msgspec.structs.replace(job, spec=spec)
        queue = tuple(changed if other.id == job.id else other for other in world.queue)
        start = _starts_by(msgspec.structs.replace(world, queue=queue), job.id, now)
        if start is not None and (starts_by is None or start < starts_by):
            yield Option(change, value, start)
    if job.lease is None:
        yield from _leases(world, job.spec, now, starts_by)


def _changes(world: World, job: Job) -> Iterator[tuple[str, str, JobSpec]]:
    """Fewer nodes, another model, a time limit of a day or an hour: one change at a time."""
    spec = job.spec
    nodes = spec.nodes // 2
    while nodes:
        yield "nodes", str(nodes), msgspec.structs.replace(spec, nodes=nodes)
        nodes //= 2
    wanted = spec.resources.models
    if wanted and filters.ANY_MODEL not in wanted:
        for model in sorted({d.model for d in world.devices if calendar.sellable(d)} - set(wanted)):
            resources = msgspec.structs.replace(spec.resources, models=(model,))
            yield "model", model, msgspec.structs.replace(spec, resources=resources)
    if job.lease is None and (spec.time_limit_s is None or spec.time_limit_s > _DAY_S):
        for limit_s in (_DAY_S, _DAY_S // 24):
            yield "time_limit_s", str(limit_s), msgspec.structs.replace(spec, time_limit_s=limit_s)


def _leases(world: World, spec: JobSpec, now: datetime, starts_by: datetime | None) -> Iterator[Option]:
    """A lease of as many devices, for the time limit or a day, of each model that would do."""
    length = timedelta(seconds=spec.time_limit_s or _DAY_S)
    offered = sorted({d.model for d in world.devices if calendar.sellable(d)})
    accepted = spec.resources.models
    for model in offered:
        if accepted and filters.ANY_MODEL not in accepted and model not in accepted:
            continue
        answer = calendar.find(world, Request(model, spec.devices, Window(now, now + length)), now)
        start = now if answer.available else answer.available_from
        if start is not None and (starts_by is None or start < starts_by):
            yield Option("lease", f"{spec.devices} {model}", start)
