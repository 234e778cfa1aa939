"""The local engine alone: from `start` to running, and instant attempts per second, beside what limits them.

    python -m benchmarks local_engine [--attempts N] [--image SOURCE]

The limits are this machine's own: starting `true` one after another (fork and exec, nothing else), and
starting it in the same sandbox by bubblewrap alone. All are taken in the same minute, as a shared machine is
faster or slower from one minute to the next. With `--image` (an archive, or a layout) there is a row of jobs in
that image.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from penstock.app.ports import Start, TaskPlan
from penstock.base.window import to_us
from penstock.engines.local.engine import LocalEngine
from penstock.engines.local.host import Isolation
from penstock.engines.local.images.store import add
from penstock.engines.local.supervisor.bubblewrap import bubblewrap_option
from penstock.engines.local.supervisor.shown import system_mounts
from penstock.lease.job import JobSpec, Resources

EXPOSED = tuple(map(Path, dict.fromkeys((sys.prefix, sys.base_prefix))))
IMAGE = "localhost/benchmark:1"
SINGLE = 30
IN_FLIGHT = 16
"""As many as a host has devices; with more, each needs a supervisor of its own."""


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempts", type=int, default=200, help="how many instant attempts at once")
    parser.add_argument("--image", default="", help="an image to run in, too")
    given = parser.parse_args()
    alone_s = mean_s(bubblewrap)
    print(f"fork and exec of true, one after another: {1 / mean_s(fork_exec):.0f}/s")
    print(
        f"bubblewrap alone, same files, one after another: {1 / alone_s:.0f}/s, {1000 * alone_s:.1f} ms each"
    )
    print(f"{'isolation':16} {'start to running, ms':>24} {'start to end, ms':>18} {'at once':>10}")
    print(f"{'':16} {'median':>12} {'best':>11} {'median':>18} {'per s':>10}")
    medians_ms = {isolation: row(isolation, given.attempts) for isolation in Isolation}
    if given.image:
        row(Isolation.NAMESPACES, given.attempts, given.image)
    beyond_ms = medians_ms[Isolation.BUBBLEWRAP] - 1000 * alone_s
    print(f"bubblewrap: {beyond_ms:.1f} ms from start to running beyond its own (goal: under 25)")


def row(isolation: Isolation, attempts: int, image: str = "") -> float:
    """Print a line of the table; the median of milliseconds from start to running."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        images = Path(folder) / "images"
        if image:
            add(images, IMAGE, image)
        engine = LocalEngine(Path(folder) / "attempts", expose=EXPOSED, isolation=isolation, images=images)
        plan = instant(IMAGE if image else "")
        single = [one_by_one(engine, plan, f"single-{number}") for number in range(SINGLE)]
        running, ended = zip(*single, strict=True)
        rate = at_once(engine, plan, attempts)
        engine.close()
    median_ms = statistics.median(running)
    print(
        f"{'in an image' if image else isolation.value:16} {median_ms:12.1f} {min(running):11.1f}"
        f" {statistics.median(ended):18.1f} {rate:10.0f}"
    )
    return median_ms


def mean_s(work: Callable[[], None], repeats: int = 100) -> float:
    """Seconds that one call takes."""
    start_s = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start_s) / repeats


def fork_exec() -> None:
    """The least that starting a program costs."""
    pid = os.fork()
    if pid == 0:
        os.execv("/bin/true", ["true"])
    os.waitpid(pid, 0)


def bubblewrap() -> None:
    """The same in the sandbox's file tree and namespaces."""
    options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"]
    for mount in system_mounts(EXPOSED):
        options += bubblewrap_option(mount)
    subprocess.run(["bwrap", *options, "--", "/bin/true"], check=True)


def instant(image: str) -> Start:
    """One task that ends at once."""
    resources = Resources(models=("cpu",), memory_bytes=2**28)
    spec = JobSpec(name="instant", run="exit 0", resources=resources, image=image)
    cpu = str(min(os.sched_getaffinity(0)))
    task = TaskPlan(rank=0, node="host", local_rank=0, devices=("cpu",), handles=(cpu,), stack="cpu")
    return Start(attempt="", job="instant", tenant="bench", spec=spec, tasks=(task,))


def one_by_one(engine: LocalEngine, plan: Start, attempt: str) -> tuple[float, float]:
    """Milliseconds from the call of `start` to running, and to the end."""
    start_us = time.time_ns() // 1000
    engine.start(msgspec.structs.replace(plan, attempt=attempt))
    while (seen := engine.observe([attempt])[0]).ended_at is None:
        time.sleep(0.001)
    assert seen.running_at is not None, seen
    return (to_us(seen.running_at) - start_us) / 1000, (to_us(seen.ended_at) - start_us) / 1000


def at_once(engine: LocalEngine, plan: Start, attempts: int) -> float:
    """Attempts per second from the first `start` to the last end seen, IN_FLIGHT of them at any time."""
    start_s = time.perf_counter()
    waiting: set[str] = set()
    left = [f"many-{number}" for number in range(attempts)]
    while left or waiting:
        while left and len(waiting) < IN_FLIGHT:
            name = left.pop()
            engine.start(msgspec.structs.replace(plan, attempt=name))
            waiting.add(name)
        time.sleep(0.002)
        waiting -= {seen.attempt for seen in engine.observe(waiting) if seen.ended_at}
    return attempts / (time.perf_counter() - start_s)
