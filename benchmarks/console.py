"""Server time of the console's pages over a generated month of a large centre, and how fast the device map draws.

    python -m benchmarks console [--data DIR] [--database sqlite|postgresql|URL] [--generate] [--map]

The data set of console.yaml is generated where the centre is empty. Pages are asked for over loopback, one after
the other, each so many times after a first visit that is reported beside. Exit code 1 where a limit of
console.yaml is missed.
"""

import argparse
import logging
import re
import statistics
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn
import yaml
from litestar.exceptions import LitestarDeprecationWarning
from tests.postgresql import new_database, server

from benchmarks.console_data import Month, generate, settle_month
from penstock.app import identity, opening, tokens
from penstock.app.access import SYSTEM
from penstock.probes.host import HostProbe
from penstock.sim.centre import OPENING, SimulatedCentre
from penstock.store import fleet, settled
from penstock.web.application import application

SCENARIO = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
LIMITS = SCENARIO["limits"]
STAFF = (
    "/overview?window=1h", "/overview?window=24h", "/overview?window=7d", "/overview?window=30d",
    "/fleet", "/fleet?state=down", "/fleet/map", "/fleet/map?colour=tenant", "/fleet/devices/a100-0700.3",
    "/fleet/nodes/a100-0700", "/market", "/leases", "/leases/tenant-001.lease-1", "/jobs", "/jobs?state=running",
    "/jobs?state=failed", "/jobs?tenant=tenant-007", "/jobs/new", "/jobs/{running}", "/jobs/{queued}", "/billing",
    "/billing?tenant=tenant-007", "/billing/invoices/tenant-007.invoice", "/billing/invoices/tenant-007.invoice/lines/1",
    "/billing/ledger/tenant/tenant-007/prepaid", "/billing/ledger/centre/revenue/hourly", "/economics",
    "/economics?by=tenant", "/economics?window=7d", "/planner", "/planner/new", "/portability", "/alarms", "/alarms/lost",
    "/admin", "/admin?tenant=tenant-007", "/admin/audit", "/admin/check",
)  # fmt: skip
TENANT = (
    "/overview",
    "/market",
    "/leases",
    "/jobs",
    "/jobs/new",
    "/billing",
    "/alarms",
    "/portability",
    "/admin",
)


@contextmanager
def centre(data: Path, database: str) -> Iterator[SimulatedCentre]:
    """The centre at the end of its month."""
    with ExitStack() as stack:
        url = None if database == "sqlite" else database
        if database == "postgresql":
            url = new_database(stack.enter_context(server("shared_buffers=256MB", "max_wal_size=4GB")))
        made = SimulatedCentre(data, 1, database=url)
        made.clock.advance(timedelta(days=SCENARIO["days"] + 10, minutes=20))
        stack.callback(made.close)
        yield made


def fill(made: SimulatedCentre) -> None:
    """Generate what is not there yet, and let the ladder settle."""
    with made.app.database.read() as tx:
        empty = not fleet.nodes(tx)
    if empty:
        began = time.perf_counter()
        generate(made.app, SCENARIO)
        print(f"generated in {time.perf_counter() - began:.0f} s", flush=True)
    month, began = Month(SCENARIO, made.clock.now()), time.perf_counter()
    with made.app.database.read() as tx:
        known = settled.state(tx).until
    if known is None or known < settled.floor(month.now, settled.HOUR):
        settle_month(made.app, month)
        print(f"settled in {time.perf_counter() - began:.0f} s", flush=True)


@contextmanager
def served(made: SimulatedCentre) -> Iterator[str]:
    """The address of the console."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        web = application(made.app, HostProbe())
    web_server = uvicorn.Server(uvicorn.Config(web, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=web_server.run, daemon=True)
    thread.start()
    while not web_server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{web_server.servers[0].sockets[0].getsockname()[1]}"
    web_server.should_exit = True
    thread.join()


def signed_in(url: str, token: str) -> httpx.Client:
    """A visitor."""
    http = httpx.Client(base_url=url, timeout=600, follow_redirects=False)
    assert http.post("/sign-in", data={"secret": token}).status_code == 303
    return http


def measured(http: httpx.Client, path: str, rounds: int) -> tuple[float, list[float]]:
    """Milliseconds of the first visit, and of those after it."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        answer = http.get(path)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
    return times[0], times[1:]


def percentile_95(times: list[float]) -> float:
    """The value that one in twenty passes."""
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def pages(url: str, who: str, token: str, paths: tuple[str, ...], rounds: int) -> bool:
    """Print a line for each page; whether all are within the limits."""
    http = signed_in(url, token)
    found = {
        name: re.findall(r'href="/jobs/([^"]+job-\d+)"', http.get(f"/jobs?state={state}").text)[0]
        for name, state in (("running", "running"), ("queued", "waiting"))
    }
    within = True
    for path in (one.format(**found) for one in paths):
        first, times = measured(http, path, rounds)
        median, p95 = statistics.median(times), percentile_95(times)
        good = median <= LIMITS["median_ms"] and p95 <= LIMITS["p95_ms"]
        within &= good
        print(f"{who:7}{path:52}{first:9.0f}{median:9.1f}{p95:9.1f}  {'' if good else 'MISSED'}", flush=True)
    http.close()
    return within


def main() -> int:
    """Whether every page is within its limits."""
    parser = argparse.ArgumentParser(prog="benchmarks console")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--generate", action="store_true", help="only make the data set")
    parser.add_argument("--map", action="store_true", help="only measure how fast the map draws, in Chromium")
    parser.add_argument("--rounds", type=int, default=SCENARIO["rounds"])
    parser.add_argument("--skip", default="", help="a pattern of pages to leave out")
    parser.add_argument("--only", default="", help="pages that contain this")
    given = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-bench-"))
        made = stack.enter_context(centre(given.data or Path(folder) / "data", given.database))
        fill(made)
        if given.generate:
            return 0
        staff, url = opening.new_admin_token(made.app), stack.enter_context(served(made))
        if given.map:
            from benchmarks.console_map import draws

            return 0 if draws(url, staff, SCENARIO["map_frames"]) >= LIMITS["map_frames_per_s"] else 1
        return 0 if _all(made, url, staff, given.rounds, given) else 1


def _all(made: SimulatedCentre, url: str, staff: str, rounds: int, given: argparse.Namespace) -> bool:
    member = identity.NewMember(id=f"bench-{time.time_ns()}", tenant="tenant-007", name="", role="owner")
    identity.add_member(made.app, SYSTEM, member)
    issued = tokens.issue_token(
        made.app, SYSTEM, tokens.NewToken(id=member.id, tenant=member.tenant, member=member.id)
    )
    print(f"{'who':7}{'page':52}{'first ms':>9}{'median':>9}{'p95':>9}")
    wanted = [
        tuple(
            path for path in paths if given.only in path and not (given.skip and re.search(given.skip, path))
        )
        for paths in (STAFF, TENANT)
    ]
    return all(
        [
            pages(url, "staff", staff, wanted[0], rounds),
            pages(url, "tenant", issued.secret, wanted[1], rounds),
        ]
    )


assert OPENING.minute == 0, "months begin on the hour"

if __name__ == "__main__":
    sys.exit(main())
