"""A job, its attempts, and their states."""

from datetime import datetime
from enum import StrEnum

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import WHOLE, Precision

ARRAY_INDEX = "ARRAY_INDEX"
"""The variable that tells the jobs of an array apart; their ids end with it."""
AFTER = "after-"
"""How the lines of jobs begin that wait for other jobs."""

type Slots = tuple[tuple[int, int], ...]
"""Thousandths [low, high) of one device."""


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often to try again after the program fails; an eviction or a lost node is not counted."""

    max_attempts: int = 1
    on_exit_codes: tuple[int, ...] = ()
    """Empty: any failure."""


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the program keeps its checkpoints: a directory that stays across attempts."""

    path: str = "/checkpoint"


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each node of the gang needs. Any of `models` serves; memory is host memory in bytes.

    `device_share` is how much of each device is taken, in thousandths: 1000 is the whole device, less only
    with one device a node. With a whole device `device_memory_bytes` is what the device must have at least;
    with a share it is what the job takes of it. CPU is in thousandths of a core.
    """

    models: tuple[str, ...]
    devices_per_node: int = 1
    memory_bytes: int = 0
    device_memory_bytes: int = 0
    device_share: int = WHOLE
    cpu_millicores: int = 0
    throughput: tuple[tuple[str, float], ...] = ()
    """Model -> work that the whole job does there in a second, in one unit for all (steps, samples, tokens)."""


class Software(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program needs of the software under it.

    `stacks` are those that it is declared to run on, by the catalogue's names (none: not declared), `rules`
    the ids of portability rules that its code is declared to meet. With `check` its working directory is
    read for more of them when it is submitted.
    """

    stacks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    check: bool = False


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is other on one software stack: texts that are not empty replace the job's, `env` is laid over its."""

    setup: str = ""
    run: str = ""
    env: dict[str, str] = {}
    image: str = ""
    """In place of the job's image."""


