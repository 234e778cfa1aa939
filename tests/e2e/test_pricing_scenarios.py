"""What a commercial centre must be able to do: the numbered scenarios, over the REST API with virtual time."""

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from market import (
    BOOK,
    HANGZHOU,
    SLA,
    balances,
    calibrate,
    invoice,
    lease,
    market,
    measured,
    post,
    sign,
    statement,
    until,
)
from penstock.base.window import US_PER_HOUR
from penstock.store import fleet
from served import YUAN, Served, job


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Served]:
    with market(tmp_path) as opened:
        yield opened


def test_s16_cards_by_the_hour_cost_exactly_their_time(one: Served) -> None:
    until(one, "2026-01-06T10:00:00")
    lease(one, "h100", 8, 12_000 / 3600, "s16")
    until(one, "2026-01-06T15:00:00", steps=5)
    charges = one.done("GET", "/charges?tenant=acme")["items"]
    assert sum(line["amount_micros"] for line in charges) == 333_333_333  # 8 x 10/3 x 12.50
    assert sum(line["quantity"] for line in charges) == 8 * 12_000 * 1_000_000
    until(one, "2026-01-07T15:00:00")
    assert len(one.done("GET", "/charges?tenant=acme")["items"]) == len(charges)  # its end ended the charge


def test_s16_a_stop_ends_the_charge_of_a_job(one: Served) -> None:
    until(one, "2026-01-06T10:00:00")
    spec = job(resources={"models": ["h100"], "devices_per_node": 8}, env={"SIMULATED_SECONDS": "90000"})
    one.done("POST", "/jobs", json={"id": "s16", "tenant": "acme", "spec": spec})
    one.turn(2)
    began = datetime.fromisoformat(one.done("GET", "/jobs/acme.s16")["attempts"][0]["began_at"])
    one.centre.clock.advance(began + timedelta(hours=3, minutes=19, seconds=30) - one.centre.clock.now())
    one.done("POST", "/jobs/acme.s16/stop")
    for minutes in (0, 1, 1):
        one.turn(minutes)  # it ends a few seconds later, in the 200th minute
    charges = one.done("GET", "/charges?tenant=acme")["items"]
    assert sum(line["amount_micros"] for line in charges) == 333_333_333
    until(one, "2026-01-07T15:00:00")
    assert one.done("GET", "/charges?tenant=acme")["items"] == charges


def test_s17_compute_by_scale_is_delivered_by_cards_and_a_shortfall_is_credited(one: Served) -> None:
    one.centre.install("h100", nodes=7, devices_per_node=8)
    one.centre.clock.advance(timedelta(hours=1))
    calibrate(one, 56)
    cards = [f"h100-{n // 8:04d}.{n % 8}" for n in range(51)]
    sign(one, f"items: [{{item: pflops, quantity: 50, devices: {cards}}}]", "2026-02-01", "2026-04-01")
    until(one, "2026-03-01T00:00:00", steps=4)
    assert statement(one) == {"unit": 1_500_000}  # 51 cards deliver 50.439: nothing is missing
    for card in cards[40:]:
        one.done("POST", f"/fleet/devices/{card}/state", json={"state": "down", "reason": "fan"})
    until(one, "2026-03-02T00:00:00")
    for card in cards[40:]:
        one.done("POST", f"/fleet/devices/{card}/state", json={"state": "available", "reason": "mended"})
    until(one, "2026-04-01T00:00:00", steps=2)
    missing = (50 - Fraction("0.989") * 40) / 31 * 30_000  # 40 cards were left for one day of 31
    assert statement(one) == {"unit": 3_000_000, "shortfall": -missing}
    issued = invoice(one, "2026-03")
    assert {
        line["kind"]: line["amount_micros"] // 10_000
        for line in issued["lines"]
        if line["kind"] == "shortfall"
    } == {"shortfall": -round(missing * 100)}


