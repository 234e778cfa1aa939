"""The directories in the control-group hierarchies under which each attempt gets its own."""

from __future__ import annotations

import os
import time

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, read, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.engines.local.supervisor.shapes import Groups

SUPERVISORS = ".supervisors"
"""The group of version 2 that the supervisors themselves live in, apart from the server's."""
NO_GROUPS: Groups = {"v2": "", "v2_controllers": [], "v1": {}}


def make_bases(groups: Groups) -> None:
    """Make the directories under which attempts get their groups, with the controllers on."""
    for base in groups["v1"].values():
        make_group(base)
    if "cpuset" in groups["v1"]:
        inherit_cpuset(groups["v1"]["cpuset"])
    if groups["v2"]:
        os.makedirs(f"{groups['v2']}/{SUPERVISORS}", exist_ok=True)
        enable(groups["v2"], groups["v2_controllers"])


def make_group(path: str) -> None:
    """Make one group directory, unless it is there. Raises OSError."""
    with Suppressed(FileExistsError):
        os.mkdir(path)


def remove_bases(groups: Groups) -> None:
    """Take them away again, unless an attempt lives there."""
    bases = [base for base in (*groups["v1"].values(), groups["v2"]) if base]
    if any(set(attempts_below(base)) - {SUPERVISORS} for base in bases):
        return
    if groups["v2"]:
        remove_group(f"{groups['v2']}/{SUPERVISORS}")
    for base in bases:
        remove_group(base)


def attempts_below(base: str) -> list[str]:
    """The names of the groups below one of the directories, those of our own among them."""
    try:
        with os.scandir(base) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []


def enable(directory: str, controllers: Iterable[str]) -> None:
    """Turn controllers of version 2 on for the groups below a directory, as far as that can be."""
    for controller in controllers:
        with Suppressed(OSError):
            write(f"{directory}/cgroup.subtree_control", b"+%b" % controller.encode())


def leave_server(groups: Groups) -> None:
    """Move the calling process out of the group that the server was started in, where it still is there.

    Moving takes the kernel some milliseconds; what a process forks later needs no move.
    """
    base = groups["v2"]
    with Suppressed(OSError):
        if base and f"/{os.path.basename(base)}/{SUPERVISORS}\n".encode() not in read("/proc/self/cgroup"):
            write(f"{base}/{SUPERVISORS}/cgroup.procs", b"0")


def inherit_cpuset(directory: str) -> None:
    """A new cpuset of version 1 is empty, and takes no process before it has CPUs and memory nodes.

    Those made in it later have them from the start.
    """
    for file in ("cpuset.cpus", "cpuset.mems"):
        if not read(f"{directory}/{file}").strip():
            write(f"{directory}/{file}", read(f"{os.path.dirname(directory)}/{file}"))
    write(f"{directory}/cgroup.clone_children", b"1")


def remove_group(directory: str) -> bool:
    """Remove one group directory, with a moment's patience; False while processes are left."""
    for _ in range(50):
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            return True
        except OSError:
            time.sleep(0.01)  # the last process is still on its way out
        else:
            return True
    return False
