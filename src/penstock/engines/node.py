"""The part of an attempt that runs on one host of a cluster: a local engine of its own, for as long as it runs.

Run as `python -m penstock.engines.node DIRECTORY` by the cluster's scheduler on each host of the gang. The
directory is on a file system that all hosts and the server share. What the tasks did is read there, from the
local engine's own files, so nothing is lost when the server is away.
"""

import contextlib
import os
import sys
import time
import zlib
from pathlib import Path

import msgspec

from penstock.app.ports import Rendezvous, Start, TaskPlan
from penstock.base.refusal import Fault, Refused
from penstock.engines.agent.format import FAILED, HOSTS, NODES, ORDER, PARTS, STOP
from penstock.engines.agent.main import all_here, given_devices, host_facts, known_isolation
from penstock.engines.agent.shapes import Part, PartTask
from penstock.engines.local.engine import LocalEngine
from penstock.engines.local.filetree import device_patterns, scripts
from penstock.engines.local.host import LEVELS, Host, Isolation
from penstock.engines.local.planning import Settings, supervisor_plan
from penstock.engines.local.stacks import stack_of
from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.bases import NO_GROUPS
from penstock.engines.local.supervisor.record import replace_file
from penstock.engines.local.supervisor.shapes import Plan
from penstock.engines.local.supervisor.shown import CPU
from penstock.fleet.cpulist import parse_cpu_list
from penstock.lease.job import FINAL_ATTEMPT_STATES, AttemptState
from penstock.lease.seen import Seen

_GLANCE_S, _BEAT_S = 0.02, 0.25


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What every host of the gang is told: the whole plan, and how to run its part."""

    plan: Start
    isolation: Isolation | None = None
    network: bool = True
    expose: tuple[str, ...] = ()
    addresses: dict[str, str] = {}
    binds: bool = True
    """The scheduler binds tasks to processors, whatever those of the plan are."""


class StopRequest(msgspec.Struct, frozen=True):
    """A request to stop: the grace, and when it was made by the server's clock."""

    grace_s: float
    asked_us: int = 0


def part_of(directory: Path, node: str) -> Path:
    """Where the local engine of one host keeps its part of the attempt."""
    return directory / NODES / node


def read_order(directory: Path) -> Order | None:
    """What was asked; None where the attempt was stopped before it was asked for."""
    try:
        return msgspec.json.decode((directory / ORDER).read_bytes(), type=Order)
    except FileNotFoundError:
        return None


def read_stop(directory: Path) -> StopRequest | None:
    """Whether, and with how much grace, the attempt must stop."""
    try:
        return msgspec.json.decode((directory / STOP).read_bytes(), type=StopRequest)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def main(directory: Path, node: str) -> int:
    """Run this host's tasks to their end; 0 where all succeeded."""
    libc.adopt_orphans()
    order = msgspec.json.decode((directory / ORDER).read_bytes(), type=Order)
    nodes = tuple(dict.fromkeys(task.node for task in order.plan.tasks))
    if not all_here(directory, list(nodes), node):
        return 1
    engine = _open(directory, node, order)
    try:
        engine.start(_own_part(order, nodes, node))
        seen = _watch(engine, directory, order.plan)
    finally:
        engine.close()
    return 0 if seen.state is AttemptState.SUCCEEDED else _exit_code(seen)


def _open(directory: Path, node: str, order: Order) -> LocalEngine:
    """The local engine of this host's part; which isolation works here is tried once for each start of the host."""
    found = directory.parent.parent / HOSTS / node
    isolation = order.isolation
    if isolation is None and (known := known_isolation(directory, node)):
        isolation = Isolation(known)
    engine = LocalEngine(
        part_of(directory, node),
        expose=tuple(Path(path) for path in order.expose),
        isolation=isolation,
        control_groups=False,  # the scheduler's own hold the job, and must go on doing so
        network=order.network,
        devices_given=True,
    )
    if isolation is None:
        with contextlib.suppress(OSError):
            found.parent.mkdir(mode=0o700, exist_ok=True)
            replace_file(found, f"{host_facts()}{engine.host.isolation}".encode(), durable=False)
    return engine


