"""A gang in Ray's words: bundles of resources, and what of them is missing while it waits."""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.app.ports import TaskPlan
from penstock.engines.local.stacks import CPU
from penstock.fleet.cpulist import parse_cpu_list

RESOURCES = {"cann": "NPU", "synapse": "HPU"}
"""Software stack -> what Ray calls its devices; CPU for processors, GPU for all others."""
_A_LITTLE = 0.001
"""Of the resource `node:ADDRESS`, of which each host has one: it ties a bundle to that host."""


def bundle(tasks: Sequence[TaskPlan], address: str) -> dict[str, float]:
    """What one host's part asks for: its devices, and that very host."""
    stack = tasks[0].stack
    handles = {handle for task in tasks for handle in task.handles}
    cpus = parse_cpu_list(",".join(sorted(handles))) if stack == CPU else ()
    count = len(cpus) if stack == CPU and isinstance(cpus, tuple) else len(handles)
    name = "CPU" if stack == CPU else RESOURCES.get(stack, "GPU")
    return {name: float(count), f"node:{address}": _A_LITTLE}


def shortage(
    wanted: Sequence[Mapping[str, float]],
    nodes: Sequence[Mapping[str, Any]],
    free: Mapping[str, Mapping[str, float]],
) -> str:
    """What keeps Ray from giving these bundles, host by host."""
    alive = {node["NodeManagerAddress"]: node for node in nodes if node["Alive"]}
    missing = []
    for one in wanted:
        address = next(name.removeprefix("node:") for name in one if name.startswith("node:"))
        node = alive.get(address)
        if node is None:
            missing.append(f"host {address} is not up")
            continue
        for name, count in one.items():
            left, total = free.get(node["NodeID"], {}).get(name, 0.0), node["Resources"].get(name, 0.0)
            if not name.startswith("node:") and left < count:
                missing.append(f"host {address} has {left:g} of {total:g} {name} free, {count:g} are needed")
    return "; ".join(missing) or "Ray is placing it"
