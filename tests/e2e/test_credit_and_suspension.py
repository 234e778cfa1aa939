"""How far a tenant may go, what goes on when its money has ended, and what an operator ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from market import lease, market, sign, until
from served import YUAN, Served, open_tenant


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Served]:
    with market(tmp_path) as opened:
        yield opened


def balance(one: Served, tenant: str) -> dict[str, Any]:
    return one.done("GET", f"/tenants/{tenant}/balance")


def code(answer: Any) -> str:
    assert 400 <= answer.status_code < 500, answer.text
    return answer.json()["refusals"][0]["code"]


def submit(one: Served, name: str, on: str | None = None) -> Any:
    spec = {"name": name, "run": "true", "resources": {"models": ["h100"]}, "time_limit_s": 360_000}
    spec["env"] = {"SIMULATED_SECONDS": "300000"}
    return one.ask("POST", "/jobs", json={"id": name, "tenant": "poor", "spec": spec, "lease": on})


def state(one: Served, name: str) -> str:
    return one.done("GET", f"/jobs/poor.{name}")["job"]["state"]


def change(one: Served, **what: int) -> Any:
    return one.ask("POST", "/tenants/poor/change", json=what)


def test_a_credit_limit_is_changed_and_never_below_what_is_used(one: Served) -> None:
    open_tenant(one, "poor", 1)
    assert code(submit(one, "dear")) == "insufficient_funds"  # 100 hours at 12.50
    assert change(one, credit_limit_micros=2_000 * YUAN).json()["credit_limit_micros"] == 2_000 * YUAN
    assert balance(one, "poor")["available_micros"] == 2_001 * YUAN
    assert submit(one, "dear").status_code == 201
    assert code(change(one, credit_limit_micros=10 * YUAN)) == "credit_in_use"
    assert code(change(one, credit_limit_micros=-1)) == "amount_negative"
    assert code(change(one, credit_limit_micros=10**20)) == "amount_absurd"
    assert code(change(one, device_quota=-1)) == "number_out_of_range"
    assert code(one.ask("POST", "/tenants/nobody/change", json={})) == "tenant_not_found"
    member = one.token("poor", "owner", "ann")
    assert (
        code(one.ask("POST", "/tenants/poor/change", member, json={"credit_limit_micros": 0})) == "forbidden"
    )
    assert change(one, device_quota=4).json()["device_quota"] == 4
    assert change(one, device_quota=4).json()["credit_limit_micros"] == 2_000 * YUAN
    verbs = [entry["verb"] for entry in one.done("GET", "/audit")["items"]]
    assert verbs.count("change_tenant") == 2
    assert one.done("GET", "/ledger/check")["ok"]


def test_who_has_no_money_goes_on_with_what_is_paid_ahead(one: Served) -> None:
    open_tenant(one, "poor", 12_000)
    until(one, "2026-02-01T00:00:00")
    lease(one, "h100", 2, 100, "own", "poor")  # 2,500 are set aside
    sign(one, "items: [{item: pack}]", "2026-02-02", "2026-03-02", tenant="poor")  # 10,000 are not there
    for _ in range(40):
        one.turn(60)
    assert balance(one, "poor")["state"] == "suspended"
    assert code(submit(one, "on-demand")) == "tenant_suspended"
    assert submit(one, "on-lease", "poor.own").status_code == 201
    one.turn()
    assert state(one, "on-lease") in ("starting", "running", "succeeded")
    change(one, credit_limit_micros=50_000 * YUAN)
    one.turn()
    assert balance(one, "poor")["state"] == "active"
    assert submit(one, "on-demand").status_code == 201
    assert one.done("GET", "/ledger/check")["ok"]


def test_a_lease_is_suspended_goes_on_and_ends_when_it_is_breached(one: Served) -> None:
    open_tenant(one, "poor", 12_000)
    lease(one, "h100", 2, 100, "own", "poor")
    assert submit(one, "first", "poor.own").status_code == 201
    one.turn()

    def put(state: str, name: str = "own") -> Any:
        return one.ask("POST", f"/leases/poor.{name}/state", json={"state": state, "reason": "abuse"})

    assert put("suspended").json()["state"] == "suspended"
    assert put("suspended").json()["state"] == "suspended"
    one.turn(1)
    one.turn(10)
    assert state(one, "first") == "queued"
    assert put("active").json()["state"] == "active"
    one.turn(1)
    assert state(one, "first") in ("starting", "running")
    assert code(put("ended")) == "lease_state"
    one.turn(60)
    assert put("breached").json()["state"] == "breached"
    one.turn(10)
    one.turn(10)
    ended = one.done("GET", "/leases/poor.own")
    assert ended["state"] == "ended"
    assert state(one, "first") == "cancelled"
    one.turn(120)
    held = balance(one, "poor")
    assert held["held_micros"] == 0
    used = sum(line["amount_micros"] for line in one.done("GET", "/charges?tenant=poor")["items"])
    assert 25 * YUAN <= used <= 50 * YUAN  # two cards for an hour or two, not for a hundred
    assert held["balance_micros"] == 12_000 * YUAN - used
    member = one.token("poor", "owner", "ann")
    assert code(one.ask("POST", "/leases/poor.own/state", member, json={"state": "active"})) == "forbidden"
    assert one.done("GET", "/ledger/check")["ok"]
