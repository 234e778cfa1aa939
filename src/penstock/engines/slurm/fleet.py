"""The cluster's hosts as a fleet: devices, states, and what others do on them."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from penstock.app.ports import Capacity, Kept, NodeView
from penstock.base.refusal import Fault, Refusal, Refused
from penstock.engines.patience import Patience
from penstock.engines.slurm.cluster import Cluster
from penstock.engines.slurm.errand import Errand
from penstock.engines.slurm.keeping import Keeping
from penstock.engines.slurm.model import SlurmJob, SlurmNode
from penstock.engines.slurm.reservations import name_of
from penstock.engines.slurm.settings import SlurmSettings
from penstock.fleet.accelerators import Accelerator, catalogue, device_rates, find
from penstock.fleet.device import Device, DeviceState, Node

_DOWN = (
    "DOWN",
    "FAIL",
    "FAILING",
    "NOT_RESPONDING",
    "NO_RESPOND",
    "POWERED_DOWN",
    "POWERING_DOWN",
    "UNKNOWN",
)
_CLOSED = ("DRAIN", "DRAINING", "DRAINED")
_MAINTAINED = ("MAINTENANCE", "MAINT", "REBOOT", "REBOOT_REQUESTED", "REBOOT_ISSUED")


class Fleet:
    """Looks at the cluster now and then, and remembers for some seconds what it saw.

    What takes long is done beside: the looks after the first one, and what leases need.
    """

    def __init__(
        self, settings: SlurmSettings, cluster: Cluster, remarks: Callable[[], tuple[str, ...]]
    ) -> None:
        self._settings, self._cluster, self._remarks = settings, cluster, remarks
        self._keeping, self._patience = Keeping(settings), Patience()
        self._known = catalogue()
        self._nodes: tuple[SlurmNode, ...] = ()
        self._seen: Capacity | None = None
        self._next_s = 0.0
        self._looking = Errand(self._look, "looking")
        self._leases: Sequence[Kept] = ()
        self._reserving = Errand(self._keep, "reserving")

    def look(self) -> Capacity:
        """Hosts with their devices, as they were some seconds ago at most. Raises Fault where the cluster is away."""
        if self._seen is None:
            self._look()
        elif time.monotonic() >= self._next_s:
            self._next_s = math.inf
            self._looking.send()
        self._looking.check()
        assert self._seen is not None, "it has been looked at"
        return self._seen

    def _look(self) -> None:
        try:
            self._seen = self._found()
        finally:
            self._next_s = time.monotonic() + self._settings.look_every_s

    def _found(self) -> Capacity:
        nodes, jobs = self._cluster.nodes(), self._cluster.jobs()
        if self._settings.partition:
            nodes = tuple(n for n in nodes if self._settings.partition in n.partitions)
        if self._settings.constraint.isidentifier():
            nodes = tuple(n for n in nodes if self._settings.constraint in n.features)
        self._nodes = nodes
        if not nodes:
            raise Refused(_empty(self._settings))
        foreign = foreign_work(nodes, jobs, self._settings.cores_per_device, self._settings.shared.resolve())
        return Capacity(
            nodes=tuple(self._view(node, foreign[node.name]) for node in nodes),
            version=self._cluster.version(),
            accepted=self._settings.accepted,
            remarks=(*self._unreserved(), *self._remarks()),
        )

    def close(self) -> None:
        """Look no more."""
        self._looking.close()
        self._reserving.close()

    def keep(self, leases: Sequence[Kept]) -> None:
        """Have reservations and accounts for these leases, and none for others; done beside, and again until it is."""
        if self._settings.reservations:
            self._leases = leases
            self._reserving.send()

    def _keep(self) -> None:
        hosts = {node.name: node for node in self._nodes}
        self._patience.call(lambda: self._keeping.keep(self._leases, hosts))

    def _unreserved(self) -> tuple[str, ...]:
        """What keeps leases from being reserved."""
        try:
            self._reserving.check()
        except Fault as error:
            return (f"leases are not reserved: {error}",)
        return tuple(self._keeping.remarks)

    def reservation(self, lease: str) -> str:
        """The account and the reservation that a job of this lease runs in; '' where there are none.

        Raises Fault where they are not made yet: the job would be declined for good.
        """
        if not lease or not self._settings.reservations:
            return ""
        if not self._keeping.has(lease):
            raise Fault(f"lease {lease} is not reserved on the cluster yet")
        return name_of(lease)

    def addresses(self) -> dict[str, str]:
        """Where each host is reached from the others."""
        return {node.name: node.address for node in self._hosts()}

    def cpu_share(self) -> dict[str, int]:
        """CPUs that go with each accelerator of a host, so that a job on some leaves the others theirs."""
        return {node.name: max(node.cpus // max(sum(node.gres.values()), 1), 1) for node in self._hosts()}

    def _hosts(self) -> tuple[SlurmNode, ...]:
        if not self._nodes:
            self._nodes = self._cluster.nodes()
        return self._nodes

    def _view(self, node: SlurmNode, foreign: "Foreign") -> NodeView:
        return NodeView(
            node=Node(
                id=node.name,
                cpu_cores=node.cpus,
                memory_bytes=node.memory_bytes,
                engine=self._settings.name,
                fabric=self._settings.name,
                leaf=self._settings.name,
                address=node.address,
            ),
            devices=tuple(self._devices(node)),
            state=state_of(node.states),
            reason=node.reason,
            foreign=foreign.devices,
            foreign_work=tuple(foreign.work),
        )

    def _devices(self, node: SlurmNode) -> Iterable[Device]:
        if not node.gres:
            size = self._settings.cores_per_device
            for index in range(node.cpus // size):
                cpus = f"{index * size}-{(index + 1) * size - 1}" if size > 1 else str(index)
                yield Device(
                    id=f"{node.name}-cpu{index}", node=node.name, model="cpu", handle=cpus, index=index
                )
            return
        index = 0
        for kind, count in sorted(node.gres.items()):
            accelerator = self._accelerator(kind)
            model = accelerator.id if accelerator else self._settings.models.get(kind, kind or "gpu")
            for number in range(count):
                yield Device(
                    id=f"{node.name}-gpu{index}",
                    node=node.name,
                    model=model,
                    handle=f"{kind}:{number}" if kind else str(number),
                    index=index,
                    card=f"{node.name}-gpu{index}",
                    stack=accelerator.stack if accelerator else "cuda",
                    memory_bytes=accelerator.memory_bytes if accelerator else 0,
                    nominal=device_rates(accelerator) if accelerator else (),
                )
                index += 1

    def _accelerator(self, kind: str) -> Accelerator | None:
        found = find(self._settings.models.get(kind, kind), self._known)
        return found[0] if found else None


def _empty(settings: SlurmSettings) -> Refusal:
    where = f" in partition {settings.partition}" if settings.partition else ""
    feature = f" with {settings.constraint}" if settings.constraint else ""
    what = f"the cluster has no host{where}{feature}"
    return Refusal("engine_empty", what, "correct partition and constraint in engines.yaml")


class Foreign:
    """What work that is not ours uses on one host."""

    def __init__(self) -> None:
        self.devices = 0
        self.work: list[str] = []


def foreign_work(
    nodes: Iterable[SlurmNode], jobs: Iterable[SlurmJob], cores_per_device: int, shared: Path
) -> dict[str, Foreign]:
    """Devices of each host under jobs that run in no directory of ours, spread evenly over the hosts of each job."""
    found = {node.name: Foreign() for node in nodes}
    sizes = {node.name: node for node in nodes}
    for job in jobs:
        if job.is_pending or job.is_over or not job.nodes or Path(job.directory).is_relative_to(shared):
            continue
        for number, name in enumerate(job.nodes):
            if name not in found:
                continue
            if sizes[name].gres:
                share, rest = divmod(job.gpus, len(job.nodes))
            else:
                share, rest = divmod(-(-job.cpus // cores_per_device), len(job.nodes))
            devices = share + (number < rest)
            found[name].devices += devices
            if devices:
                account = f" in {job.account}" if job.account else ""
                found[name].work.append(f"job {job.id} of {job.user}{account}: {devices} devices")
    return found


def state_of(states: Sequence[str]) -> DeviceState:
    """Slurm's words for a host as one of our states; what is worst counts.

    Draining there lets running work go on, which is `cordoned` here.
    """
    bare = {word.rstrip("*~#!%$@^-") for word in states}
    if not bare.isdisjoint(_DOWN) or any(word.endswith("*") for word in states):
        return DeviceState.DOWN
    if not bare.isdisjoint(_MAINTAINED):
        return DeviceState.MAINTENANCE
    return DeviceState.AVAILABLE if bare.isdisjoint(_CLOSED) else DeviceState.CORDONED