def test_s18_usage_costs_the_sum_of_its_tiers_and_a_replayed_event_once(one: Served) -> None:
    sign(one, "", "2026-02-01", "2026-03-01")
    until(one, "2026-02-10T00:00:00")

    def send(name: str, kind: str, **data: object) -> Any:
        event = {
            "specversion": "1.0",
            "id": name,
            "source": "gw",
            "type": kind,
            "subject": "acme",
            "data": data,
        }
        event["time"] = one.centre.clock.now().isoformat()
        headers = {"content-type": "application/cloudevents+json"}
        return one.done("POST", "/usage/events", content=msgspec.json.encode(event), headers=headers)

    send("p", "processed", tb=10)
    send("e", "egress", tb=2)
    assert send("e", "egress", tb=2)["duplicates"] == 1
    until(one, "2026-02-20T00:00:00")
    assert statement(one) == {"unit": 10 * 45 + 800 + 500}
    send("late", "egress", tb=0.5)
    until(one, "2026-03-01T01:00:00", steps=2)
    issued = invoice(one, "2026-02")
    lines = {(line["item"], line["tier"]): line["amount_micros"] for line in issued["lines"]}
    assert lines == {("processing", 1): 450 * YUAN, ("traffic", 1): 800 * YUAN, ("traffic", 2): 750 * YUAN}


def test_s19_a_package_covers_its_hours_and_is_earned_over_its_term(one: Served) -> None:
    sign(one, f"items: [{{item: pack}}]\n{SLA.replace('99.5%, l', '99.9%, l')}", "2026-02-01", "2026-03-01")
    until(one, "2026-02-01T00:00:00")
    lease(one, "h100", 8, 150, "s19")
    until(one, "2026-02-15T00:00:00", steps=6)
    assert statement(one) == {"fee": 10_000, "covered": -12_500}  # 1,000 of 1,200 card-hours
    assert balances(one)["centre/deferred"] == 5_000 * YUAN
    assert balances(one)["centre/revenue/package"] == 5_000 * YUAN
    until(one, "2026-03-01T00:00:00", steps=2)
    assert balances(one)["centre/deferred"] == 0
    issued = invoice(one, "2026-02")
    assert sum(line["amount_micros"] for line in issued["lines"]) == (10_000 + 200 * Fraction("12.5")) * YUAN


@pytest.mark.parametrize(("unused", "covered"), [("expire", 1_000), ("rollover", 1_300)])
def test_s19_what_a_package_leaves_unused_expires_or_rolls_over_by_its_rule(
    one: Served, unused: str, covered: int
) -> None:
    book = BOOK.replace("list-2026", "list-2027").replace("2026-01-01", "2026-01-02")
    post(one, "/price-books", book.replace("traffic: 5}}", f"traffic: 5}}, unused: {unused}}}"))
    head = "contract: c\ntenant: acme\nprice_book: list-2027\nfrom: 2026-02-01\nuntil: 2026-04-01\n"
    post(one, "/contracts", head + "items: [{item: pack}]")
    for month, hours in (
        ("02", 700 / 8),
        ("03", 1_400 / 8),
    ):  # card-hours: 300 less, then 400 more than the package has
        until(one, f"2026-{month}-02T00:00:00")
        lease(one, "h100", 8, hours, f"s19-{month}")
        event = {
            "specversion": "1.0",
            "id": month,
            "source": "gw",
            "type": "egress",
            "subject": "acme",
            "data": {"tb": 6},
        }
        event["time"] = one.centre.clock.now().isoformat()
        headers = {"content-type": "application/cloudevents+json"}
        one.done("POST", "/usage/events", content=msgspec.json.encode(event), headers=headers)
    until(one, "2026-04-01T01:00:00", steps=3)
    given = 700 + min(1_400, covered)
    assert statement(one) == {"fee": 20_000, "covered": -given * Fraction("12.5"), "unit": 2 * 800}
    overage = 2_100 - given
    charged = sum(line["amount_micros"] for line in one.done("GET", "/charges?tenant=acme")["items"])
    assert charged - given * 12_500_000 == overage * 12_500_000


