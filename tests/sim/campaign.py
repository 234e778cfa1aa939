"""The crash campaign: a real server, killed with SIGKILL at seeded lines of a real walk, and started again.

`python -m tests.sim.campaign --points 200 --seed 1` prints one line a point. A failing point is reproduced
with `--only FILE:LINE:VISIT`. Afterwards every job is where it should be, none ran twice, none is left
behind, no charge is missing or doubled, and both books balance.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from penstock.base.window import MICROSECOND
from penstock.billing.rate import Terms, accrued

SERVER = Path(__file__).with_name("crash_server.py")
PATIENCE_S = 40.0
PRICE = 3_600_000
KEEP_ONE = (
    "if [ $RANK = 0 ]; then exec 9>>/checkpoint/lock; flock -n 9 || { echo overlap >>/checkpoint/history; exit 9; };"
    " echo start $PENSTOCK_ATTEMPT >>/checkpoint/history; fi; "
)
TRAIN = KEEP_ONE + (
    "if [ -f /checkpoint/half ]; then sleep 0.4; exit 0; fi; sleep 0.4;"
    " [ $RANK = 0 ] && touch /checkpoint/half.tmp && mv /checkpoint/half.tmp /checkpoint/half; sleep 0.2; exit 17"
)


class Failed(Exception):
    """What does not hold after a point."""


class Server:
    """The server process on one data directory; when it has died it is started again, unharmed."""

    def __init__(self, data: Path, point: str = "", record: Path | None = None) -> None:
        self.data, self.deaths = data, 0
        self.process, self.url, self.token = self._start(
            {"CRASH_POINT": point, "CRASH_RECORD": str(record or "")}
        )

    def _start(self, extra: dict[str, str]) -> tuple[subprocess.Popen[str], str, str]:
        log = (self.data.parent / f"{self.data.name}.log").open("a")
        command = [sys.executable, str(SERVER), "up", "--data", str(self.data), "--port", "0", "--cpu-only"]
        process = subprocess.Popen(
            [*command, "--metering-seconds", "1"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {key: value for key, value in extra.items() if value},
        )
        log.close()
        assert process.stdout is not None
        said = process.stdout.readline().split()
        if len(said) < 3:
            process.wait()
            process.stdout.close()
            if process.returncode != -signal.SIGKILL:
                raise Failed(f"the server ended with {process.returncode} while opening")
            self.deaths += 1
            return self._start({})
        token = process.stdout.readline().split()[-1] if not (self.data / "token").exists() else ""
        return process, said[2], token

    def revive(self) -> None:
        """Start again what has died; anything but SIGKILL is a failure."""
        if self.process.poll() is None:
            return
        if self.process.returncode != -signal.SIGKILL:
            raise Failed(f"the server ended with {self.process.returncode}")
        self.deaths += 1
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process, self.url, _ = self._start({})

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request, made again with the same content as long as the server dies under it."""
        headers = {"authorization": f"Bearer {self.token}"}
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                answer = httpx.request(
                    method, f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=30
                )
            except httpx.TransportError:
                time.sleep(0.05)
                self.revive()
                continue
            if answer.status_code >= 400:
                raise Failed(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            return answer.json()
        raise Failed(f"{method} {path}: no answer")

    def until(self, what: str, path: str, holds: Callable[[Any], bool]) -> Any:
        """Ask until the answer is as it should be."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            answer = self.ask("GET", path)
            if holds(answer):
                return answer
            time.sleep(0.05)
        raise Failed(f"{what} did not come: {json.dumps(answer)[-1500:]}")

    def close(self) -> None:
        """Ctrl-C, and once more if it died while draining."""
        self.revive()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        if self.process.returncode == -signal.SIGKILL:
            self.process, self.url, _ = self._start({})
            self.close()


def template(folder: Path) -> Path:
    """A data directory with calibrated devices and a price, which every point begins from."""
    data = folder / "template"
    server = Server(data)
    for device in server.ask("GET", "/fleet")["devices"]:
        server.ask("POST", f"/fleet/devices/{device['id']}/calibrate")
    offer = {"id": "list", "model": "cpu", "price_micros_per_card_hour": PRICE}
    server.ask("POST", "/offers", offer)
    token = server.token
    server.close()
    (data / "token").write_text(token)
    return data


def job(name: str, run: str, marker: str, **more: Any) -> dict[str, Any]:
    spec = {
        "name": name,
        "run": run,
        "resources": {"models": ["cpu"], "devices_per_node": 1},
        "env": {"CRASH_MARKER": marker},
        "checkpoint": {"path": "/checkpoint"},
        "grace_s": 1,
        **more,
    }
    return {"id": name, "tenant": "acme", "spec": spec}


def walk(server: Server, marker: str) -> None:
    """Sell, run, fail, resume, stop, bill."""
    server.ask("POST", "/tenants", {"id": "acme"})
    server.ask("POST", "/tenants/acme/payments", {"id": "p", "amount_micros": 100_000_000})
    server.ask("POST", "/quotes", {"id": "q", "tenant": "acme", "model": "cpu", "devices": 1, "hours": 0.1})
    server.ask("POST", "/leases", {"id": "l", "quote": "acme.q"})
    server.ask("POST", "/jobs", job("train", TRAIN, marker, tasks_per_node=2, retry={"max_attempts": 2}))
    server.ask("POST", "/jobs", job("leased", KEEP_ONE + "sleep 0.3", marker) | {"lease": "acme.l"})
    ended = ("succeeded", "failed", "cancelled")
    for name in ("train", "leased"):
        server.until(f"the end of {name}", f"/jobs/acme.{name}", lambda d: d["job"]["state"] in ended)
    server.ask("POST", "/jobs", job("endless", KEEP_ONE + "sleep 300", marker))
    server.until("a running job", "/jobs/acme.endless", lambda d: d["job"]["state"] == "running")
    server.ask("POST", "/jobs/acme.endless/stop")
    server.until("the stop", "/jobs/acme.endless", lambda d: d["job"]["state"] in ended)
    charged = server.until(
        "every charge",
        "/tenants/acme/balance",
        lambda b: b["owed_micros"] == 0 and server.ask("GET", "/jobs/acme.endless")["job"]["hold"] == "",
    )
    assert charged
    lines = server.until("a charge", "/charges?tenant=acme", lambda page: bool(page["items"]))["items"]
    period = {"start": min(line["start"] for line in lines), "end": max(line["end"] for line in lines)}
    server.ask("POST", "/invoices", {"tenant": "acme", **period})


def check(server: Server, data: Path) -> None:
    """Everything that must hold after any number of deaths."""
    report = server.ask("GET", "/ledger/check")
    if not report["ok"]:
        raise Failed(f"the books: {report}")
    expected = {"train": ("succeeded", 2), "leased": ("succeeded", 1), "endless": ("cancelled", 1)}
    charges = server.ask("GET", "/charges?tenant=acme")["items"]
    for name, (state, tries) in expected.items():
        detail = server.ask("GET", f"/jobs/acme.{name}")
        if (detail["job"]["state"], len(detail["attempts"])) != (state, tries):
            raise Failed(f"{name} is {detail['job']['state']} after {len(detail['attempts'])} attempts")
        history = (data / "checkpoints" / f"acme.{name}" / "history").read_text().split("\n")[:-1]
        wanted = [f"start acme.{name}.{number}" for number in range(1, tries + 1)]
        if history != wanted:
            raise Failed(f"{name} ran as {history}")
        for attempt in detail["attempts"] if name != "leased" else ():
            _check_charge(attempt, charges)


def _check_charge(attempt: dict[str, Any], charges: list[dict[str, Any]]) -> None:
    began, ended = (datetime.fromisoformat(attempt[key]) for key in ("began_at", "ended_at"))
    terms = Terms(price_micros_per_card_hour=PRICE, granularity=timedelta(seconds=1))
    owed = accrued((ended - began) // MICROSECOND, 1, terms, final=True)
    paid = sum(line["amount_micros"] for line in charges if line["subject"] == attempt["id"])
    if owed != paid:
        raise Failed(f"{attempt['id']} is charged {paid} micros instead of {owed}")


def orphans(marker: str) -> list[str]:
    """Processes of this point's jobs that still run."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"CRASH_MARKER={marker}".encode() in environment.read_bytes():
                found.append(environment.parent.name)
        except OSError:
            continue
    return found


def try_point(folder: Path, origin: Path, point: str, record: Path | None = None) -> int:
    """Walk with a death at the point; how often the server died. Raises `Failed`."""
    data = Path(tempfile.mkdtemp(prefix="point-", dir=folder)) / "data"
    shutil.copytree(origin, data)
    marker = data.parent.name
    server = Server(data, point, record)
    server.token = (data / "token").read_text()
    try:
        walk(server, marker)
        check(server, data)
        server.close()
        if left := orphans(marker):
            raise Failed(f"processes {left} are left")
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
    shutil.rmtree(data.parent, ignore_errors=True)
    return server.deaths


def points(folder: Path, origin: Path, seed: int, count: int) -> list[str]:
    """A seeded choice of the lines that a walk comes along, at their first, second, fifth or last visits."""
    record = folder / "lines.json"
    try_point(folder, origin, "", record)
    lines = json.loads(record.read_text())
    chooser = random.Random(seed)
    chosen = []
    for _ in range(count):
        file, line, visits = chooser.choice(lines)
        chosen.append(f"{file}:{line}:{min(chooser.choice((1, 1, 2, 5, 20)), visits)}")
    return chosen


def main() -> int:
    """Run the campaign; 1 if anything failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--points", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="")
    options.add_argument("--at-once", type=int, default=2)
    asked = options.parse_args()
    failures = deaths = tried = 0
    with tempfile.TemporaryDirectory(prefix="campaign-") as name, ThreadPoolExecutor(asked.at_once) as pool:
        folder = Path(name)
        origin = template(folder)
        chosen = [asked.only] if asked.only else points(folder, origin, asked.seed, asked.points)
        for point, running in [(point, pool.submit(try_point, folder, origin, point)) for point in chosen]:
            tried += 1
            try:
                died = running.result()
                deaths += died
                print(f"{tried}/{len(chosen)} {point}: died {died}, holds", flush=True)
            except (Failed, AssertionError, OSError, subprocess.SubprocessError, httpx.HTTPError) as error:
                failures += 1
                print(f"{tried}/{len(chosen)} {point}: FAILED {error!r}; again: --only {point}", flush=True)
    print(f"{tried} points, {len(set(chosen))} distinct, {deaths} deaths, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
