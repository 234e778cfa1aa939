"""No request, however odd, gets more than a refusal: every field of every body, every parameter, every path."""

import copy
import json
from collections.abc import Iterator
from random import Random

import pytest

from served import Served, job, open_tenant, served

HUGE = 10**40
ODD_TEXT = {
    "empty": b'""',
    "nul": rb'"\u0000"',
    "controls": rb'"\u0001\u001b[2J\r\n"',
    "long": b'"' + b"x" * 200_000 + b'"',
    "half a pair": rb'"\ud800"',
    "right to left": '"\u202eabc"'.encode(),
    "quote": rb'"a\u0027; DROP TABLE jobs;--"',
    "path": b'"../../etc/passwd"',
    "not UTF-8": b'"\xff\xfe"',
}
ODD_NUMBERS = {
    "minus one": b"-1",
    "zero": b"0",
    "63 bits": str(2**63 - 1).encode(),
    "past 63 bits": str(2**63).encode(),
    "past 64 bits": str(2**64).encode(),
    "below 64 bits": str(-(2**63) - 1).encode(),
    "huge": str(HUGE).encode(),
    "fraction": b"1.5",
    "float": b"1e300",
    "past floats": b"1e999",
    "not a number": b"NaN",
    "infinite": b"Infinity",
    "tiny": b"5e-324",
}
ODD_TIMES = {
    "year 1": b'"0001-01-01T00:00:00Z"',
    "year 1, east": b'"0001-01-01T00:00:00+14:00"',
    "year 9999": b'"9999-12-31T23:59:59.999999Z"',
    "year 9999, west": b'"9999-12-31T23:59:59.999999-14:00"',
    "no zone": b'"2026-01-05T00:00:00"',
    "no time": b'"2026-13-45"',
}
OTHER = {"null": b"null", "true": b"true", "list": b"[]", "object": b"{}", "deep": b"[" * 500 + b"]" * 500}
ODD = {**ODD_TEXT, **ODD_NUMBERS, **ODD_TIMES, **OTHER}
ODD_PER_FIELD = 16
"""Of all, chosen anew for each field."""
MARK = "\N{WHITE SMILING FACE}odd"

BODIES: dict[str, dict[str, object]] = {
    "/login": {"password": "correct horse battery"},
    "/tenants": {
        "id": "new",
        "name": "New",
        "credit_limit_micros": 0,
        "device_quota": 1,
        "language": "en",
        "address": "",
        "tax_number": "",
    },
    "/tenants/acme/payments": {"id": "pay", "amount_micros": 1, "note": ""},
    "/projects": {"id": "p", "tenant": "acme", "name": "P", "device_quota": 1},
    "/members": {"id": "m", "tenant": "acme", "name": "M", "role": "viewer"},
    "/tokens": {
        "id": "t",
        "tenant": "acme",
        "member": "owner",
        "scopes": ["read"],
        "expires_at": "2030-01-01T00:00:00Z",
    },
    "/volumes": {"name": "data", "tenant": "acme"},
    "/offers": {
        "id": "o",
        "model": "a100",
        "price_micros_per_card_hour": 1,
        "granularity_s": 1,
        "minimum_time_s": 0,
    },
    "/quotes": {
        "id": "q",
        "tenant": "acme",
        "model": "a100",
        "devices": 1,
        "start": "2026-01-06T00:00:00Z",
        "end": "2026-01-07T00:00:00Z",
    },
    "/quotes ": {"id": "q", "tenant": "acme", "model": "a100", "devices": 1, "hours": 1.5},
    "/quotes  ": {
        "id": "q",
        "tenant": "acme",
        "model": "a100",
        "devices": 1,
        "start": "2026-01-06T00:00:00Z",
        "hours": 1.5,
    },
    "/leases": {"id": "l", "quote": "acme.kept"},
    "/invoices": {"tenant": "acme", "start": "2026-01-01T00:00:00Z", "end": "2026-01-05T00:00:00Z"},
    "/invoices/inv-000001/credit": {"id": "c", "amount_micros": 10_000, "reason": "goodwill"},
    "/fleet/devices/a100-0000.7/state": {"state": "available", "reason": ""},
    "/jobs": {
        "id": "j",
        "tenant": "acme",
        "project": None,
        "lease": None,
        "spec": job(
            nodes=1,
            tasks_per_node=1,
            setup="",
            workdir="",
            volumes={"/data": "kept"},
            time_limit_s=60,
            grace_s=1,
            retry={"max_attempts": 1, "on_exit_codes": [1]},
            checkpoint={"path": "/checkpoint"},
            log_limit_bytes=4096,
            max_processes=10,
            priority=0,
        ),
    },
}

