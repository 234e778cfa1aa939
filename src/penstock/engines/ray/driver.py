"""Runs on the cluster: one process for each attempt, started by Ray's Jobs API as

    python -m penstock.engines.ray.driver DIRECTORY

It asks Ray for a placement group with the gang's devices, says what is missing while it waits, and runs each
host's part in its bundle. Needs Ray and this package on every host, and the directory under the same path.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import ray
from ray.exceptions import RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from penstock.app.ports import TaskPlan
from penstock.engines import agent
from penstock.engines.agent.format import FAILED, ORDER
from penstock.engines.local.folder import is_final, read_status
from penstock.engines.node import Order, part_of, read_stop
from penstock.engines.ray import words
from penstock.engines.ray.files import HOST_SILENT_S, beat, claim, evict, host_silent_s, say_waiting
from penstock.lease.job import AttemptState

_PAUSE_S, _PAUSE_MAX_S = 0.05, 0.5


def main(directory: Path) -> int:
    """0 where the gang succeeded."""
    if not claim(directory) or read_stop(directory) is not None:
        sys.stderr.write(f"{directory.name} was taken up or stopped before: nothing is done\n")
        return 0
    order = msgspec.json.decode((directory / ORDER).read_bytes(), type=Order)
    parts: dict[str, list[TaskPlan]] = {}
    for task in order.plan.tasks:
        parts.setdefault(task.node, []).append(task)
    ray.init(log_to_driver=False, logging_level=logging.WARNING, namespace="penstock")
    signal.signal(signal.SIGTERM, lambda *_: evict(directory))  # after Ray has set its own
    wanted = [words.bundle(tasks, order.addresses[node]) for node, tasks in parts.items()]
    group = _placed(directory, wanted)
    return 1 if group is None else _watched(directory, _started(directory, group, list(parts)))


def _placed(directory: Path, wanted: list[dict[str, float]]) -> PlacementGroup | None:
    """The devices, all at once; None where somebody stopped it before it had them."""
    from ray._private.state import available_resources_per_node

    group = placement_group(wanted, strategy="STRICT_SPREAD" if len(wanted) > 1 else "STRICT_PACK")
    said = ""
    while not group.wait(_PAUSE_S if read_stop(directory) else _PAUSE_MAX_S):
        if read_stop(directory) is not None:
            remove_placement_group(group)
            return None
        beat(directory)
        why = words.shortage(wanted, ray.nodes(), available_resources_per_node())
        if why != said:
            say_waiting(directory, why)
            said = why
    return group


def _started(directory: Path, group: PlacementGroup, nodes: list[str]) -> dict[Any, str]:
    started = {}
    for index, node in enumerate(nodes):
        gpus = group.bundle_specs[index].get("GPU", 0)
        here = PlacementGroupSchedulingStrategy(group, index)
        part = ray.remote(_run_part).options(
            num_cpus=0, num_gpus=gpus, max_retries=0, scheduling_strategy=here
        )
        started[part.remote(str(directory), node, sys.executable)] = node
    return started


def _run_part(directory: str, node: str, python: str) -> int:
    """In Ray's worker on the host: a process of our own, which outlives it, whatever becomes of Ray.

    Its own session keeps Ray from killing it with the process group of the worker.
    """
    command = (python, *agent.ARGUMENTS, directory, node)
    with (Path(directory) / f"{node}.log").open("ab") as log:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
            cwd="/",
            start_new_session=True,
        )
    return done.returncode


def _watched(directory: Path, parts: dict[Any, str]) -> int:
    """See the parts through; one whose host fails takes the others with it."""
    left, worst = list(parts), 0
    while left:
        beat(directory)
        done, left = ray.wait(left, timeout=_PAUSE_MAX_S)
        for part in done:
            try:
                worst = max(worst, ray.get(part))
            except RayError as error:
                sys.stderr.write(f"Ray has lost {parts[part]}: {error}\n")
                worst = max(worst, _watched_alone(directory, parts[part]))
    return worst


def _watched_alone(directory: Path, node: str) -> int:
    """Of a part that Ray knows no more, its host alone tells: it may well go on, as after the loss of a head."""
    part = part_of(directory, node) / directory.name
    while host_silent_s(part) <= HOST_SILENT_S:
        beat(directory)
        status = read_status(part)
        if is_final(status):
            return int(status is None or status["state"] != AttemptState.SUCCEEDED)
        time.sleep(_PAUSE_MAX_S)
    (directory / FAILED).touch()
    return 1


if __name__ == "__main__":
    os.chdir("/")
    sys.exit(main(Path(sys.argv[1])))
