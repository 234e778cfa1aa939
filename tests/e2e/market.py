"""A centre that sells under all four modes, over its REST API with virtual time, and how tests speak to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from penstock.app.context import Policy
from penstock.base.quantity import ComputeRate
from penstock.fleet.device import Calibration
from penstock.store import fleet
from served import Served, open_tenant, served

BOOK = """
price_book: list-2026
currency: CNY
valid_from: 2026-01-01
taxes: [{id: vat6, name: 增值税, rate: 6%, from: 2016-05-01}]
meters: [{id: egress, unit: TB, aggregation: sum, value: tb}, {id: processed, unit: TB, aggregation: sum, value: tb}]
items:
  - {id: h100, mode: hourly, name: H100 卡时, model: h100, price: 12.50, granularity: 1m}
  - id: a100
    mode: hourly
    model: a100
    price: 6
    by_hour: [{from: "22:00", until: "08:00", price: 4}, {from: "08:00", until: "22:00", price: 6}]
  - {id: pflops, mode: compute, name: 算力 P·月, precision: fp16, price: 30000, per: month}
  - {id: server, mode: compute, name: 服务器, node_grade: h800, cards_per_node: 8, price: 69000, per: month}
  - {id: node, mode: compute, node_grade: h100, cards_per_node: 8, price: 60000, per: month}
  - {id: traffic, mode: usage, meter: egress, charge: graduated, tiers: [{up_to: 1, price: 800}, {price: 500}]}
  - {id: processing, mode: usage, meter: processed, charge: flat, price: 45}
  - {id: pack, mode: package, name: 套餐, fee: 10000, per: month, includes: {h100: 1000, traffic: 5}}
"""
SLA = "sla: {target: 99.5%, ladder: [{below: 99.5%, credit: 10%}, {below: 99%, credit: 25%}, {below: 95%, credit: 100%}]}"
HANGZHOU = """
programme: hangzhou
issuer: 杭州市
currency: CNY
from: 2026-01-01
until: 2027-01-01
yearly_cap: 8000000
classes:
  - {id: domestic, share: 30%, vendors: [Huawei, Cambricon, Hygon, Kunlunxin, Moore Threads, MetaX, Iluvatar, Biren, Enflame]}
  - {id: other, share: 20%}
"""


def calibrate(opened: Served, cards: int) -> None:
    """The cards are measured at their nominal rate."""
    with opened.centre.app.database.write() as tx:
        for number in range(cards):
            fleet.add_calibration(
                tx, measured(f"h100-{number // 8:04d}.{number % 8}", opened.centre.clock.now())
            )


def measured(device: str, at: datetime, tflops: float = 989.0) -> Calibration:
    return Calibration(
        id=f"{device}-{at.isoformat()}",
        device=device,
        at=at,
        measured=(ComputeRate("fp16", tflops, "measured", "test"),),
        memory_bandwidth_bytes_per_s=3e12,
        spread=0.01,
        software={},
        accepted=True,
    )


def post(opened: Served, path: str, document: str) -> Any:
    return opened.done("POST", path, content=document.encode(), headers={"content-type": "text/yaml"})


def sign(opened: Served, terms: str, start: str, end: str, name: str = "c", tenant: str = "acme") -> Any:
    head = f"contract: {name}\ntenant: {tenant}\nprice_book: list-2026\nfrom: {start}\nuntil: {end}\n"
    return post(opened, "/contracts", head + terms)


def until(opened: Served, text: str, *, steps: int = 1) -> None:
    """Virtual time goes to that time on Shanghai's clocks, in so many steps."""
    target = datetime.fromisoformat(text + "+08:00").astimezone(UTC)
    step = (target - opened.centre.clock.now()) / steps
    for _ in range(steps):
        opened.centre.clock.advance(step)
        opened.turn()


def invoice(opened: Served, month: str, tenant: str = "acme") -> Any:
    year, number = int(month[:4]), int(month[5:])
    start, end = (
        f"{month}-01T00:00:00+08:00",
        f"{year + number // 12}-{number % 12 + 1:02d}-01T00:00:00+08:00",
    )
    return opened.done("POST", "/invoices", json={"tenant": tenant, "start": start, "end": end})


def statement(opened: Served, name: str = "acme.c") -> dict[str, Fraction]:
    """What a contract comes to, by kind."""
    sums: dict[str, Fraction] = {}
    for position in opened.done("GET", f"/contracts/{name}/statement")["positions"]:
        sums[position["kind"]] = sums.get(position["kind"], Fraction(0)) + Fraction(position["amount"])
    return sums


def balances(opened: Served) -> dict[str, int]:
    return {one["id"]: one["balance_micros"] for one in opened.done("GET", "/ledger/accounts")["items"]}


def lease(opened: Served, model: str, devices: int, hours: float, name: str, tenant: str = "acme") -> Any:
    request = {"id": name, "tenant": tenant, "model": model, "devices": devices, "hours": hours}
    assert opened.done("POST", "/quotes", json=request)["available"]
    return opened.done("POST", "/leases", json={"id": name, "quote": f"{tenant}.{name}"})


@contextmanager
def market(directory: Path) -> Iterator[Served]:
    """A centre with a price book of all modes, eight measured H100 cards, and tenant acme with money."""
    with served(directory, Policy(metering_step=timedelta(hours=1))) as opened:
        opened.centre.install("h100", nodes=1, devices_per_node=8)
        calibrate(opened, 8)
        post(opened, "/price-books", BOOK)
        open_tenant(opened, "acme", 20_000_000)
        yield opened
