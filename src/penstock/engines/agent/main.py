"""One host's part of an attempt, from the start that the cluster's scheduler gives it to its end.

The way that nearly all attempts go. What is out of the ordinary (a host of which it is not known yet what works
there, a supervisor that died) is left to `penstock.engines.node`, which knows all and starts slower.
"""

from __future__ import annotations

import gc
import os
import select
import sys
import time

from penstock.engines.agent.format import FAILED, HOSTS, NODES, PARTS, READY, STOP
from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.directory import ask_to_stop, make
from penstock.engines.local.supervisor.format import FINAL_STATES, PLAN, STATUS
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, from_json, read, signal, to_json, touch
from penstock.engines.local.supervisor.shown import device_mounts, system_mounts
from penstock.engines.local.supervisor.supervise import supervise

if TYPE_CHECKING:
    from typing import NoReturn

    from penstock.engines.agent.shapes import Part
    from penstock.engines.local.supervisor.lean import Name
    from penstock.engines.local.supervisor.shapes import Plan, Status

MEETING_S = 60.0
_UNLIMITED = 2**60
_GLANCE_S, _BEAT_S = 0.02, 0.25


def main(directory: str, node: str) -> NoReturn:
    """Run this host's tasks to their end, and end with 0 where all succeeded."""
    gc.disable()  # there is little, and it ends with the attempt
    directory = os.path.abspath(directory)
    libc.adopt_orphans()
    part: Part = from_json(read(f"{directory}/{PARTS}"))[node]
    isolation = part["isolation"] or known_isolation(directory, node)
    if isolation not in part["plans"]:
        _thoroughly(directory, node)
    if not all_here(directory, part["hosts"], node):
        os._exit(1)
    own = f"{directory}/{NODES}/{node}/{os.path.basename(directory)}"
    os.makedirs(os.path.dirname(own), exist_ok=True)
    plan = filled(part, isolation)
    files = {PLAN: to_json(plan)}
    files |= {name: text.encode() for name, text in part["scripts"].items()}
    if make(own, files):
        _watch(directory, own, part, _supervised(own))
    status = _final(own)
    if status is None:
        _thoroughly(directory, node)
    os._exit(_exit_code(directory, status))


def host_facts() -> str:
    """What a host's isolation depends on; it is tried again when this is another."""
    return f"{_boot_id()} {_bubblewrap()} {os.geteuid()}\n"


def _boot_id() -> str:
    return read("/proc/sys/kernel/random/boot_id").decode().strip()


def _bubblewrap() -> str | None:
    """Where it is; `shutil.which` without what shutil imports."""
    places = (f"{place}/bwrap" for place in os.environ.get("PATH", os.defpath).split(os.pathsep))
    return next((path for path in places if os.access(path, os.X_OK)), None)


def known_isolation(directory: Name, node: str) -> str:
    """What was found to work on this host since it was started, or ''."""
    try:
        found = read(f"{os.path.dirname(os.path.dirname(directory))}/{HOSTS}/{node}").decode()
    except OSError:
        return ""
    facts = host_facts()
    return found.removeprefix(facts) if found.startswith(facts) else ""


def all_here(directory: Name, hosts: list[str], node: str) -> bool:
    """Say that this host is here, and wait until every other is, so that all tasks start or none does."""
    if hosts == [node]:
        return True
    os.makedirs(f"{directory}/{READY}", exist_ok=True)
    touch(f"{directory}/{READY}/{node}")
    deadline_s = time.monotonic() + MEETING_S
    while time.monotonic() < deadline_s and not os.path.exists(f"{directory}/{STOP}"):
        if all(os.path.exists(f"{directory}/{READY}/{host}") for host in hosts):
            return True
        time.sleep(_GLANCE_S)
    return os.path.exists(f"{directory}/{STOP}")