def _own_part(order: Order, nodes: tuple[str, ...], node: str) -> Start:
    """This host's tasks, on the devices that the scheduler has given."""
    here = [task for task in order.plan.tasks if task.node == node]
    given = given_devices(_part_task(here[0])["variable"])
    cpus = sorted(os.sched_getaffinity(0))
    mine: list[TaskPlan] = []
    for task in here:
        if task.stack == CPU and order.binds:
            wanted = _count(task)
            handles = tuple(str(cpus[(len(mine) * wanted + k) % len(cpus)]) for k in range(wanted))
        elif task.stack == CPU:
            handles = task.handles
        else:
            handles, given = tuple(given[: len(task.handles)]), given[len(task.handles) :]
        mine.append(msgspec.structs.replace(task, handles=handles or task.handles))
    return msgspec.structs.replace(order.plan, tasks=tuple(mine), rendezvous=_meeting(order, nodes, node))


def _meeting(order: Order, nodes: tuple[str, ...], node: str) -> Rendezvous | None:
    if len(nodes) == 1:
        return None
    return Rendezvous(
        world_size=len(order.plan.tasks),
        node_rank=nodes.index(node),
        address=order.addresses.get(nodes[0], nodes[0]),
        port=20000 + zlib.crc32(order.plan.attempt.encode()) % 12000,
    )


def files(order: Order, directory: Path) -> dict[str, bytes]:
    """What the hosts are told, and the same laid out for the agent of each, as it begins with little else."""
    nodes = tuple(dict.fromkeys(task.node for task in order.plan.tasks))
    parts = {node: _part(order, directory, nodes, node) for node in nodes}
    return {ORDER: msgspec.json.encode(order), PARTS: msgspec.json.encode(parts)}


def _part(order: Order, directory: Path, nodes: tuple[str, ...], node: str) -> Part:
    tasks = tuple(task for task in order.plan.tasks if task.node == node)
    meeting = _meeting(order, nodes, node)
    plan = msgspec.structs.replace(order.plan, tasks=tasks, rendezvous=meeting)
    own = part_of(directory, node) / plan.attempt
    return {
        "hosts": list(nodes),
        "isolation": order.isolation or "",
        "plans": {isolation.value: _unfilled(order, plan, own, isolation) for isolation in LEVELS},
        "scripts": scripts(plan.spec),
        "tasks": [_part_task(task) for task in tasks],
        "patterns": {stack: list(patterns) for stack, patterns in device_patterns(plan).items()},
        "expose": list(order.expose),
        "binds": order.binds,
        "grace_s": float(plan.spec.grace_s),
    }


def _unfilled(order: Order, plan: Start, own: Path, isolation: Isolation) -> Plan:
    """The plan as far as it does not depend on the host."""
    host = Host(boot="", isolation=isolation, groups=NO_GROUPS, is_root=False)
    return supervisor_plan(plan, own, host, _settings(order), [])


def _settings(order: Order) -> Settings:
    expose = tuple(Path(path) for path in order.expose)
    return Settings(expose=expose, network=order.network, devices_given=True)


def _part_task(task: TaskPlan) -> PartTask:
    stack = stack_of(task)
    return {
        "stack": task.stack,
        "variable": stack.variable if stack else "",
        "devices": len(task.handles),
        "processors": _count(task) if task.stack == CPU else 0,
    }


def _count(task: TaskPlan) -> int:
    cpus = parse_cpu_list(",".join(task.handles))
    return len(cpus) if isinstance(cpus, tuple) else 1


def _watch(engine: LocalEngine, directory: Path, plan: Start) -> Seen:
    """Follow our part to its end; pass requests to stop on, and a failure to the other hosts."""
    since_s, told = time.monotonic(), -1.0
    while True:
        seen = next(iter(engine.observe([plan.attempt])), None)
        if seen is not None and seen.state in FINAL_ATTEMPT_STATES:
            if seen.state is not AttemptState.SUCCEEDED:
                (directory / FAILED).touch()
            return seen
        grace_s = _grace(directory, plan)
        if grace_s is not None and (told < 0 or grace_s < told):
            engine.stop(plan.attempt, grace_s)
            told = grace_s
        time.sleep(min(max((time.monotonic() - since_s) / 10, _GLANCE_S), _BEAT_S))


def _grace(directory: Path, plan: Start) -> float | None:
    asked = read_stop(directory)
    if asked is not None:
        return asked.grace_s
    return float(plan.spec.grace_s) if (directory / FAILED).exists() else None


def _exit_code(seen: Seen) -> int:
    codes = [one.exit_code for one in seen.exits if one.exit_code]
    return codes[0] if codes else 1


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
    except (Fault, Refused) as error:
        sys.exit(f"penstock: {error}")
