"""No tenant can read, change, name or infer another's rows, and nobody gets past their scopes.

Every operation of the published interface is tried, so a new endpoint is tested before anybody thinks of it:
one that the tables below do not know fails the test.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from served import Served, job, open_tenant, served

PUBLIC = {
    ("get", "/healthz"),
    ("get", "/api/v1/centre"),
    ("post", "/api/v1/login"),
}
"""What anyone may ask without a token."""

SHARED = {
    ("get", "/api/v1/centre"),
    ("get", "/api/v1/alarms"),
    ("get", "/api/v1/fleet/compute"),
    ("get", "/api/v1/fleet/links"),
    ("get", "/api/v1/fleet/placement"),
    ("get", "/api/v1/fleet/catalogue"),
    ("get", "/api/v1/fleet/catalogue/{name}"),
    ("get", "/api/v1/price-books"),
    ("get", "/api/v1/price-books/{name}"),
    ("get", "/api/v1/voucher-programmes"),
    ("post", "/api/v1/comparisons"),
    ("post", "/api/v1/pools"),
    ("post", "/api/v1/port/check"),
    ("get", "/api/v1/events"),
    ("get", "/api/v1/fleet"),
    ("get", "/api/v1/fleet/devices/{name}/intervals"),
    ("get", "/api/v1/meters"),
    ("get", "/api/v1/images"),
    ("get", "/api/v1/offers"),
    ("get", "/api/v1/tenants"),
    ("post", "/api/v1/login"),
    ("post", "/api/v1/workdirs"),
}
"""What answers every tenant alike: prices and devices are public, and a list shows one's own."""

SECRET = "globex"
"""The other tenant's name, which is in every id and text of its own."""

BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/comparisons": {"model": "a100", "cards": 1},
    "/api/v1/pools": job(),
    "/api/v1/contracts/{name}/changes": {"id": "c", "item": "a100", "quantity": "1"},
    "/api/v1/contracts/{name}/termination": {},
    "/api/v1/fleet/defragmentation": {"job": f"{SECRET}.waiting"},
    "/api/v1/fleet/links": {
        "members": ["a100-0000.0", "a100-0000.1"],
        "backend": "ring",
        "message_bytes": 1,
        "bus_bytes_per_s": 1.0,
        "spread": 0.0,
    },
    "/api/v1/fleet/placement": {"policy": "random"},
    "/api/v1/leases/{name}/lend": {"lends_idle": True},
    "/api/v1/leases/{name}/state": {"state": "suspended"},
    "/api/v1/tenants/{name}/change": {"device_quota": 1},
    "/api/v1/voucher-payments": {"id": "v", "amount_micros": 1},
    "/api/v1/vouchers": {
        "id": "v",
        "contract": f"{SECRET}.agreed",
        "contract_micros": 1,
        "model": "a100",
        "programme": "none",
    },
    "/api/v1/budgets": {"id": "b", "tenant": SECRET, "amount_micros": 1_000_000},
    "/api/v1/ledger/transfers": {"transfers": []},
    "/api/v1/tenants/{name}/refunds": {"id": "r", "payment": f"pay-{SECRET}"},
    "/api/v1/closings": {"end": "2026-01-05T00:01:00Z"},
    "/api/v1/meters": {"id": "m", "aggregation": "count", "unit": "call"},
    "/api/v1/fleet/devices/{name}/cost": {"cost_micros": 1},
    "/api/v1/fleet/devices/{name}/state": {"state": "draining"},
    "/api/v1/invoices": {"tenant": SECRET, "start": "2026-01-05T00:00:00Z", "end": "2026-01-05T00:15:00Z"},
    "/api/v1/invoices/{name}/credit": {"id": "c", "amount_micros": 10_000, "reason": "mine"},
    "/api/v1/jobs": {"id": "j", "tenant": SECRET, "spec": job()},
    "/api/v1/arrays": {"id": "a", "tenant": SECRET, "spec": job(), "indices": [0, 1]},
    "/api/v1/leases": {"id": "l", "quote": f"{SECRET}.open"},
    "/api/v1/members": {"id": "m", "tenant": SECRET, "role": "owner"},
    "/api/v1/offers": {"id": "o", "model": "a100", "price_micros_per_card_hour": 1},
    "/api/v1/projects": {"id": "p", "tenant": SECRET},
    "/api/v1/quotes": {"id": "q", "tenant": SECRET, "model": "a100", "devices": 1, "hours": 1},
    "/api/v1/shares/payouts": {"id": "s", "party": "owner"},
    "/api/v1/tenants": {"id": "mine"},
    "/api/v1/tenants/{name}/payments": {"id": "p", "amount_micros": 1},
    "/api/v1/tokens": {"id": "t", "tenant": SECRET, "member": "boss"},
    "/api/v1/volumes": {"name": "v", "tenant": SECRET},
}