class Flops(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Model FLOPs of a whole run as its owner says: forward and backward, no recomputation (PaLM, appendix B)."""

    total: float
    precision: Precision


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to run, checked and without defaults left open.

    `nodes` hosts, each with `resources.devices_per_node` devices and `tasks_per_node` processes; a task
    is one process group of the gang. Seconds are whole seconds.
    """

    name: str
    run: str
    resources: Resources
    nodes: int = 1
    tasks_per_node: int = 1
    setup: str = ""
    env: dict[str, str] = {}
    image: str = ""
    """Container image whose file system takes the place of the node's; empty: that of the node."""
    workdir: str = ""
    """Content id of an uploaded working directory; empty for none."""
    volumes: dict[str, str] = {}
    """Mount path -> volume name."""
    time_limit_s: int | None = None
    grace_s: int = 10
    retry: Retry = Retry()
    checkpoint: Checkpoint | None = None
    log_limit_bytes: int = 64 * 2**20
    max_processes: int = 4096
    network: str = "host"
    """`host`: that of the node; `none`: only the tasks of the same node reach each other, by its loopback."""
    priority: int = 0
    spot: bool = False
    """Cheaper, and on devices that are promised to others: evicted with notice when those need them."""
    software: Software = Software()
    after: dict[str, str] = {}
    """Jobs that must end before it is placed -> how: `success`, `failure` or `end` (either)."""
    variants: dict[str, Variant] = {}
    """By software stack; a job with a variant for a stack is taken to run on it."""
    flops: Flops | None = None

    @property
    def devices(self) -> int:
        """Devices of the whole gang."""
        return self.nodes * self.resources.devices_per_node

    @property
    def tasks(self) -> int:
        """Tasks of the whole gang: WORLD_SIZE."""
        return self.nodes * self.tasks_per_node


class JobState(StrEnum):
    """A job's life; `evicted` and `lost` are passing states on the way back to `queued`."""

    QUEUED = "queued"
    PLACED = "placed"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EVICTED = "evicted"
    LOST = "lost"


JOB_MOVES: dict[JobState, tuple[JobState, ...]] = {
    JobState.QUEUED: (JobState.PLACED, JobState.CANCELLED),
    JobState.PLACED: (JobState.STARTING, JobState.QUEUED, JobState.CANCELLED, JobState.EVICTED),
    JobState.STARTING: (
        JobState.RUNNING,
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.EVICTED,
        JobState.LOST,
        JobState.QUEUED,
    ),
    JobState.RUNNING: (
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.EVICTED,
        JobState.LOST,
        JobState.QUEUED,
    ),
    JobState.EVICTED: (JobState.QUEUED, JobState.CANCELLED, JobState.FAILED),
    JobState.LOST: (JobState.QUEUED, JobState.CANCELLED, JobState.FAILED),
    JobState.SUCCEEDED: (),
    JobState.FAILED: (),
    JobState.CANCELLED: (),
}
FINAL_JOB_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """When and where a waiting job starts at the latest, by what is known: the devices of each task."""

    start: datetime
    tasks: tuple[tuple[str, ...], ...]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job. `lease` is None on demand. `stop_reason` is set once somebody asked it to stop."""

    id: str
    tenant: str
    spec: JobSpec
    created_at: datetime
    project: str | None = None
    lease: str | None = None
    offer: str | None = None
    price_micros_per_card_hour: Micros = 0
    state: JobState = JobState.QUEUED
    attempts: int = 0
    failures: int = 0
    losses: int = 0
    """Attempts lost with their node; they are tried again, but not for ever."""
    reasons: dict[str, int] = {}
    """Why it waits: reason code -> devices kept out by it, as of the last decision."""
    barred: dict[str, tuple[str, ...]] = {}
    """Where its software does not run: model or stack -> ids of the rules against it, settled at submission."""
    stop_reason: str | None = None
    hold: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    promise: Promise | None = None
    """While it waits: the start that later jobs must not delay."""
    line: str = ""
    """Jobs of one line ask the same for one owner, so they are served oldest first; empty: settled when kept."""


class AttemptState(StrEnum):
    """What the engine was told and has shown of one attempt."""

    PLACED = "placed"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    EVICTED = "evicted"
    LOST = "lost"


FINAL_ATTEMPT_STATES = (
    AttemptState.SUCCEEDED,
    AttemptState.FAILED,
    AttemptState.STOPPED,
    AttemptState.EVICTED,
    AttemptState.LOST,
)


class TaskExit(msgspec.Struct, frozen=True, kw_only=True):
    """How one task of an attempt ended: an exit code, or the signal that killed it."""

    rank: int
    exit_code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False


ACCOUNTING, AWAITED = "accounting", "awaited"
"""Of an attempt's `limits`: who told how long it took; awaited while that is not the engine's accounting yet."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a job on named devices, which it occupies over [placed_at, ended_at).

    `metered_until` is how far usage has been recorded; `checkpoints` are the instants at which the
    program had a new checkpoint on disk; `limits` says which limits the engine really enforces.
    """

    id: str
    job: str
    tenant: str
    number: int
    engine: str
    devices: tuple[str, ...]
    tasks: tuple[tuple[str, ...], ...] = ()
    """The devices of each task, by rank."""
    placed_at: datetime
    lease: str | None = None
    offer: str | None = None
    """On demand: the offer at whose price it is charged, in force when the job was submitted."""
    state: AttemptState = AttemptState.PLACED
    began_at: datetime | None = None
    """When the engine began it, set-up included: charged time starts here."""
    running_at: datetime | None = None
    stopping_at: datetime | None = None
    ended_at: datetime | None = None
    metered_until: datetime | None = None
    metered: bool = False
    """Its last usage is recorded."""
    exits: tuple[TaskExit, ...] = ()
    cause: str = ""
    """What ended it, e.g. `exit`, `time_limit`, `out_of_memory`, `stop`, `node_down`."""
    checkpoints: tuple[datetime, ...] = ()
    stalls: tuple[tuple[datetime, datetime], ...] = ()
    limits: dict[str, str] = {}
    cpu_seconds: float = 0.0
    memory_peak_bytes: int = 0
    waiting: str = ""
    """What keeps its engine from beginning it, in the engine's words; empty once it has begun."""
    share: int = WHOLE
    """Thousandths that it takes of each device: what is kept from others, and what is charged."""
    slots: tuple[Slots, ...] = ()
    """Which thousandths those are, device by device; empty where it has whole devices."""
    spot: bool = False

    @property
    def awaits_accounting(self) -> bool:
        """It has ended, and is charged once the engine's accounting says how long it took."""
        return self.limits.get(ACCOUNTING) == AWAITED

    def slots_on(self, device: str) -> Slots:
        """The thousandths [low, high) of one of its devices that are its own."""
        return self.slots[self.devices.index(device)] if self.slots else ((0, WHOLE),)


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Waiting demand: for this long, so many devices of any of `models` were kept out by one reason.

    `reason` is `no_fit_model`, `no_fit_memory`, `no_fit_fragmentation`, `no_fit_topology`, `no_fit_booking`,
    `no_fit_quota`, `no_fit_price`, `no_fit_place`, `no_fit_software`, or `busy` where every fitting device
    is taken. `share` is in thousandths of each device.
    """

    job: str
    tenant: str
    models: tuple[str, ...]
    reason: str
    devices: int
    start: datetime
    end: datetime | None = None
    lease: str | None = None
    """The lease that the job waits under; it can use no other device."""
    share: int = WHOLE
    rules: tuple[str, ...] = ()
    """Ids of the rules that kept its software off devices it may otherwise use."""
