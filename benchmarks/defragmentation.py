"""How many refused gangs a plan of moves admits, and at which cost, on states that openb's traces really reach.

    python -m benchmarks defragmentation [--data FOLDER] [--gangs N] [--policy NAME]

Tasks of a trace arrive in a drawn order and are placed by a policy until demand is a share of capacity. Then one
task leaves at random and the next arrives, so many times as the scenario says: holes come and go, as where jobs
end. For the tasks of several devices that were refused last, moves are planned on the state that is then
reached. Beside it an upper limit: those that would fit if all free room were in one place.
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
from penstock.placement.model import Rules, World
from penstock.placement.need import NEVER_US
from penstock.placement.planner import Planner
from penstock.placement.snapshot import Holding
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
    parser.add_argument("--policy", help="instead of the scenario's")
    chosen = parser.parse_args()
    folder = chosen.data / "traces" / "openb"
    if not folder.is_dir():
        print(f"defragmentation: skipped, {folder} is not there")
        return 0
    prepare()
    scenario = yaml.safe_load((HERE / "defragmentation.yaml").read_text())
    print(
        f"{'trace':<12}{'policy, seed':<14}{'allocated %':>13}{'checkpoints':>13}{'refused':>9}{'room for':>10}"
        f"{'admitted':>10}{'moves each':>12}{'card-h each':>13}{'of its cards':>14}{'s each':>8}"
    )
    for name in scenario["traces"]:
        trace = read_trace(folder / "nodes.csv", folder / f"pods_{name}.csv")
        for policy in [chosen.policy] if chosen.policy else scenario["policies"]:
            for seed in scenario["seeds"]:
                world, gangs, allocated = reached(trace, policy, seed, scenario)
                gangs = gangs[: chosen.gangs or scenario["gangs"]]
                for share in scenario["checkpointing"]:
                    found = measure(keeping(world, share), gangs)
                    show(name, f"{policy} {seed}", allocated, share, found)
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


def reached(trace: Trace, policy: str, seed: int, scenario: dict) -> tuple[World, list[Job], float]:
    """The state after the churn, the gangs that were refused last, percent allocated."""
    random = np.random.default_rng(seed)
    nodes, devices = fleet_of(trace)
    empty = World(revision=1, nodes=nodes, devices=devices, rules=Rules(policy=policy))
    tasks = arrivals(trace.work, trace.fleet.capacity, scenario["demand"], seed)
    first = [job for i, shape in enumerate(tasks) if (job := job_of(trace, int(shape), i))]
    drawn = random.choice(tasks, scenario["churn"])
    later = [job for i, shape in enumerate(drawn) if (job := job_of(trace, int(shape), len(tasks) + i))]
    planner = Planner(msgspec.structs.replace(empty, queue=tuple(first[:2000])), NOW)
    placed: dict[str, tuple[Job, Holding]] = {}
    refused: list[Job] = []
    for number, job in enumerate((*first, *later)):
        if number >= len(first):
            leaving = list(placed)[int(random.integers(len(placed)))]
            planner.snapshot.release(leaving)
            del placed[leaving]
        groups = planner.now_for(job)
        if groups is not None:
            share = job.spec.resources.device_share
            placed[job.id] = job, planner.take(job.id, job.tenant, job, groups, share, NEVER_US)
        elif job.spec.devices > 1:
            refused.append(job)
    attempts = tuple(attempt_of(planner, job, holding, random, scenario) for job, holding in placed.values())
    running = tuple(job for job, _ in placed.values())
    world = msgspec.structs.replace(empty, attempts=attempts, running=running)
    taken = sum(attempt.share * len(attempt.devices) for attempt in attempts)
    return world, refused[::-1], 100 * taken / trace.fleet.capacity


def attempt_of(
    planner: Planner, job: Job, holding: Holding, random: np.random.Generator, scenario: dict
) -> Attempt:
    """A placed task as it runs: its last checkpoint is up to so old as the scenario says."""
    age = timedelta(minutes=float(random.uniform(0, scenario["checkpoint_every_min"])))
    begun = NOW - timedelta(hours=2)
    return Attempt(
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
        share=holding.share,
        slots=() if holding.share == WHOLE else holding.slots,
    )


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


def show(name: str, policy: str, allocated: float, share: float, found: Measured) -> None:
    """One line of the table."""
    print(
        f"{name:<12}{policy:<14}{allocated:>13.1f}{share:>13.0%}{found.refused:>9}{found.room:>10}"
        f"{found.admitted:>10}{found.moves:>12.1f}{found.card_hours:>13.2f}{found.per_card:>14.3f}"
        f"{found.seconds:>8.2f}",
        flush=True,
    )
