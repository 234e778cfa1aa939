"""Usage events in, quantities out, and ledger transfers, on SQLite and PostgreSQL, beside what bounds each.

    python -m benchmarks metering [--database sqlite|postgresql] [--part ingest|batches|single|rate|transfers]

Everything is durable when it is counted: SQLite with full synchronous writes, PostgreSQL with fsync and
synchronous commits. Bounds of the same run: the same rows inserted bare into the same kind of table, and the same
sums as SQL in DuckDB. Exit code 1 where a ratio of metering.yaml is missed.
"""

import argparse
import asyncio
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec
import psycopg
import uvloop
import yaml
from tests.postgresql import new_database, server

from benchmarks.local_centre import SERVER, Centre
from penstock.app import accrual, contracts, identity, money, usage
from penstock.app.access import SYSTEM
from penstock.app.intake import Intake
from penstock.base.window import Window, to_us
from penstock.billing.metering.model import Aggregation, Series
from penstock.ledger.model import Transfer
from penstock.sim.centre import SimulatedCentre
from penstock.store import contracts as stored
from penstock.store import ledger, metering, readings

if TYPE_CHECKING:
    import numpy as np

SCENARIO = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
PARTS = ("ingest", "batches", "single", "rate", "transfers")
DAY = datetime(2026, 1, 5, tzinfo=UTC)
MIB = 2**20
BOOK = """
price_book: list
currency: CNY
valid_from: 2026-01-01
meters: [{id: tokens, unit: u, aggregation: sum, event_type: chat, value: n}]
items:
  - id: talk
    mode: usage
    meter: tokens
    charge: graduated
    tiers: [{up_to: 1000000, price: 0.00002}, {up_to: 10000000, price: 0.000015}, {price: 0.00001}]
"""
METERS = (
    {"id": "tokens", "aggregation": "sum", "unit": "token", "event_type": "chat", "value": "n"},
    {"id": "calls", "aggregation": "count", "unit": "call", "event_type": "chat"},
)
CONTRACT = """
contract: c
tenant: {tenant}
price_book: list
from: 2026-01-01
until: 2027-01-01
items: [{{item: talk}}]
"""


@contextmanager
def database(kind: str) -> Iterator[str | None]:
    """The URL of an empty database that writes as durably as it can; None for SQLite."""
    if kind == "sqlite":
        yield None
        return
    with server("shared_buffers=256MB", "max_wal_size=4GB") as url:
        yield new_database(url)


