"""What is taken while a plan is being made: devices, host memory, and each tenant's and project's share."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from penstock.base.window import Window
from penstock.fleet.device import Device, Node
from penstock.lease.job import Job
from penstock.lease.offer import Lease
from penstock.lease.tenant import Project, Tenant
from penstock.placement import calendar
from penstock.placement.model import World


class Occupancy:
    """The world as `solve` fills it. `taken` and the sums change with each placement, all else is fixed."""

    def __init__(self, world: World, now: datetime) -> None:
        self.now = now
        self.nodes: Mapping[str, Node] = {node.id: node for node in world.nodes}
        self.devices = tuple(device for device in world.devices if calendar.commissioned(device))
        self.leases: Mapping[str, Lease] = {lease.id: lease for lease in world.leases}
        self.tenants: Mapping[str, Tenant] = {tenant.id: tenant for tenant in world.tenants}
        self.projects: Mapping[str, Project] = {project.id: project for project in world.projects}
        self.booked: Mapping[str, list[Window]] = calendar.bookings(world.leases, now)
        self.preference = {model: place for place, model in enumerate(world.preference)}
        self.taken: set[str] = set()
        self.memory: Counter[str] = Counter()
        self.used_by_tenant: Counter[str] = Counter()
        self.used_by_project: Counter[str] = Counter()
        self._node_of = {device.id: device.node for device in world.devices}
        self._of_lease = _by_lease(self.devices, world.leases)
        jobs = {job.id: job for job in world.running}
        for attempt in world.attempts:
            self.take(jobs.get(attempt.job), attempt.tenant, attempt.devices)

    def considered(self, lease: str | None) -> Sequence[Device]:
        """The devices a job may ask about: its lease's, or all."""
        return self.devices if lease is None else self._of_lease.get(lease, ())

    def take(self, job: Job | None, tenant: str, devices: Iterable[str]) -> None:
        """Occupy the devices, and on each node the host memory of the gang's groups there."""
        held = tuple(devices)
        self.taken.update(held)
        self.used_by_tenant[tenant] += len(held)
        if job is None:
            return
        if job.project is not None:
            self.used_by_project[job.project] += len(held)
        need = job.spec.resources
        for node, count in Counter(
            self._node_of[device] for device in held if device in self._node_of
        ).items():
            self.memory[node] += -(-count // need.devices_per_node) * need.memory_bytes

    def memory_free(self, node: str) -> int:
        """Host memory in bytes that no gang has reserved."""
        return self.nodes[node].memory_bytes - self.memory[node]

    def over_quota(self, job: Job) -> bool:
        """Whether the job's devices would pass its tenant's or project's cap on devices at once."""
        tenant, project = self.tenants.get(job.tenant), self.projects.get(job.project or "")
        caps = (
            (tenant.device_quota if tenant else None, self.used_by_tenant[job.tenant]),
            (project.device_quota if project else None, self.used_by_project[job.project or ""]),
        )
        return any(cap is not None and used + job.spec.devices > cap for cap, used in caps)


def _by_lease(devices: Iterable[Device], leases: Iterable[Lease]) -> dict[str, list[Device]]:
    by_id = {device.id: device for device in devices}
    owned: dict[str, list[Device]] = defaultdict(list)
    for lease in leases:
        owned[lease.id] = [by_id[device] for device in lease.devices if device in by_id]
    return owned
