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
from pathlib import Path
from typing import Any

import msgspec
import ray
from ray.exceptions import RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from penstock.app.ports import TaskPlan
from penstock.engines.node import FAILED, ORDER, Order, read_stop
from penstock.engines.ray import words
from penstock.engines.ray.files import beat, claim, evict, say_waiting

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


def _started(directory: Path, group: PlacementGroup, nodes: list[str]) -> list[Any]:
    started = []
    for index, node in enumerate(nodes):
        gpus = group.bundle_specs[index].get("GPU", 0)
        here = PlacementGroupSchedulingStrategy(group, index)
        part = ray.remote(_run_part).options(
            num_cpus=0, num_gpus=gpus, max_retries=0, scheduling_strategy=here
        )
        started.append(part.remote(str(directory), node, sys.executable))
    return started


def _run_part(directory: str, node: str, python: str) -> int:
    """In Ray's worker on the host: a process of our own, which may outlive it to end what it runs."""
    command = (python, "-P", "-m", "penstock.engines.node", directory, node)
    with (Path(directory) / f"{node}.log").open("ab") as log:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False, cwd="/")
    return done.returncode


def _watched(directory: Path, parts: list[Any]) -> int:
    """See the parts through; one whose host fails takes the others with it."""
    left, worst = parts, 0
    while left:
        beat(directory)
        done, left = ray.wait(left, timeout=_PAUSE_MAX_S)
        for part in done:
            try:
                worst = max(worst, ray.get(part))
            except RayError as error:
                sys.stderr.write(f"a host is lost: {error}\n")
                (directory / FAILED).touch()
                worst = 1
    return worst


if __name__ == "__main__":
    os.chdir("/")
    sys.exit(main(Path(sys.argv[1])))
