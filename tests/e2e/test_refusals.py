"""Every bad request of the issue as one table: what is asked, the status, the code, and nothing written."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from penstock.cli.main import main
from penstock.sim.centre import OPENING
from penstock.store import sqlite
from served import YUAN, Served, job, open_tenant, served

QUOTE = {"id": "q", "tenant": "acme", "model": "a100", "devices": 1, "hours": 1}
TRILLION = 10**12


def at(hours: float) -> str:
    """An instant of virtual time, that many hours after the opening."""
    return (OPENING + timedelta(hours=hours)).isoformat()


def run(**changes: Any) -> dict[str, Any]:
    return {"id": "j", "tenant": "acme", "spec": job(**changes)}


def needs(**resources: Any) -> dict[str, Any]:
    return run(resources={"models": ["a100"], **resources})


class Case(NamedTuple):
    """One request, as `who` (an attribute of `People`; None sends no token), and what must come back."""

    path: str
    body: Any
    status: int
    code: str
    who: str | None = "admin"
    method: str = "POST"


def get(path: str, status: int, code: str, who: str | None = "admin", method: str = "GET") -> Case:
    return Case(path, None, status, code, who, method)


CASES = {
    # impossible resources
    "no nodes": Case("/jobs", run(nodes=0), 422, "number_out_of_range"),
    "minus one node": Case("/jobs", run(nodes=-1), 422, "number_out_of_range"),
    "a million nodes": Case("/jobs", run(nodes=10**6), 422, "number_out_of_range"),
    "no device": Case("/jobs", needs(devices_per_node=0), 422, "number_out_of_range"),
    "an exabyte": Case("/jobs", needs(memory_bytes=2**60), 422, "number_out_of_range"),
    "three tasks on two devices": Case(
        "/jobs", run(tasks_per_node=3, resources={"models": ["a100"], "devices_per_node": 2}), 422, "tasks_not_divisible"
    ),
    "a model not sold": Case("/jobs", run(resources={"models": ["h100"]}), 409, "no_offer"),
    "a volume that is not": Case("/jobs", run(volumes={"/data": "nowhere"}), 422, "volume_not_found"),
    "a mount over the system": Case("/jobs", run(volumes={"/etc": "kept"}), 422, "mount_path_reserved"),
    "a workdir that is not": Case("/jobs", run(workdir="0" * 64), 422, "workdir_missing"),
    "a workdir elsewhere": Case("/jobs", run(workdir="../../etc"), 422, "id_malformed"),
    "the gang's own variable": Case("/jobs", run(env={"RANK": "7"}), 422, "env_reserved"),
    "no command": Case("/jobs", run(run="  "), 422, "run_missing"),
    "no time": Case("/jobs", run(time_limit_s=0), 422, "number_out_of_range"),
    "an unknown field": Case("/jobs", run(gpus=8), 422, "malformed"),
    "an unknown field above": Case("/jobs", run() | {"priority": 1}, 422, "malformed"),
    "a project that is not": Case("/jobs", run() | {"project": "none"}, 404, "project_not_found"),
    "more money than there is": Case("/jobs", run(resources={"models": ["a100"]}) | {"tenant": "poor"}, 402, "insufficient_funds"),
    # leases
    "a window in the past": Case("/quotes", QUOTE | {"start": at(-5)}, 422, "window_past"),
    "a window reversed": Case("/quotes", QUOTE | {"start": at(9), "end": at(8), "hours": None}, 422, "window_reversed"),
    "an empty window": Case("/quotes", QUOTE | {"start": at(9), "end": at(9), "hours": None}, 422, "window_reversed"),
    "an end in the past": Case("/quotes", QUOTE | {"end": at(-5), "hours": None}, 422, "window_reversed"),
    "a time without a zone": Case("/quotes", QUOTE | {"start": "2026-02-01T00:00:00"}, 422, "time_without_zone"),
    "no length": Case("/quotes", QUOTE | {"hours": None}, 422, "window_missing"),
    "two lengths": Case("/quotes", QUOTE | {"end": at(9)}, 422, "window_missing"),
    "minus one hour": Case("/quotes", QUOTE | {"hours": -1}, 422, "duration_absurd"),
    "a century": Case("/quotes", QUOTE | {"hours": 876_000}, 422, "duration_absurd"),
    "a century by its end": Case("/quotes", QUOTE | {"end": at(876_000), "hours": None}, 422, "duration_absurd"),
    "a moment": Case("/quotes", QUOTE | {"hours": 1e-9}, 422, "window_reversed"),
    "no devices": Case("/quotes", QUOTE | {"devices": 0}, 422, "quantity_absurd"),
    "minus one device": Case("/quotes", QUOTE | {"devices": -1}, 422, "quantity_absurd"),
    "absurdly many": Case("/quotes", QUOTE | {"devices": 10**9}, 422, "quantity_absurd"),
    "half a device": Case("/quotes", QUOTE | {"devices": 0.5}, 422, "malformed"),
    "a model nobody has": Case("/quotes", QUOTE | {"model": "tpu"}, 409, "no_offer"),
    "an expired quote": Case("/leases", {"id": "late", "quote": "acme.expired"}, 409, "quote_expired"),
    "a quote taken": Case("/leases", {"id": "again", "quote": "acme.taken"}, 409, "quote_accepted"),
    "what is not free": Case("/leases", {"id": "much", "quote": "acme.much"}, 409, "not_available"),
    "a quote that is not": Case("/leases", {"id": "l", "quote": "acme.none"}, 404, "quote_not_found"),
    "a lease that has begun": get("/leases/acme.lease", 409, "lease_begun", method="DELETE"),
    "a lease too small": Case("/jobs", needs(devices_per_node=2) | {"lease": "acme.lease"}, 409, "lease_too_small"),
    "a lease that is not": Case("/jobs", run() | {"lease": "acme.none"}, 404, "lease_not_found"),
    "another's lease": Case("/jobs", run() | {"tenant": "rival", "lease": "acme.lease"}, 404, "lease_not_found"),
    # money
    "half a micro": Case("/tenants/acme/payments", {"id": "p", "amount_micros": 1.5}, 422, "malformed"),
    "money as text": Case("/tenants/acme/payments", {"id": "p", "amount_micros": "1.00"}, 422, "malformed"),
    "no money": Case("/tenants/acme/payments", {"id": "p", "amount_micros": 0}, 422, "amount_absurd"),
    "money back": Case("/tenants/acme/payments", {"id": "p", "amount_micros": -1}, 422, "amount_absurd"),
    "all money": Case("/tenants/acme/payments", {"id": "p", "amount_micros": 2 * TRILLION * YUAN}, 422, "amount_absurd"),
    "a negative price": Case("/offers", {"id": "o", "model": "a100", "price_micros_per_card_hour": -1}, 422, "price_absurd"),
    "a price past reason": Case(
        "/offers", {"id": "o", "model": "a100", "price_micros_per_card_hour": 2 * TRILLION}, 422, "price_absurd"
    ),
    "no granule": Case(
        "/offers",
        {"id": "o", "model": "a100", "price_micros_per_card_hour": 1, "granularity_s": 0},
        422,
        "duration_absurd",
    ),
    "a negative credit limit": Case("/tenants", {"id": "t", "credit_limit_micros": -1}, 422, "amount_negative"),
    "an endless credit limit": Case("/tenants", {"id": "t", "credit_limit_micros": 2**62}, 422, "amount_absurd"),
    "a negative quota": Case("/tenants", {"id": "t", "device_quota": -1}, 422, "number_out_of_range"),
    "a credit of half a fen": Case("/invoices/inv-000001/credit", {"id": "c", "amount_micros": 5_000, "reason": "r"}, 422, "amount_not_fen"),
    "a credit past the invoice": Case(
        "/invoices/inv-000001/credit", {"id": "c", "amount_micros": 10**12, "reason": "r"}, 409, "credit_exceeds_invoice"
    ),
    "a credit for nothing": Case(
        "/invoices/inv-000001/credit", {"id": "c", "amount_micros": 10_000, "reason": " "}, 422, "reason_missing"
    ),
    "an open period": Case("/invoices", {"tenant": "acme", "start": at(0), "end": at(900)}, 409, "period_open"),
    "an empty bill": Case("/invoices", {"tenant": "rival", "start": at(0), "end": at(0.1)}, 409, "nothing_to_invoice"),
    "the unfunded": Case("/jobs", run() | {"tenant": "unfunded"}, 402, "insufficient_funds"),
    "a transfer without a name": Case(
        "/ledger/transfers",
        {"transfers": [{"id": "", "debit": "centre/cash", "credit": "tenant/acme/prepaid", "amount_micros": 1}]},
        422,
        "id_malformed",
    ),
    # ids
    "an id with spaces": Case("/quotes", QUOTE | {"id": "a b"}, 422, "id_malformed"),
    "an id as a path": Case("/jobs", run() | {"id": "../../x"}, 422, "id_malformed"),
    "an id too long": Case("/jobs", run() | {"id": "x" * 65}, 422, "id_malformed"),
    "another tenant under its id": Case("/tenants", {"id": "acme", "name": "Other"}, 409, "id_conflict"),
    "another payment under its id": Case("/tenants/acme/payments", {"id": "pay-acme", "amount_micros": 7}, 409, "id_conflict"),
    "another offer under its id": Case("/offers", {"id": "list", "model": "a100", "price_micros_per_card_hour": 1}, 409, "id_conflict"),
    "another quote under its id": Case("/quotes", QUOTE | {"id": "taken", "devices": 3}, 409, "id_conflict"),
    "another lease under its id": Case("/leases", {"id": "lease", "quote": "acme.much"}, 409, "id_conflict"),
    "another job under its id": Case("/jobs", run(priority=3) | {"id": "kept"}, 409, "id_conflict"),
    "another project under its id": Case("/projects", {"id": "vision", "tenant": "acme", "name": "Other"}, 409, "id_conflict"),
    "another member under its id": Case("/members", {"id": "dev", "tenant": "acme", "role": "owner"}, 409, "id_conflict"),
    "another credit under its id": Case(
        "/invoices/inv-000001/credit", {"id": "kept", "amount_micros": 20_000, "reason": "r"}, 409, "id_conflict"
    ),
    "a token again": Case("/tokens", {"id": "dev", "tenant": "acme", "member": "dev"}, 409, "token_exists"),
    # tenants
    "an unknown tenant": Case("/quotes", QUOTE | {"tenant": "nobody"}, 404, "tenant_not_found"),
    "an unknown tenant's job": Case("/jobs", run() | {"tenant": "nobody"}, 404, "tenant_not_found"),
    "an unknown tenant's volume": Case("/volumes", {"name": "v", "tenant": "nobody"}, 404, "tenant_not_found"),
    "an unknown tenant's money": Case("/tenants/nobody/payments", {"id": "p", "amount_micros": 1}, 404, "tenant_not_found"),
    "a foreign tenant": Case("/quotes", QUOTE | {"tenant": "rival"}, 404, "tenant_not_found", "owner"),
    "a foreign tenant's job": Case("/jobs", run() | {"tenant": "rival"}, 404, "tenant_not_found", "owner"),
    "no tenant": Case("/quotes", QUOTE | {"tenant": None}, 422, "tenant_missing"),
    "more jobs than a page": get("/jobs?limit=1001", 422, "number_out_of_range"),
    "no jobs a page": get("/jobs?limit=0", 422, "number_out_of_range"),
    "no such attempt": get("/jobs/acme.kept/logs?attempt=9", 404, "attempt_not_found"),
    "a workdir that is no archive": Case("/workdirs", "not a tar", 422, "workdir_malformed"),
    "a tenant id with a dot": Case("/tenants", {"id": "a.b"}, 422, "id_malformed"),
    "a language not spoken": Case("/tenants", {"id": "t", "language": "fr"}, 422, "language_unknown"),
    # tokens
    "a revoked token": Case("/quotes", QUOTE, 401, "token_invalid", "revoked"),
    "an expired token": Case("/quotes", QUOTE, 401, "token_invalid", "expired"),
    "an unknown token": Case("/quotes", QUOTE, 401, "token_invalid", "unknown"),
    "no token": Case("/quotes", QUOTE, 401, "token_missing", None),
    "a token expired already": Case(
        "/tokens", {"id": "x", "tenant": "acme", "member": "dev", "expires_at": at(-1)}, 422, "expiry_past"
    ),
    "a token for nobody": Case("/tokens", {"id": "x", "tenant": "acme", "member": "none"}, 404, "member_not_found"),
    "a scope past the role": Case(
        "/tokens", {"id": "x", "tenant": "acme", "member": "dev", "scopes": ["manage"]}, 403, "forbidden"
    ),
    "a role that is none": Case("/members", {"id": "x", "tenant": "acme", "role": "king"}, 422, "role_unknown"),
    "a wrong password": Case("/login", {"password": "let me in, please"}, 401, "password_wrong", None),
    # the rest
    "no such path": get("/nowhere", 404, "path_not_found"),
    "no such method": get("/jobs", 405, "method_not_allowed", method="PATCH"),
    "no such job": get("/jobs/acme.none", 404, "job_not_found"),
    "no such rank": get("/jobs/acme.kept/logs?rank=9", 404, "task_not_found"),
    "no such axis": get("/ladder?by=colour", 422, "axis_unknown"),
    "no such device": Case("/fleet/devices/none/state", {"state": "draining"}, 404, "device_not_found"),
    "no such state": Case("/fleet/devices/a100-0000.7/state", {"state": "melted"}, 422, "malformed"),
    "a move not open": Case("/fleet/devices/a100-0000.7/state", {"state": "planned"}, 409, "device_state"),
    "a device that is let": Case("/fleet/devices/a100-0000.0/state", {"state": "retired"}, 409, "device_let"),
    "a device at work": Case("/fleet/devices/a100-0000.1/calibrate", {}, 409, "device_busy"),
}  # fmt: skip


class People:
    """Who asks."""

    def __init__(self, one: Served) -> None:
        self.admin = one.admin
        self.owner = one.token("acme", "owner", "owner")
        self.developer = one.token("acme", "developer", "dev")
        self.revoked = one.token("acme", "owner", "gone")
        one.done("DELETE", "/tokens/acme.gone")
        soon = {"id": "soon", "tenant": "acme", "member": "owner", "expires_at": at(0.1)}
        self.expired = one.done("POST", "/tokens", json=soon)["secret"]
        self.unknown = "pst_" + "x" * 43


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("refusals") / "data") as made:
        for tenant in ("acme", "rival"):
            open_tenant(made, tenant)
        open_tenant(made, "poor", 1)
        made.done("POST", "/tenants", json={"id": "unfunded"})
        yield made


@pytest.fixture(scope="module")
def people(one: Served) -> People:
    """Everyone, after a little trade: a lease that runs, a job, an invoice, and a quote that expired."""
    found = People(one)
    one.done("POST", "/offers", json={"id": "list", "model": "a100", "price_micros_per_card_hour": 7_130_001})
    one.done("POST", "/projects", json={"id": "vision", "tenant": "acme"})
    one.done("POST", "/volumes", json={"name": "kept", "tenant": "acme"})
    for name in ("taken", "expired"):
        one.done("POST", "/quotes", json=QUOTE | {"id": name, "hours": 5})
    one.done("POST", "/leases", json={"id": "lease", "quote": "acme.taken"})
    one.done("POST", "/jobs", json=run(priority=1) | {"id": "kept", "lease": "acme.lease"})
    one.turn(1)
    one.turn(20)
    one.done("POST", "/jobs", json=run(env={"SIMULATED_SECONDS": "90000"}) | {"id": "long"})
    one.turn(1)
    assert not one.done("POST", "/quotes", json=QUOTE | {"id": "much", "devices": 8})["available"]
    one.done("POST", "/invoices", json={"tenant": "acme", "start": at(0), "end": at(0.25)})
    credit = {"id": "kept", "amount_micros": 10_000, "reason": "goodwill"}
    one.done("POST", "/invoices/inv-000001/credit", json=credit)
    return found


@pytest.mark.parametrize("what", CASES)
def test_refused_with_its_code_and_nothing_written(one: Served, people: People, what: str) -> None:
    case = CASES[what]
    token = None if case.who is None else getattr(people, case.who)
    before = one.rows()
    answer = one.ask(case.method, case.path, token, json=case.body)
    assert (answer.status_code, [refusal["code"] for refusal in answer.json()["refusals"]]) == (
        case.status,
        [case.code],
    )
    assert all(refusal["message"] and refusal["remedy"] for refusal in answer.json()["refusals"])
    if case.status not in (403, 405) and case.code != "path_not_found":
        assert all(refusal.get("where") for refusal in answer.json()["refusals"])
    assert one.rows() == before


def test_a_database_that_is_locked_is_said_to_be_for_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    with served(tmp_path / "data") as made:
        event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "subject": "a", "time": at(0)}
        kinds = {"content-type": "application/cloudevents+json"}
        with closing(sqlite3.connect(tmp_path / "data/penstock.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answers = [
                made.ask("POST", "/tenants", json={"id": "acme"}),
                made.ask("POST", "/usage/events", json=event, headers=kinds),
                made.raw("POST", "/sign-in", data={"secret": made.admin}),
            ]
            other.execute("ROLLBACK")
        assert [one.status_code for one in answers] == [503, 503, 503]
        assert all(int(one.headers["retry-after"]) > 0 for one in answers)
        assert answers[0].json()["refusals"][0]["code"] == "temporarily_unavailable"
        assert answers[0].json() == answers[1].json()
        assert made.done("POST", "/tenants", json={"id": "acme"})["id"] == "acme"


def test_many_mistakes_are_all_named(one: Served, people: People) -> None:
    wrong = run(nodes=0, run=" ", env={"1X": ""}, volumes={"/data": "B A D"}, priority=10**6)
    found = one.ask("POST", "/jobs", json=wrong).json()["refusals"]
    assert [refusal["where"] for refusal in found] == ["nodes", "priority", "run", "env.1X", "volumes./data"]


def test_an_unknown_field_is_named_with_the_nearest_known_one(one: Served, people: People) -> None:
    wrong = run() | {"spec": job(resources={"models": ["a100"], "device_per_node": 1})}
    (found,) = one.ask("POST", "/jobs", json=wrong).json()["refusals"]
    assert (found["where"], found["remedy"]) == (
        "spec.resources.device_per_node",
        "did you mean 'devices_per_node'?",
    )


def test_devices_that_were_imported_otherwise_are_a_conflict(one: Served, people: People) -> None:
    text = "node,model,count,cpu_cores,memory_gib,commissioned_at,cost_per_device\nn9,a100,1,8,64,2026-01-01,{}\n"

    def imported(cost: str) -> Any:
        return one.ask("POST", "/fleet/import?filename=fleet.csv", content=text.format(cost).encode())

    assert imported("100.00").status_code == 201
    assert imported("100.00").status_code == 201
    before = one.rows()
    again = imported("90.00")
    assert (again.status_code, again.json()["refusals"][0]["code"]) == (409, "id_conflict")
    assert one.rows() == before


def test_what_was_asked_before_is_answered_again_and_not_written(one: Served, people: People) -> None:
    asked = {"id": "kept", "amount_micros": 10_000, "reason": "goodwill"}
    before = one.rows()
    again = [
        one.done("POST", "/quotes", json=QUOTE | {"id": "taken", "hours": 5}),
        one.done("POST", "/leases", json={"id": "lease", "quote": "acme.taken"}),
        one.done("POST", "/jobs", json=run(priority=1) | {"id": "kept", "lease": "acme.lease"}),
        one.done("POST", "/tenants/acme/payments", json={"id": "pay-acme", "amount_micros": 10_000 * YUAN}),
        one.done("POST", "/invoices", json={"tenant": "acme", "start": at(0), "end": at(0.25)}),
        one.done("POST", "/invoices/inv-000001/credit", json=asked),
    ]
    assert [answer["id"] for answer in again] == [
        "acme.taken", "acme.lease", "acme.kept", "payment/acme/pay-acme", "inv-000001", "acme.kept"
    ]  # fmt: skip
    assert one.rows() == before


def test_a_hundred_thousand_tries_at_the_password_are_not_heard(one: Served, people: People) -> None:
    codes = [one.ask("POST", "/login", None, json={"password": "x"}).status_code for _ in range(15)]
    assert codes[-1] == 429
    assert 401 in codes or codes[0] == 429


FILES = {
    "not YAML": ("run: [", "yaml_malformed"),
    "a tab": ("name: a\n\trun: b", "yaml_malformed"),
    "a list": ("- a\n- b", "field_malformed"),
    "nothing": ("", "file_empty"),
    "an unknown field": ("name: a\nrun: b\nresources: {acelerators: A100:1}", "field_unknown"),
    "a field twice": ("name: a\nname: b\nrun: c", "field_duplicate"),
    "not UTF-8": (b"name: \xff\xfe\nrun: b", "text_not_utf8"),
    "a bomb": ("a: &a [x,x]\nb: &b [*a,*a]\nname: a\nrun: *b", "field_unknown"),
    "no accelerators": ("name: a\nrun: b\nresources: {accelerators: A100:0}", "accelerators_malformed"),
    "impossible memory": (
        "name: a\nrun: b\nresources: {accelerators: A100:1, memory: 5XB}",
        "size_malformed",
    ),
}


@pytest.fixture
def command(
    one: Served, people: People, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> Callable[..., list[str]]:
    """Run one command line; the codes of its refusals."""
    monkeypatch.setenv("PENSTOCK_URL", one.url)
    monkeypatch.setenv("PENSTOCK_TOKEN", one.admin)
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
        assert main([*arguments, "--json"]) == 1
        return [refusal["code"] for refusal in json.loads(capsys.readouterr().out)["refusals"]]

    return call


@pytest.mark.parametrize("what", FILES)
def test_job_files_are_refused_before_anything_is_sent(
    one: Served, command: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], tmp_path, what: str
) -> None:
    content, code = FILES[what]
    file = tmp_path / "job.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = one.rows()
    assert code in command(capsys, "run", str(file), "--tenant", "acme")
    assert one.rows() == before


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("1.005", "amount_too_precise"),
        ("1e6", "amount_malformed"),
        ("NaN", "amount_malformed"),
        ("0", "amount_absurd"),
        ("9999999999999999", "amount_malformed"),
        ("999999999999999", "amount_too_large"),
    ],
)
def test_amounts_are_refused(
    one: Served, command: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], amount: str, code: str
) -> None:
    before = one.rows()
    assert command(capsys, "tenant", "pay", "acme", amount, "--id", "typed") == [code]
    assert one.rows() == before
