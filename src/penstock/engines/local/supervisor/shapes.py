"""The shapes of what server and supervisor tell each other; `format` names the files."""

from typing import Literal, TypedDict

type MountKind = Literal["ro", "rw", "dev", "proc", "devfs", "link"]


class Mount(TypedDict):
    """One piece of a sandbox's file tree; for a link, `source` is what it points to."""

    kind: MountKind
    source: str
    target: str


class Entry(TypedDict):
    """One process to start: `cpus` empty leaves its affinity alone."""

    rank: int
    env: dict[str, str]
    cpus: list[int]


class Groups(TypedDict):
    """The control groups of this host that we may write: directories under which attempts get their own.

    `v2` and each of `v1` (by controller) are such directories; `v2_controllers` are on in `v2`.
    """

    v2: str
    v2_controllers: list[str]
    v1: dict[str, str]


class Plan(TypedDict):
    """Everything the supervisor needs; it has no choices left.

    `mark` is the variable, with its value, by which processes of the attempt can be told.
    `cpu_millicores` and `memory_bytes` are limits of the whole attempt, 0 for none.
    `seccomp` is a filter of system calls as base64, '' for none.
    `refused` (a code, a line feed, a sentence) is set where the gang cannot start on this host.
    """

    attempt: str
    boot: str
    refused: str
    isolation: str
    network: bool
    seccomp: str
    mounts: list[Mount]
    workdir_source: str
    workdir: str
    workdir_limit_bytes: int
    run: list[str]
    setup: list[str]
    setups: list[Entry]
    tasks: list[Entry]
    mark: str
    groups: Groups
    cpu_millicores: int
    memory_bytes: int
    max_processes: int
    resource_limits: dict[str, int]
    log_limit_bytes: int
    time_limit_s: float | None
    grace_s: float
    checkpoint: str
    stall_after_s: float
    stall_cores: float
    limits: dict[str, str]


class Exit(TypedDict):
    """How one task ended."""

    rank: int
    exit_code: int | None
    signal: int | None
    out_of_memory: bool


class Status(TypedDict):
    """What was seen of the attempt so far."""

    state: str
    cause: str
    began_us: int | None
    running_us: int | None
    ended_us: int | None
    exits: list[Exit]
    checkpoints_us: list[int]
    stalls_us: list[tuple[int, int]]
    limits: dict[str, str]
    cpu_seconds: float
    memory_peak_bytes: int


class Stop(TypedDict):
    """A request to stop."""

    grace_s: float
