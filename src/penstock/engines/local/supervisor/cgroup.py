"""Control groups, version 1 and 2, also both at once: limits that hold, exact usage, and a kill of all.

Only files of the kernel are written; a hierarchy that cannot be written is left out and the limits say so.
"""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.bases import make_bases, make_group, remove_group
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, read, signal, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.engines.local.supervisor.shapes import Groups, Plan

_PERIOD_US, _QUOTA_LEAST_US = 100_000, 1_000
"""The kernel's usual period of CPU quotas, and the least quota that it takes."""


def needed_groups(plan: Plan) -> Groups:
    """Those that serve this attempt: processor time is counted without the hierarchy that limits it."""
    groups = plan["groups"]
    if plan["cpu_millicores"] or not (groups["v2"] or "cpuacct" in groups["v1"]):
        return groups
    v1 = {controller: base for controller, base in groups["v1"].items() if controller != "cpu"}
    return {"v2": groups["v2"], "v2_controllers": groups["v2_controllers"], "v1": v1}


class Cgroup:
    """The groups of one attempt, one directory in each hierarchy; any may be missing."""

    def __init__(self, groups: Groups, name: str) -> None:
        self._groups = groups
        self._v2 = f"{groups['v2']}/{name}" if groups["v2"] else ""
        self._v2_controllers = groups["v2_controllers"]
        self._v1 = {controller: f"{base}/{name}" for controller, base in groups["v1"].items()}
        self._directories = list(dict.fromkeys(path for path in (self._v2, *self._v1.values()) if path))

    @property
    def exists(self) -> bool:
        """Whether there is any group that holds all processes of the attempt."""
        return bool(self._directories)

    @property
    def binds(self) -> bool:
        """Whether `bind` keeps processes on their CPUs, whatever they do."""
        return "cpuset" in self._v1 or (bool(self._v2) and "cpuset" in self._v2_controllers)

    def create(self, plan: Plan) -> None:
        """Make the groups and set their limits; raises OSError."""
        for directory in self._directories:
            try:
                make_group(directory)
            except FileNotFoundError:
                make_bases(self._groups)
                make_group(directory)
        if plan["memory_bytes"]:
            self._limit_memory(plan["memory_bytes"])
        if plan["cpu_millicores"]:
            quota_us = max(plan["cpu_millicores"] * _PERIOD_US // 1000, _QUOTA_LEAST_US)
            self._set("cpu", "cpu.cfs_period_us", "cpu.max", _PERIOD_US, f"{quota_us} {_PERIOD_US}")
            self._set("cpu", "cpu.cfs_quota_us", "cpu.max", quota_us, f"{quota_us} {_PERIOD_US}")
        self._set("pids", "pids.max", "pids.max", plan["max_processes"])

    def bind(self, cpus: Iterable[int]) -> None:
        """Keep all processes on these CPUs; raises OSError where one is not there."""
        if listed := ",".join(map(str, sorted(cpus))):
            self._set("cpuset", "cpuset.cpus", "cpuset.cpus", listed)

    def enter(self) -> None:
        """Put the calling process in; its children are born there."""
        for directory in self._directories:
            write(f"{directory}/cgroup.procs", b"0")

    def kill(self) -> None:
        """SIGKILL to every process inside."""
        if self._v2:
            with Suppressed(OSError):  # before Linux 5.14 there is no such file
                write(f"{self._v2}/cgroup.kill", b"1")
                return
        for pid in self.processes():
            with Suppressed(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self) -> list[int]:
        """The processes inside, zombies too."""
        for directory in self._directories:
            with Suppressed(FileNotFoundError):
                return [int(line) for line in read(f"{directory}/cgroup.procs").split()]
        return []

    def cpu_us(self) -> int | None:
        """CPU time used so far, in microseconds."""
        if "cpuacct" in self._v1:
            used_ns = _read_int(f"{self._v1['cpuacct']}/cpuacct.usage")
            return None if used_ns is None else used_ns // 1000
        return _read_field(f"{self._v2}/cpu.stat", b"usage_usec") if self._v2 else None

    def memory_peak_bytes(self) -> int | None:
        """The most memory in use at once, page cache included."""
        if "memory" in self._v1:
            return _read_int(f"{self._v1['memory']}/memory.max_usage_in_bytes")
        return _read_int(f"{self._v2}/memory.peak") if self._v2 else None

    def oom_kills(self) -> int:
        """How many processes the kernel has killed here for lack of memory."""
        if "memory" in self._v1:
            return _read_field(f"{self._v1['memory']}/memory.oom_control", b"oom_kill") or 0
        if self._v2:
            return _read_field(f"{self._v2}/memory.events", b"oom_kill") or 0
        return 0

    def remove(self) -> bool:
        """Take empty groups away; False while one is still busy."""
        removed = [remove_group(directory) for directory in self._directories]
        return all(removed)

    def _set(
        self, controller: str, v1_file: str, v2_file: str, value: object, v2_value: object = None
    ) -> None:
        if controller in self._v1:
            write(f"{self._v1[controller]}/{v1_file}", str(value).encode())
        elif self._v2 and controller in self._v2_controllers:
            write(f"{self._v2}/{v2_file}", str(value if v2_value is None else v2_value).encode())

    def _limit_memory(self, limit_bytes: int) -> None:
        self._set("memory", "memory.limit_in_bytes", "memory.max", limit_bytes)
        with Suppressed(FileNotFoundError):  # where swap is not counted
            self._set("memory", "memory.memsw.limit_in_bytes", "memory.swap.max", limit_bytes, 0)


def _read_int(path: str) -> int | None:
    try:
        return int(read(path))
    except (OSError, ValueError):
        return None


def _read_field(path: str, field: bytes) -> int | None:
    try:
        lines = read(path).splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.split()[0] == field), None)
