"""The plan of one revision: filter, order, choose, explain."""

from collections import Counter
from collections.abc import Hashable
from datetime import datetime

from penstock.lease.job import Job
from penstock.placement import calendar, filters, gang, software
from penstock.placement.model import Placement, Plan, Waiting, World
from penstock.placement.occupancy import Occupancy
from penstock.placement.reasons import book_reason
from penstock.placement.tasks import split


def queue_order(job: Job) -> tuple[int, datetime, str]:
    """Higher priority first, then the older job, then by id."""
    return -job.spec.priority, job.created_at, job.id


def solve(world: World, now: datetime) -> Plan:
    """Place each waiting job, in queue order, or count why not.

    A job that does not fit leaves what is free to those behind it. Equal worlds give equal plans.
    """
    occupancy = Occupancy(world, now)
    placements: list[Placement] = []
    waiting: list[Waiting] = []
    refused: dict[Hashable, Counter[str]] = {}
    for job in sorted(world.queue, key=queue_order):
        kind = _kind(job, occupancy)
        decision = refused[kind] if kind in refused else attempt(job, occupancy)
        if isinstance(decision, Counter):
            refused[kind] = decision
            waiting.append(Waiting(job.id, book_reason(decision), dict(decision)))
        else:
            refused.clear()
            occupancy.take(job, job.tenant, (device for task in decision for device in task))
            placements.append(Placement(job.id, tasks_of(job, decision)))
    return Plan(world.revision, tuple(placements), tuple(waiting))


def attempt(job: Job, occupancy: Occupancy) -> gang.Groups | Counter[str]:
    """The devices of each gang node, or the count of every considered device by what kept it out."""
    free, counts = filters.fitting(job, occupancy)
    chosen = gang.place(job.spec, free, occupancy)
    return +(counts + chosen) if isinstance(chosen, Counter) else chosen


def tasks_of(job: Job, groups: gang.Groups) -> tuple[tuple[str, ...], ...]:
    """The devices of each task; rank = gang node × tasks a node + task on that node."""
    return tuple(task for group in groups for task in split(group, job.spec.tasks_per_node))


def _kind(job: Job, occupancy: Occupancy) -> Hashable:
    """Jobs of one kind get the same answer from the same world."""
    until = calendar.sure_end(job, occupancy.now) if job.lease is None else None
    fit = software.kind(job)
    return job.lease, filters.gate(job, occupancy), job.spec.nodes, job.spec.resources, until, fit
