"""How many refused gangs a plan of moves admits, and at which cost, on states that openb's traces really reach.

    python -m benchmarks defragmentation [--data FOLDER] [--gangs N]

Tasks of a trace arrive in a drawn order and are placed by the live core's own policy; none leaves, what does
not fit is refused, as in the published fill experiment. At the given demand the state is kept, and for tasks
of several devices that were refused before, moves are planned: first of all running tasks, then of those
alone that keep checkpoints. Beside it an upper limit: the refused would fit if all free room were in one place.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import yaml

from penstock.base.quantity import WHOLE
from penstock.base.window import US_PER_HOUR
from penstock.fleet.device import Device, DeviceState, Node
from penstock.lease.job import Attempt, AttemptState, Checkpoint, Job, JobSpec, Resources
from penstock.placement.defragment import defragment
from penstock.placement.fill import arrivals
from penstock.placement.model import World
from penstock.placement.need import NEVER_US
from penstock.placement.planner import Planner
from penstock.sim.compiled import prepare
from penstock.sim.trace.openb import Trace, read_trace

HERE = Path(__file__).parent
DEFAULT_DATA = HERE.parent.parent / "shared" / "data"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIB = 2**20


def main() -> int:
    """Plan moves on each trace and demand, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--gangs", type=int, help="instead of the scenario's")
    chosen = parser.parse_args()
    folder = chosen.data / "traces" / "openb"
    if not folder.is_dir():
        print(f"defragmentation: skipped, {folder} is not there")
        return 0
    prepare()
    scenario = yaml.safe_load((HERE / "defragmentation.yaml").read_text())
    print(
        f"{'trace':<12}{'demand':>7}{'allocated %':>13}{'checkpoints':>13}{'refused':>9}{'room for':>10}"
        f"{'admitted':>10}{'moves each':>12}{'card-h each':>13}{'of its cards':>14}{'s each':>8}"
    )
    for name in scenario["traces"]:
        trace = read_trace(folder / "nodes.csv", folder / f"pods_{name}.csv")
        for demand in scenario["demands"]:
            world, gangs, allocated = reached(trace, demand, scenario)
            gangs = gangs[: chosen.gangs or scenario["gangs"]]
            for share in scenario["checkpointing"]:
                show(name, demand, allocated, share, measure(keeping(world, share), gangs))
    return 0


class Measured(msgspec.Struct, frozen=True):
    """What came of planning for the refused gangs of one state, one by one."""

    refused: int
    room: int
    admitted: int
    moves: float
    card_hours: float
    per_card: float
    seconds: float


def measure(world: World, gangs: list[Job]) -> Measured:
    """Plan for each refused gang on the state as it is."""
    began = time.process_time()
    answers = [defragment(world, job, NOW) for job in gangs]
    seconds = (time.process_time() - began) / max(len(gangs), 1)
    found = [(job, answer) for job, answer in zip(gangs, answers, strict=True) if answer.possible]
    used = sum(attempt.share * len(attempt.devices) for attempt in world.attempts)
    free = len(world.devices) * WHOLE - used
    costs = [answer.cost_us / US_PER_HOUR for _, answer in found]
    return Measured(
        refused=len(gangs),
        room=sum(job.spec.devices * WHOLE <= free for job in gangs),
        admitted=len(found),
        moves=float(np.mean([len(answer.moves) for _, answer in found] or [0])),
        card_hours=float(np.mean(costs or [0])),
        per_card=float(
            np.mean([c / job.spec.devices for c, (job, _) in zip(costs, found, strict=True)] or [0])
        ),
        seconds=seconds,
    )


