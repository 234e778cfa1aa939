"""Every engine alone and with a centre over it: how soon a job starts, how many a second, how much memory.

    python -m benchmarks engines [--only slurm,ray,local]

Alone is the engine's own interface, asked by the same process in the same minute: Slurm's sbatch, Ray's
Jobs API. Over it is `penstock up` with that engine, asked over REST, until the last job is billed. Each job is
one instant task on one device: bare, or as the centre's jobs are, in a sandbox and under a supervisor that sees to
limits, output and usage. What cannot be started here is left out and named. Exit code 1 where a limit of engines.yaml
is missed.
"""

import argparse
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import yaml
from tests.contract import ray_cluster, ray_harness, slurm_cluster, slurm_harness

from benchmarks.engines_alone import ALONE, Alone, rss, until
from benchmarks.local_centre import BURST_PAUSE_S, PAUSE_S, Centre, centre, instant_s

WARM = 2
"""Jobs before the others, one for each host."""
SCENARIO = Path(__file__).with_suffix(".yaml")


class Figures(NamedTuple):
    """One row of the table: milliseconds, jobs a second, bytes."""

    submit_ms: float
    start_ms: float
    jobs_per_s: float
    memory_bytes: int


def measure_alone(engine: Alone, singles: int, jobs: int) -> Figures:
    """One after another for the latencies, then all at once for the rate."""
    submits, starts = [], []
    tag = secrets.token_hex(3)
    for number in range(WARM):
        engine.submit(f"{tag}-warm-{number}")
    until(lambda: engine.unfinished() == 0)
    for number in range(singles):
        name = f"{tag}-one-{number}"
        asked = time.time()  # noqa: TID251 - to be compared with instants of the hosts
        engine.submit(name)
        submits.append(time.time() - asked)  # noqa: TID251
        until(lambda: engine.unfinished() == 0, PAUSE_S)
        starts.append(engine.started_s(name) - asked)
    start_s = time.perf_counter()
    for number in range(jobs):
        engine.submit(f"{tag}-many-{number}")
    until(lambda: engine.unfinished() == 0, BURST_PAUSE_S)
    rate = jobs / (time.perf_counter() - start_s)
    return Figures(_median_ms(submits), _median_ms(starts), rate, engine.memory_bytes())


def measure_over(one: Centre, singles: int, jobs: int) -> Figures:
    """The same through the centre, until everything is billed."""
    submits, starts = [], []
    for number in range(singles):
        asked = time.time()  # noqa: TID251 - to be compared with the centre's instants
        one.submit(f"one-{number}")
        submits.append(time.time() - asked)  # noqa: TID251
        one.until_billed()
        (attempt,) = one.ask("GET", f"/jobs/bench.one-{number}")["attempts"]
        starts.append(instant_s(attempt["running_at"]) - asked)
    start_s = time.perf_counter()
    for number in range(jobs):
        one.submit(f"many-{number:04}")
    one.until_billed(BURST_PAUSE_S)
    rate = jobs / (time.perf_counter() - start_s)
    assert one.ask("GET", "/ledger/check")["ok"], "the books do not balance"
    server = psutil.Process(one.process)
    tree = [one.process, *(child.pid for child in server.children(recursive=True))]
    return Figures(_median_ms(submits), _median_ms(starts), rate, rss(tree))


def over(engine: str, folder: Path) -> str:
    """engines.yaml with one engine; none for this host alone."""
    if engine == "local":
        return ""
    if engine == "ray":
        there = ray_harness.cluster()
        settings = {"url": there.url, "token_file": str(there.token_file)}
    else:
        slurm = slurm_harness.cluster()
        settings = {"url": slurm.url, "user": "root", "jwt_key_file": str(slurm.key), "partition": "nvidia"}
    entry = {"kind": engine, "name": engine, "accepted": True, "look_every_s": 0.5, **settings}
    return yaml.safe_dump({"shared": str(folder), "engines": [entry]})


def rows(engine: str, singles: int, jobs: int) -> Iterator[tuple[str, Figures]]:
    """The engine alone where it is one that stands alone, and a centre over it."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        for title, opens in ALONE.get(engine, {}).items():
            alone = opens(Path(name) / title.replace(" ", "-"))
            yield title, measure_alone(alone, singles, jobs)
        with centre(over(engine, Path(name))) as one:
            until(lambda: engine in {node["engine"] for node in one.ask("GET", "/fleet")["nodes"]})
            fleet = one.ask("GET", "/fleet")
            home = {node["id"]: node["engine"] for node in fleet["nodes"]}
            for device in fleet["devices"]:
                if home[device["node"]] != engine and device["state"] == "available":
                    one.ask("POST", f"/fleet/devices/{device['id']}/state", {"state": "cordoned"})
            one.open(engine)
            one.submit("warm")
            one.until_billed()
            yield f"a centre over {engine}", measure_over(one, singles, jobs)


def main() -> int:
    """Print the table; 1 where a limit is missed."""
    scenario = yaml.safe_load(SCENARIO.read_text())
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="slurm,ray,local")
    asked = parser.parse_args()
    absent = {"slurm": slurm_cluster.missing(), "ray": ray_cluster.missing(), "local": ""}
    print(f"{'':26}{'submit ms':>12}{'start ms':>12}{'jobs/s':>10}{'MiB':>8}   load {os.getloadavg()[0]:.1f}")
    table: dict[str, Figures] = {}
    for engine in asked.only.split(","):
        if absent[engine]:
            print(f"{engine} is left out: {absent[engine]}")
            continue
        for title, found in rows(engine, scenario["singles"][engine], scenario["jobs"][engine]):
            table[title] = found
            print(
                f"{title:26}{found.submit_ms:12.1f}{found.start_ms:12.1f}{found.jobs_per_s:10.2f}"
                f"{found.memory_bytes / 2**20:8.0f}",
                flush=True,
            )
    missed = [_missed(table, engine, scenario["limits"]) for engine in ("slurm", "ray")]
    return int(any(missed))


def _missed(table: dict[str, Figures], engine: str, limits: dict[str, float]) -> bool:
    over, missed = table.get(f"a centre over {engine}"), False
    for title in ALONE[engine]:
        alone = table.get(title)
        if alone is None or over is None:
            continue
        rate, added_ms = over.jobs_per_s / alone.jobs_per_s, over.start_ms - alone.start_ms
        print(f"over {engine}, of {title}: {rate:.2f} of the jobs/s, {added_ms:+.0f} ms to a start")
        missed |= rate < limits["jobs_per_s_ratio"] or added_ms > limits["start_added_ms"]
    return missed


def _median_ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)
