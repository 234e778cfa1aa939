"""A centre on this host from request to bill: how soon a job runs, and how many a second, beside what limits it.

    python -m benchmarks local_centre [--jobs N] [--singles N]

Everything is the real thing over REST: rows, holds, usage, charges and ledger transfers of every job are
waited for and the books are checked. The limits are this machine's own, taken in the same minute: starting
`true` by fork and exec, and starting it in the engine's sandbox by bubblewrap alone. Exit code 1 where a
ratio of local_centre.yaml is missed.
"""

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import yaml

from benchmarks.local_engine import bubblewrap, fork_exec, mean_s

SCENARIO = Path(__file__).with_suffix(".yaml")
SERVER = [sys.executable, "-c", "from penstock.cli.main import main; raise SystemExit(main())"]
PATIENCE_S = 300.0
PAUSE_S, BURST_PAUSE_S = 0.005, 0.1
ENDED = ("succeeded", "failed", "cancelled")


class Centre:
    """A running centre as its operator sees it."""

    def __init__(self, url: str, token: str, process: int) -> None:
        self.process = process
        self.model = "cpu"
        self._http = httpx.Client(
            base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=60
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, which must be a good one."""
        return self._http.request(method, path, json=body).raise_for_status().json()

    def open(self, engine: str = "local") -> int:
        """Have only this engine's devices on sale, put a price on them, fund a tenant; how many there are."""
        nodes = {node["id"]: node["engine"] for node in self.ask("GET", "/fleet")["nodes"]}
        every = self.ask("GET", "/fleet")["devices"]
        devices = [device["id"] for device in every if nodes[device["node"]] == engine]
        for device in devices if engine == "local" else ():
            self.ask("POST", f"/fleet/devices/{device}/calibrate")
        self.model = next(device["model"] for device in every if nodes[device["node"]] == engine)
        self.ask(
            "POST", "/offers", {"id": "list", "model": self.model, "price_micros_per_card_hour": 3_600_000}
        )
        self.ask("POST", "/tenants", {"id": "bench"})
        self.ask("POST", "/tenants/bench/payments", {"id": "paid", "amount_micros": 10**12})
        return len(devices)

    def submit(self, name: str, share: int = 1000, run: str = "exit 0", array: int = 0) -> None:
        """One task on so many thousandths of a device, which ends at once; a minute's price is held for it.

        Or an array of so many of them, in one request.
        """
        resources = {"models": [self.model], "devices_per_node": 1, "device_share": share}
        spec = {"name": name, "run": run, "resources": resources, "time_limit_s": 60}
        body = {"id": name, "tenant": "bench", "spec": spec}
        if array:
            self.ask("POST", "/arrays", body | {"indices": list(range(array))})
        else:
            self.ask("POST", "/jobs", body)

    def is_billed(self) -> bool:
        """Whether nothing is held any more: every job has ended and has been charged."""
        return not self.ask("GET", "/tenants/bench/balance")["held_micros"]

    def until_billed(self, pause_s: float = PAUSE_S) -> None:
        """Wait until every job has ended and has been charged."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.is_billed():
            assert time.monotonic() < deadline, "the jobs do not end"
            time.sleep(pause_s)


@contextmanager
def centre(engines: str = "") -> Iterator[Centre]:
    """`penstock up` in a process of its own, until the block ends; `engines` is its engines.yaml."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        if engines:
            (Path(folder) / "engines.yaml").write_text(engines)
        command = [*SERVER, "up", "--data", folder, "--port", "0", "--cpu-only"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            said = server.stdout.readline() + server.stdout.readline()
            found = re.search(r"(http\S+)\s.*(pst_\S+)", said, re.DOTALL)
            assert found, said
            try:
                yield Centre(found[1], found[2], server.pid)
            finally:
                server.send_signal(signal.SIGINT)
                server.wait()


def single(one: Centre, name: str) -> dict[str, float]:
    """Milliseconds of one job on an idle centre, from before the request to each of its instants."""
    start = time.time()  # noqa: TID251 - to be compared with the instants that the centre reports
    one.submit(name)
    answered = time.time()  # noqa: TID251
    one.until_billed()
    billed = time.time()  # noqa: TID251
    detail = one.ask("GET", f"/jobs/bench.{name}")
    (attempt,) = detail["attempts"]
    assert detail["job"]["state"] == "succeeded", detail
    seconds = {key: instant_s(attempt[f"{key}_at"]) for key in ("placed", "began", "running", "ended")}
    return {
        key: 1000 * (at - start) for key, at in {"answered": answered, **seconds, "billed": billed}.items()
    }


def instant_s(instant: str) -> float:
    """Seconds since 1970 of an instant as the centre writes it."""
    return datetime.fromisoformat(instant).timestamp()


class Burst(NamedTuple):
    """Seconds until all requests are answered, and until every job is paid; the server's processor seconds."""

    asked_s: float
    billed_s: float
    server_s: float


def burst(one: Centre, jobs: int, share: int, *, array: bool) -> Burst:
    """So many jobs, asked for one by one or as one array."""
    server = psutil.Process(one.process)
    start_s, before = time.perf_counter(), server.cpu_times()
    if array:
        one.submit(f"array-{share}", share, array=jobs)
    else:
        for number in range(jobs):
            one.submit(f"burst-{share}-{number:04}", share)
    asked_s = time.perf_counter() - start_s
    one.until_billed(BURST_PAUSE_S)  # seldom: an answer costs the server some milliseconds too
    billed_s, after = time.perf_counter() - start_s, server.cpu_times()
    return Burst(asked_s, billed_s, after.user + after.system - before.user - before.system)


class Found(NamedTuple):
    """A centre at one level of isolation: milliseconds by instant of each job alone, and bursts by share and way."""

    devices: int
    singles: list[dict[str, float]]
    bursts: dict[tuple[int, bool], Burst]


def measured(isolation: str, jobs: int, singles: int, shares: list[int]) -> Found:
    """What a centre does whose jobs are kept apart in this way."""
    with centre(yaml.safe_dump({"local": {"isolation": isolation}})) as one:
        devices = one.open()
        one.submit("warm")
        one.until_billed()
        alone = [single(one, f"single-{number}") for number in range(singles)]
        bursts = {
            (share, array): burst(one, jobs, share, array=array)
            for share in shares
            for array in (False, True)
        }
        items = one.ask("GET", f"/jobs?tenant=bench&limit={min(jobs, 1000)}")["items"]
        assert all(job["state"] == "succeeded" for job in items), "a job did not succeed"
        assert one.ask("GET", "/ledger/check")["ok"], "the books do not balance"
    return Found(devices, alone, bursts)


def percentile(values: list[float], share: float) -> float:
    """The value that this share of them does not pass."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def print_singles(table: dict[str, Found], count: int, sandbox_ms: float) -> dict[str, dict[str, float]]:
    """Of each level the medians in milliseconds, by instant."""
    medians: dict[str, dict[str, float]] = {}
    print(f"\none job on an idle centre, {count} times, ms after the request was sent")
    print(f"{'':28}{'median':>10}{'p95':>10}{'x bubblewrap':>14}")
    for isolation, found in table.items():
        medians[isolation] = {}
        for instant in found.singles[0]:
            values = [one[instant] for one in found.singles]
            median = medians[isolation][instant] = statistics.median(values)
            p95, ratio = percentile(values, 0.95), median / sandbox_ms
            print(f"{isolation:16}{instant:12}{median:10.1f}{p95:10.1f}{ratio:14.1f}")
    return medians


def print_bursts(table: dict[str, Found], jobs: int, sandbox_ms: float) -> None:
    """Jobs a second, in all the ways that they were asked for."""
    devices = next(iter(table.values())).devices
    print(f"\n{jobs} jobs on {devices} devices, from the first request until the last is paid")
    print(
        f"{'':16}{'of a device':>12}{'asked':>10}{'jobs/s':>10}{'of bubblewrap':>15}{'server, ms a job':>18}"
    )
    for isolation, found in table.items():
        for (share, array), one in found.bursts.items():
            rate = jobs / one.billed_s
            part, way = f"1/{1000 / sandbox_ms / rate:.1f}", "as array" if array else "singly"
            server_ms = 1000 * one.server_s / jobs
            print(f"{isolation:16}{share / 1000:12}{way:>10}{rate:10.1f}{part:>15}{server_ms:18.1f}")


def main() -> int:
    """Print the tables; 1 where a limit is missed."""
    scenario = yaml.safe_load(SCENARIO.read_text())
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=scenario["jobs"])
    parser.add_argument("--singles", type=int, default=scenario["singles"])
    asked = parser.parse_args()
    fork_ms, sandbox_ms = 1000 * mean_s(fork_exec), 1000 * mean_s(bubblewrap)
    table = {
        isolation: measured(isolation, asked.jobs, asked.singles, scenario["shares"])
        for isolation in scenario["isolation"]
    }
    print(f"fork and exec of true: {fork_ms:.2f} ms, {1000 / fork_ms:.0f}/s; load {os.getloadavg()[0]:.1f}")
    print(f"bubblewrap alone, same files: {sandbox_ms:.2f} ms, {1000 / sandbox_ms:.0f}/s")
    first = scenario["isolation"][0]
    medians = print_singles(table, asked.singles, sandbox_ms)[first]
    print_bursts(table, asked.jobs, sandbox_ms)
    rate = asked.jobs / table[first].bursts[scenario["shares"][-1], False].billed_s
    limits = scenario["limits"]
    missed = {
        "start_per_bubblewrap": medians["running"] / sandbox_ms > limits["start_per_bubblewrap"],
        "bubblewrap_rate_per_job_rate": 1000 / sandbox_ms / rate > limits["bubblewrap_rate_per_job_rate"],
    }
    for name in (name for name, is_missed in missed.items() if is_missed):
        print(f"missed: {name} is past {limits[name]}")
    return int(any(missed.values()))