QUERIES: dict[str, str] = {
    "/api/v1/price-books/simulate": "start=2026-01-05T00:00:00Z&end=2026-01-05T00:01:00Z",
    "/api/v1/closings/changes": "end=2026-01-05T00:01:00Z",
    "/api/v1/closings/adjustments": "end=2026-01-05T00:01:00Z",
    "/api/v1/ledger/transfers": f"account=tenant/{SECRET}/prepaid",
    "/api/v1/fleet/import": "filename=fleet.csv",
    "/api/v1/fleet/catalogue": "filename=site.csv",
    "/api/v1/fleet/defragmentation": f"job={SECRET}.waiting",
}
"""What a path needs besides its name; every `tenant` parameter is set to the other tenant anyway."""

IDS: dict[str, tuple[str, ...]] = {
    "/api/v1/contracts": (f"{SECRET}.agreed",),
    "/api/v1/fleet/catalogue": ("a100",),
    "/api/v1/fleet/devices": ("a100-0000.0",),
    "/api/v1/fleet/nodes": ("a100-0000",),
    "/api/v1/invoices": ("inv-000001",),
    "/api/v1/jobs": (f"{SECRET}.done", f"{SECRET}.waiting"),
    "/api/v1/leases": (f"{SECRET}.lease", f"{SECRET}.later"),
    "/api/v1/offers": ("list",),
    "/api/v1/price-books": ("book",),
    "/api/v1/quotes": (f"{SECRET}.lease", f"{SECRET}.open"),
    "/api/v1/tenants": (SECRET,),
    "/api/v1/tokens": (f"{SECRET}.boss",),
}
"""What the other tenant has, by the place of its ids."""

UNKNOWN = {"inv-000001": "inv-000099", SECRET: "nobody", f"{SECRET}.boss": f"{SECRET}.nobody"}


BOOK = b"""
price_book: book
currency: CNY
valid_from: 2026-01-01
items: [{id: a100, mode: hourly, model: a100, price: 8}]
"""
CONTRACT = f"""
contract: agreed
tenant: {SECRET}
price_book: book
from: 2026-02-01
until: 2026-03-01
items: [{{item: a100}}]
""".encode()


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two tenants; one has something of everything, the other asks."""
    with served(tmp_path_factory.mktemp("isolation") / "data") as made:
        for tenant in ("acme", SECRET):
            open_tenant(made, tenant)
        made.done(
            "POST", "/offers", json={"id": "list", "model": "a100", "price_micros_per_card_hour": 7_000_000}
        )
        made.done("POST", "/price-books", content=BOOK)
        made.done("POST", "/contracts", content=CONTRACT)
        for name, body in (("projects", {"id": "globex-p"}), ("volumes", {"name": "globex-v"})):
            made.done("POST", f"/{name}", json=body | {"tenant": SECRET})
        quote = {"tenant": SECRET, "model": "a100", "devices": 2}
        made.done("POST", "/quotes", json=quote | {"id": "lease", "hours": 1})
        made.done("POST", "/leases", json={"id": "lease", "quote": f"{SECRET}.lease"})
        for name in ("later", "open"):
            made.done(
                "POST", "/quotes", json=quote | {"id": name, "start": "2026-02-01T00:00:00Z", "hours": 1}
            )
        made.done("POST", "/leases", json={"id": "later", "quote": f"{SECRET}.later"})
        for name, changes in (("done", {}), ("waiting", {"nodes": 8})):
            made.done(
                "POST", "/jobs", json={"id": name, "tenant": SECRET, "spec": job(name="globex", **changes)}
            )
        made.turn(1)
        made.turn(14)
        period = {"tenant": SECRET, "start": "2026-01-05T00:00:00Z", "end": "2026-01-05T00:15:00Z"}
        made.done("POST", "/invoices", json=period)
        yield made


@pytest.fixture(scope="module")
def owner(one: Served) -> str:
    """A token of the asking tenant with every scope that a tenant can have."""
    one.token(SECRET, "owner", "boss")
    return one.token("acme", "owner", "owner")


@pytest.fixture(scope="module")
def operations(one: Served) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of all that is published."""
    paths = one.raw("GET", "/schema/openapi.json").json()["paths"]
    return [(method, path, what) for path, methods in paths.items() for method, what in methods.items()]


