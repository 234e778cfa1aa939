"""What becomes of money after the bill: late events, shares paid out, holds that end, contracts without money."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from market import balances, invoice, market, sign, until
from penstock.store import ledger
from served import YUAN, Served, open_tenant


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Served]:
    with market(tmp_path) as opened:
        yield opened


def send(one: Served, name: str, at: str, tb: float) -> Any:
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "gw",
        "type": "egress",
        "subject": "acme",
        "time": f"{at}+08:00",
        "data": {"tb": tb},
    }
    headers = {"content-type": "application/cloudevents+json"}
    return one.done("POST", "/usage/events", content=msgspec.json.encode(event), headers=headers)


def test_a_late_event_of_a_closed_period_stands_on_the_next_invoice_as_an_adjustment(one: Served) -> None:
    sign(one, "", "2026-02-01", "2026-05-01")
    until(one, "2026-02-20T00:00:00")
    send(one, "first", "2026-02-19T00:00:00", 1)
    until(one, "2026-03-05T00:00:00")
    february = invoice(one, "2026-02")
    assert february["total_micros"] == 800 * YUAN * 106 // 100 or february["taxes"][0]["inclusive"]
    end = "2026-03-01T00:00:00+08:00"
    closed = one.done("POST", "/closings", json={"end": end})
    send(one, "late", "2026-02-18T00:00:00", 0.5)
    send(one, "march", "2026-03-04T00:00:00", 1)
    changes = one.done("GET", "/closings/changes", params={"end": end})
    assert [(d["before"]["numerator"], d["after"]["numerator"]) for d in changes["differences"]] == [(1, 3)]
    adjusted = one.done("POST", "/closings/adjustments", params={"end": end})
    assert [line["amount_micros"] for line in adjusted["lines"]] == [250 * YUAN]
    assert adjusted["closing"]["number"] == closed["number"] + 1
    again = one.done("POST", "/closings/adjustments", params={"end": end})
    assert (again["closing"], again["differences"]) == (adjusted["closing"], [])
    assert one.done("GET", "/closings/changes", params={"end": end})["differences"] == []
    until(one, "2026-04-01T00:00:00")
    march = invoice(one, "2026-03")
    lines = {line.get("adjusts", ""): line["amount_micros"] for line in march["lines"]}
    assert lines == {february["id"]: 250 * YUAN, "": 800 * YUAN}
    assert one.done("GET", f"/invoices/{february['id']}") == february
    assert one.done("GET", "/ledger/check")["ok"]


def test_what_parties_have_earned_is_paid_out_once_and_never_more(one: Served) -> None:
    shares = "shares: [{party: owner, rate: 30%}, {party: broker, rate: 5%}]"
    sign(one, f"items: [{{item: pflops, quantity: 1}}]\n{shares}", "2026-02-01", "2026-03-01")
    until(one, "2026-03-01T00:00:00")
    left = {one["party"]: one["left_micros"] for one in one.done("GET", "/shares")["items"]}
    assert left["owner"] == 6 * left["broker"] > 0
    cash = balances(one)["centre/cash"]
    request = {"id": "bank-1", "party": "owner", "amount_micros": left["owner"] // 2}
    first = one.done("POST", "/shares/payouts", json=request)
    assert one.done("POST", "/shares/payouts", json=request) == first
    too_much = one.ask("POST", "/shares/payouts", json=request | {"id": "x", "amount_micros": left["owner"]})
    assert too_much.json()["refusals"][0]["code"] == "share_exceeded"
    rest = {"id": "bank-2", "party": "owner"}
    assert one.done("POST", "/shares/payouts", json=rest) == one.done("POST", "/shares/payouts", json=rest)
    found = {one["party"]: one for one in one.done("GET", "/shares")["items"]}
    assert (found["owner"]["left_micros"], found["owner"]["paid_micros"]) == (0, left["owner"])
    assert found["owner"]["earned_micros"] == left["owner"]
    assert balances(one)["centre/cash"] - cash == left["owner"]
    for request, code in (
        ({"id": "y", "party": "owner"}, "share_exceeded"),
        ({"id": "z", "party": "broker", "amount_micros": 0}, "amount_absurd"),
    ):
        assert one.ask("POST", "/shares/payouts", json=request).json()["refusals"][0]["code"] == code
    actions = [entry["verb"] for entry in one.done("GET", "/audit")["items"]]
    assert actions.count("pay_share") == 2
    assert one.done("GET", "/ledger/check")["ok"]


def test_a_hold_goes_on_with_its_job_and_ends_without_it(one: Served) -> None:
    for name, cards in (("waits", 800), ("gone", 800)):
        spec = {"name": name, "run": "true", "nodes": cards, "resources": {"models": ["h100"]}}
        one.done("POST", "/jobs", json={"id": name, "tenant": "acme", "spec": spec})
    before = holds(one)
    assert before["job/acme.waits"][0] == "open"
    one.centre.clock.advance(timedelta(days=4))
    one.turn()
    after = holds(one)
    assert after["job/acme.waits"][1] == before["job/acme.waits"][1] + timedelta(days=4)
    held = one.done("GET", "/tenants/acme/balance")["held_micros"]
    one.done("POST", "/jobs/acme.gone/stop")
    one.turn()
    assert one.done("GET", "/tenants/acme/balance")["held_micros"] == held // 2
    one.centre.clock.advance(timedelta(days=8))  # the loop was away for longer than a hold lasts
    report = one.done("GET", "/ledger/check")
    assert [finding.partition(":")[0] for finding in report["money"]] == ["hold_outlived"]
    one.turn()
    assert holds(one)["job/acme.waits"][0] == "expired"
    assert one.done("GET", "/tenants/acme/balance")["held_micros"] == 0
    assert one.done("GET", "/ledger/check")["ok"]


def holds(one: Served) -> dict[str, tuple[str, Any]]:
    with one.centre.app.database.read() as tx:
        return {hold.id: (hold.state, hold.expires_at) for hold in ledger.holds(tx)}


def test_a_contract_without_money_is_noticed_suspended_and_resumed(one: Served) -> None:
    open_tenant(one, "poor", 30_000)
    sign(one, "items: [{item: pack}]", "2026-02-01", "2026-06-01", tenant="poor")

    def state() -> str:
        return one.done("GET", "/tenants/poor/balance")["state"]

    until(one, "2026-02-02T00:00:00")
    assert state() == "active"
    until(one, "2026-04-30T00:00:00")
    assert state() == "active"  # three months of four are paid, the next fee is a day away
    until(one, "2026-04-30T22:40:00")
    one.turn()
    assert state() == "active"
    until(one, "2026-04-30T23:50:00", steps=2)
    one.turn()
    assert state() == "notice"  # ahead of the fee, not after it
    until(one, "2026-05-01T00:05:00", steps=2)
    one.turn()
    assert state() == "suspended"
    refused = one.ask(
        "POST",
        "/jobs",
        json={
            "id": "j",
            "tenant": "poor",
            "spec": {"name": "j", "run": "true", "resources": {"models": ["h100"]}},
        },
    )
    assert refused.json()["refusals"][0]["code"] == "tenant_suspended"
    one.done("POST", "/tenants/poor/payments", json={"id": "more", "amount_micros": 20_000 * YUAN})
    one.turn()
    assert state() == "active"
