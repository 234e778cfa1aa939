"""Ending what a dead supervisor left behind, so that nothing runs that nobody watches."""

import time
from collections.abc import Iterable
from pathlib import Path

from penstock.engines.local.folder import read_plan
from penstock.engines.local.supervisor.cgroup import Cgroup
from penstock.engines.local.supervisor.processes import kill, marked_processes
from penstock.engines.local.supervisor.shapes import Groups

_PATIENCE_S = 2.0
_PAUSE_S = 0.01


def bury(directory: Path) -> bool:
    """Kill every process of an attempt without a supervisor; False while one of them is still there."""
    plan = read_plan(directory)
    return plan is None or _bury(Cgroup(plan["groups"], plan["attempt"]), plan["mark"])


def bury_strays(groups: Groups, known: Iterable[str]) -> None:
    """Kill what runs in groups of attempts that have no directory any more."""
    bases = [Path(base) for base in (groups["v2"], *groups["v1"].values()) if base]
    names = {path.name for base in bases if base.exists() for path in base.iterdir() if path.is_dir()}
    for name in names - set(known):
        if not name.startswith("."):
            _bury(Cgroup(groups, name))


def _bury(group: Cgroup, mark: str = "") -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        left = group.processes() if group.exists else marked_processes(mark)
        if not left:
            group.remove()
            return True
        group.kill()
        kill(left)
        time.sleep(_PAUSE_S)
    return False
