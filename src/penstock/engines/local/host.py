"""What this host allows: the strongest isolation that works here, and the control groups we may write."""

import hashlib
import os
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path

import msgspec

from penstock.engines.local import supervisor
from penstock.engines.local.supervisor.shapes import Groups


class Isolation(StrEnum):
    """How the processes of an attempt are kept apart."""

    CRUN = "crun"
    """For jobs in images."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"
    PROCESS_GROUPS = "process groups"


LEVELS = (Isolation.BUBBLEWRAP, Isolation.NAMESPACES, Isolation.PROCESS_GROUPS)
"""Of jobs without an image, in the order of choice: others have reviewed the first, and ours keeps apart the same."""
IMAGE_LEVELS = (Isolation.CRUN, Isolation.NAMESPACES)
"""Of jobs in an image."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The host as an engine uses it. `boot` changes with every start of the kernel."""

    boot: str
    isolation: Isolation
    groups: Groups
    is_root: bool

    def limits_by(self, controller: str) -> str:
        """Which version of control groups enforces this controller's limit, or ''."""
        if controller in self.groups["v1"]:
            return "cgroup v1"
        return "cgroup v2" if controller in self.groups["v2_controllers"] else ""


def boot_id() -> str:
    """What changes with every start of the kernel."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def read_host(isolation: Isolation, groups: Groups) -> Host:
    """This host, to be used in this way."""
    return Host(
        boot=boot_id(),
        isolation=isolation,
        groups=groups,
        is_root=os.geteuid() == 0,
    )


def supervisor_command(*arguments: str) -> list[str]:
    """How the supervisor's program is started: without site-packages, settings or the user's paths."""
    return [sys.executable, "-I", "-S", str(Path(supervisor.__file__).with_name("__main__.py")), *arguments]


@cache
def engine_name(root: Path) -> str:
    """What the engine in this directory is called on this host, where there may be several."""
    return f"penstock-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"


def attempt_mark(directory: Path) -> str:
    """The variable, with its value, that all processes of an attempt have in their environment."""
    return f"PENSTOCK_ENGINE={engine_name(directory.parent)}/{directory.name}"