def names(path: str) -> tuple[str, ...]:
    """The other tenant's ids that fit a path; one that takes none is asked once."""
    if "{" not in path:
        return ("",)
    return next(ids for place, ids in IDS.items() if path.startswith(place + "/"))


def query(path: str, what: dict[str, Any]) -> str:
    """The parameters that ask for the other tenant's."""
    given = [QUERIES[path]] if path in QUERIES else []
    if any(one["name"] == "tenant" for one in what.get("parameters", ())):
        given.append(f"tenant={SECRET}")
    asked = [
        one["name"] for one in what.get("parameters", ()) if one["in"] == "query" and one.get("required")
    ]
    said = {part.partition("=")[0] for one in given for part in one.split("&")}
    given += [f"{name}=x" for name in asked if name not in said]
    return "?" + "&".join(given) if given else ""


def ask(
    one: Served, token: str | None, method: str, path: str, name: str, what: dict[str, Any]
) -> tuple[int, str]:
    """Status and answer; of a stream that begins, the first piece."""
    place = path.removeprefix("/api/v1").replace("{name}", name) + query(path, what)
    body = {"content": json.dumps(BODIES.get(path, {}))} if method == "post" else {}
    with one.opened(method.upper(), place, token, **body) as answer:
        return answer.status_code, next(answer.iter_text(), "")


def test_everything_that_is_published_is_known_here(
    operations: list[tuple[str, str, dict[str, Any]]],
) -> None:
    unknown = [
        (method, path)
        for method, path, what in operations
        if ("{" in path and not any(path.startswith(place + "/") for place in IDS))
        or ("requestBody" in what and path not in BODIES and (method, path) not in SHARED)
    ]
    assert unknown == []
    assert len(operations) > 45


