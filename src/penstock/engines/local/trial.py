"""Choosing the strongest isolation that works here, by running a real attempt of nothing in each."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from penstock.app.ports import Start, TaskPlan
from penstock.engines.local import folder
from penstock.engines.local.host import Host, Isolation
from penstock.engines.local.planning import Settings, attempt_files
from penstock.engines.local.spawner import Spawner
from penstock.engines.local.supervisor.directory import make, remove
from penstock.engines.local.supervisor.shapes import Mount
from penstock.lease.job import JobSpec, Resources

_PATIENCE_S = 20.0
_PAUSE_S = 0.002
_MEMORY_BYTES = 256 * 2**20


def strongest(
    levels: Sequence[Isolation],
    root: Path,
    host: Host,
    settings: Settings,
    system: Sequence[Mount],
    spawner: Spawner,
) -> tuple[Isolation | None, dict[str, str]]:
    """The first of these levels that works, None where none does, and why those before it do not."""
    passed_over: dict[str, str] = {}
    for isolation in levels:
        trial = msgspec.structs.replace(host, isolation=isolation)
        reason = _try(root / f".trial-{os.getpid()}", trial, settings, system, spawner)
        if not reason:
            return isolation, passed_over
        passed_over[isolation.value] = reason
    return None, passed_over


def _try(directory: Path, host: Host, settings: Settings, system: Sequence[Mount], spawner: Spawner) -> str:
    """Why nothing runs at this level, or ''."""
    make(directory, attempt_files(_nothing(directory.name), directory, host, settings, system))
    try:
        spawner.spawn(directory)
        deadline = time.monotonic() + _PATIENCE_S
        while not folder.is_final(status := folder.read_status(directory)):
            if time.monotonic() > deadline:
                return "it took too long"
            time.sleep(_PAUSE_S)
        if status is not None and status["state"] == "succeeded":
            return ""
        return (directory / "task-0.log").read_text(errors="replace").strip() or "it failed"
    finally:
        remove(directory)


def _nothing(name: str) -> Start:
    cpu = str(min(os.sched_getaffinity(0)))
    spec = JobSpec(name=name, run="exit 0", resources=Resources(("cpu",), memory_bytes=_MEMORY_BYTES))
    task = TaskPlan(rank=0, node="host", local_rank=0, devices=(cpu,), handles=(cpu,), stack="cpu")
    return Start(attempt=name, job=name, tenant="", spec=spec, tasks=(task,))
