"""Finding the control-group hierarchies of this host that we may write, by trying.

The root of a hierarchy is tried first: there a service manager that ends the server leaves jobs alone.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from penstock.engines.local.supervisor.bases import SUPERVISORS, enable, inherit_cpuset, remove_group
from penstock.engines.local.supervisor.format import Groups

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
                base = _first_usable([point, Path(f"{point}{own.get(controller, '/')}")], name)
                if base is not None:
                    groups["v1"][controller] = str(base)
    if "cpuacct" in groups["v1"] and groups["v2"]:
        del groups["v1"]["cpuacct"]  # version 2 counts CPU time in any case
    return groups


def _discover_v2(point: Path, own: str, name: str) -> tuple[str, list[str]]:
    here = Path(f"{point}{own}")
    base = _first_usable([point, here.parent, here], name)
    if base is None:
        return "", []
    for parent in (base.parent, base):
        enable(parent, _WANTED)
    on = (base / "cgroup.subtree_control").read_text().split()
    (base / SUPERVISORS).mkdir(exist_ok=True)
    return str(base), [controller for controller in _WANTED if controller in on]


def _first_usable(parents: Iterable[Path], name: str) -> Path | None:
    for parent in parents:
        base, trial = parent / name, parent / name / f".trial-{os.getpid()}"
        with contextlib.suppress(OSError):
            base.mkdir(exist_ok=True)
            if (base / "cpuset.cpus").exists() and not (base / "cgroup.controllers").exists():
                inherit_cpuset(base)
            trial.mkdir()
            entered = _try_to_enter(trial)
            remove_group(trial)
            if entered:
                return base
    return None


def _try_to_enter(directory: Path) -> bool:
    if (directory / "cpuset.cpus").exists() and not (directory / "cgroup.controllers").exists():
        inherit_cpuset(directory)
    pid = os.fork()
    if pid == 0:
        try:
            (directory / "cgroup.procs").write_text("0")
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _own_groups() -> dict[str, str]:
    """Controller (or '' for version 2) -> the group we are in."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    return own


def _mounts() -> Iterator[tuple[Path, str, list[str]]]:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind, options, *_ = line.split()
        yield Path(point), kind, options.split(",")
