"""Price books and contracts over the REST API: refusals, repeats, simulation, shares, credit notes."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from market import (
    BOOK,
    HANGZHOU,
    balances,
    invoice,
    lease,
    market,
    post,
    sign,
    until,
)
from served import YUAN, Served


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Served]:
    with market(tmp_path) as opened:
        yield opened


def test_simulating_another_book_touches_nothing(one: Served) -> None:
    sign(one, "items: [{item: node, quantity: 2}]", "2026-02-01", "2026-03-01")
    until(one, "2026-02-02T00:00:00")
    lease(one, "h100", 2, 10, "x")
    until(one, "2026-03-01T00:00:00", steps=3)
    before = one.rows()
    dearer = (
        BOOK.replace("price: 12.50", "price: 15")
        .replace("price: 60000", "price: 54000")
        .replace("list-", "new-")
    )
    span = "start=2026-02-01T00:00:00%2B08:00&end=2026-03-01T00:00:00%2B08:00&tenant=acme"
    found = post(one, f"/price-books/simulate?{span}", dearer)
    assert {
        d["item"]: (d["before_micros"] // YUAN, d["after_micros"] // YUAN) for d in found["differences"]
    } == {
        "h100": (250, 300),
        "node": (120_000, 108_000),
    }
    assert one.rows() == before


REFUSED = [
    (
        "currency_mismatch",
        "/price-books",
        BOOK.replace("currency: CNY", "currency: USD").replace("list-", "usd-"),
    ),
    ("id_conflict", "/price-books", BOOK.replace("12.50", "13.50")),
    (
        "tiers_gap",
        "/price-books",
        BOOK.replace("{price: 500}", "{up_to: 9, price: 500}").replace("list-", "gap-"),
    ),
    (
        "tenant_not_found",
        "/contracts",
        "contract: x\ntenant: nobody\nprice_book: list-2026\nfrom: 2026-02-01\nuntil: 2026-03-01",
    ),
    (
        "price_book_unknown",
        "/contracts",
        "contract: x\ntenant: acme\nprice_book: list-2025\nfrom: 2026-02-01\nuntil: 2026-03-01",
    ),
    (
        "item_unknown",
        "/contracts",
        "contract: x\ntenant: acme\nprice_book: list-2026\nfrom: 2026-02-01\nuntil: 2026-03-01\nitems: [{item: nod}]",
    ),
    (
        "book_not_valid",
        "/contracts",
        "contract: x\ntenant: acme\nprice_book: list-2026\nfrom: 2025-02-01\nuntil: 2026-03-01",
    ),
    (
        "window_reversed",
        "/contracts",
        "contract: x\ntenant: acme\nprice_book: list-2026\nfrom: 2026-03-01\nuntil: 2026-02-01",
    ),
    (
        "shares_exceed",
        "/contracts",
        "contract: x\ntenant: acme\nprice_book: list-2026\nfrom: 2026-02-01\nuntil: 2026-03-01\nshares: [{party: owner, rate: 101%}]",
    ),
    ("field_unknown", "/voucher-programmes", HANGZHOU.replace("yearly_cap", "annual_cap")),
]


def test_a_bad_document_is_refused_and_nothing_is_written(one: Served) -> None:
    before = one.rows()
    for code, path, document in REFUSED:
        answer = one.ask("POST", path, content=document.encode(), headers={"content-type": "text/yaml"})
        assert 400 <= answer.status_code < 500, code
        assert code in [refusal["code"] for refusal in answer.json()["refusals"]]
    assert one.rows() == before


def test_contracts_do_not_overlap_and_documents_may_be_sent_twice(one: Served) -> None:
    first = sign(one, "items: [{item: pack}]", "2026-02-01", "2026-03-01")
    assert sign(one, "items: [{item: pack}]", "2026-02-01", "2026-03-01") == first
    head = "contract: d\ntenant: acme\nprice_book: list-2026\nfrom: 2026-02-15\nuntil: 2026-04-01\n"
    answer = one.ask("POST", "/contracts", content=head.encode())
    assert answer.json()["refusals"][0]["code"] == "contract_overlaps"
    post(one, "/price-books", BOOK)


def test_revenue_is_shared_by_contract(one: Served) -> None:
    terms = (
        "items: [{item: pack}, {item: node}]\nshares: [{party: owner, rate: 60%}, {party: broker, rate: 5%}]"
    )
    sign(one, terms, "2026-02-01", "2026-03-01")
    until(one, "2026-02-15T00:00:00", steps=2)
    assert balances(one)["centre/share/owner"] == round((5_000 + 30_000) * Fraction("0.6") * YUAN)
    until(one, "2026-03-01T00:00:00")
    assert balances(one)["centre/share/owner"] == 42_000 * YUAN
    assert balances(one)["centre/share/broker"] == 3_500 * YUAN
    until(one, "2026-03-01T00:01:00")
    assert earned(one) == {"acme": 70_000 * YUAN, "": 0}
    whole = one.done("GET", "/economics", params=FEBRUARY)[""]
    assert whole["profit"]["revenue_share"]["value"] == 45_500 * YUAN
    assert whole["profit"]["result"]["value"] < 70_000 * YUAN - 45_500 * YUAN, "depreciation is taken off too"
    assert whole["ledger"]["booked_elsewhere"]["value"] == 0


FEBRUARY = {"start": "2026-01-31T16:00:00Z", "end": "2026-02-28T16:01:00Z"}


def earned(one: Served) -> dict[str, int]:
    found = one.done("GET", "/economics", params=FEBRUARY | {"by": "tenant"})
    return {name: accounts["profit"]["revenue"]["value"] for name, accounts in found.items()}


def test_tax_inside_a_price_is_no_revenue_of_the_live_accounts(one: Served) -> None:
    inside = BOOK.replace("list-2026", "inside").replace("rate: 6%,", "rate: 6%, inclusive: true,")
    post(one, "/price-books", inside)
    terms = "contract: d\ntenant: acme\nprice_book: inside\nfrom: 2026-02-01\nuntil: 2026-03-01\n"
    post(one, "/contracts", terms + "items: [{item: node}]")
    until(one, "2026-03-01T00:00:00", steps=2)
    invoice(one, "2026-02")
    until(one, "2026-03-01T00:01:00")
    assert earned(one)["acme"] == round(60_000 * YUAN / Fraction("1.06"))
    whole = one.done("GET", "/economics", params=FEBRUARY)[""]
    assert (
        whole["ledger"]["vat_booked"]["value"]
        == round(60_000 * 100 / Fraction("1.06") * Fraction("0.06")) * 10_000
    )
    assert abs(whole["ledger"]["booked_elsewhere"]["value"]) < 10_000, (
        "the fen that the invoice rounds the tax to"
    )


def test_a_credit_note_gives_back_tax_and_every_modes_revenue(one: Served) -> None:
    sign(one, "items: [{item: pack}, {item: node}]", "2026-02-01", "2026-03-01")
    until(one, "2026-03-01T00:00:00", steps=2)
    issued = invoice(one, "2026-02")
    one.done("POST", f"/invoices/{issued['id']}/credit", json={
        "id": "all", "amount_micros": issued["total_micros"], "reason": "goodwill"
    })  # fmt: skip
    now = balances(one)
    assert [
        now[f"centre/{name}"] for name in ("revenue/compute", "revenue/package", "revenue/hourly", "vat")
    ] == [0, 0, 0, 0]
