"""Finding the control-group hierarchies of this host that we may write, by trying.

The root of a hierarchy is tried first: there a service manager that ends the server leaves jobs alone.
"""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.bases import (
    SUPERVISORS,
    enable,
    inherit_cpuset,
    make_group,
    remove_group,
)
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, read, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.engines.local.supervisor.shapes import Groups

_WANTED = ("memory", "pids", "cpuset", "cpuacct", "cpu")


def discover(name: str) -> Groups:
    """Make a base group in every hierarchy that lets us, proved by putting a process in."""
    groups: Groups = {"v2": "", "v2_controllers": [], "v1": {}}
    own = _own_groups()
    for point, kind, options in _mounts():
        if kind == "cgroup2" and not groups["v2"]:
            groups["v2"], groups["v2_controllers"] = _discover_v2(point, own.get("", "/"), name)
        elif kind == "cgroup":
            for controller in set(_WANTED) & set(options):
                base = _first_usable([point, _below(point, own.get(controller, "/"))], name)
                if base:
                    groups["v1"][controller] = base
    if "cpuacct" in groups["v1"] and groups["v2"]:
        del groups["v1"]["cpuacct"]  # version 2 counts CPU time in any case
    return groups


def _discover_v2(point: str, own: str, name: str) -> tuple[str, list[str]]:
    here = _below(point, own)
    base = _first_usable([point, os.path.dirname(here), here], name)
    if not base:
        return "", []
    for parent in (os.path.dirname(base), base):
        enable(parent, _WANTED)
    on = read(f"{base}/cgroup.subtree_control").decode().split()
    make_group(f"{base}/{SUPERVISORS}")
    return base, [controller for controller in _WANTED if controller in on]


def _below(point: str, group: str) -> str:
    return f"{point}{group}".rstrip("/")


def _first_usable(parents: Iterable[str], name: str) -> str:
    for parent in parents:
        base, trial = f"{parent}/{name}", f"{parent}/{name}/.trial-{os.getpid()}"
        with Suppressed(OSError):
            make_group(base)
            _inherit(base)
            os.mkdir(trial)
            entered = _try_to_enter(trial)
            remove_group(trial)
            if entered:
                return base
    return ""


def _inherit(directory: str) -> None:
    if os.path.exists(f"{directory}/cpuset.cpus") and not os.path.exists(f"{directory}/cgroup.controllers"):
        inherit_cpuset(directory)


def _try_to_enter(directory: str) -> bool:
    _inherit(directory)
    pid = os.fork()
    if pid == 0:
        try:
            write(f"{directory}/cgroup.procs", b"0")
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _own_groups() -> dict[str, str]:
    """Controller (or '' for version 2) -> the group we are in."""
    own = {}
    for line in read("/proc/self/cgroup").decode().splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    return own


def _mounts() -> Iterator[tuple[str, str, list[str]]]:
    for line in read("/proc/self/mounts").decode().splitlines():
        _, point, kind, options, *_ = line.split()
        yield point, kind, options.split(",")