def filled(part: Part, isolation: str) -> Plan:
    """The plan with what only this host knows: its start, its files, the devices that the scheduler has given."""
    plan = part["plans"][isolation]
    plan["boot"] = _boot_id()
    if os.geteuid() == 0:
        plan["limits"]["processes"] = "none"
    given = given_devices(part["tasks"][0]["variable"])
    cpus = sorted(os.sched_getaffinity(0))
    entries = {entry["rank"]: entry for entry in plan["tasks"]}
    handles: list[str] = []
    taken = 0
    for rank, task in zip(entries, part["tasks"], strict=True):
        if task["variable"] and given:
            mine, given = given[: task["devices"]], given[task["devices"] :]
            handles += mine
            entries[rank]["env"][task["variable"]] = ",".join(mine)
        elif task["processors"] and part["binds"]:
            wanted = range(taken, taken + task["processors"])
            entries[rank]["cpus"] = [cpus[number % len(cpus)] for number in wanted]
            taken += task["processors"]
    if plan["resource_limits"].get("DATA") and limits_memory():
        # it would turn what runs out of memory into a failure like others
        del plan["resource_limits"]["DATA"]
        plan["limits"]["memory"] = "control group of the scheduler"
    for setup in plan["setups"]:
        setup.update(entries[setup["rank"]])
    if plan["mounts"]:
        plan["mounts"] = [
            *system_mounts(part["expose"]),
            *device_mounts(part["patterns"], handles),
            *plan["mounts"],
        ]
    return plan


def given_devices(variable: str) -> list[str]:
    """The devices that the scheduler has given, by the variable of their stack or else one that Slurm sets for any."""
    names = (variable, "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    listed = next((text for name in names if (text := os.environ.get(name))), "")
    return [one for one in listed.split(",") if one]


def limits_memory() -> bool:
    """Whether the scheduler has put us into a control group with a limit on memory, at whatever level of it."""
    places = {"memory": ("memory", "memory.limit_in_bytes"), "": ("", "memory.max")}
    for line in read("/proc/self/cgroup").decode().splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers not in places or "/job_" not in name:
            continue
        mount, file = places[controllers]
        group = os.path.join("/sys/fs/cgroup", mount, name.strip("/"))
        while "/job_" in group:
            try:
                limit = read(f"{group}/{file}").strip()
            except OSError:
                limit = b""
            if limit.isdigit() and int(limit) < _UNLIMITED:
                return True
            group = os.path.dirname(group)
    return False


def _supervised(own: str) -> int:
    """The process that supervises the attempt."""
    child = os.fork()
    if child == 0:
        try:
            supervise(own)
        finally:
            os._exit(0)
    return child


def _watch(directory: str, own: str, part: Part, child: int) -> None:
    """Wait for the supervisor's end; pass requests to stop on, with the shortest grace that was asked for."""
    since_s, told_s = time.monotonic(), -1.0
    ended = select.poll()
    ended.register(os.pidfd_open(child), select.POLLIN)
    while True:
        pause_s = min(max((time.monotonic() - since_s) / 10, _GLANCE_S), _BEAT_S)
        if ended.poll(1000 * pause_s):
            os.waitpid(child, 0)
            return
        grace_s = _grace_s(directory, part)
        if grace_s is not None and (told_s < 0 or grace_s < told_s):
            ask_to_stop(own, grace_s)
            told_s = grace_s


def _grace_s(directory: str, part: Part) -> float | None:
    try:
        return float(from_json(read(f"{directory}/{STOP}"))["grace_s"])
    except (FileNotFoundError, ValueError):
        return part["grace_s"] if os.path.exists(f"{directory}/{FAILED}") else None


def _final(own: str) -> Status | None:
    try:
        status: Status = from_json(read(f"{own}/{STATUS}"))
    except (FileNotFoundError, ValueError):
        return None
    return status if status["state"] in FINAL_STATES else None


def _exit_code(directory: str, status: Status) -> int:
    if status["state"] == "succeeded":
        return 0
    touch(f"{directory}/{FAILED}")
    return next((one["exit_code"] for one in status["exits"] if one["exit_code"]), 1)


def _thoroughly(directory: str, node: str) -> NoReturn:
    """Go on as the whole engine."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words = [sys.executable, "-P", "-m", "penstock.engines.node", directory, node]
    os.execv(sys.executable, words)  # noqa: S606
