"""What the app asks of the outside: an engine that runs attempts, probes that look, a clock.

Engines are called outside any transaction. They may fail (`Fault`) or be slow; the loop asks again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from penstock.base.quantity import WHOLE
from penstock.fleet.device import Calibration, Device, DeviceState, LinkMeasurement, Node
from penstock.fleet.telemetry import Sample
from penstock.lease.job import JobSpec
from penstock.lease.seen import Seen


class Clock(Protocol):
    """UTC now."""

    def now(self) -> datetime:
        """The present instant."""
        ...


class TaskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One process group: its rank and the handles of the devices it may use.

    With less than a whole `share` (thousandths) others use the device too, and `device_memory_bytes` is its
    part of the memory. `visible_devices` and `device_files` tell of a stack that only the site's own catalogue has.
    """

    rank: int
    node: str
    local_rank: int
    devices: tuple[str, ...]
    handles: tuple[str, ...]
    stack: str
    share: int = WHOLE
    device_memory_bytes: int = 0
    visible_devices: str = ""
    device_files: tuple[str, ...] = ()


class Rendezvous(msgspec.Struct, frozen=True, kw_only=True):
    """Where the tasks of several hosts meet, of which an engine runs one host's part."""

    world_size: int
    node_rank: int
    address: str
    port: int


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an engine needs to run one attempt; it has no choices left.

    `env` holds the program's variables without the engine's own (MASTER_ADDR, RANK, …), `workdir`,
    `checkpoint` and `volumes` are directories on the host ('' for none; volumes: mount path -> directory).
    """

    attempt: str
    job: str
    tenant: str
    spec: JobSpec
    tasks: tuple[TaskPlan, ...]
    workdir: str = ""
    checkpoint: str = ""
    volumes: dict[str, str] = {}
    lease: str = ""
    rendezvous: Rendezvous | None = None
    """Set where `tasks` are only a part of the gang."""


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A host as its engine sees it now. `foreign` of its devices are used by work that is not ours."""

    node: Node
    devices: tuple[Device, ...]
    state: DeviceState = DeviceState.AVAILABLE
    """available, cordoned, maintenance or down: what the engine says of the whole host."""
    reason: str = ""
    foreign: int = 0
    foreign_work: tuple[str, ...] = ()
    """That work in the engine's words, e.g. `job 17 of alice in research: 2 devices`."""


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine has. No hosts: a probe looks at the one that the engine is for."""

    nodes: tuple[NodeView, ...] = ()
    version: str = ""
    remarks: tuple[str, ...] = ()
    """What an operator should know, such as accounting that differs from what was charged."""
    shares_devices: bool = False
    """Whether several attempts may be started on one device; else it allots whole ones."""
    images: tuple[str, ...] | None = None
    """Images that jobs can run in; None where the engine runs none."""
    accepted: bool = False
    """New devices go on sale on the operator's word, without a measurement of ours."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A lease that holds devices of an engine from `start` to `end`; `devices` counts them by node."""

    lease: str
    tenant: str
    start: datetime
    end: datetime
    devices: dict[str, int]


class Engine(Protocol):
    """Runs attempts, each exactly once by its id.

    Kept by every engine, and tried against each by `tests/contract/`: an attempt is begun at most once,
    whatever dies; what is stopped stays stopped and leaves no process; a gang starts whole or not at all; a
    final state is never taken back; usage is what ran, by the engine's clock; output is complete and in order.
    An engine that is away raises Fault, loses nothing, and is asked again.
    """

    name: str
    starts_at_once: int
    """So many calls of `start`, from threads of their own, may go on beside each other, and beside all other calls."""

    def capacity(self) -> Capacity:
        """Its hosts and devices, and how they are. Cheap to ask often: it may be some seconds old."""

    def keep(self, leases: Sequence[Kept]) -> None:
        """Keep devices for these leases and no others, as far as the engine can; safe to repeat."""

    def start(self, plan: Start) -> None:
        """Begin; a second call with the same attempt id changes nothing. All tasks start or none."""

    def observe(self, attempts: Iterable[str]) -> Sequence[Seen]:
        """What is known of each; an attempt that never began here is left out.

        One that waits in the engine's own queue is `starting` without `began_at`, and costs nothing yet.
        """

    def stop(self, attempt: str, grace_s: float) -> None:
        """Ask all tasks to end, kill their process trees after the grace; final, returns at once.

        Also valid before `start` arrives: such an attempt then never begins and is seen as stopped.
        """

    def logs(self, attempt: str, rank: int, offset: int, limit_bytes: int) -> bytes:
        """Standard output and error of one task, in order, from a byte offset."""

    def forget(self, attempt: str) -> None:
        """Drop what is kept of a finished attempt; its logs go too."""

    def close(self) -> None:
        """Let go of the engine; attempts go on running."""


class Discovered(msgspec.Struct, frozen=True):
    """One host as a probe found it."""

    node: Node
    devices: tuple[Device, ...]


class Probe(Protocol):
    """Looks at this host."""

    def discover(self) -> Discovered:
        """The node and its devices, states left at planned."""

    def calibrate(self, device: Device, at: datetime) -> Iterator[Calibration]:
        """Measure one device; yields the one result at the end (an iterator, so progress can be shown)."""
        ...

    def sample(self, devices: Sequence[Device]) -> Mapping[str, Sample]:
        """What they are doing now, by id; devices of which no source says anything are left out."""
        ...

    def links(self, devices: Sequence[Device], at: datetime) -> LinkMeasurement:
        """Measure an all-reduce among devices of this host."""
        ...
