"""Slurm and Ray by their own interfaces: a bare job, and the very job that a centre has them run."""

import itertools
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
from tests.contract import ray_harness, slurm_harness

from penstock.app.ports import Start, TaskPlan
from penstock.engines.local.folder import read_status
from penstock.engines.node import Order, files, part_of
from penstock.engines.ray.client import RayClient
from penstock.engines.ray.words import bundle
from penstock.engines.slurm import folder
from penstock.engines.slurm.commands import Commands
from penstock.engines.slurm.settings import SlurmSettings
from penstock.engines.slurm.submission import submission
from penstock.lease.job import JobSpec, Resources

PATIENCE_S = 300.0
STAMP = "date +%s.%N > {file}"
CPUS = 8
"""That go with each GPU of the test's hosts."""


class Way(NamedTuple):
    """To run jobs; each task sleeps for some seconds. `started_s` of a job that is over is when its task began."""

    submit: Callable[[str, int], None]
    is_idle: Callable[[], bool]
    started_s: Callable[[str], float]
    memory_bytes: Callable[[], int]


def slurm_bare(base: Path) -> Way:
    """By sbatch, for each job one pretended GPU and the processors that go with it, as the centre asks."""
    there = slurm_harness.cluster()
    base.mkdir()

    def submit(name: str, seconds: int) -> None:
        there.run("sbatch", "--parsable", f"--job-name={name}", "--gres=gpu:a100:1", f"--cpus-per-task={CPUS}",
                  "--partition=nvidia", "--output=/dev/null",
                  f"--wrap={STAMP.format(file=base / name)}; {task(seconds)}")  # fmt: skip

    return Way(submit, _slurm_is_idle, lambda name: float((base / name).read_text()), _memory_of_slurm)


def slurm_equal(base: Path) -> Way:
    """By sbatch, each job laid out as the centre's are; the hosts in turn."""
    os.environ["SLURM_CONF"] = slurm_harness.cluster().environment["SLURM_CONF"]
    commands, hosts = Commands(), itertools.cycle(("n1", "n2"))
    settings = SlurmSettings(shared=base, python=sys.executable, partition="nvidia")
    where: dict[str, str] = {}

    def submit(name: str, seconds: int) -> None:
        where[name] = next(hosts)
        plan, directory = _laid_out(base, name, seconds, where[name], "a100:0", "cuda", {}, binds=True)
        commands.submit(submission(plan, directory, settings, {where[name]: CPUS}, ""))

    return Way(submit, _slurm_is_idle, lambda name: _ran_s(base, name, where[name]), _memory_of_slurm)


def ray_bare(base: Path) -> Way:
    """By the Jobs API, one processor for each job."""
    base.mkdir()
    client, submitted = _client(), set[str]()

    def submit(name: str, seconds: int) -> None:
        client.submit(name, f"{STAMP.format(file=base / name)}; {task(seconds)}", {"CPU": 1.0})
        submitted.add(name)

    return _ray(submitted, submit, lambda name: float((base / name).read_text()))


def ray_equal(base: Path) -> Way:
    """By the Jobs API, each job laid out as the centre's are; the hosts in turn."""
    client, submitted, there = _client(), set[str](), ray_harness.cluster()
    addresses = itertools.cycle(there.addresses)
    where: dict[str, str] = {}

    def submit(name: str, seconds: int) -> None:
        where[name] = next(addresses)
        known = {where[name]: where[name]}
        plan, directory = _laid_out(base, name, seconds, where[name], "0", "cpu", known, binds=False)
        words = (sys.executable, "-P", "-m", "penstock.engines.ray.solo", str(directory), where[name])
        client.submit(name, shlex.join(words), bundle(plan.tasks, where[name]))
        submitted.add(name)

    return _ray(submitted, submit, lambda name: _ran_s(base, name, where[name]))


ALONE: Mapping[str, Mapping[str, Callable[[Path], Way]]] = {
    "slurm": {"slurm alone, bare": slurm_bare, "slurm alone, same job": slurm_equal},
    "ray": {"ray alone, bare": ray_bare, "ray alone, same job": ray_equal},
}


def task(seconds: int) -> str:
    """What each job does."""
    return f"sleep {seconds}" if seconds else "exit 0"


def until(done: Callable[[], bool], pause_s: float = 0.02) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "the jobs do not end"
        time.sleep(pause_s)


def rss(pids: Iterable[int]) -> int:
    """Bytes of memory that these processes have resident, shared ones counted each time."""
    total = 0
    for pid in pids:
        try:
            total += psutil.Process(pid).memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _laid_out(
    base: Path,
    name: str,
    seconds: int,
    node: str,
    handle: str,
    stack: str,
    addresses: dict[str, str],
    *,
    binds: bool,
) -> tuple[Start, Path]:
    """A plan of one task, and its directory as an engine would make it."""
    spec = JobSpec(name="job", run=task(seconds), resources=Resources(models=(stack,), devices_per_node=1))
    only = TaskPlan(rank=0, node=node, local_rank=0, devices=("d",), handles=(handle,), stack=stack)
    plan = Start(attempt=name, job=name, tenant="bench", spec=spec, tasks=(only,))
    directory = base / "attempts" / name
    order = Order(plan=plan, expose=(sys.prefix, sys.base_prefix), addresses=addresses, binds=binds)
    folder.make(directory, files(order, directory))
    return plan, directory


def _ran_s(base: Path, name: str, node: str) -> float:
    status = read_status(part_of(base / "attempts" / name, node) / name)
    assert status is not None, "it has run"
    assert status["running_us"] is not None, status
    return status["running_us"] / 1e6


def _slurm_is_idle() -> bool:
    states = "--states=PENDING,RUNNING,CONFIGURING,COMPLETING"
    return not slurm_harness.cluster().run("squeue", "--noheader", states)


def _memory_of_slurm() -> int:
    daemons = ("slurmctld", "slurmd", "slurmdbd", "slurmrestd", "munged", "mariadbd", "slurmstepd")
    return rss(process.pid for process in psutil.process_iter() if process.name() in daemons)


def _client() -> RayClient:
    there = ray_harness.cluster()
    return RayClient(there.url, lambda: there.token)


def _ray(submitted: set[str], submit: Callable[[str, int], None], started_s: Callable[[str], float]) -> Way:
    there = ray_harness.cluster()
    headers = {"authorization": f"Bearer {there.token}"}

    def is_idle() -> bool:
        """All jobs in one answer."""
        listed = httpx.get(f"{there.url}/api/jobs/", headers=headers, timeout=60).raise_for_status().json()
        over = {one["submission_id"] for one in listed if one["status"] in ("SUCCEEDED", "FAILED", "STOPPED")}
        return submitted <= over

    return Way(submit, is_idle, started_s, lambda: rss(there.pids()))
