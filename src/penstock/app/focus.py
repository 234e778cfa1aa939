"""The four datasets of FOCUS 1.4, over the books as they stand."""

from collections import defaultdict
from datetime import datetime
from typing import Any

import msgspec

from penstock.app import asking, opening
from penstock.app.access import readable_tenant
from penstock.app.context import App
from penstock.base.money import Micros
from penstock.base.window import Window
from penstock.billing.export import Tabular
from penstock.billing.focus.charges import Books, charge_rows, cost_and_usage
from penstock.billing.focus.commitments import agreed, contract_commitments, counted
from penstock.billing.focus.details import billing_periods, invoice_detail
from penstock.lease.tenant import Principal, Tenant
from penstock.store import billing, contracts, tenants


class _Known(msgspec.Struct, frozen=True):
    books: Books
    tenants: tuple[Tenant, ...]
    provider: str


def export_focus(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> Tabular:
    """Cost and Usage: the charges whose time touches the time asked for."""
    known = _known(app, principal, tenant)
    rows = charge_rows(known.books, asking.instant(start, "start"), asking.instant(end, "end"))
    return cost_and_usage(rows, {one.id: one.name for one in known.tenants}, known.provider)


def export_invoice_detail(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> Tabular:
    """Invoice Detail: the lines of the invoices and credit notes of billing periods that touch the time."""
    known = _known(app, principal, tenant)
    start, end = asking.instant(start, "start"), asking.instant(end, "end")
    table = invoice_detail(known.books.invoices, known.books.notes, known.provider)
    rows = [row for row in table.rows if _touches(dict(zip(table.columns, row, strict=True)), start, end)]
    return Tabular(table.columns, rows)


def _touches(row: dict[str, Any], start: datetime | None, end: datetime | None) -> bool:
    after = start is None or row["BillingPeriodEnd"] > start
    return after and (end is None or row["BillingPeriodStart"] < end)


def export_billing_periods(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> Tabular:
    """Billing Period: those of the charges whose time touches the time, open or closed."""
    known = _known(app, principal, tenant)
    rows = charge_rows(known.books, asking.instant(start, "start"), asking.instant(end, "end"))
    used = (
        (Window(one.row["BillingPeriodStart"], one.row["BillingPeriodEnd"]), one.issued_at) for one in rows
    )
    return billing_periods(used, app.now(), known.provider)


def export_commitments(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> Tabular:
    """Contract Commitment: the spend promised in contracts that run in the time."""
    known = _known(app, principal, tenant)
    start, end = asking.instant(start, "start"), asking.instant(end, "end")
    found = [
        one
        for one in known.books.commitments
        if (start is None or one.end > start) and (end is None or one.contract.start < end)
    ]
    spent: defaultdict[str, Micros] = defaultdict(int)
    for line in (*known.books.lines, *known.books.contract_lines):
        for name in counted(line, found):
            spent[name] += line.amount_micros
    currencies = {one.id: one.currency for one in known.tenants}
    return contract_commitments(found, spent, currencies, app.now(), known.provider)


def _known(app: App, principal: Principal, tenant: str | None) -> _Known:
    owner, provider = readable_tenant(principal, tenant), opening.centre_name(app)
    with app.database.read() as tx:
        invoices = billing.invoices(tx, owner)
        mine = {one.id for one in invoices}
        books = Books(
            lines=billing.lines(tx, owner, None, None),
            contract_lines=contracts.tenant_lines(tx, owner),
            invoices=invoices,
            notes=[note for note in billing.all_credit_notes(tx) if note.invoice in mine],
            commitments=agreed(contracts.contracts(tx, owner), app.now()),
        )
        return _Known(books, tenants.tenants(tx), provider)
