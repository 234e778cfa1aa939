"""Server time of the console's pages over a generated month of a large centre, and how fast the device map draws.

    python -m benchmarks console [--data DIR] [--database sqlite|postgresql|URL] [--generate] [--map]

The data set of console.yaml is generated where the centre is empty. Pages are asked for over loopback, one after
the other by each persona; the first visit is reported beside, and how long figures took that came later. Exit code 1
where a limit of console.yaml is missed, or a page of the console is not visited.
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
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import uvicorn
import yaml
from litestar.exceptions import LitestarDeprecationWarning
from tests.postgresql import new_database, server

from benchmarks.console_agreements import BOOK, CONTRACT, TENANT_NAME, agree
from benchmarks.console_data import Month, generate, settle_month
from penstock.app import identity, opening, tokens
from penstock.app.access import SYSTEM
from penstock.app.context import App
from penstock.lease.tenant import Scope
from penstock.probes.host import HostProbe
from penstock.sim.centre import OPENING, SimulatedCentre
from penstock.store import fleet, settled
from penstock.web.application import application
from penstock.web.console.routes import CONSOLE

SCENARIO = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
LIMITS = SCENARIO["limits"]
WINDOWS = ("1h", "24h", "7d", "30d")
STAFF = (
    "/", *(f"/overview?window={name}" for name in WINDOWS),
    "/fleet", "/fleet?state=down", "/fleet?colour=activity", "/fleet/map", "/fleet/map?colour=tenant",
    "/fleet/map?colour=activity", "/fleet/devices/a100-0700.3", "/fleet/devices/a100-0700.3/history",
    "/fleet/nodes/a100-0700", "/market", "/market/compare?model=h100&cards=8", "/market/prices", "/market/prices/{book}",
    "/market/contracts", "/market/contracts/{contract}", "/market/quotes/tenant-001.quote-1", "/leases",
    "/leases/tenant-001.lease-1", "/jobs", "/jobs?state=running", "/jobs?state=failed", "/jobs?state=waiting",
    "/jobs?tenant=tenant-007", "/jobs/new", "/jobs/{running}", "/jobs/{running}/history", "/jobs/{running}/log",
    "/jobs/{queued}", "/jobs/{queued}/why", "/billing", "/billing?tenant=tenant-007",
    "/billing/invoices/tenant-007.invoice", "/billing/invoices/tenant-007.invoice/lines/1",
    "/billing/invoices/tenant-007.invoice/csv", "/billing/invoices/tenant-007.invoice/pdf",
    "/billing/ledger/tenant/tenant-007/prepaid", "/billing/ledger/centre/revenue/hourly",
    *(f"/economics?window={name}" for name in WINDOWS),
    *(f"/economics?by={axis}" for axis in ("model", "node", "tenant", "tranche")),
    "/economics/plans?plan=east", "/planner", "/planner/new", "/planner/plans/east", "/planner/runs/east",
    "/planner/compare?run=east&run=west", "/portability", "/alarms", "/alarms?window=7d", "/alarms/lost",
    "/alarms/lost?window=30d", "/admin", "/admin?tenant=tenant-007", "/admin/audit", "/admin/check", "/admin/settings",
    "/sign-in",
)  # fmt: skip
TENANT = (
    *(f"/overview?window={name}" for name in WINDOWS), "/market", "/market/compare?model=h100&cards=8", "/market/prices",
    "/market/prices/{book}", "/market/contracts", "/market/contracts/{contract}", "/market/quotes/tenant-007.quote-7",
    "/leases", "/leases/tenant-007.lease-7", "/jobs", "/jobs?state=running", "/jobs?state=failed", "/jobs/new",
    "/jobs/{running}", "/jobs/{running}/history", "/jobs/{running}/log", "/jobs/{queued}", "/jobs/{queued}/why", "/billing",
    "/billing/invoices/tenant-007.invoice", "/billing/invoices/tenant-007.invoice/lines/1",
    "/billing/invoices/tenant-007.invoice/csv", "/billing/invoices/tenant-007.invoice/pdf",
    "/billing/ledger/tenant/tenant-007/prepaid", "/portability", "/alarms", "/alarms?window=7d", "/admin",
)  # fmt: skip
NOT_FOR = {"auditor": ("/admin/settings", "/portability"), "viewer": ("/portability", "/jobs/new")}
"""Pages that are refused to some, or of no use to them."""
DOCUMENTS = ("/pdf", "/csv", "/log")
"""Files that are made for whoever downloads them; measured, without a limit."""
STREAMS = ("/live", "/jobs/{}/follow", "/jobs/{}/devices", "/planner/runs/{}/progress")
"""They go on, so they have no end to be timed."""


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
    agree(made.app)


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


class Visits(NamedTuple):
    """Milliseconds of the first visit and of all, and seconds until the figures stood, where they came later."""

    first: float
    every: list[float]
    figures_s: float


def measured(http: httpx.Client, path: str, rounds: int) -> Visits:
    """Visits one after the other; while figures are being made, five times a second, and as many again after it."""
    times, figures_s, began = list[float](), 0.0, time.perf_counter()

    def visit() -> bool:
        asked = time.perf_counter()
        answer = http.get(path)
        times.append((time.perf_counter() - asked) * 1000)
        assert answer.status_code in (200, 303), f"{path}: {answer.status_code} {answer.text[:300]}"
        return "data-making" in answer.text or "delay:1s" in answer.text

    while visit():
        figures_s = time.perf_counter() - began
        time.sleep(0.2)
    for _ in range(rounds):
        visit()
    return Visits(times[0], times, figures_s)


def percentile_95(times: list[float]) -> float:
    """The value that one in twenty passes."""
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def pages(url: str, who: str, token: str, paths: Iterable[str], rounds: int) -> bool:
    """Print a line for each page; whether all are within the limits."""
    http, within = signed_in(url, token), True
    for path in paths:
        seen = measured(http, path, rounds)
        median, p95 = statistics.median(seen.every), percentile_95(seen.every)
        good = path.endswith(DOCUMENTS) or (median <= LIMITS["median_ms"] and p95 <= LIMITS["p95_ms"])
        within &= good
        later = f"{seen.figures_s:9.1f}" if seen.figures_s else " " * 9
        print(
            f"{who:9}{path:58}{seen.first:9.0f}{median:9.1f}{p95:9.1f}{later}  {'' if good else 'MISSED'}",
            flush=True,
        )
    http.close()
    return within


def named(url: str, token: str) -> dict[str, str]:
    """A job that runs and one that waits, to be put into paths."""
    http = signed_in(url, token)
    found = {
        name: re.findall(r'href="/jobs/([^"]+job-\d+)"', http.get(f"/jobs?state={state}").text)[0]
        for name, state in (("running", "running"), ("queued", "waiting"))
    }
    http.close()
    return found | {"book": BOOK, "contract": CONTRACT}


def left_out() -> list[str]:
    """Pages of the console that no persona visits here."""
    visited = {urlsplit(path).path for path in (*STAFF, *TENANT)}
    shapes = {
        re.sub(r"\{[^}]*\}", "{}", route.path): re.sub(r"\{[^}:]*(:path)?[^}]*\}", _hole, route.path)
        for route in CONSOLE.routes
        for handler in getattr(route, "route_handlers", ())
        if "GET" in {str(one) for one in getattr(handler, "http_methods", ())}
    }
    return [
        shape
        for shape, pattern in shapes.items()
        if shape not in STREAMS and not any(re.fullmatch(pattern, path) for path in visited)
    ]


def _hole(found: re.Match[str]) -> str:
    return "/?.+" if found.group(1) else "[^/]+"


def main() -> int:
    """Whether every page is within its limits."""
    parser = argparse.ArgumentParser(prog="benchmarks console")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--generate", action="store_true", help="only make the data set")
    parser.add_argument("--map", action="store_true", help="only measure how fast the map draws, in Chromium")
    parser.add_argument("--rounds", type=int, default=SCENARIO["rounds"])
    parser.add_argument("--skip", default="", help="a pattern of pages to leave out")
    parser.add_argument("--who", nargs="*", default=["operator", "auditor", "owner", "viewer"])
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
    print(f"{'who':9}{'page':58}{'first ms':>9}{'median':>9}{'p95':>9}{'figures s':>10}")
    within = True
    for who, token, paths in (
        ("operator", staff, STAFF),
        ("auditor", staff_token(made.app, Scope.AUDIT, Scope.READ), STAFF),
        ("owner", member_token(made.app, "owner"), TENANT),
        ("viewer", member_token(made.app, "viewer"), TENANT),
    ):
        if who not in given.who:
            continue
        names = named(url, token)
        wanted = [
            path.format(**names)
            for path in paths
            if given.only in path
            and not (given.skip and re.search(given.skip, path))
            and path not in NOT_FOR.get(who, ())
        ]
        within &= pages(url, who, token, wanted, rounds)
    missing = left_out()
    print(f"not visited: {', '.join(missing)}" if missing else "every page was visited")
    return within and not missing


def staff_token(app: App, *scopes: Scope) -> str:
    """The secret of a token of the centre's own."""
    return tokens.issue_token(
        app, SYSTEM, tokens.NewToken(id=f"bench-{time.time_ns()}", scopes=scopes)
    ).secret


def member_token(app: App, role: str) -> str:
    """The secret of a new member's token."""
    member = identity.NewMember(id=f"bench-{time.time_ns()}", tenant=TENANT_NAME, name="", role=role)
    identity.add_member(app, SYSTEM, member)
    return tokens.issue_token(
        app, SYSTEM, tokens.NewToken(id=member.id, tenant=member.tenant, member=member.id)
    ).secret


assert OPENING.minute == 0, "months begin on the hour"

if __name__ == "__main__":
    sys.exit(main())
