"""What the engine reads of a cluster, whatever version and way it came: jobs, hosts, accounting records."""

import msgspec

PATH = "/usr/local/bin:/usr/bin:/bin"
"""Of the batch script; programs are given their own."""
PENDING = (
    "PENDING",
    "CONFIGURING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "REQUEUE_FED",
    "SPECIAL_EXIT",
    "RESV_DEL_HOLD",
)
ACTIVE = ("RUNNING", "COMPLETING", "SUSPENDED", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING")
"""Every other state is final."""


class SlurmJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the controller knows it, or as accounting has recorded it. Instants are whole seconds."""

    id: int
    name: str
    state: str
    reason: str = ""
    user: str = ""
    account: str = ""
    directory: str = ""
    """Its working directory, which of ours is the attempt's and so no other job's; '' in accounting records."""
    nodes: tuple[str, ...] = ()
    gpus: int = 0
    """Of the whole job, as allocated."""
    cpus: int = 0
    start_s: int = 0
    end_s: int = 0

    @property
    def is_pending(self) -> bool:
        """It has no devices (yet, or any more)."""
        return self.state in PENDING

    @property
    def is_over(self) -> bool:
        """Its state is final."""
        return self.state not in PENDING and self.state not in ACTIVE


class SlurmNode(msgspec.Struct, frozen=True, kw_only=True):
    """A host; `gres` counts its accelerators by Slurm's type ('' where it has none)."""

    name: str
    address: str
    cpus: int
    memory_bytes: int
    states: tuple[str, ...]
    reason: str = ""
    gres: dict[str, int] = {}
    features: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A job to submit: a script for the first of `nodes`, which must be exactly these."""

    name: str
    comment: str
    script: str
    nodes: tuple[str, ...]
    cpus_per_node: int
    gres: str = ""
    memory_mib: int = 0
    time_limit_minutes: int | None = None
    account: str = ""
    partition: str = ""
    reservation: str = ""
    qos: str = ""
    constraint: str = ""
    directory: str
    output: str


class Rejected(Exception):
    """Slurm understood the submission and declines it for good."""


def expand(hosts: str) -> tuple[str, ...]:
    """The names of a host list such as `n[1-3,07],gpu5`. Raises ValueError past 100,000 names."""
    names: list[str] = []
    for part in _split(hosts):
        names += _expand_one(part)
        if len(names) > 100_000:
            raise ValueError("a host list names too many hosts")
    return tuple(names)


def _split(hosts: str) -> list[str]:
    """At the commas outside brackets."""
    parts, depth = [""], 0
    for letter in hosts.strip():
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part and part not in ("None assigned", "(null)", "None")]


def _expand_one(part: str) -> list[str]:
    before, bracket, rest = part.partition("[")
    if not bracket:
        return [part]
    inside, _, after = rest.partition("]")
    names = []
    for piece in inside.split(","):
        low, dash, high = piece.partition("-")
        numbers = range(int(low), int(high or low) + 1) if dash else (int(low),)
        if len(numbers) > 100_000:
            raise ValueError("a host list names too many hosts")
        names += [f"{before}{number:0{len(low)}d}" for number in numbers]
    return [name + tail for name in names for tail in (_expand_one(after) if after else [""])]