def reached(trace: Trace, demand: float, scenario: dict) -> tuple[World, list[Job], float]:
    """The state once so much demand has come, the gangs that were refused on the way, percent allocated."""
    random = np.random.default_rng(scenario["seed"])
    nodes, devices = fleet_of(trace)
    empty = World(revision=scenario["seed"], nodes=nodes, devices=devices)
    tasks = arrivals(trace.work, trace.fleet.capacity, demand, scenario["seed"])
    jobs = [job_of(trace, int(shape), i) for i, shape in enumerate(tasks)]
    mix = tuple(job for job in jobs[:2000] if job is not None)
    planner = Planner(msgspec.structs.replace(empty, queue=mix), NOW)
    attempts, running, refused = [], [], []
    for job in jobs:
        if job is None:
            continue
        groups = planner.now_for(job)
        if groups is None:
            refused += [job] if job.spec.devices > 1 else []
            continue
        share = job.spec.resources.device_share
        holding = planner.take(job.id, job.tenant, job, groups, share, NEVER_US)
        age = timedelta(minutes=float(random.uniform(0, scenario["checkpoint_every_min"])))
        begun = NOW - timedelta(hours=2)
        attempts.append(
            Attempt(
                id=f"{job.id}.1",
                job=job.id,
                tenant=job.tenant,
                number=1,
                engine="local",
                devices=planner.layout.devices(holding.cells),
                placed_at=begun - timedelta(minutes=scenario["set_up_min"]),
                running_at=begun,
                checkpoints=(NOW - age,),
                state=AttemptState.RUNNING,
                share=share,
                slots=() if share == WHOLE else holding.slots,
            )
        )
        running.append(job)
    world = msgspec.structs.replace(empty, attempts=tuple(attempts), running=tuple(running))
    taken = sum(attempt.share * len(attempt.devices) for attempt in attempts)
    order = np.random.default_rng(0).permutation(len(refused))
    return world, [refused[i] for i in order], 100 * taken / trace.fleet.capacity


def keeping(world: World, share: float) -> World:
    """The world in which so large a share of the jobs, drawn, keeps checkpoints."""
    keeps = np.random.default_rng(2).random(len(world.running)) < share
    running = tuple(
        msgspec.structs.replace(
            job, spec=msgspec.structs.replace(job.spec, checkpoint=Checkpoint() if kept else None)
        )
        for job, kept in zip(world.running, keeps, strict=True)
    )
    return msgspec.structs.replace(world, running=running)


def fleet_of(trace: Trace) -> tuple[tuple[Node, ...], tuple[Device, ...]]:
    """The trace's nodes and devices."""
    fleet, nodes, devices = trace.fleet, [], []
    for i in range(len(fleet.cpu)):
        name = f"n{i:05}"
        nodes.append(
            Node(id=name, cpu_cores=int(fleet.cpu[i]) // 1000, memory_bytes=int(fleet.memory[i]) * MIB)
        )
        devices += [
            Device(
                id=f"{name}-{k}",
                node=name,
                model=fleet.models[int(fleet.model[i])].lower(),
                handle="",
                stack="cuda",
                index=k,
                state=DeviceState.AVAILABLE,
                accepted_at=NOW,
            )
            for k in range(int(fleet.devices[i]))
        ]
    return tuple(nodes), tuple(devices)


def job_of(trace: Trace, shape: int, number: int) -> Job | None:
    """A task as a job of one node; tasks without a device are left out."""
    work = trace.work
    if not work.devices[shape]:
        return None
    mask = int(work.models[shape])
    models = tuple(m.lower() for i, m in enumerate(trace.fleet.models) if (mask >> i) & 1)
    resources = Resources(
        models=() if len(models) == len(trace.fleet.models) else models,
        devices_per_node=int(work.devices[shape]),
        device_share=int(work.share[shape]),
        cpu_millicores=int(work.cpu[shape]),
        memory_bytes=int(work.memory[shape]) * MIB,
    )
    spec = JobSpec(name="t", run="true", resources=resources, checkpoint=Checkpoint())
    return Job(id=f"t{number:06}", tenant="t", spec=spec, created_at=NOW)


def show(name: str, demand: float, allocated: float, share: float, found: Measured) -> None:
    """One line of the table."""
    print(
        f"{name:<12}{demand:>7.0%}{allocated:>13.1f}{share:>13.0%}{found.refused:>9}{found.room:>10}"
        f"{found.admitted:>10}{found.moves:>12.1f}{found.card_hours:>13.2f}{found.per_card:>14.3f}"
        f"{found.seconds:>8.2f}",
        flush=True,
    )