def test_s20_one_need_under_all_modes_with_the_hours_at_which_a_package_beats_hourly(one: Served) -> None:
    request = {"model": "h100", "cards": 8, "hours": "200", "work": {"traffic": "3"}}
    answer = one.done("POST", "/comparisons", json=request)
    found = {option["item"]: option for option in answer["options"]}
    assert {option["mode"] for option in answer["options"]} == {"hourly", "compute", "usage", "package"}
    assert found["h100"]["month_micros"] == 1_600 * 12.5 * YUAN
    assert found["node"]["month_micros"] == 60_000 * YUAN
    assert found["pflops"]["month_micros"] == int(8 * Fraction("0.989") * 30_000 * YUAN)
    assert found["pflops"]["remark"] == "measured"
    assert found["pack"]["month_micros"] == (10_000 + 600 * Fraction("12.5")) * YUAN
    assert found["traffic"]["month_micros"] == (800 + 2 * 500) * YUAN
    assert found["pack"]["break_even_hours"] == "100"  # 10,000 / 12.50 / 8 cards
    assert found["node"]["break_even_hours"] == "600"
    assert [option["month_micros"] for option in answer["options"]] == sorted(
        option["month_micros"] for option in answer["options"]
    )


def test_s21_an_hourly_price_that_varies_by_hour_without_minimum(one: Served) -> None:
    until(one, "2026-01-06T21:00:00")
    lease(one, "a100", 1, 2, "s21")
    until(one, "2026-01-06T23:30:00", steps=3)
    prices = {}
    for line in one.done("GET", "/charges?tenant=acme")["items"]:
        prices[line["price_micros_per_card_hour"]] = (
            prices.get(line["price_micros_per_card_hour"], 0) + line["quantity"]
        )
    assert prices == {6 * YUAN: US_PER_HOUR, 4 * YUAN: US_PER_HOUR}  # 22:00 is when the valley begins
    until(one, "2026-01-07T10:00:00")
    start = one.centre.clock.now() + timedelta(hours=1)
    quote = {
        "id": "later",
        "tenant": "acme",
        "model": "a100",
        "devices": 1,
        "hours": 1,
        "start": start.isoformat(),
    }
    one.done("POST", "/quotes", json=quote)
    one.done("POST", "/leases", json={"id": "later", "quote": "acme.later"})
    assert one.done("DELETE", "/leases/acme.later")["state"] == "cancelled"


BOOKED = ("centre/revenue/", "centre/deferred", "centre/vat", "centre/rounding")
"""Where what tenants are charged goes."""


def focus_of(one: Served, invoice: str | None) -> int:
    """What the FOCUS rows of an invoice, or all of them, sum to, in micros."""
    answer = one.ask("GET", "/exports/focus?tenant=acme")
    assert answer.status_code == 200, answer.text
    rows = csv.DictReader(answer.text.lstrip("\ufeff").splitlines())
    return int(sum(Fraction(row["BilledCost"]) for row in rows if invoice in (None, row["InvoiceId"])) * YUAN)


