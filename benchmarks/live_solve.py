"""One decision of the live loop: how long it takes to plan a queue on a fleet that is nearly full.

    python -m benchmarks live_solve [--devices N --waiting N]

Seconds of one core: the first decision on a fleet (its layout is made), and one after it (only the world
changed). Kernels are compiled before. Exit code 1 where a limit of live_solve.yaml is missed.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import yaml

from penstock.fleet.device import Device, DeviceState, Node
from penstock.lease.job import Attempt, AttemptState, Job, JobSpec, Resources
from penstock.lease.tenant import Tenant
from penstock.placement.model import World
from penstock.placement.solve import solve
from penstock.sim.compiled import prepare

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHAPES = ((1, 500), (1, 250), (1, 1000), (1, 1000), (2, 1000), (4, 1000), (8, 1000))


def main() -> int:
    """Time the scenario's points, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int)
    parser.add_argument("--waiting", type=int)
    chosen = parser.parse_args()
    scenario = yaml.safe_load((HERE / "live_solve.yaml").read_text())
    points = scenario["points"]
    if chosen.devices and chosen.waiting:
        points = [{"devices": chosen.devices, "waiting": chosen.waiting}]
    prepare()
    solve(world(80, 20), NOW)
    print(
        f"{'devices':>9}{'waiting':>9}{'placed':>8}{'promised':>10}{'first s':>9}{'then s':>8}{'limit s':>9}"
    )
    missed = False
    for point in points:
        made = world(point["devices"], point["waiting"])
        times = []
        for revision in range(2):
            began = time.process_time()
            plan = solve(msgspec.structs.replace(made, revision=revision), NOW)
            times.append(time.process_time() - began)
        promised = sum(line.promise is not None for line in plan.waiting)
        limit = point.get("limit_s", float("inf"))
        missed |= times[1] > limit
        print(
            f"{point['devices']:>9}{point['waiting']:>9}{len(plan.placements):>8}{promised:>10}"
            f"{times[0]:>9.2f}{times[1]:>8.2f}{limit:>9}",
            flush=True,
        )
    return 1 if missed else 0


def world(devices: int, waiting: int) -> World:
    """Eight-card nodes, 16 a leaf, with seven of eight cards in use, and a queue of several kinds of jobs."""
    random = np.random.default_rng(1)
    nodes = tuple(
        Node(id=f"n{i:05}", cpu_cores=128, memory_bytes=2**40, leaf=f"l{i // 16:04}")
        for i in range(devices // 8)
    )
    fleet = tuple(
        Device(
            id=f"{node.id}-{k}",
            node=node.id,
            model="a100",
            handle="",
            stack="cuda",
            index=k,
            state=DeviceState.AVAILABLE,
            memory_bytes=80 * 2**30,
            accepted_at=NOW,
        )
        for node in nodes
        for k in range(8)
    )
    busy = random.random(len(fleet)) < 7 / 8
    running = tuple(
        _job(f"r{i:06}", (1, 1000), int(random.integers(1, 48)), 0) for i, taken in enumerate(busy) if taken
    )
    held = [device.id for device, taken in zip(fleet, busy, strict=True) if taken]
    attempts = tuple(
        Attempt(
            id=f"{job.id}.1",
            job=job.id,
            tenant=job.tenant,
            number=1,
            engine="local",
            devices=(device,),
            placed_at=NOW,
            running_at=NOW,
            state=AttemptState.RUNNING,
        )
        for job, device in zip(running, held, strict=True)
    )
    queue = tuple(
        _job(
            f"q{i:06}",
            SHAPES[int(random.integers(len(SHAPES)))],
            int(random.integers(1, 6)),
            int(random.integers(4)),
        )
        for i in range(waiting)
    )
    tenants = tuple(Tenant(id=f"t{i}", name="t", created_at=NOW) for i in range(4))
    return World(
        revision=0,
        nodes=nodes,
        devices=fleet,
        attempts=attempts,
        running=running,
        queue=queue,
        tenants=tenants,
    )


def _job(name: str, shape: tuple[int, int], hours: int, tenant: int) -> Job:
    resources = Resources(models=("a100",), devices_per_node=shape[0], device_share=shape[1])
    spec = JobSpec(name="j", run="true", resources=resources, time_limit_s=hours * 3600)
    return Job(id=name, tenant=f"t{tenant}", spec=spec, created_at=NOW - timedelta(seconds=1))


if __name__ == "__main__":
    raise SystemExit(main())