@contextmanager
def centre(url: str | None) -> Iterator[SimulatedCentre]:
    """A centre of a thousand tenants with two meters over one type of event, at the end of its first day."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        made = SimulatedCentre(Path(folder) / "data", 1, database=url)
        for number in range(SCENARIO["tenants"]):
            identity.open_tenant(made.app, SYSTEM, identity.NewTenant(id=f"t{number:04}"))
        for name, kind, value in (("tokens", Aggregation.SUM, "n"), ("calls", Aggregation.COUNT, "")):
            meter = usage.NewMeter(id=name, aggregation=kind, unit="u", event_type="chat", value=value)
            usage.declare_meter(made.app, SYSTEM, meter)
        made.clock.advance(timedelta(days=1))
        yield made
        made.close()


def batch(number: int, size: int, random: Random, day: datetime = DAY) -> bytes:
    """The body of one request: what a gateway saw in one minute, in no order."""
    events = [
        {
            "specversion": "1.0",
            "source": "//gateway/7",
            "id": f"{number:06}-{place:06}-{random.getrandbits(32):08x}",
            "type": "chat",
            "subject": f"t{random.randrange(SCENARIO['tenants']):04}",
            "time": (day + timedelta(seconds=number * 60 + random.randrange(60))).isoformat(),
            "data": {"n": random.randrange(1, 9_000), "model": "m"},
        }
        for place in range(size)
    ]
    return msgspec.json.encode(events)


def ingest(url: str | None) -> dict[str, float]:
    """Batches as REST requests bring them, some at a time, from bytes to durable; beside bare inserts of the same rows."""
    scenario, random = SCENARIO["ingest"], Random(1)
    size = scenario["events_per_batch"]
    bodies = [batch(number, size, random) for number in range(scenario["batches"])]
    with centre(url) as one:
        intake = Intake(one.app)
        intake.send_batch(SYSTEM, batch(-1, size, random))
        start_s, cpu_s = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(scenario["senders"]) as pool:
            accepted = pool.map(lambda body: intake.send_batch(SYSTEM, body).accepted, bodies)
            assert sum(accepted) == size * len(bodies)
        took_s, cpu_s = time.perf_counter() - start_s, time.process_time() - cpu_s
        again_s = time.perf_counter()
        assert intake.send_batch(SYSTEM, bodies[0]).duplicates == size
        again_s = time.perf_counter() - again_s
    count = size * len(bodies)
    bare_s = bare_insert(url, bodies)
    return {
        "events a second": count / took_s,
        "events a processor second here": count / cpu_s,
        "repeated events a second": size / again_s,
        "bare inserts a second": count / bare_s,
        "ratio to bare inserts": took_s / bare_s,
    }


def bare_insert(url: str | None, bodies: list[bytes]) -> float:
    """Seconds to insert the same events into a table with the same key, already split, in the same batches."""
    rows = [
        [
            (e["source"], e["id"], e["type"], e["subject"], 1, msgspec.json.encode(e["data"]).decode())
            for e in found
        ]
        for found in map(msgspec.json.decode, bodies)
    ]
    columns = "source TEXT, id TEXT, type TEXT, tenant TEXT, time BIGINT, data TEXT, PRIMARY KEY (source, id)"
    if url is not None:
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE bare ({columns})")
            connection.commit()
            start_s = time.perf_counter()
            for some in rows:
                with cursor.copy("COPY bare FROM STDIN") as copy:
                    for row in some:
                        copy.write_row(row)
                connection.commit()
            return time.perf_counter() - start_s
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        connection = sqlite3.connect(f"{folder}/bare.db", isolation_level=None)
        connection.executescript(
            f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE bare ({columns})"
        )
        start_s = time.perf_counter()
        for some in rows:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?)", some)
            connection.execute("COMMIT")
        took_s = time.perf_counter() - start_s
        connection.close()
        return took_s


def batches(url: str | None) -> dict[str, float]:
    """The same batches over loopback HTTP, some connections at once; each durable before its answer."""
    scenario, random = SCENARIO["ingest"], Random(1)
    size = scenario["events_per_batch"]
    with serving(url) as (host, port, token, one):
        for n in range(SCENARIO["tenants"]):
            one.ask("POST", "/tenants", {"id": f"t{n:04}"})
        for meter in METERS:
            one.ask("POST", "/meters", meter)
        today = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)  # noqa: TID251 - as below
        requests = [
            post(host, token, "cloudevents-batch", batch(number, size, random, today))
            for number in range(-1, scenario["batches"])
        ]
        uvloop.run(all_requests(host, port, requests[:1], 1))
        took_s = uvloop.run(all_requests(host, port, requests[1:], scenario["connections"]))
        again_s = uvloop.run(all_requests(host, port, requests[1:], scenario["connections"]))
    count = size * scenario["batches"]
    return {"events a second": count / took_s, "repeated events a second": count / again_s}


def single(url: str | None) -> dict[str, float]:
    """One event a request over loopback HTTP, many connections at once; each durable before its answer.

    Each tenant has sent something before: what is measured is not the first event of a series.
    """
    scenario, random = SCENARIO["single"], Random(3)
    with serving(url) as (host, port, token, one):
        for n in range(SCENARIO["tenants"]):
            one.ask("POST", "/tenants", {"id": f"t{n:04}"})
        one.ask("POST", "/meters", METERS[0])
        today = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the server's clock is the real one
        requests = [
            http_request(host, token, number, today, random) for number in range(scenario["requests"])
        ]
        warm = [http_request(host, token, -n - 1, today, random, n) for n in range(SCENARIO["tenants"])]
        uvloop.run(all_requests(host, port, warm, scenario["clients"]))
        took_s = uvloop.run(all_requests(host, port, requests, scenario["clients"]))
        nothing = [f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()] * 5_000
        alone_s = uvloop.run(all_requests(host, port, nothing, scenario["clients"]))
    return {
        "requests a second": len(requests) / took_s,
        "of GET /healthz, which does nothing": len(nothing) / alone_s,
        "ratio to that": took_s / len(requests) / (alone_s / len(nothing)),
    }


def http_request(
    host: str, token: str, number: int, at: datetime, random: Random, tenant: int | None = None
) -> bytes:
    """One POST in structured mode, for that tenant or any."""
    subject = random.randrange(SCENARIO["tenants"]) if tenant is None else tenant
    body = msgspec.json.encode(
        {
            "specversion": "1.0",
            "source": "//gateway/8",
            "id": f"s{number}-{random.getrandbits(32):08x}",
            "type": "chat",
            "subject": f"t{subject:04}",
            "time": at.isoformat(),
            "data": {"n": random.randrange(1, 9_000)},
        }
    )
    return post(host, token, "cloudevents", body)


def post(host: str, token: str, kind: str, body: bytes) -> bytes:
    """One request of usage events."""
    head = (
        f"POST /api/v1/usage/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/{kind}+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def all_requests(host: str, port: int, requests: list[bytes], clients: int) -> float:
    """Seconds until all are answered with 200, over so many connections that are kept."""
    waiting = iter(requests)

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head + await reader.read(500)
            length = int(re.search(rb"content-length: (\d+)", head)[1])
            await reader.readexactly(length)
        writer.close()

    start_s = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - start_s


@contextmanager
def serving(url: str | None) -> Iterator[tuple[str, int, str, Centre]]:
    """`penstock up` in a process of its own on this database."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        command = [*SERVER, "up", "--data", folder, "--port", "0", "--cpu-only"]
        command += [] if url is None else ["--database", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = process.stdout.readline() + process.stdout.readline()
            found = re.search(r"http://([\d.]+):(\d+)\s.*(pst_\S+)", said, re.DOTALL)
            assert found, said
            try:
                yield (
                    found[1],
                    int(found[2]),
                    found[3],
                    Centre(f"http://{found[1]}:{found[2]}", found[3], process),
                )
            finally:
                process.send_signal(signal.SIGINT)
                process.wait()


def rate(url: str | None) -> dict[str, float]:
    """Ten million readings of a thousand tenants with contracts, from rows to charged lines; beside DuckDB's sums."""
    count = SCENARIO["rate"]["events"]
    with centre(url) as one:
        contracts.publish_book(one.app, SYSTEM, BOOK)
        for number in range(SCENARIO["tenants"]):
            contracts.sign_contract(one.app, SYSTEM, CONTRACT.format(tenant=f"t{number:04}"))
        table = readings_of(one, count)
        bare_s, expected = duckdb_sums(table)
        del table
        begin_s, cpu_s = time.perf_counter(), time.process_time()
        with one.app.database.read() as tx:
            found = metering.quantities(tx, Window(DAY, DAY + timedelta(days=1)))
        sums_s = time.perf_counter() - begin_s
        assert len(found) == SCENARIO["tenants"]
        assert sum(item.quantity for item in found) * 10**6 == expected
        begin_s, cpu_s = time.perf_counter(), time.process_time()
        accrual.accrue(one.app)
        took_s, cpu_s = time.perf_counter() - begin_s, time.process_time() - cpu_s
        again_s = time.perf_counter()
        one.clock.advance(timedelta(hours=1, seconds=1))
        accrual.accrue(one.app)
        again_s = time.perf_counter() - again_s
        with one.app.database.read() as tx:
            lines = stored.tenant_lines(tx)
        assert {line.tenant for line in lines} == {f"t{n:04}" for n in range(SCENARIO["tenants"])}
        quantity = sum(Fraction(line.quantity) for line in lines)
        assert quantity * 10**6 == expected
        charged = [transfer for transfer in ledger_rows(one) if transfer.kind == "charge"]
        assert sum(one.amount_micros for one in charged) == sum(line.amount_micros for line in lines)
    return {
        "seconds": took_s,
        "processor seconds": cpu_s,
        "lines": len(lines),
        "seconds of the sums alone": sums_s,
        "seconds an hour later, nothing new": again_s,
        "events a second": count / took_s,
        "DuckDB seconds of the sums": bare_s,
        "ratio to DuckDB": took_s / bare_s,
        "peak MiB of the process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB,
    }


def ledger_rows(one: SimulatedCentre) -> tuple[Transfer, ...]:
    """Every transfer."""
    with one.app.database.read() as tx:
        return ledger.transfers(tx)


def readings_of(one: SimulatedCentre, count: int) -> "np.ndarray":
    """So many readings of the tenants' tokens over a day, kept in commits of ten thousand."""
    import numpy as np

    random, chunk = np.random.default_rng(1), 10_000
    with one.app.database.write() as tx:
        wanted = [Series("tokens", f"t{number:04}") for number in range(SCENARIO["tenants"])]
        numbers = np.array(list(metering.series_numbers(tx, wanted).values()))
        table = np.empty((3, count), dtype=np.int64)
        table[0] = random.choice(numbers, count)
        table[1] = to_us(DAY) + random.integers(0, 86_400_000_000, count)
        table[2] = random.integers(1, 10**13, count)
        for at in range(0, count, chunk):
            readings.add(tx, table[:, at : at + chunk], levels=False)
    return table


def duckdb_sums(table) -> tuple[float, int]:
    """Seconds of the same grouping as bare SQL over a table in memory, and the grand total."""
    import duckdb

    with duckdb.connect(config={"threads": 2}) as engine:
        arrays = {"series": table[0], "value": table[2]}
        engine.register("arrays", arrays)
        engine.execute("CREATE TABLE readings AS FROM arrays")
        start_s = time.perf_counter()
        rows = engine.execute("SELECT series, sum(value), count(*) FROM readings GROUP BY series").fetchall()
        return time.perf_counter() - start_s, sum(int(row[1]) for row in rows)


def transfers(url: str | None) -> dict[str, float]:
    """Batches of transfers between tenants' balances and the centre, each batch durable."""
    scenario = SCENARIO["transfers"]
    size, random = scenario["transfers_per_batch"], Random(2)
    with centre(url) as one:
        deposits = [
            money.NewTransfer(
                id=f"d{n}", debit="centre/cash", credit=f"tenant/t{n:04}/prepaid", amount_micros=10**12
            )
            for n in range(SCENARIO["tenants"])
        ]
        money.post_transfers(one.app, SYSTEM, money.NewTransfers(transfers=tuple(deposits)))
        batches = [
            tuple(
                money.NewTransfer(
                    id=f"m{number}-{place}",
                    debit=f"tenant/t{random.randrange(SCENARIO['tenants']):04}/prepaid",
                    credit="centre/revenue/hourly",
                    amount_micros=random.randrange(1, 10**6),
                )
                for place in range(size)
            )
            for number in range(scenario["batches"])
        ]
        start_s, cpu_s = time.perf_counter(), time.process_time()
        for some in batches:
            assert money.post_transfers(one.app, SYSTEM, money.NewTransfers(transfers=some)).posted == size
        took_s, cpu_s = time.perf_counter() - start_s, time.process_time() - cpu_s
    return {
        "transfers a second": size * len(batches) / took_s,
        "transfers a processor second here": size * len(batches) / cpu_s,
    }


def main() -> int:
    """Print a table for each part and database; 1 where a limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--part", choices=PARTS)
    asked = parser.parse_args()
    limits, missed = SCENARIO["limits"], []
    for kind in [asked.database] if asked.database else ("sqlite", "postgresql"):
        for part in [asked.part] if asked.part else PARTS:
            if asked.part is None:  # each in a process of its own, so that peaks of memory do not add up
                command = [sys.executable, "-m", "benchmarks", "metering", "--database", kind, "--part", part]
                missed += [part] if subprocess.run(command, check=False).returncode else []
                continue
            with database(kind) as url:
                found = globals()[part](url)
            print(f"\n{part} on {kind}; goal {goal(part)}; load {os.getloadavg()[0]:.1f}")
            for name, value in found.items():
                print(f"  {name:34}{value:14,.2f}")
            if found.get("ratio to bare inserts", 0) > limits["ingest_per_bare_insert"]:
                missed.append("ingest_per_bare_insert")
            if found.get("ratio to DuckDB", 0) > limits["rate_per_duckdb"]:
                missed.append("rate_per_duckdb")
    for name in missed:
        print(f"missed: {name}")
    return int(bool(missed))


def goal(part: str) -> str:
    """The part's goals as the scenario names them."""
    scenario = SCENARIO["ingest" if part == "batches" else part]
    return ", ".join(f"{key[5:]} {value:,}" for key, value in scenario.items() if key.startswith("goal_"))