def test_no_operation_gives_or_changes_anothers(
    one: Served, owner: str, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    before, problems = one.rows(), []
    for method, path, what in operations:
        if not path.startswith("/api/v1") or (method, path) in SHARED:
            continue
        for name in names(path):
            status, text = ask(one, owner, method, path, name, what)
            for said in (name, *map(str, BODIES.get(path, {}).values()), f"tenant '{SECRET}'"):
                text = text.replace(said, "") if said else text
            if not 400 <= status < 500 or SECRET in text:
                problems.append(f"{method} {path} {name}: {status} {text[:200]}")
    assert not problems, "\n".join(problems)
    assert one.rows() == before


def test_what_is_shared_names_nobody(
    one: Served, owner: str, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    for method, path, _ in operations:
        if method == "get" and ((method, path) in SHARED or (method, path) in PUBLIC):
            known = {"/api/v1/fleet/catalogue/{name}": "a100", "/api/v1/price-books/{name}": "book"}
            place = path.replace("{name}", known.get(path, "a100-0000.0"))
            with one.opened(
                "GET", place.removeprefix("/api/v1"), owner, whole=not place.startswith("/api/v1")
            ) as answer:
                assert answer.status_code == 200, path
                assert SECRET not in next(answer.iter_text(), ""), path


def test_lists_without_a_tenant_are_ones_own(
    one: Served, owner: str, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    for method, path, what in operations:
        if method == "get" and any(each["name"] == "tenant" for each in what.get("parameters", ())):
            answer = one.ask("GET", path.removeprefix("/api/v1"), owner)
            assert answer.status_code == 200, path
            assert SECRET not in answer.text, path
            assert f"tenant={SECRET}" in query(path, what)


def test_unknown_and_foreign_look_the_same(
    one: Served, owner: str, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    for method, path, what in operations:
        if "{" not in path or (method, path) in SHARED:
            continue
        for name in names(path):
            other = UNKNOWN.get(name, f"{SECRET}.nothing")
            foreign = ask(one, owner, method, path, name, what)
            unknown = ask(one, owner, method, path, other, what)
            assert (foreign[0], foreign[1].replace(name, "X")) == (
                unknown[0],
                unknown[1].replace(other, "X"),
            ), path


def test_bodies_and_lists_that_name_an_unknown_tenant_look_the_same(
    one: Served, owner: str, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    tried = 0
    for path, body in BODIES.items():
        if body.get("tenant") == SECRET:
            foreign = one.ask("POST", path.removeprefix("/api/v1"), owner, json=body)
            unknown = one.ask("POST", path.removeprefix("/api/v1"), owner, json=body | {"tenant": "nobody"})
            assert foreign.status_code == unknown.status_code, path
            assert foreign.text.replace(SECRET, "nobody") == unknown.text, path
            tried += 1
    for method, path, what in operations:
        if method == "get" and query(path, what):
            place = path.removeprefix("/api/v1") + query(path, what)
            foreign, unknown = (
                one.ask("GET", place, owner),
                one.ask("GET", place.replace(SECRET, "nobody"), owner),
            )
            assert foreign.status_code == unknown.status_code, path
            assert foreign.text.replace(SECRET, "nobody") == unknown.text, path
            tried += 1
    assert tried > 12


def test_nothing_answers_without_a_token(
    one: Served, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    before = one.rows()
    for method, path, what in operations:
        if (method, path) in PUBLIC:
            continue
        for name in names(path):
            status, text = ask(one, None, method, path, name, what)
            assert (status, "token_missing" in text) == (401, True), f"{method} {path}: {status} {text[:100]}"
    assert one.rows() == before


@pytest.mark.parametrize(
    "header",
    [
        "Basic YWRtaW46YWRtaW4=",
        "Bearer",
        "bearer pst_x",
        "Bearer \u00ff\u00fe",
        "pst_x",
        "Bearer " + "x" * 9_000,
    ],
)
def test_odd_credentials_are_none(one: Served, header: str) -> None:
    answer = one.raw("GET", "/api/v1/jobs", headers={"authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (None, 200),
        ("localhost:{port}", 200),
        ("[::1]:{port}", 200),
        ("127.0.0.1.evil.example", 403),
        ("evil.example", 403),
        ("evil.example:{port}", 403),
        ("127.0.0.1@evil.example", 403),
        ("127.0.0.1:{port}@evil.example", 403),
        ("localhost.evil.example", 403),
        ("", 403),
        ("[::1].evil.example", 403),
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/api/v1/centre", "/", "/schema/openapi.json", "/nowhere"])
def test_only_its_own_names_are_answered_to(one: Served, host: str | None, status: int, path: str) -> None:
    port = one.url.rpartition(":")[2]
    headers = {} if host is None else {"host": host.format(port=port)}
    found = {"/nowhere": 404, "/": 303}.get(path, status) if status == 200 else status
    assert one.raw("GET", path, headers=headers).status_code == found


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://127.0.0.1:{port}", True),
        ("http://localhost:{port}", True),
        ("http://evil.example", False),
        ("null", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://evil.example?127.0.0.1", False),
        ("file://", False),
        ("", False),
    ],
)
def test_pages_of_other_sites_cannot_write(one: Served, owner: str, origin: str, allowed: bool) -> None:
    port = one.url.rpartition(":")[2]
    headers = {"origin": origin.format(port=port)}
    before = one.rows()
    answer = one.ask("POST", "/volumes", owner, json={"name": "B A D"}, headers=headers)
    assert answer.json()["refusals"][0]["code"] == ("id_malformed" if allowed else "origin_not_allowed")
    assert one.ask("DELETE", "/tokens/none", owner, headers=headers).status_code == (404 if allowed else 403)
    assert one.rows() == before


def test_every_answer_keeps_browsers_from_what_was_not_meant(one: Served) -> None:
    for path in ("/", "/api/v1/centre", "/api/v1/jobs", "/nowhere", "/schema/openapi.json"):
        headers = one.raw("GET", path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


ESCALATIONS = {
    "a developer makes an owner": ("developer", "POST", "/members", {"id": "x", "role": "owner"}),
    "a developer makes an owner's token": ("developer", "POST", "/tokens", {"id": "x", "member": "owner"}),
    "a developer makes an operator's token": ("developer", "POST", "/tokens", {"id": "x", "scopes": ["operator"]}),
    "a developer revokes the owner's token": ("developer", "DELETE", "/tokens/acme.owner", None),
    "a developer lists tokens": ("developer", "GET", "/tokens", None),
    "a developer buys": ("developer", "POST", "/leases", {"id": "x", "quote": "acme.q"}),
    "a buyer submits": ("buyer", "POST", "/jobs", {"id": "x", "spec": job()}),
    "a viewer submits": ("viewer", "POST", "/jobs", {"id": "x", "spec": job()}),
    "a viewer submits an array": ("viewer", "POST", "/arrays", {"id": "x", "spec": job(), "indices": [0]}),
    "a viewer stops": ("viewer", "POST", "/jobs/acme.own/stop", None),
    "a viewer asks a quote": ("viewer", "POST", "/quotes", {"id": "x", "model": "a100", "devices": 1, "hours": 1}),
    "a viewer makes a volume": ("viewer", "POST", "/volumes", {"name": "x"}),
    "an owner makes an operator": ("owner", "POST", "/tokens", {"id": "x", "member": "owner", "scopes": ["operator"]}),
    "an owner makes an auditor": ("owner", "POST", "/tokens", {"id": "x", "member": "owner", "scopes": ["audit"]}),
    "an owner pays in": ("owner", "POST", "/tenants/acme/payments", {"id": "x", "amount_micros": 1}),
    "an owner sets prices": ("owner", "POST", "/offers", {"id": "x", "model": "a100", "price_micros_per_card_hour": 1}),
    "an owner withdraws prices": ("owner", "DELETE", "/offers/list", None),
    "an owner drains a device": ("owner", "POST", "/fleet/devices/a100-0000.0/state", {"state": "draining"}),
    "an owner measures a device": ("owner", "POST", "/fleet/devices/a100-0000.0/calibrate", None),
    "an owner imports a fleet": ("owner", "POST", "/fleet/import?filename=x.csv", None),
    "an owner opens a tenant": ("owner", "POST", "/tenants", {"id": "x"}),
    "an owner bills": ("owner", "POST", "/invoices", {"tenant": "acme", "start": "2026-01-05T00:00:00Z", "end": "2026-01-05T00:01:00Z"}),
    "an owner credits": ("owner", "POST", "/invoices/inv-000001/credit", {"id": "x", "amount_micros": 10_000, "reason": "r"}),
    "an owner reads the audit log": ("owner", "GET", "/audit", None),
    "an owner reads the ladder": ("owner", "GET", "/ladder", None),
    "an owner reads all books": ("owner", "GET", "/ledger/beancount", None),
    "an owner checks all books": ("owner", "GET", "/ledger/check", None),
    "an owner reads the centre's account": ("owner", "GET", "/ledger/transfers?account=centre/cash", None),
    "an auditor opens a tenant": ("auditor", "POST", "/tenants", {"id": "x"}),
    "an auditor pays in": ("auditor", "POST", "/tenants/acme/payments", {"id": "x", "amount_micros": 1}),
    "an auditor submits": ("auditor", "POST", "/jobs", {"id": "x", "tenant": "acme", "spec": job()}),
    "an auditor stops": ("auditor", "POST", "/jobs/acme.own/stop", None),
    "an auditor buys": ("auditor", "POST", "/quotes", {"id": "x", "tenant": "acme", "model": "a100", "devices": 1, "hours": 1}),
    "an auditor makes a token": ("auditor", "POST", "/tokens", {"id": "x", "scopes": ["operator"]}),
    "an auditor makes a member": ("auditor", "POST", "/members", {"id": "x", "tenant": "acme", "role": "viewer"}),
    "an auditor makes a member's token": ("auditor", "POST", "/tokens", {"id": "x", "tenant": "acme", "member": "owner"}),
    "an auditor revokes": ("auditor", "DELETE", "/tokens/acme.owner", None),
    "an auditor drains": ("auditor", "POST", "/fleet/devices/a100-0000.0/state", {"state": "draining"}),
    "an auditor bills": ("auditor", "POST", "/invoices", {"tenant": "acme", "start": "2026-01-05T00:00:00Z", "end": "2026-01-05T00:01:00Z"}),
    "an auditor sets prices": ("auditor", "POST", "/offers", {"id": "x", "model": "a100", "price_micros_per_card_hour": 1}),
    "an auditor cancels a lease": ("auditor", "DELETE", f"/leases/{SECRET}.later", None),
    "an owner declares a meter": ("owner", "POST", "/meters", {"id": "m", "aggregation": "count", "unit": "call"}),
    "an owner posts transfers": ("owner", "POST", "/ledger/transfers", {"transfers": []}),
    "an owner takes its money back": ("owner", "POST", "/tenants/acme/refunds", {"id": "r", "payment": "pay-acme"}),
    "a viewer makes a budget": ("viewer", "POST", "/budgets", {"id": "b", "amount_micros": 1_000_000}),
    "an auditor pays back": ("auditor", "POST", "/tenants/acme/refunds", {"id": "r", "payment": "pay-acme"}),
    "an owner closes the books": ("owner", "POST", "/closings", {"end": "2026-01-05T00:01:00Z"}),
    "an auditor closes the books": ("auditor", "POST", "/closings", {"end": "2026-01-05T00:01:00Z"}),
    "an auditor uploads": ("auditor", "POST", "/workdirs", None),
}  # fmt: skip


@pytest.fixture(scope="module")
def people(one: Served, owner: str) -> dict[str, str]:
    one.done("POST", "/jobs", json={"id": "own", "tenant": "acme", "spec": job(nodes=8)})
    return {
        "owner": owner,
        "auditor": one.auditor(),
        **{role: one.token("acme", role, role) for role in ("developer", "buyer", "viewer")},
    }


@pytest.mark.parametrize("what", ESCALATIONS)
def test_nobody_gets_past_their_scopes(one: Served, people: dict[str, str], what: str) -> None:
    who, method, path, body = ESCALATIONS[what]
    before = one.rows()
    answer = one.ask(method, path, people[who], **({"json": body} if body is not None else {}))
    assert answer.status_code in (403, 404), f"{answer.status_code} {answer.text[:200]}"
    assert answer.json()["refusals"][0]["code"] in ("forbidden", "invoice_not_found", "quote_not_found")
    assert one.rows() == before


def test_a_token_never_has_more_than_its_maker_and_its_member(one: Served, people: dict[str, str]) -> None:
    made = one.done("POST", "/tokens", people["owner"], json={"id": "less", "member": "developer"})
    assert made["token"]["scopes"] == ["read", "submit"]
    assert one.ask("POST", "/members", made["secret"], json={"id": "y", "role": "viewer"}).status_code == 403
    limited = {"id": "reader", "member": "owner", "scopes": ["read", "manage"]}
    manager = one.done("POST", "/tokens", people["owner"], json=limited)["secret"]
    assert one.ask("POST", "/members", manager, json={"id": "z", "role": "owner"}).status_code == 403
    assert one.ask("POST", "/tokens", manager, json={"id": "z", "member": "owner"}).status_code == 403
    assert one.done("POST", "/tokens", manager, json={"id": "v", "member": "viewer"})["token"]["scopes"] == [
        "read"
    ]


def test_secrets_are_shown_once_and_kept_nowhere(one: Served, people: dict[str, str]) -> None:
    stored = (one.centre.directory / "penstock.db").read_bytes() + (
        one.centre.directory / "penstock.db-wal"
    ).read_bytes()
    for secret in (one.admin, *people.values()):
        assert secret.encode() not in stored
        assert secret not in one.ask("GET", "/tokens?tenant=acme").text
        assert secret not in one.ask("GET", "/audit").text
    assert "secret_hash" not in one.ask("GET", "/tokens?tenant=acme").text
