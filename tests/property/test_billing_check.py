"""The auditor of bills finds every way in which usage, lines, ledger, invoices and notes can disagree."""

from datetime import timedelta

import pytest
from money_desk import START, Desk, replace

from penstock.base.window import Window
from penstock.billing.check import check
from penstock.billing.invoice import content_hash
from penstock.billing.rate import Terms

TABLES = ("events", "lines", "transfers", "invoices", "notes")


def walked() -> dict[str, dict[str, object]]:
    """Two subjects over 12 minutes, two invoices, one credit note; every row under a short name."""
    desk = Desk()
    desk.pay(5_000_000)
    terms = Terms(price_micros_per_card_hour=7_654_321)
    desk.begin("a", 2, terms, 1_000_000)
    desk.begin("b", 1, terms, 0)
    for minutes in (6, 12):
        desk.books.now = START + timedelta(minutes=minutes)
        if minutes == 12:
            desk.end("a")
        events = desk.meter()
        desk.receive(events)
        desk.rate(events)
    for start, end in ((0, 5), (5, 12)):
        assert desk.bill(Window(START + timedelta(minutes=start), START + timedelta(minutes=end))) is not None
    desk.give_back(desk.invoices[0], 10_000)
    assert desk.audit() == []
    lines = {f"{ln.subject}{ln.start.minute}": ln for ln in desk.lines.values()}
    names = {ln.id: name for name, ln in lines.items()}
    transfers = {
        f"{t.kind}:{names.get(t.key, t.key)}{'/hold' if t.hold else ''}": t
        for t in desk.books.transfers.values()
    }
    return {
        "events": {f"{e.subject}{e.start.minute}": e for e in desk.events.values()},
        "lines": lines,
        "transfers": transfers,
        "invoices": {str(issued.number): issued for issued in desk.invoices},
        "notes": {str(note.number): note for note in desk.notes},
    }


def found(world: dict) -> set[str]:
    return {finding.code for finding in check(*([*world[table].values()] for table in TABLES))}


def change(table: str, name: str, **fields: object):
    return lambda world: world[table].update({name: replace(world[table][name], **fields)})


def drop(table: str, name: str):
    return lambda world: world[table].pop(name)


def double(table: str, name: str, **fields: object):
    return lambda world: world[table].update({"twin": replace(world[table][name], **fields)})


def resealed(name: str, **fields: object):
    def tamper(world: dict) -> None:
        other = replace(world["invoices"][name], **fields)
        world["invoices"][name] = replace(other, content_hash=content_hash(other))

    return tamper


def minute(number: int):
    return START + timedelta(minutes=number)


TAMPERINGS = [
    (drop("events", "a5"), {"usage_gap", "charge_unfounded"}),
    (drop("events", "a0"), {"usage_gap", "charge_unfounded"}),
    (double("events", "a5", id="x"), {"usage_overlap", "charge_missing"}),
    (change("events", "a5", quantity=1), {"quantity_wrong"}),
    (change("events", "a5", final=True), {"usage_after_final"}),
    (change("events", "a10", end=minute(13)), {"quantity_wrong", "charge_missing", "charge_unfounded"}),
    (drop("lines", "a5"), {"charge_missing", "charge_unfounded", "invoice_wrong"}),
    (
        double("lines", "a5", id="x"),
        {"charge_unfounded", "charge_not_posted", "amount_wrong", "invoice_wrong"},
    ),
    (change("events", "a5", rated=False), {"charge_unfounded"}),
    (change("lines", "a5", amount_micros=1), {"amount_wrong", "charge_not_posted", "invoice_wrong"}),
    (change("lines", "a5", quantity=1), {"amount_wrong"}),
    (change("lines", "a5", transfer=None), {"charge_not_posted"}),
    (change("lines", "a5", transfer="other"), {"charge_not_posted"}),
    (change("lines", "a5", invoice=None), {"invoice_wrong"}),
    (change("lines", "a5", invoice="inv-000001"), {"invoice_wrong"}),
    (change("lines", "a5", invoice="inv-000009"), {"invoice_wrong", "invoice_missing"}),
    (drop("transfers", "charge:b5"), {"charge_not_posted"}),
    (double("transfers", "charge:b5", id="x"), {"charge_not_posted"}),
    (double("transfers", "charge:b5", id="x", key="nothing"), {"charge_unfounded"}),
    (change("transfers", "charge:b5", amount_micros=1), {"charge_not_posted"}),
    (drop("transfers", "invoice_rounding:inv-000001"), {"rounding_not_posted"}),
    (
        change("transfers", "invoice_rounding:inv-000001", key="inv-9"),
        {"rounding_not_posted", "invoice_missing"},
    ),
    (change("invoices", "1", tenant_name="Other"), {"invoice_changed"}),
    (change("invoices", "1", content_hash=""), {"invoice_changed"}),
    (resealed("1", total_micros=10_000), {"invoice_wrong"}),
    (resealed("1", rounding_micros=0), {"invoice_wrong", "rounding_not_posted"}),
    (resealed("1", lines=()), {"invoice_wrong"}),
    (resealed("1", number=7), {"number_gap"}),
    (resealed("2", start=minute(0), end=minute(5)), {"invoice_duplicated"}),
    (drop("invoices", "1"), {"invoice_missing", "credit_exceeds_invoice"}),
    (change("notes", "1", amount_micros=10**9), {"credit_not_posted", "credit_exceeds_invoice"}),
    (change("notes", "1", transfer="other"), {"credit_not_posted", "credit_unfounded"}),
    (double("notes", "1", id="x", number=2), {"credit_not_posted"}),
    (double("notes", "1", id="x", number=3), {"credit_not_posted", "number_gap"}),
    (drop("notes", "1"), {"credit_unfounded"}),
    (drop("transfers", "credit_note:inv-000001"), {"credit_not_posted"}),
]


@pytest.mark.parametrize("number", range(len(TAMPERINGS)))
def test_the_auditor_finds(number: int) -> None:
    tamper, codes = TAMPERINGS[number]
    world = walked()
    assert found(world) == set()
    tamper(world)
    assert found(world) == codes


def test_what_is_not_rated_yet_is_no_finding() -> None:
    desk = Desk()
    desk.begin("a", 1, Terms(price_micros_per_card_hour=7_654_321), 0)
    desk.books.now = START + timedelta(minutes=17)
    first, second, third = desk.meter()
    desk.receive([first, second, third])
    desk.rate([second])
    assert desk.audit() == []
    desk.rate([third, first])
    assert desk.audit() == []