QUERIES = {
    "/jobs": ("tenant", "after", "limit", "state"),
    "/jobs/acme.kept/logs": ("rank", "attempt", "offset", "limit_bytes"),
    "/jobs/acme.kept/logs/follow": ("rank", "attempt", "offset"),
    "/ladder": ("start", "end", "by"),
    "/card-hours": ("start", "end", "line", "by", "of"),
    "/alarms": ("start", "end", "idle_share", "idle_card_hours", "backlog_customers"),
    "/lost": ("start", "end"),
    "/audit": ("after",),
    "/usage": ("tenant", "start", "end"),
    "/charges": ("tenant", "start", "end"),
    "/invoices": ("tenant",),
    "/invoices/inv-000001/pdf": ("language",),
    "/ledger/accounts": ("tenant",),
    "/ledger/transfers": ("account",),
    "/projects": ("tenant",),
    "/members": ("tenant",),
    "/tokens": ("tenant",),
    "/volumes": ("tenant",),
    "/quotes": ("tenant",),
    "/leases": ("tenant",),
}
ODD_QUERIES = [
    "",
    "%00",
    "%FF%FE",
    "-1",
    "0",
    str(2**63),
    str(HUGE),
    "1.5",
    "NaN",
    "null",
    "x" * 20_000,
    "%ED%A0%80",
    "'%20OR%201=1",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59Z",
    "2026-01-05T00:00:00",
    "2026-13-45",
    "acme%2F..%2F..",
]
ODD_NAMES = [
    "%00",
    "%FF",
    "..%2F..%2Fetc",
    "%2e%2e",
    "x" * 20_000,
    "%ED%A0%80",
    "'%20OR%201=1",
    "%0d%0aX:1",
    " ",
    "acme%2Fprepaid",
]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("abuse") / "data") as made:
        open_tenant(made, "acme", 1_000_000)
        made.done("POST", "/members", json={"id": "owner", "tenant": "acme", "role": "owner"})
        made.done("POST", "/volumes", json={"name": "kept", "tenant": "acme"})
        made.done(
            "POST", "/offers", json={"id": "list", "model": "a100", "price_micros_per_card_hour": 7_000_000}
        )
        made.done(
            "POST",
            "/quotes",
            json={"id": "kept", "tenant": "acme", "model": "a100", "devices": 1, "hours": 1},
        )
        made.done("POST", "/jobs", json={"id": "kept", "tenant": "acme", "spec": job()})
        made.turn(1)
        made.turn(30)
        period = {"tenant": "acme", "start": "2026-01-05T00:00:00Z", "end": "2026-01-05T00:30:00Z"}
        assert made.done("POST", "/invoices", json=period)["id"] == "inv-000001"
        yield made


def leaves(body: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a body can be changed: every field, and every element of a list."""
    if path:
        yield path
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from leaves(value, (*path, key))


def changed(body: dict[str, object], path: tuple[str | int, ...], odd: bytes) -> bytes:
    """The body as bytes, with something odd in one place."""
    copied = copy.deepcopy(body)
    place: object = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = MARK
    return json.dumps(copied, ensure_ascii=False).encode().replace(f'"{MARK}"'.encode(), odd)


def check(one: Served, what: str, before: int, answer) -> list[str]:
    """What is wrong with an answer: a fault, a refusal that does not say enough, or one that wrote."""
    found = []
    if answer.status_code >= 500:
        found.append(f"{what}: {answer.status_code}")
    elif answer.status_code >= 400:
        refusals = answer.json().get("refusals", []) if "json" in answer.headers["content-type"] else []
        if not refusals or not all(r["code"] and r["message"] and r["remedy"] for r in refusals):
            found.append(f"{what}: {answer.status_code} without a refusal: {answer.text[:200]}")
        if one.writes() != before:
            found.append(f"{what}: {answer.status_code}, and something was written")
    return found


@pytest.mark.parametrize("path", BODIES)
def test_odd_bodies_are_refused(one: Served, path: str) -> None:
    problems = []
    for number, place in enumerate(leaves(BODIES[path])):
        for name, odd in Random(f"{path} {place}").sample(sorted(ODD.items()), ODD_PER_FIELD):
            body = changed(
                BODIES[path] | {k: f"{v}{number}" for k, v in BODIES[path].items() if k == "id"}, place, odd
            )
            before = one.writes()
            answer = one.ask("POST", path.strip(), content=body, headers={"content-type": "application/json"})
            problems += check(one, f"{'.'.join(map(str, place))} {name}", before, answer)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("path", BODIES)
def test_bodies_that_are_none_are_refused(one: Served, path: str) -> None:
    problems = []
    whole = json.dumps(BODIES[path]).encode()
    odd = [
        b"",
        b"{",
        whole[:-1],
        whole + b"}",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        whole[:-1] + b',"unknown":1}',
        b'"x"',
    ]
    for body in odd:
        before = one.writes()
        answer = one.ask("POST", path.strip(), content=body, headers={"content-type": "application/json"})
        problems += check(one, repr(body[-40:]), before, answer)
        if answer.status_code < 400:
            problems.append(f"{body[-40:]!r}: {answer.status_code}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("path", QUERIES)
def test_odd_parameters_are_refused(one: Served, path: str) -> None:
    problems = []
    for name in QUERIES[path]:
        for odd in ODD_QUERIES:
            before = one.writes()
            with one.opened("GET", f"{path}?{name}={odd}") as answer:
                problems += check(one, f"{name}={odd[:40]}", before, answer)
    assert not problems, "\n".join(problems)


def test_odd_names_are_refused(one: Served) -> None:
    problems = []
    operations = [
        (method, path)
        for path, methods in one.raw("GET", "/schema/openapi.json").json()["paths"].items()
        for method in methods
        if "{name}" in path
    ]
    for method, path in operations:
        for odd in ODD_NAMES:
            place = path.removeprefix("/api/v1").replace("{name}", odd)
            before = one.writes()
            answer = one.ask(
                method.upper(), place, content=b"{}", headers={"content-type": "application/json"}
            )
            problems += check(one, f"{method} {place[:60]}", before, answer)
            if answer.status_code < 400:
                problems.append(f"{method} {place[:60]}: {answer.status_code}")
    assert len(operations) > 15
    assert not problems, "\n".join(problems)
