"""Money: balances, charges, invoices with their documents, and the ledger behind them."""

import secrets
from datetime import datetime
from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from penstock.app import browsing, invoicing, money, opening
from penstock.app.context import App
from penstock.base.money import parse_amount
from penstock.base.refusal import Refusal, Refused, ensure, invalid
from penstock.lease.tenant import Scope
from penstock.web.console.pages import Fields, page
from penstock.web.console.usage_pictures import used_pictures
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.documents.invoice_csv import render_invoice_csv
from penstock.web.documents.invoice_pdf import render_invoice_pdf
from penstock.web.given import GivenApp

LINES_SHOWN, TRANSFERS_SHOWN, USED_DAYS = 100, 100, 30


@get("/billing", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor, tenant: FromQuery[str | None] = None) -> Response[Any]:
    """A tenant's money; for staff first the choice of a tenant."""
    return _billing(centre, visitor, tenant, (), {})


def _billing(
    centre: App, visitor: Visitor, tenant: str | None, refused: tuple[Refusal, ...], fields: dict[str, str]
) -> Response[Any]:
    principal = visitor.principal
    chosen = principal.tenant or tenant
    if chosen is None:
        balances = browsing.balances(centre, principal)
        invoices = browsing.invoice_heads(centre, principal)
        return page("billing", visitor, balances=balances, invoices=invoices)
    now = centre.now()
    since = (now - USED_DAYS * browsing.DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    charges = browsing.recent_charges(centre, principal, chosen, since, LINES_SHOWN)
    return page(
        "billing.tenant",
        visitor,
        status=refused[0].status if refused else 200,
        tenant=chosen,
        balance=money.balance(centre, principal, chosen),
        invoices=browsing.invoice_heads(centre, principal, chosen),
        charges=charges,
        used=used_pictures(
            browsing.usage_by_day(centre, principal, chosen, since, now), since, USED_DAYS + 1
        ),
        accounts=money.list_accounts(centre, principal, chosen),
        now=now,
        refused=refused,
        fields=Fields({"id": f"payment-{secrets.token_hex(4)}", **fields}),
        may_bill=principal.may(Scope.OPERATOR),
    )


@post("/billing/{tenant:str}/payments", sync_to_thread=True)
def pay(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, tenant: FromPath[str]) -> Response[Any]:
    """Record a payment; the same form sent twice is one payment."""
    try:
        amount = ensure(parse_amount(form.get("amount", ""), "amount"))
        money.pay(
            centre,
            visitor.principal,
            tenant,
            money.NewPayment(id=form.get("id", ""), amount_micros=amount, note=form.get("note", "")),
        )
    except Refused as refused:
        return _billing(centre, visitor, tenant, refused.refusals, form)
    return Redirect(f"/billing?tenant={tenant}", status_code=303)


@post("/billing/{tenant:str}/invoices", sync_to_thread=True)
def issue(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, tenant: FromPath[str]) -> Response[Any]:
    """Bill a period that is over."""
    try:
        start, end = (_day(form, name, visitor) for name in ("start", "end"))
        request = invoicing.NewInvoice(tenant=tenant, start=start, end=end)
        issued = invoicing.issue_invoice(centre, visitor.principal, request)
    except Refused as refused:
        return _billing(centre, visitor, tenant, refused.refusals, form)
    return Redirect(f"/billing/invoices/{issued.id}", status_code=303)


def _day(form: dict[str, str], name: str, visitor: Visitor) -> datetime:
    try:
        return datetime.fromisoformat(form.get(name, "")).replace(tzinfo=visitor.taste.zone)
    except ValueError as error:
        raise Refused(
            invalid("time_malformed", f"{form.get(name)!r} is no time", "write it as 2026-12-01T08:00", name)
        ) from error


@get("/billing/invoices/{name:str}", sync_to_thread=True)
def show_invoice(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One invoice; each line opens to the windows behind it."""
    return page("billing.invoice", visitor, invoice=invoicing.show_invoice(centre, visitor.principal, name))


@get("/billing/invoices/{name:str}/pdf", sync_to_thread=True)
def invoice_document(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[bytes]:
    """The invoice as PDF, in the visitor's language."""
    found = invoicing.show_invoice(centre, visitor.principal, name)
    headers = {"content-disposition": f'attachment; filename="invoice-{found.number:06}.pdf"'}
    document = render_invoice_pdf(
        found, visitor.taste.language, opening.centre_name(centre), visitor.taste.zone
    )
    return Response(document, media_type="application/pdf", headers=headers)


@get("/billing/invoices/{name:str}/csv", sync_to_thread=True)
def invoice_table(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[str]:
    """The invoice as CSV."""
    found = invoicing.show_invoice(centre, visitor.principal, name)
    headers = {"content-disposition": f'attachment; filename="invoice-{found.number:06}.csv"'}
    return Response(render_invoice_csv(found), media_type="text/csv; charset=utf-8", headers=headers)


@get("/billing/invoices/{name:str}/lines/{number:int}", sync_to_thread=True)
def show_line(
    centre: GivenApp, visitor: GivenVisitor, name: FromPath[str], number: FromPath[int]
) -> Response[Any]:
    """The charge lines behind one line of an invoice: each window that was rated."""
    invoice = invoicing.show_invoice(centre, visitor.principal, name)
    if not 1 <= number <= len(invoice.lines):
        raise Refused(invalid("line_unknown", f"the invoice has no line {number}", "choose one of its lines"))
    charges = invoicing.charges_of(centre, visitor.principal, name, invoice.lines[number - 1].subject)
    return page("billing.line", visitor, invoice=invoice, number=number, charges=charges)


@get("/billing/ledger/{account:path}", sync_to_thread=True)
def show_account(
    centre: GivenApp, visitor: GivenVisitor, account: FromPath[str], before: FromQuery[str] = ""
) -> Response[Any]:
    """The transfers of one account, newest first."""
    name = account.lstrip("/")
    transfers = browsing.recent_transfers(centre, visitor.principal, name, before, TRANSFERS_SHOWN)
    more = transfers[-1].id if len(transfers) == TRANSFERS_SHOWN else ""
    return page("billing.account", visitor, account=name, transfers=transfers, more=more)


ROUTER = Router(
    "/",
    route_handlers=[
        show,
        pay,
        issue,
        show_invoice,
        invoice_document,
        invoice_table,
        show_line,
        show_account,
    ],
    include_in_schema=False,
)
