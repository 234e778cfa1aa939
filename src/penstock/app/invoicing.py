"""Invoices and credit notes: issued once, numbered without gaps, never changed."""

from datetime import datetime

import msgspec

from penstock.app import accrual, asking, books, metering
from penstock.app.access import own_tenant, qualified, readable_tenant, require_operator, visible
from penstock.app.context import App
from penstock.app.money import settle_debt, tenant_accounts_of
from penstock.base.money import Micros
from penstock.base.refusal import Refusal, Refused, ensure
from penstock.base.window import Window, check_window
from penstock.billing.invoice import credit, invoice
from penstock.billing.model import ChargeLine, CreditNote, Invoice
from penstock.billing.pricing.voucher import redeemable
from penstock.lease.tenant import Principal
from penstock.store import audit, billing, contracts, jobs, settings
from penstock.store.database import Tx


class NewInvoice(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The period to bill a tenant for; it must be over."""

    tenant: str
    start: datetime
    end: datetime


class NewCreditNote(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to give back, in whole fen (as micros), and why."""

    id: str
    amount_micros: Micros
    reason: str


def issue_invoice(app: App, principal: Principal, request: NewInvoice) -> Invoice:
    """The invoice of a tenant and period; the same period again gives the same invoice."""
    require_operator(principal)
    tenant = own_tenant(principal, request.tenant)
    period = ensure(check_window(request.start, request.end, "start"))
    now = app.now()
    if period.end > now:
        raise Refused(
            Refusal(
                "period_open",
                f"the period ends at {period.end}, which is not over",
                "wait, or end it earlier",
                "end",
            )
        )
    metering.meter(app)
    metering.rate(app)
    accrual.accrue_tenant(app, tenant)
    with app.database.write() as tx:
        known = [i for i in billing.invoices(tx, tenant) if (i.start, i.end) == (period.start, period.end)]
        return known[0] if known else _issue(tx, principal, tenant, period, now)


def _issue(tx: Tx, principal: Principal, name: str, period: Window, now: datetime) -> Invoice:
    tenant, prepaid, receivable = tenant_accounts_of(tx, name)
    charges = billing.uninvoiced(tx, name, period.end)
    contract_lines = contracts.uninvoiced(tx, name, period.end)
    later = billing.charged_after(tx, name, period.end) + contracts.charged_after(tx, name, period.end)
    vouchers = [voucher for voucher in contracts.vouchers(tx, name) if voucher.left_micros > 0]
    number = settings.next_number(tx, "invoice")
    names = _names(tx, charges)
    issued = invoice(
        charges,
        tenant,
        period,
        number,
        now,
        prepaid,
        receivable,
        later_micros=later,
        names=names,
        contract_lines=contract_lines,
        book=accrual.book_in_force(tx, name, period),
        vouchers=vouchers,
        earlier=billing.invoices(tx, name),
    )
    if issued is None:
        raise Refused(
            Refusal(
                "nothing_to_invoice",
                f"{name} has no charges up to {period.end}",
                "bill a later period",
                "end",
            )
        )
    document, transfers = issued
    books.book(tx, transfers, now)
    billing.add_invoice(tx, document)
    billing.assign(tx, charges, document.id)
    contracts.assign(tx, contract_lines, document.id)
    for voucher, amount in redeemable(vouchers, document.total_micros):
        used = voucher.used_micros + amount
        contracts.put_voucher(tx, msgspec.structs.replace(voucher, used_micros=used))
    if document.voucher_micros:
        settle_debt(tx, name, document.id, now)
    audit.record(tx, now, principal.token, "issue_invoice", document.id, name)
    return document


def _names(tx: Tx, charges: tuple[ChargeLine, ...]) -> dict[str, str]:
    """How people call what is charged: a job by its name, a lease by its id."""
    owners = jobs.by_ids(tx, {charge.job for charge in charges if charge.job is not None})
    return {
        charge.subject: owners[charge.job].spec.name if charge.job else charge.subject for charge in charges
    }


def credit_invoice(app: App, principal: Principal, name: str, request: NewCreditNote) -> CreditNote:
    """Give back part of an invoice into the tenant's balance. Safe to repeat."""
    require_operator(principal)
    asking.text(request.reason, "reason")
    now = app.now()
    with app.database.write() as tx:
        issued = visible(principal, "invoice", name, billing.invoice(tx, name))
        note_id = qualified(issued.tenant, request.id)
        if not settings.first_time(tx, "credit_note", note_id, request):
            return visible(principal, "credit_note", note_id, billing.credit_note(tx, note_id))
        number = settings.next_number(tx, "credit_note")
        earlier = billing.credit_notes(tx, name)
        note, transfers = ensure(
            credit(issued, earlier, request.amount_micros, request.reason, number, now, name=note_id)
        )
        books.book(tx, transfers, now)
        billing.add_credit_note(tx, note)
        settle_debt(tx, issued.tenant, note.transfer, now)
        audit.record(tx, now, principal.token, "credit_invoice", name, note_id)
        return note


def list_invoices(app: App, principal: Principal, tenant: str | None = None) -> tuple[Invoice, ...]:
    """Invoices of one tenant, or for staff of all, newest first."""
    with app.database.read() as tx:
        return billing.invoices(tx, readable_tenant(principal, tenant))


def show_invoice(app: App, principal: Principal, name: str) -> Invoice:
    """One invoice."""
    with app.database.read() as tx:
        return visible(principal, "invoice", name, billing.invoice(tx, name))
