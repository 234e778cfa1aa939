"""Bad input about money, as it comes over the REST API: each has its code, what is good beside it stands.

Events that nobody can use, price books with holes, currencies that are mixed, and amounts past the ledger's range.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from market import BOOK, balances, market, sign, statement, until
from served import YUAN, Served, open_tenant

PLACE = '"?"'
"""Where the bad text goes, which not every JSON writer would write."""
GOOD = {"specversion": "1.0", "source": "gw", "type": "egress", "subject": "acme", "data": {"tb": 1}}
EVENTS = [
    # code, what is different, and where it is no JSON the text that stands for PLACE
    ("meter_unknown", {"type": "telepathy"}, ""),
    ("meter_unknown", {"type": "EGRESS"}, ""),
    ("tenant_not_found", {"subject": "nobody"}, ""),
    ("tenant_missing", {"subject": ""}, ""),
    ("value_not_finite", {"data": {"tb": "?"}}, "NaN"),
    ("value_not_finite", {"data": {"tb": "?"}}, "Infinity"),
    ("value_not_finite", {"data": {"tb": "?"}}, "-Infinity"),
    ("value_not_finite", {"data": {"tb": 1, "deep": [{"x": "?"}]}}, "NaN"),
    ("value_not_finite", {"data": {"tb": "?"}}, "1e99999999999999999999"),
    ("value_not_finite", {"data": {"tb": "?"}}, "9" * 5_000),
    ("value_not_finite", {"data": {"tb": "?"}}, "0." + "1" * 5_000),
    ("value_too_large", {"data": {"tb": "?"}}, "1e400"),
    ("value_too_large", {"data": {"tb": 10**40}}, ""),
    ("value_too_large", {"data": {"tb": 10**12 + 1}}, ""),
    ("value_too_precise", {"data": {"tb": "?"}}, "0.0000001"),
    ("value_too_precise", {"data": {"tb": "?"}}, "1e-400"),
    ("value_negative", {"data": {"tb": -1}}, ""),
    ("value_negative", {"data": {"tb": "?"}}, "-0.000001"),
    ("value_not_number", {"data": {"tb": "1"}}, ""),
    ("value_not_number", {"data": {"tb": True}}, ""),
    ("value_not_number", {"data": {"tb": [1]}}, ""),
    ("value_not_number", {"data": {"tb": {"value": 1}}}, ""),
    ("value_missing", {"data": {"tb": None}}, ""),
    ("value_missing", {"data": {}}, ""),
    ("data_not_object", {"data": [1]}, ""),
    ("data_not_json", {"data": {"tb": 1, "who": "?"}}, r'"\ud800"'),
    ("data_too_large", {"data": {"tb": 1, "deep": "?"}}, "[" * 9_000 + "]" * 9_000),
    ("data_too_large", {"data": {"tb": 1, "note": "x" * 20_000}}, ""),
    ("time_missing", {"time": None}, ""),
    ("time_without_zone", {"time": "2026-02-10T00:00:00"}, ""),
    ("time_malformed", {"time": "yesterday"}, ""),
    ("time_malformed", {"time": "2026-02-30T00:00:00Z"}, ""),
    ("time_malformed", {"time": 1770652800}, ""),
    ("time_absurd", {"time": "0001-01-01T00:00:00+14:00"}, ""),
    ("event_in_future", {"time": "2026-02-10T00:06:00+08:00"}, ""),
    ("event_too_old", {"time": "2025-02-01T00:00:00+08:00"}, ""),
    ("attribute_malformed", {"id": 7}, ""),
    ("attribute_malformed", {"id": "x" * 300}, ""),
    ("attribute_malformed", {"id": "a\u202eb"}, ""),
    ("attribute_malformed", {"source": "?"}, r'"\ud800"'),
    ("attribute_missing", {"id": ""}, ""),
    ("specversion_unknown", {"specversion": "0.3"}, ""),
    ("id_conflict", {"id": "before", "data": {"tb": 2}}, ""),
]


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Served]:
    with market(tmp_path) as opened:
        yield opened


def written(name: str, changes: dict[str, Any], text: str = "") -> str:
    item = {**GOOD, "id": name, "time": "2026-02-09T00:00:00+08:00", **changes}
    item = {key: value for key, value in item.items() if key != "time" or value is not None}
    return json.dumps(item).replace(PLACE, text or PLACE)


def send(one: Served, body: str, kind: str = "cloudevents-batch") -> Any:
    return one.ask(
        "POST", "/usage/events", content=body.encode(), headers={"content-type": f"application/{kind}+json"}
    )


def test_of_a_batch_the_bad_events_are_named_and_the_good_ones_stand(one: Served) -> None:
    sign(one, "", "2026-02-01", "2026-03-01")
    until(one, "2026-02-10T00:00:00")
    items = [written("before", {})]
    for number, (_, changes, text) in enumerate(EVENTS):
        items += [written(f"bad-{number}", changes, text), written(f"good-{number}", {})]
    answer = send(one, f"[{','.join(items)}]")
    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    assert receipt["accepted"] == len(EVENTS) + 1
    found = {entry["index"]: entry["refusal"] for entry in receipt["refused"]}
    assert {index: refusal["code"] for index, refusal in found.items()} == {
        2 * number + 1: code for number, (code, _, _) in enumerate(EVENTS)
    }
    assert all(refusal["message"] and refusal["remedy"] for refusal in found.values())
    until(one, "2026-02-20T00:00:00")
    assert statement(one) == {"unit": 800 + 500 * len(EVENTS)}  # the first TB at 800, each further one at 500


def test_a_single_bad_event_is_refused_as_a_request(one: Served) -> None:
    until(one, "2026-02-10T00:00:00")
    assert send(one, written("before", {}), "cloudevents").json()["accepted"] == 1
    assert send(one, written("before", {}), "cloudevents").json()["duplicates"] == 1
    before = one.rows()
    for code, changes, text in EVENTS:
        answer = send(one, written("bad", changes, text), "cloudevents")
        assert 400 <= answer.status_code < 500, (code, answer.text)
        assert answer.json()["refusals"][0]["code"] == code
    assert send(one, "{}", "x").json()["refusals"][0]["code"] == "media_type_unknown"
    assert send(one, written("x", {}) + " " * 1_000_000, "cloudevents").status_code == 413
    headers = {"content-type": "application/cloudevents+json"}
    nobody = one.ask("POST", "/usage/events", None, content=b"{}", headers=headers)
    assert (nobody.status_code, nobody.json()["refusals"][0]["code"]) == (401, "token_missing")
    assert one.rows() == before


TRAFFIC = "tiers: [{up_to: 1, price: 800}, {price: 500}]"
BY_HOUR = 'by_hour: [{from: "22:00", until: "08:00", price: 4}, {from: "08:00", until: "22:00", price: 6}]'
BOOKS = [
    ("tiers_gap", TRAFFIC, "tiers: [{up_to: 1, price: 800}, {up_to: 9, price: 500}]"),
    ("tiers_gap", TRAFFIC, "tiers: [{up_to: 1, price: 800}]"),
    ("tiers_overlap", TRAFFIC, "tiers: [{price: 800}, {price: 500}]"),
    ("tiers_overlap", TRAFFIC, "tiers: [{up_to: 5, price: 800}, {up_to: 5, price: 500}, {price: 1}]"),
    ("tiers_overlap", TRAFFIC, "tiers: [{up_to: 5, price: 800}, {up_to: 2, price: 500}, {price: 1}]"),
    ("hours_gap", BY_HOUR, BY_HOUR.replace('until: "22:00"', 'until: "21:00"')),
    ("hours_overlap", BY_HOUR, BY_HOUR.replace('until: "22:00"', 'until: "23:00"')),
    ("window_reversed", "valid_from: 2026-01-01", "valid_from: 2026-01-01\nvalid_until: 2026-01-01"),
    ("window_reversed", "from: 2016-05-01}", "from: 2016-05-01, until: 2015-01-01}"),
    ("currency_unknown", "currency: CNY", "currency: RMB"),
    ("currency_mismatch", "currency: CNY", "currency: USD"),
    ("value_malformed", "price: 45", "price: .nan"),
    ("value_malformed", "price: 45", "price: .inf"),
    ("field_malformed", "price: 45", "price: [45]"),
    ("amount_negative", "price: 45", "price: -45"),
    ("amount_out_of_range", "fee: 10000", "fee: 1000000000001"),
]


def test_a_price_book_with_holes_is_refused_and_names_the_line(one: Served) -> None:
    before = one.rows()
    for code, old, new in BOOKS:
        assert BOOK.count(old) == 1, old
        document = BOOK.replace(old, new).replace("list-2026", "other")
        answer = one.ask(
            "POST", "/price-books", content=document.encode(), headers={"content-type": "text/yaml"}
        )
        assert 400 <= answer.status_code < 500, (new, answer.text)
        refusal = answer.json()["refusals"][0]
        assert refusal["code"] == code, (new, refusal)
        assert refusal["where"] == "currency" or refusal["where"].startswith("book.yaml:")
    assert one.rows() == before


MOST = 10**12 * YUAN
TRANSFERS = [
    ("amount_out_of_range", {"amount_micros": MOST + 1}),
    ("amount_out_of_range", {"amount_micros": 10**30}),
    ("amount_out_of_range", {"amount_micros": 0}),
    ("amount_out_of_range", {"amount_micros": -1}),
    ("currency_mismatch", {"currency": "USD"}),
    ("account_not_found", {"credit": "tenant/nobody/prepaid"}),
    ("accounts_equal", {"credit": "centre/cash"}),
]


def test_of_several_transfers_the_bad_ones_are_named_and_the_good_ones_stand(one: Served) -> None:
    plain = {
        "debit": "centre/cash",
        "credit": "tenant/acme/prepaid",
        "amount_micros": YUAN,
        "currency": "CNY",
    }
    before = balances(one)["centre/cash"]
    rows = []
    for number, (_, changes) in enumerate(TRANSFERS):
        rows += [plain | {"id": f"bad-{number}"} | changes, plain | {"id": f"good-{number}"}]
    answer = one.done("POST", "/ledger/transfers", json={"transfers": rows})
    assert answer["posted"] == len(TRANSFERS)
    assert [(entry["index"], entry["refusal"]["code"]) for entry in answer["refused"]] == [
        (2 * number, code) for number, (code, _) in enumerate(TRANSFERS)
    ]
    assert before - balances(one)["centre/cash"] == len(TRANSFERS) * YUAN
    wrong = {"transfers": [plain | {"id": "x", "amount_micros": 1.5}]}
    assert one.ask("POST", "/ledger/transfers", json=wrong).json()["refusals"][0]["code"] == "malformed"
    for amount, code in ((MOST + 1, "amount_absurd"), (-1, "amount_absurd"), (0, "amount_absurd")):
        request = {"id": "p", "amount_micros": amount}
        answer = one.ask("POST", "/tenants/acme/payments", json=request)
        assert answer.json()["refusals"][0]["code"] == code


def test_balances_stay_inside_the_ledgers_range(one: Served) -> None:
    for number in range(9):
        one.done("POST", "/tenants/acme/payments", json={"id": f"p{number}", "amount_micros": MOST})
    past = one.ask("POST", "/tenants/acme/payments", json={"id": "past", "amount_micros": MOST})
    assert past.json()["refusals"][0]["code"] == "balance_out_of_range"
    assert one.done("GET", "/ledger/check")["ok"]


def test_usage_that_comes_to_more_than_the_ledger_holds_stops_nobody_else(one: Served) -> None:
    open_tenant(one, "beta", 20_000)
    sign(one, "", "2026-02-01", "2026-03-01")
    sign(one, "", "2026-02-01", "2026-03-01", tenant="beta")
    until(one, "2026-02-10T00:00:00")
    absurd, usual = written("a", {"data": {"tb": 10**11}}), written("b", {"subject": "beta"})
    assert send(one, f"[{absurd},{usual}]").json()["accepted"] == 2
    with pytest.raises(Exception, match="amount_out_of_range"):
        until(one, "2026-02-20T00:00:00")
    assert statement(one, "beta.c") == {"unit": 800}
    assert balances(one)["tenant/beta/prepaid"] == 19_200 * YUAN
    request = {"tenant": "acme", "start": "2026-02-01T00:00:00+08:00", "end": "2026-02-15T00:00:00+08:00"}
    refused = one.ask("POST", "/invoices", json=request)
    assert refused.json()["refusals"][0]["code"] == "amount_out_of_range"
    assert one.done("GET", "/ledger/check")["ok"]
