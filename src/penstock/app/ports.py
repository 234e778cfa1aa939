"""What the app asks of the outside: an engine that runs attempts, probes that look, a clock.

Engines are called outside any transaction. They may fail (`Fault`) or be slow; the loop asks again.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from penstock.fleet.device import Calibration, Device, Node
from penstock.lease.job import JobSpec
from penstock.lease.seen import Seen


class Clock(Protocol):
    """UTC now."""

    def now(self) -> datetime:
        """The present instant."""
        ...


class TaskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One process group: its rank and the handles of the devices it alone may use."""

    rank: int
    node: str
    local_rank: int
    devices: tuple[str, ...]
    handles: tuple[str, ...]
    stack: str


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


class Engine(Protocol):
    """Runs attempts, each exactly once by its id."""

    name: str

    def start(self, plan: Start) -> None:
        """Begin; a second call with the same attempt id changes nothing. All tasks start or none."""

    def observe(self, attempts: Iterable[str]) -> Sequence[Seen]:
        """What is known of each; an attempt that never began here is left out."""

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
