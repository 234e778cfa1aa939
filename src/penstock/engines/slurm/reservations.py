"""Reservations and accounts by Slurm's own commands, for the REST API of 22.05 cannot make them."""

import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime

from penstock.app.ports import Kept
from penstock.base.refusal import Fault
from penstock.engines.slurm.model import SlurmNode

PREFIX = "penstock-lease-"
HELD, TIMES = ("Nodes", "CoreCnt", "Users", "Groups"), ("StartTime", "EndTime", "Accounts")
"""What Slurm shows of a reservation: the former is only changed by making it anew."""
_TIMEOUT_S = 30.0
_AS_IT_IS = ("Nothing new added", "Nothing modified", "already exist")
_CLOSED = "GrpSubmitJobs=0"


def name_of(lease: str) -> str:
    """The reservation and account of a lease."""
    return PREFIX + lease.replace("/", ".")


def reservations() -> dict[str, dict[str, str]]:
    """What Slurm has of each reservation of a lease."""
    found = {}
    for line in _run("scontrol", "-o", "show", "reservation").splitlines():
        fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if fields.get("ReservationName", "").startswith(PREFIX):
            found[fields["ReservationName"]] = {key: fields.get(key, "") for key in (*HELD, *TIMES)}
    return found


def reserve(one: Kept, nodes: Mapping[str, SlurmNode]) -> None:
    """Make the reservation of a lease."""
    names = [name for name in nodes if name in one.devices]  # in Slurm's order, which counts of cores go by
    options = [
        f"ReservationName={name_of(one.lease)}",
        f"StartTime={_from_now(one.start)}",
        f"EndTime={_from_now(one.end)}",
        f"Accounts={name_of(one.lease)}",
        f"Nodes={','.join(names)}",
    ]
    if not all(_is_whole(one.devices[name], nodes[name]) for name in names):
        cores = [str(_cores(one.devices[name], nodes[name])) for name in names]
        options.append(f"CoreCnt={','.join(cores)}")
    _beside("create", options, "Flags=IGNORE_JOBS")


def retime(one: Kept, *, begins: bool) -> None:
    """Give a reservation its lease's end and account, and its beginning where that is to come."""
    start = (f"StartTime={_from_now(one.start)}",) if begins else ()
    name = name_of(one.lease)
    options = (f"ReservationName={name}", *start, f"EndTime={_from_now(one.end)}", f"Accounts={name}")
    _beside("update", options, "Flags+=IGNORE_JOBS")


def _beside(verb: str, options: Sequence[str], all_the_same: str) -> None:
    """Beside what runs there; which may go on past the lease's beginning, for the centre stops its own in time."""
    try:
        _run("scontrol", verb, "reservation", *options)
    except Fault:
        _run("scontrol", verb, "reservation", *options, all_the_same)


def free(name: str) -> bool:
    """Whether the reservation is gone; it stays while jobs of its lease are ending."""
    try:
        _run("scontrol", "delete", f"ReservationName={name}")
    except Fault as error:
        if "in use" not in str(error):
            raise
        return False
    return True


def accounts() -> dict[str, str]:
    """The limits of each account of a lease, as `limits` writes them."""
    said = _run("sacctmgr", "-n", "-P", "show", "assoc", "format=account,user,grptres,grpsubmitjobs")
    rows = [line.split("|") for line in said.splitlines() if line.startswith(PREFIX)]
    users = {account for account, user, *_ in rows if user}
    return {row[0]: f"{row[2]}|{row[3]}" for row in rows if not row[1] and row[0] in users}


def limits(one: Kept) -> str:
    """Of its account: so many devices as the lease has (only those of its kind count), and any number of jobs."""
    return f"gres/gpu={sum(one.devices.values())}|"


def open_account(one: Kept, user: str, parent: str) -> None:
    """The account of a lease with its limits, for our user."""
    name, size = name_of(one.lease), sum(one.devices.values())
    _change("add", "account", name, *([f"Parent={parent}"] if parent else []))
    _change(
        "modify", "account", "where", f"name={name}", "set", f"GrpTRES=gres/gpu={size}", "GrpSubmitJobs=-1"
    )
    _change("add", "user", user, f"Account={name}")


def close_account(name: str) -> bool:
    """Whether nothing runs under it and nothing can be submitted any more; what was recorded of it stays."""
    if _run("squeue", "-h", "-a", "-A", name, "-o", "%i").strip():
        return False
    _change("modify", "account", "where", f"name={name}", "set", _CLOSED)
    return True


def local(instant: datetime) -> str:
    """As Slurm reads and shows times, which are in order so: in the time zone of its hosts, which are ours."""
    return instant.astimezone().strftime("%Y-%m-%dT%H:%M:%S")


def _from_now(instant: datetime) -> str:
    """Nothing begins or ends before now."""
    return local(max(instant, datetime.now(instant.tzinfo)))


def _is_whole(devices: int, node: SlurmNode) -> bool:
    return devices >= (sum(node.gres.values()) or node.cpus)


def _cores(devices: int, node: SlurmNode) -> int:
    return max(node.cpus * devices // max(sum(node.gres.values()) or node.cpus, 1), 1)


def _change(*words: str) -> None:
    """Change accounts; what is so already may stay so."""
    _run("sacctmgr", "-i", "-Q", *words, fine=_AS_IT_IS)


def _run(*command: str, fine: tuple[str, ...] = ()) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Fault(f"{command[0]}: {error}") from error
    said = done.stdout + done.stderr
    if done.returncode and not any(word in said for word in fine):
        raise Fault(f"{' '.join(command[:5])}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout
