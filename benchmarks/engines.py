"""Every engine alone and with a centre over it: how soon a job starts, how many a second, how much memory.

    python -m benchmarks engines [--only slurm,ray,local]

Alone is the engine's own interface, asked by the same process in the same minutes: Slurm's sbatch, Ray's
Jobs API. Over it is `penstock up` with that engine, asked over REST, until the last job is billed. Each job is
one task on one device: bare, or as the centre's jobs are, in a sandbox and under a supervisor that sees to
limits, output and usage. Tasks end at once, or sleep for some seconds, so that it can be seen from which length on
the centre's own time no longer counts. To a start is the mean of jobs one at a time, the ways in turn, begun at
instants that are spread evenly over a second: Slurm looks at its queue about once a second, and what a job
meets there depends on nothing else. What cannot be started here is left out and named. Exit code 1 where a limit of
engines.yaml is missed.
"""

import argparse
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import yaml
from tests.contract import ray_cluster, ray_harness, slurm_cluster, slurm_harness

from benchmarks.engines_alone import ALONE, Way, rss, task, until
from benchmarks.local_centre import BURST_PAUSE_S, Centre, centre, instant_s
from penstock.sim.compiled import Background

SETTLE_S = 3.0
"""After the first jobs a server loads in the background what it places many by."""
PAUSE_S = 0.05
SCENARIO = Path(__file__).with_suffix(".yaml")


class Figures(NamedTuple):
    """One row of the table: milliseconds, jobs a second by the seconds that each sleeps, bytes."""

    submit_ms: float
    start_ms: float
    jobs_per_s: Mapping[int, float]
    memory_bytes: int


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
    entry = {"kind": engine, "name": engine, "accepted": True, **settings}
    return yaml.safe_dump({"shared": str(folder), "engines": [entry]})


@contextmanager
def opened(engine: str, folder: Path) -> Iterator[Way]:
    """A centre over an engine, with no other devices on sale; its books are checked at the end."""
    with centre(over(engine, folder)) as one:
        until(lambda: engine in {node["engine"] for node in one.ask("GET", "/fleet")["nodes"]})
        fleet = one.ask("GET", "/fleet")
        home = {node["id"]: node["engine"] for node in fleet["nodes"]}
        for device in fleet["devices"]:
            if home[device["node"]] != engine and device["state"] == "available":
                one.ask("POST", f"/fleet/devices/{device['id']}/state", {"state": "cordoned"})
        one.open(engine)
        yield Way(
            lambda name, seconds: one.submit(name, run=task(seconds)),
            one.is_billed,
            lambda name: _started_s(one, name),
            lambda: _memory_of(one),
        )
        assert one.ask("GET", "/ledger/check")["ok"], "the books do not balance"


def jobs_per_s(way: Way, jobs: int, seconds: int) -> float:
    """All at once, from the first request until the last is over."""
    tag = secrets.token_hex(3)
    start_s = time.perf_counter()
    for number in range(jobs):
        way.submit(f"many-{tag}-{number}", seconds)
    until(way.is_idle, BURST_PAUSE_S)
    return jobs / (time.perf_counter() - start_s)


def one_by_one(ways: Iterable[Way], count: int) -> list[tuple[float, float]]:
    """Mean seconds of a request and to a start, for each way."""
    taken: list[list[tuple[float, float]]] = [[] for _ in ways]
    for number in range(count):
        for way, mine in zip(ways, taken, strict=True):
            time.sleep((number / count - time.time()) % 1)  # noqa: TID251 - the phase of the second
            name, asked_s = f"one-{secrets.token_hex(3)}", time.time()  # noqa: TID251 - as the hosts' instants
            way.submit(name, 0)
            answered_s = time.time()  # noqa: TID251
            until(way.is_idle, PAUSE_S)
            mine.append((answered_s - asked_s, way.started_s(name) - asked_s))
    return [(statistics.mean(a for a, _ in mine), statistics.mean(b for _, b in mine)) for mine in taken]


def rows(engine: str, warm: int, singles: int, jobs: Mapping[int, int]) -> Iterator[tuple[str, Figures]]:
    """The engine alone where it is one that stands alone, and a centre over it."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        folder = Path(name)
        ways = {
            title: opens(folder / title.replace(" ", "-")) for title, opens in ALONE.get(engine, {}).items()
        }
        found = {title: _rates(way, warm, jobs) for title, way in ways.items()}
        with opened(engine, folder) as centres:
            ways[f"a centre over {engine}"] = centres
            found[f"a centre over {engine}"] = _rates(centres, warm, jobs)
            taken = one_by_one(tuple(ways.values()), singles)
            for (title, (rates, memory)), (submit_s, start_s) in zip(found.items(), taken, strict=True):
                yield title, Figures(1000 * submit_s, 1000 * start_s, rates, memory)


def _rates(way: Way, warm: int, jobs: Mapping[int, int]) -> tuple[dict[int, float], int]:
    """Jobs a second of each length, and the memory after them; `warm` others come before, on every host."""
    for number in range(warm):
        way.submit(f"warm-{number}", 0)
    until(way.is_idle)
    time.sleep(SETTLE_S)
    rates = {seconds: jobs_per_s(way, count, seconds) for seconds, count in jobs.items()}
    return rates, way.memory_bytes()


def main() -> int:
    """Print the table; 1 where a limit is missed."""
    scenario = yaml.safe_load(SCENARIO.read_text())
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="slurm,ray,local")
    asked = parser.parse_args().only.split(",")
    absent = {"slurm": slurm_cluster.missing(), "ray": ray_cluster.missing(), "local": ""}
    until(Background().ready)  # what a centre does once, and keeps for all others of the version
    lengths = sorted({length for engine in asked for length in scenario["jobs"][engine]})
    heads = "".join(f"{f'jobs/s of {length} s' if length else 'jobs/s':>16}" for length in lengths)
    print(f"{'':26}{'submit ms':>12}{'start ms':>10}{heads}{'MiB':>8}   load {os.getloadavg()[0]:.1f}")
    table: dict[str, Figures] = {}
    for engine in asked:
        if absent[engine]:
            print(f"{engine} is left out: {absent[engine]}")
            continue
        counts = (scenario[name][engine] for name in ("warm", "singles", "jobs"))
        for title, found in rows(engine, *counts):
            table[title] = found
            rates = (found.jobs_per_s.get(length) for length in lengths)
            shown = "".join(f"{'' if rate is None else f'{rate:.2f}':>16}" for rate in rates)
            print(
                f"{title:26}{found.submit_ms:12.1f}{found.start_ms:10.0f}{shown}"
                f"{found.memory_bytes / 2**20:8.0f}",
                flush=True,
            )
    missed = [_missed(table, engine, scenario["limits"]) for engine in ("slurm", "ray")]
    return int(any(missed))


def _missed(table: Mapping[str, Figures], engine: str, limits: Mapping[str, float]) -> bool:
    over, missed = table.get(f"a centre over {engine}"), False
    for title in ALONE[engine]:
        alone = table.get(title)
        if alone is None or over is None:
            continue
        added_ms = over.start_ms - alone.start_ms
        ratios = {length: over.jobs_per_s[length] / rate for length, rate in alone.jobs_per_s.items()}
        shares = ", ".join(f"{ratio:.2f} of {length} s" for length, ratio in ratios.items())
        print(f"over {engine}, of {title}: of the jobs/s {shares}; {added_ms:+.0f} ms to a start")
        missed |= min(ratios.values()) < limits["jobs_per_s_ratio"] or added_ms > limits["start_added_ms"]
    return missed


def _started_s(one: Centre, name: str) -> float:
    (attempt,) = one.ask("GET", f"/jobs/bench.{name}")["attempts"]
    return instant_s(attempt["running_at"])


def _memory_of(one: Centre) -> int:
    server = psutil.Process(one.process)
    return rss([one.process, *(child.pid for child in server.children(recursive=True))])
