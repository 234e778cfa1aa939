"""What each tenant and project uses, their caps, and the order in which jobs are served.

Priority first. Among equals the tenant with the smallest dominant share is next (Ghodsi et al., "Dominant
Resource Fairness", NSDI 2011), in it the project with the smallest, in it the oldest job. Spot work comes last.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import groupby

from penstock.base.quantity import WHOLE
from penstock.lease.job import Job
from penstock.lease.tenant import Project, Tenant
from penstock.placement.layout import Layout
from penstock.placement.snapshot import Holding

FAIR_SHARE, FIFO = "fair-share", "fifo"
ORDERS = (FAIR_SHARE, FIFO)

type Level = tuple[bool, int]
"""Spot work or not, and minus the priority: lower levels are served first."""


def level_of(job: Job) -> Level:
    """The jobs that are equals."""
    return job.spec.spot, -job.spec.priority


class Usage:
    """Devices in thousandths, CPU and host memory in use, by tenant and by project."""

    def __init__(self, layout: Layout, tenants: Iterable[Tenant], projects: Iterable[Project]) -> None:
        totals = (
            WHOLE * int(layout.sellable.sum()),
            int(layout.node_cpu.sum()),
            int(layout.node_memory.sum()),
        )
        self._totals = tuple(max(total, 1) for total in totals)
        self._tenants: Mapping[str, Tenant] = {tenant.id: tenant for tenant in tenants}
        self._projects: Mapping[tuple[str, str], Project] = {(p.tenant, p.id): p for p in projects}
        self._held: dict[str, int] = defaultdict(int)
        self._held_by_project: dict[tuple[str, str], int] = defaultdict(int)
        self._shared: dict[tuple[str, str | None], list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, tenant: str, job: Job | None, holding: Holding) -> None:
        """Count what an attempt holds; what a lease pays for counts against caps, not in the fair share."""
        volume = holding.share * len(holding.cells)
        self._held[tenant] += volume
        project = job.project if job else None
        if project is not None:
            self._held_by_project[tenant, project] += volume
        if job is not None and job.lease is None and not job.spec.spot:
            count = len(holding.nodes)
            used = (volume, holding.cpu * count, holding.memory * count)
            for key in ((tenant, None), (tenant, project or "")):
                shared = self._shared[key]
                for resource, amount in enumerate(used):
                    shared[resource] += amount

    def tenant(self, name: str) -> Tenant | None:
        """The tenant, where it is known."""
        return self._tenants.get(name)

    def excess(self, job: Job) -> int:
        """By how many thousandths the job's devices would pass its tenant's or project's cap; 0 for none."""
        asked = job.spec.devices * job.spec.resources.device_share
        project = (job.tenant, job.project or "")
        caps = (
            (self._tenants.get(job.tenant), self._held[job.tenant]),
            (self._projects.get(project), self._held_by_project[project]),
        )
        quotas = ((owner.device_quota, used) for owner, used in caps if owner is not None)
        return max((used + asked - cap * WHOLE for cap, used in quotas if cap is not None), default=0)

    def dominant(self, tenant: str, project: str | None = None) -> float:
        """The greatest share of any resource of the centre that the tenant (or its project) uses."""
        shared = self._shared[tenant, project]
        return max(used / total for used, total in zip(shared, self._totals, strict=True))


def in_order(queue: Iterable[Job], usage: Usage, order: str) -> Iterator[Job]:
    """The jobs as they are to be served; what was placed meanwhile counts for those after it."""
    for _, level in groupby(sorted(queue, key=lambda j: (level_of(j), _age(j))), key=level_of):
        equals = list(level)
        yield from equals if order == FIFO else _fairly(equals, usage)


def _age(job: Job) -> tuple[datetime, str]:
    return job.created_at, job.id


def _fairly(jobs: list[Job], usage: Usage) -> Iterator[Job]:
    """Of equals, oldest first in each project: always from the tenant, then the project, that uses least."""
    lines: dict[str, dict[str, list[Job]]] = defaultdict(lambda: defaultdict(list))
    for job in reversed(jobs):
        lines[job.tenant][job.project or ""].append(job)

    def entry(tenant: str) -> tuple[float, float, datetime, str, str, str]:
        projects = lines[tenant]
        ranked = ((usage.dominant(tenant, name), *_age(line[-1]), name) for name, line in projects.items())
        share, created_at, job, project = min(ranked)
        return usage.dominant(tenant), share, created_at, job, tenant, project

    heap = [entry(tenant) for tenant in lines]
    heapify(heap)
    while heap:
        *_, tenant, project = heappop(heap)
        yield lines[tenant][project].pop()
        if not lines[tenant][project]:
            del lines[tenant][project]
        if lines[tenant]:
            heappush(heap, entry(tenant))
