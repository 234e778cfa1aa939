"""A lease as Slurm knows it: an account with limits, and a reservation of its hosts that only it may use.

Slurm reserves hosts or cores, not accelerators: a lease of a whole host reserves the host, one of a part
reserves the cores that go with its devices. Slurm 22.05 can be told so by its commands only, so this needs
`scontrol` and `sacctmgr` on our host and an operator's rights.
"""

import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime

from penstock.app.ports import Kept
from penstock.base.refusal import Fault
from penstock.engines.slurm.model import SlurmNode
from penstock.engines.slurm.settings import SlurmSettings

PREFIX = "penstock-lease-"
_TIMEOUT_S = 30.0


def name_of(lease: str) -> str:
    """The reservation and account of a lease."""
    return PREFIX + lease.replace("/", ".")


class Keeping:
    """Makes what Slurm keeps the same as what is leased."""

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings
        self._kept: tuple[Kept, ...] | None = None
        self._reserved: set[str] = set()

    def keep(self, leases: Sequence[Kept], nodes: Mapping[str, SlurmNode]) -> None:
        """Reserve for these leases and free what is reserved for others; nothing is asked twice in vain."""
        wanted = tuple(sorted(leases, key=lambda one: one.lease))
        if wanted == self._kept:
            return
        there = _reservations()
        names = {name_of(one.lease) for one in wanted}
        freed = [_free(name) for name in sorted(there - names)]
        for one in wanted:
            if name_of(one.lease) not in there:
                self._account(one)
                self._reserve(one, nodes)
        self._reserved = names
        self._kept = wanted if all(freed) else None

    def has(self, lease: str) -> bool:
        """Whether the lease has its reservation."""
        return name_of(lease) in self._reserved

    def _account(self, one: Kept) -> None:
        """The account, with the limit on devices that is the lease's size; only devices of its kind count."""
        name, size = name_of(one.lease), sum(one.devices.values())
        parent = [f"Parent={self._settings.account}"] if self._settings.account else []
        _run("sacctmgr", "-i", "-Q", "add", "account", name, *parent, may_exist=True)
        _run(
            *("sacctmgr", "-i", "-Q", "modify", "account", "where", f"name={name}"),
            *("set", f"GrpTRES=gres/gpu={size}"),
            may_exist=True,
        )
        user = self._settings.user or "root"
        _run("sacctmgr", "-i", "-Q", "add", "user", user, f"Account={name}", may_exist=True)

    def _reserve(self, one: Kept, nodes: Mapping[str, SlurmNode]) -> None:
        names = [
            name for name in nodes if name in one.devices
        ]  # in Slurm's own order, which counts of cores go by
        partial = [name for name in names if not _is_whole(one.devices[name], nodes[name])]
        options = [
            f"ReservationName={name_of(one.lease)}",
            f"StartTime={_local(one.start)}",
            f"EndTime={_local(one.end)}",
            f"Accounts={name_of(one.lease)}",
            f"Nodes={','.join(names)}",
        ]
        if partial:
            cores = [str(_cores(one.devices[name], nodes[name])) for name in names]
            options.append(f"CoreCnt={','.join(cores)}")
        try:  # beside what runs there
            _run("scontrol", "create", "reservation", *options)
        except (
            Fault
        ):  # what runs there may go on past the lease's beginning; the centre stops its own in time
            _run("scontrol", "create", "reservation", *options, "Flags=IGNORE_JOBS")


def _is_whole(devices: int, node: SlurmNode) -> bool:
    return devices >= (sum(node.gres.values()) or node.cpus)


def _cores(devices: int, node: SlurmNode) -> int:
    return max(node.cpus * devices // max(sum(node.gres.values()) or node.cpus, 1), 1)


def _local(instant: datetime) -> str:
    """As Slurm reads times: in the time zone of its hosts, which are ours."""
    return max(instant, datetime.now(instant.tzinfo)).astimezone().strftime("%Y-%m-%dT%H:%M:%S")


def _reservations() -> set[str]:
    said = _run("scontrol", "-o", "show", "reservation")
    fields = (line.split()[0].partition("=")[2] for line in said.splitlines() if line.strip())
    return {name for name in fields if name.startswith(PREFIX)}


def _free(name: str) -> bool:
    """Whether the reservation is gone; it stays while jobs of its lease are ending."""
    try:
        _run("scontrol", "delete", f"ReservationName={name}")
    except Fault as error:
        if "in use" not in str(error):
            raise
        return False
    return True


def _run(*command: str, may_exist: bool = False) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Fault(f"{command[0]}: {error}") from error
    if done.returncode and not may_exist:
        raise Fault(f"{' '.join(command[:3])}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout
