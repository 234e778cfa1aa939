"""The directories in the control-group hierarchies under which each attempt gets its own."""

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

from penstock.engines.local.supervisor.format import Groups

SUPERVISORS = ".supervisors"
"""The group of version 2 that the supervisors themselves live in, apart from the server's."""
NO_GROUPS: Groups = {"v2": "", "v2_controllers": [], "v1": {}}


def make_bases(groups: Groups) -> None:
    """Make the directories under which attempts get their groups, with the controllers on."""
    for base in groups["v1"].values():
        Path(base).mkdir(exist_ok=True)
    if "cpuset" in groups["v1"]:
        inherit_cpuset(Path(groups["v1"]["cpuset"]))
    if groups["v2"]:
        (Path(groups["v2"]) / SUPERVISORS).mkdir(parents=True, exist_ok=True)
        enable(Path(groups["v2"]), groups["v2_controllers"])


def remove_bases(groups: Groups) -> None:
    """Take them away again, unless an attempt lives there."""
    bases = [Path(base) for base in (*groups["v1"].values(), groups["v2"]) if base]
    if any(
        path.is_dir() and path.name != SUPERVISORS
        for base in bases
        if base.exists()
        for path in base.iterdir()
    ):
        return
    if groups["v2"]:
        remove_group(Path(groups["v2"]) / SUPERVISORS)
    for base in bases:
        remove_group(base)


def enable(directory: Path, controllers: Iterable[str]) -> None:
    """Turn controllers of version 2 on for the groups below a directory, as far as that can be."""
    for controller in controllers:
        with contextlib.suppress(OSError):
            (directory / "cgroup.subtree_control").write_text(f"+{controller}")


def leave_server(groups: Groups) -> None:
    """Move the calling process out of the group that the server was started in, where it still is there.

    Moving takes the kernel some milliseconds; what a process forks later needs no move.
    """
    base = groups["v2"]
    with contextlib.suppress(OSError):
        if base and f"/{Path(base).name}/{SUPERVISORS}\n" not in Path("/proc/self/cgroup").read_text():
            (Path(base) / SUPERVISORS / "cgroup.procs").write_text("0")


def inherit_cpuset(directory: Path) -> None:
    """A new cpuset of version 1 is empty, and takes no process before it has CPUs and memory nodes."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        if not (directory / file).read_text().strip():
            (directory / file).write_text((directory.parent / file).read_text())


def remove_group(directory: Path) -> bool:
    """Remove one group directory, with a moment's patience; False while processes are left."""
    for _ in range(50):
        try:
            directory.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            time.sleep(0.01)  # the last process is still on its way out
        else:
            return True
    return False
