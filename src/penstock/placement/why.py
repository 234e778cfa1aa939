"""The complete answer to "why is it pending?": counts, the latest start known, and what would help."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from penstock.base.window import Window, from_us, to_us
from penstock.fleet.device import DeviceState
from penstock.lease.job import Job, JobSpec
from penstock.lease.offer import LeaseState
from penstock.lease.tenant import TenantState
from penstock.placement import calendar, reasons, software
from penstock.placement.filters import names, takes_any
from penstock.placement.layout import commissioned, sellable
from penstock.placement.model import Option, Request, Why, World
from penstock.placement.planner import PROMISE, Planner
from penstock.placement.reasons import book_reason
from penstock.placement.solve import Solution

_DAY_S = 86_400
_PROMISES = 256
"""How many jobs ahead are given a start, so that the answer reckons with them."""


def why(world: World, job: Job, now: datetime) -> Why:
    """Explain one waiting job. `job` may be changed, or not be in the queue at all (a what-if)."""
    others = tuple(other for other in world.queue if other.id != job.id)
    rules = msgspec.structs.replace(world.rules, promises=max(world.rules.promises, _PROMISES))
    asked = msgspec.structs.replace(world, queue=(*others, job), rules=rules)
    solution = Solution(Planner(asked, now), alike=_PROMISES)
    solution.run(until=job.id)
    planner, closed = solution.planner, solution.planner.gate(job)
    if PROMISE + job.id in planner.snapshot.booked:
        held = planner.snapshot.booked[PROMISE + job.id]
        planner.snapshot.unbook(held.name)
        solution.forget(held.start_us)
    answer = solution.answer(job, closed)
    if not isinstance(answer, Counter):
        return Why(job=job.id, reason="", counts={}, ahead=solution.served, possible=True, starts_by=now)
    possible, starts_by = fits_empty(asked, job, now), _start(planner, job)
    options = sorted(_options(planner, job, starts_by), key=lambda o: (o.starts_at, o.change, o.value))
    return Why(
        job=job.id,
        reason=reasons.TOO_LARGE if answer[reasons.TOO_LARGE] else book_reason(answer),
        counts=dict(answer),
        ahead=solution.served,
        possible=possible,
        starts_by=starts_by if possible else None,
        options=tuple(options),
        software=software.exclusions(job, (d for d in world.devices if names(job.spec.resources, d))),
    )


def fits_empty(world: World, job: Job, now: datetime) -> bool:
    """Whether the job would fit if nothing ran, nothing else was booked and all devices were in service."""
    devices = tuple(
        msgspec.structs.replace(d, state=DeviceState.AVAILABLE, accepted_at=now) if commissioned(d) else d
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
        rules=world.rules,
    )
    planner = Planner(empty, now)
    return planner.gate(job) is None and planner.now_for(job) is not None


def _start(planner: Planner, job: Job) -> datetime | None:
    """When the job starts at the latest, by what is known now."""
    closed = planner.gate(job)
    if closed is None and planner.now_for(job) is not None:
        return planner.now
    opens_us = planner.now_us if closed is None else _opens_us(planner, job, closed)
    start = None if opens_us is None else planner.earliest(job, opens_us, (opens_us,))
    return None if start is None else from_us(start.at_us)


def _opens_us(planner: Planner, job: Job, closed: str) -> int | None:
    """From when nothing keeps the job from every device: its lease has begun, or enough of its own has ended."""
    if closed == reasons.LEASE_NOT_ACTIVE:
        lease = planner.leases.get(job.lease or "")
        return to_us(lease.start) if lease is not None and lease.state is LeaseState.RESERVED else None
    return planner.within_quota_us(job) if closed == reasons.QUOTA else None


def _options(planner: Planner, job: Job, starts_by: datetime | None) -> Iterator[Option]:
    """Each change that would start the job sooner than the job as it is."""
    for change, value, spec in _changes(planner.world, job):
        start = _start(planner, msgspec.structs.replace(job, spec=spec))
        if start is not None and (starts_by is None or start < starts_by):
            yield Option(change, value, start)
    if job.lease is None:
        yield from _leases(planner.world, job, planner.now, starts_by)


def _changes(world: World, job: Job) -> Iterator[tuple[str, str, JobSpec]]:
    """Fewer nodes, another model, a time limit of a day or an hour: one change at a time."""
    spec = job.spec
    nodes = spec.nodes // 2
    while nodes:
        yield "nodes", str(nodes), msgspec.structs.replace(spec, nodes=nodes)
        nodes //= 2
    wanted = spec.resources.models
    if not takes_any(spec.resources):
        for model in sorted({d.model for d in world.devices if sellable(d)} - set(wanted)):
            resources = msgspec.structs.replace(spec.resources, models=(model,))
            yield "model", model, msgspec.structs.replace(spec, resources=resources)
    if job.lease is None and (spec.time_limit_s is None or spec.time_limit_s > _DAY_S):
        for limit_s in (_DAY_S, _DAY_S // 24):
            yield "time_limit_s", str(limit_s), msgspec.structs.replace(spec, time_limit_s=limit_s)


def _leases(world: World, job: Job, now: datetime, starts_by: datetime | None) -> Iterator[Option]:
    """A lease of as many devices, for the time limit or a day, of each model that would do."""
    spec = job.spec
    length = timedelta(seconds=spec.time_limit_s or _DAY_S)
    offered = {d.model for d in world.devices if sellable(d) and names(spec.resources, d)}
    for model in sorted(offered.difference(software.exclusions(job, world.devices))):
        answer = calendar.find(world, Request(model, spec.devices, Window(now, now + length)), now)
        start = now if answer.available else answer.available_from
        if start is not None and (starts_by is None or start < starts_by):
            yield Option("lease", f"{spec.devices} {model}", start)