def test_s22_invoices_reconcile_with_the_ledger(one: Served) -> None:
    sign(
        one,
        "items: [{item: pack}, {item: node, quantity: 2}]\ndiscounts: [{rate: 7%}]",
        "2026-01-10",
        "2026-05-10",
    )
    until(one, "2026-01-12T00:00:00")
    lease(one, "h100", 3, 101.3, "s22")
    totals = dict.fromkeys(("lines", "tax", "rounding"), 0)
    deferred = []
    for month in ("2026-01", "2026-02", "2026-03", "2026-04", "2026-05"):
        year, number = int(month[:4]), int(month[5:]) + 1
        until(one, f"{year}-{number:02d}-01T03:00:00", steps=3)
        issued = invoice(one, month)
        totals["lines"] += sum(line["amount_micros"] for line in issued["lines"])
        totals["tax"] += sum(tax["amount_micros"] for tax in issued["taxes"])
        totals["rounding"] += issued["rounding_micros"]
        total = sum(line["amount_micros"] for line in issued["lines"])
        assert issued["total_micros"] == total + sum(tax["amount_micros"] for tax in issued["taxes"])
        assert focus_of(one, issued["id"]) == issued["total_micros"]
        now = balances(one)
        books = sum(amount for name, amount in now.items() if name.startswith(BOOKED))
        assert focus_of(one, None) == books, "with what is not on an invoice yet"
        deferred.append(now["centre/deferred"])
    assert any(deferred[:-1])
    now = balances(one)
    revenue = sum(amount for name, amount in now.items() if name.startswith("centre/revenue/"))
    assert now["centre/deferred"] == 0
    assert totals["lines"] == revenue + now["centre/deferred"] + now["centre/rounding"]
    assert (now["centre/vat"], now["centre/rounding"]) == (totals["tax"], totals["rounding"])


def test_s23_a_failed_node_is_credited_by_the_ladder_without_a_claim(one: Served) -> None:
    sign(
        one,
        f"items: [{{item: node, devices: {[f'h100-0000.{n}' for n in range(8)]}}}]\n{SLA}",
        "2026-02-01",
        "2026-03-01",
    )
    until(one, "2026-02-10T00:00:00")
    for number in range(8):
        one.done(
            "POST", f"/fleet/devices/h100-0000.{number}/state", json={"state": "down", "reason": "power"}
        )
    until(one, "2026-02-10T05:00:00")
    for number in range(8):
        one.done(
            "POST",
            f"/fleet/devices/h100-0000.{number}/state",
            json={"state": "available", "reason": "mended"},
        )
    until(one, "2026-03-01T01:00:00", steps=3)
    down = Fraction(5, 672) * 60_000
    found = statement(one)
    assert found["shortfall"] == -down
    assert found["sla_credit"] == -(60_000 - down) / 10  # 99.26 % is below 99.5 and above 99
    issued = invoice(one, "2026-02")
    assert [line["amount_micros"] for line in issued["lines"] if line["kind"] == "sla_credit"] == [
        -595_536 * 10_000
    ]
    assert balances(one)["centre/sla_credits"] < 0


def test_s23_a_degraded_card_counts_for_what_it_lacks(one: Served) -> None:
    sign(
        one,
        f"items: [{{item: node, devices: {[f'h100-0000.{n}' for n in range(8)]}}}]\n{SLA}",
        "2026-02-01",
        "2026-03-01",
    )
    until(one, "2026-02-15T00:00:00")
    with one.centre.app.database.write() as tx:
        fleet.add_calibration(tx, measured("h100-0000.0", one.centre.clock.now(), tflops=494.5))
    until(one, "2026-03-01T01:00:00", steps=2)
    # one of eight cards at half its rate for half the month: 1/32 lost, availability 96.875 %
    assert statement(one)["sla_credit"] == -60_000 * Fraction("0.25")


def test_s36_five_servers_for_48_months(one: Served) -> None:
    end = "2030-02-01"
    sign(one, "items: [{item: server, quantity: 5}]", "2026-02-01", end)
    at = "2030-02-01T00:00:00Z"
    positions = one.done("GET", f"/contracts/acme.c/statement?until={at}")["positions"]
    assert len(positions) == 48
    assert sum(Fraction(position["amount"]) for position in positions) == 16_560_000
    assert {position["amount"] for position in positions} == {"345000"}
    options = one.done("POST", "/comparisons", json={"model": "h800", "cards": 40, "hours": "730"})["options"]
    server = next(option for option in options if option["item"] == "server")
    assert (server["quantity"], server["month_micros"]) == ("5", 345_000 * YUAN)
    assert round(server["card_hour_micros"] / YUAN, 2) == 11.82


