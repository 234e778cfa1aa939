"""Every engine alone and with a centre over it: how soon a job starts, how many a second, how much memory.

    python -m benchmarks engines [--only slurm,ray,local]

Alone is the engine's own interface, asked by the same process in the same minute: Slurm's sbatch, Ray's
Jobs API. Over it is `penstock up` with that engine, asked over REST, until the last job is billed. Each job is
one instant task on one device. What cannot be started here is left out and named. Exit code 1 where a limit of
engines.yaml is missed.
"""

import argparse
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import yaml
from tests.contract import ray_cluster, ray_harness, slurm_cluster, slurm_harness

from benchmarks.local_centre import BURST_PAUSE_S, Centre, centre, instant_s

SCENARIO = Path(__file__).with_suffix(".yaml")
PATIENCE_S = 300.0
STAMP = "date +%s.%N > {file}"


class Figures(NamedTuple):
    """One row of the table: milliseconds, jobs a second, bytes."""

    submit_ms: float
    start_ms: float
    jobs_per_s: float
    memory_bytes: int


class Alone(NamedTuple):
    """An engine by its own interface: `submit` writes the instant of the start into a file."""

    submit: Callable[[str, Path], None]
    unfinished: Callable[[], int]
    memory_bytes: Callable[[], int]


def ray_alone() -> Alone:
    """Ray by its Jobs API, one processor for each job."""
    there = ray_harness.cluster()
    http = httpx.Client(base_url=there.url, headers={"authorization": f"Bearer {there.token}"}, timeout=60)
    submitted: set[str] = set()

    def submit(name: str, file: Path) -> None:
        body = {"submission_id": name, "entrypoint": STAMP.format(file=file), "entrypoint_num_cpus": 1}
        http.post("/api/jobs/", json=body).raise_for_status()
        submitted.add(name)

    def unfinished() -> int:
        for name in tuple(submitted):
            if http.get(f"/api/jobs/{name}").json()["status"] in ("SUCCEEDED", "FAILED", "STOPPED"):
                submitted.discard(name)
        return len(submitted)

    return Alone(submit, unfinished, lambda: _rss(there.pids()))


def slurm_alone() -> Alone:
    """Slurm by sbatch, for each job one pretended GPU and the processors that go with it, as the centre asks."""
    there = slurm_harness.cluster()

    def submit(name: str, file: Path) -> None:
        there.run("sbatch", "--parsable", f"--job-name={name}", "--gres=gpu:a100:1", "--cpus-per-task=8",
                  "--partition=nvidia", "--output=/dev/null",
                  f"--wrap={STAMP.format(file=file)}")  # fmt: skip

    def unfinished() -> int:
        return (
            len(
                there.run("squeue", "--noheader", "--states=PENDING,RUNNING,CONFIGURING,COMPLETING").split(
                    "\n"
                )
            )
            - 1
        )

    daemons = ("slurmctld", "slurmd", "slurmdbd", "slurmrestd", "munged", "mariadbd", "slurmstepd")
    return Alone(
        submit, unfinished, lambda: _rss([p.pid for p in psutil.process_iter() if p.name() in daemons])
    )


def measure_alone(engine: Alone, singles: int, jobs: int, folder: Path) -> Figures:
    """One after another for the latencies, then all at once for the rate."""
    submits, starts = [], []
    tag = secrets.token_hex(3)
    for number in range(singles):
        file = folder / f"{tag}-{number}"
        asked = time.time()  # noqa: TID251 - to be compared with what `date` wrote
        engine.submit(f"{tag}-one-{number}", file)
        submits.append(time.time() - asked)  # noqa: TID251
        _until(lambda: engine.unfinished() == 0)
        starts.append(float(file.read_text()) - asked)
    start_s = time.perf_counter()
    for number in range(jobs):
        engine.submit(f"{tag}-many-{number}", folder / f"{tag}-many-{number}")
    _until(lambda: engine.unfinished() == 0)
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
    return Figures(_median_ms(submits), _median_ms(starts), rate, _rss(tree))


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
        if engine != "local":
            alone = {"ray": ray_alone, "slurm": slurm_alone}[engine]()
            yield f"{engine} alone", measure_alone(alone, singles, jobs, Path(name))
        with centre(over(engine, Path(name))) as one:
            _until(lambda: engine in {node["engine"] for node in one.ask("GET", "/fleet")["nodes"]})
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
    print(f"{'':24}{'submit ms':>12}{'start ms':>12}{'jobs/s':>10}{'MiB':>8}   load {os.getloadavg()[0]:.1f}")
    table: dict[str, Figures] = {}
    for engine in asked.only.split(","):
        if absent[engine]:
            print(f"{engine} is left out: {absent[engine]}")
            continue
        for title, found in rows(engine, scenario["singles"][engine], scenario["jobs"][engine]):
            table[title] = found
            print(
                f"{title:24}{found.submit_ms:12.1f}{found.start_ms:12.1f}{found.jobs_per_s:10.2f}"
                f"{found.memory_bytes / 2**20:8.0f}",
                flush=True,
            )
    missed = [_missed(table, engine, scenario["limits"]) for engine in ("slurm", "ray")]
    return int(any(missed))


def _missed(table: dict[str, Figures], engine: str, limits: dict[str, float]) -> bool:
    alone, over = table.get(f"{engine} alone"), table.get(f"a centre over {engine}")
    if alone is None or over is None:
        return False
    rate, added_ms = over.jobs_per_s / alone.jobs_per_s, over.start_ms - alone.start_ms
    print(f"over {engine}: {rate:.2f} of its jobs/s, {added_ms:+.0f} ms to a start")
    return rate < limits["jobs_per_s_ratio"] or added_ms > limits["start_added_ms"]


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "the jobs do not end"
        time.sleep(0.02)


def _median_ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)


def _rss(pids: Iterable[int]) -> int:
    total = 0
    for pid in pids:
        try:
            total += psutil.Process(pid).memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
