"""What holds of a shop's books at any time, counted anew from its rows: not with the functions that made them."""

from collections import defaultdict
from datetime import datetime
from fractions import Fraction
from typing import Any

from commerce_history import CONTRACTS, FROM, SHANGHAI, TENANTS, UNTIL, Shop
from sqlalchemy import select
from tests import focus_rules

from penstock.app import focus as focus_app
from penstock.app.access import SYSTEM
from penstock.store import billing, contracts, ledger
from penstock.store.columns import METADATA

FEN = 10_000


def half_up(amount: Fraction) -> int:
    return (amount + Fraction(1, 2)).__floor__()


def checked(shop: Shop) -> None:
    """Everything that holds at any time."""
    report = shop.centre.check()
    assert report.ok, report
    with shop.app.database.read() as tx:
        accounts, transfers = ledger.accounts(tx), ledger.transfers(tx)
        holds, invoices = ledger.holds(tx), billing.invoices(tx)
        lines = [*billing.lines(tx), *contracts.tenant_lines(tx)]
        notes = billing.all_credit_notes(tx)
    balances: defaultdict[str, int] = defaultdict(int)
    for one in transfers:
        assert one.amount_micros > 0
        balances[one.debit] -= one.amount_micros
        balances[one.credit] += one.amount_micros
    assert {a.id: a.balance_micros for a in accounts} == {a.id: balances[a.id] for a in accounts}
    assert sum(balances.values()) == 0
    held: defaultdict[str, int] = defaultdict(int)
    for hold in holds:
        held[hold.account] += hold.remaining_micros
    for one in accounts:
        assert one.floor_micros is None or one.balance_micros - held[one.id] >= one.floor_micros, one
    assert all(one.state != "open" or one.expires_at is not None for one in holds)
    on_ledger: defaultdict[str, int] = defaultdict(int)
    for one in transfers:
        on_ledger[one.key] += {"charge": 1, "given_back": -1}.get(one.kind, 0) * one.amount_micros
    credited: defaultdict[str, int] = defaultdict(int)
    for note in notes:
        credited[note.invoice] += note.amount_micros
    assert sorted(one.number for one in invoices) == [*range(1, len(invoices) + 1)]
    rows = focus(shop)
    for note in notes:
        assert rows[note.id] == -note.amount_micros
    for invoice in invoices:
        mine = [line for line in lines if line.invoice == invoice.id]
        exact = sum(line.amount_micros for line in mine)
        assert sum(on_ledger[line.id] for line in mine) == exact
        assert invoice.before_tax_micros == exact + invoice.rounding_micros
        assert abs(invoice.rounding_micros) <= len(invoice.lines) * FEN // 2
        on_top = sum(tax.amount_micros for tax in invoice.taxes if not tax.inclusive)
        assert invoice.total_micros == invoice.before_tax_micros + on_top
        assert rows[invoice.id] == invoice.total_micros
        assert 0 <= credited[invoice.id] <= max(invoice.total_micros, 0)
        assert 0 <= invoice.voucher_micros <= max(invoice.total_micros, 0)
    of_tenants(balances, transfers, lines, invoices, credited)


def of_tenants(balances, transfers, lines, invoices, credited) -> None:
    """A tenant's money is what came in less what it was charged, to the micro."""
    for tenant in TENANTS:
        mine = f"tenant/{tenant}/"
        moved: defaultdict[str, int] = defaultdict(int)
        for one in transfers:
            if one.credit.startswith(mine) != one.debit.startswith(mine):
                moved[one.kind] += one.amount_micros if one.credit.startswith(mine) else -one.amount_micros
        came = moved["top_up"] + moved["top_up_reversal"] + moved["voucher"]
        billed = [one for one in invoices if one.tenant == tenant]
        open_ = sum(line.amount_micros for line in lines if line.tenant == tenant and line.invoice is None)
        cost = sum(one.total_micros - credited[one.id] for one in billed) + open_
        assert balances[f"{mine}prepaid"] + balances[f"{mine}receivable"] == came - cost
        assert moved["voucher"] == sum(one.voucher_micros for one in billed)


def focus(shop: Shop) -> dict[str, int]:
    """Invoice or credit note -> micros of its FOCUS rows; all four datasets hold to the specification's rules."""
    every = (focus_app.export_focus, focus_app.export_invoice_detail, focus_app.export_billing_periods)
    tables = [export(shop.app, SYSTEM, None, None, None) for export in (*every, focus_app.export_commitments)]
    focus_rules.all_datasets(*tables)
    names = [*tables[0].columns]
    cost, invoice = names.index("BilledCost"), names.index("InvoiceId")
    found: defaultdict[str, int] = defaultdict(int)
    for row in tables[0].rows:
        found[row[invoice]] += int(row[cost] * 10**6)
    return found


def usage_charged(shop: Shop) -> None:
    """Usage costs what the events that were taken come to, each once, whenever and in whatever order they came."""
    quantities: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for event in shop.sent.values():
        if FROM <= event.time < UNTIL:
            month = event.time.astimezone(SHANGHAI).strftime("%Y-%m")
            quantities[event.tenant, event.type, month] += event.data["n"]
    with shop.app.database.read() as tx:
        lines = contracts.tenant_lines(tx)
    for tenant in CONTRACTS:
        mine = [line for line in lines if line.tenant == tenant]
        expected = {"egress": Fraction(0), "steps": Fraction(0), "talk": Fraction(0)}
        for (owner, kind, _), count in quantities.items():
            if owner == tenant and kind == "gb":
                expected["egress"] += half_up(Fraction(count, 3) * 10**6)
                expected["steps"] += 99_990_000 if count > 500 else 0
            elif owner == tenant:
                expected["talk"] += min(count, 1000) * 10_000 + max(count - 1000, 0) * 7_000
        named = {"mixed": ("egress", "steps"), "metered": ("egress", "talk")}[tenant]
        for item in named:
            found = sum(
                line.amount_micros for line in mine if line.item == item and line.kind in ("unit", "step")
            )
            assert found == expected[item], (tenant, item)


BOOKS = (
    "accounts", "alerts", "audit", "budgets", "closings", "contract_lines", "contracts", "credit_notes", "holds",
    "invoices", "leases", "charge_lines", "meter_readings", "meter_series", "metered_events", "meters", "offers",
    "price_books", "quotes", "tenants", "transfers", "usage_events", "voucher_programmes", "vouchers",
)  # fmt: skip


def content(shop: Shop) -> dict[str, list[Any]]:
    """Every row of the books and of what they are made from."""
    with shop.app.database.read() as tx:
        return {name: sorted(map(repr, tx.execute(select(METADATA.tables[name])))) for name in BOOKS}


def no_hold_outlives(shop: Shop, now: datetime) -> None:
    with shop.app.database.read() as tx:
        assert not [one.id for one in ledger.ending_holds(tx, now)]