def test_s38_a_training_customer_moves_to_inference_and_the_commitment_is_settled_pro_rata(
    one: Served,
) -> None:
    sign(
        one,
        "items: [{item: node, quantity: 8}]\ncommitments: [{amount: 6000000}]",
        "2026-01-10",
        "2027-01-10",
    )
    until(one, "2026-02-01T00:00:00", steps=2)
    one.done("POST", "/contracts/acme.c/termination", json={"at": "2026-02-10T00:00:00+08:00"})
    until(one, "2026-02-10T00:00:00")
    days = Fraction(31, 365)
    spent = 8 * 60_000 * (Fraction(22, 31) + Fraction(9, 28))
    assert statement(one) == {"unit": spent, "true_up": 6_000_000 * days - spent}
    sign(one, "items: [{item: node, quantity: 1}]", "2026-02-10", "2027-01-10", name="inference")
    lease(one, "h100", 8, 10, "burst")
    until(one, "2026-03-01T00:00:00", steps=4)
    issued = invoice(one, "2026-02")
    by_contract = {}
    for line in issued["lines"]:
        by_contract[line["subject"]] = by_contract.get(line["subject"], 0) + line["exact_micros"]
    assert by_contract["acme.burst"] == 1_000 * YUAN
    assert by_contract["acme.inference"] == round(60_000 * Fraction(19, 28) * YUAN)


def test_s43_a_voucher_pays_part_of_an_invoice_and_the_issuer_owes_it(one: Served) -> None:
    post(one, "/voucher-programmes", HANGZHOU)
    sign(one, "items: [{item: pflops, quantity: 2}]", "2026-02-01", "2026-03-01")
    grant = {
        "id": "v", "programme": "hangzhou", "contract": "acme.c", "model": "h100", "contract_micros": 60_000 * YUAN
    }  # fmt: skip
    assert one.done("POST", "/vouchers", json=grant)["amount_micros"] == 12_000 * YUAN
    before = one.done("GET", "/tenants/acme/balance")["balance_micros"]
    until(one, "2026-03-01T01:00:00", steps=2)
    issued = invoice(one, "2026-02")
    gross = 60_000 * YUAN * 106 // 100
    assert (issued["total_micros"], issued["voucher_micros"]) == (gross, 12_000 * YUAN)
    assert issued["paid_micros"] == gross - 12_000 * YUAN
    assert before - one.done("GET", "/tenants/acme/balance")["balance_micros"] == gross - 12_000 * YUAN
    assert balances(one)["centre/voucher_receivable"] == -12_000 * YUAN
    one.done("POST", "/voucher-payments", json={"id": "hz-1", "amount_micros": 12_000 * YUAN})
    one.done("POST", "/voucher-payments", json={"id": "hz-1", "amount_micros": 12_000 * YUAN})
    assert balances(one)["centre/voucher_receivable"] == 0
    assert one.done("GET", "/vouchers?tenant=acme")["items"][0]["used_micros"] == 12_000 * YUAN


@pytest.mark.parametrize("model", ["ascend910b3", "h800"])
def test_s58_a_voucher_is_a_share_by_class_of_chip_within_the_yearly_cap(one: Served, model: str) -> None:
    post(one, "/voucher-programmes", HANGZHOU)
    sign(one, "", "2026-02-01", "2026-03-01")

    def ask(name: str, chip: str, yuan: int) -> Any:
        grant = {
            "id": name,
            "programme": "hangzhou",
            "contract": "acme.c",
            "model": chip,
            "contract_micros": yuan * YUAN,
        }
        return one.ask("POST", "/vouchers", json=grant)

    assert ask("first", "ascend910b3", 20_000_000).json()["amount_micros"] == 6_000_000 * YUAN
    second = ask("second", model, 10_000_000).json()
    assert second["amount_micros"] == 2_000_000 * YUAN  # min(30 % or 20 % of 10M, 8M - 6M)
    assert ask("second", model, 10_000_000).json() == second
    refused = ask("third", model, 10_000_000)
    assert (refused.status_code, refused.json()["refusals"][0]["code"]) == (409, "voucher_cap_reached")
