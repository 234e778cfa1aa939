"""Money: balances, charges, invoices with their documents, and the ledger behind them."""

import secrets
from datetime import timedelta
from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from penstock.app import browsing, drilling, invoicing, money, opening
from penstock.app.context import App
from penstock.app.overview import days
from penstock.base.money import parse_amount
from penstock.base.refusal import Refusal, Refused, ensure, invalid
from penstock.lease.tenant import Scope
from penstock.web.console.fields import instant
from penstock.web.console.pages import Fields, page
from penstock.web.console.usage_pictures import used_pictures
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.documents.invoice_csv import render_invoice_csv
from penstock.web.documents.invoice_pdf import render_invoice_pdf
from penstock.web.documents.invoice_words import INVOICE_WORDS
from penstock.web.given import GivenApp

LINES_SHOWN, CHARGES_SHOWN, TRANSFERS_SHOWN, USED_DAYS = 100, 25, 100, 30


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
    edges = days(now - timedelta(days=USED_DAYS), now, visitor.taste.zone)
    spent = browsing.spent(centre, principal, chosen, edges, CHARGES_SHOWN)
    return page(
        "billing.tenant",
        visitor,
        status=refused[0].status if refused else 200,
        tenant=chosen,
        balance=money.balance(centre, principal, chosen),
        invoices=browsing.invoice_heads(centre, principal, chosen),
        charges=spent,
        used=used_pictures(spent.used, edges),
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
        if amount <= 0:
            raise Refused(
                invalid(
                    "amount_absurd", f"{form['amount']} cannot be paid", "give a positive amount", "amount"
                )
            )
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
        start, end = (instant(form.get(name, ""), name, visitor.taste.zone) for name in ("start", "end"))
        request = invoicing.NewInvoice(tenant=tenant, start=start, end=end)
        issued = invoicing.issue_invoice(centre, visitor.principal, request)
    except Refused as refused:
        return _billing(centre, visitor, tenant, refused.refusals, form)
    return Redirect(f"/billing/invoices/{issued.id}", status_code=303)


@get("/billing/invoices/{name:str}", sync_to_thread=True)
def show_invoice(
    centre: GivenApp, visitor: GivenVisitor, name: FromPath[str], after: FromQuery[int] = 0
) -> Response[Any]:
    """One invoice; each line opens to the windows behind it."""
    start = max(after, 0)
    opened = drilling.open_invoice(centre, visitor.principal, name, start, LINES_SHOWN)
    more = start + LINES_SHOWN
    return page(
        "billing.invoice",
        visitor,
        invoice=opened.invoice,
        lines=opened.lines,
        notes=opened.notes,
        first=start,
        more=more if more < len(opened.invoice.lines) else 0,
        words=INVOICE_WORDS[visitor.taste.language],
    )


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
    centre: GivenApp,
    visitor: GivenVisitor,
    name: FromPath[str],
    number: FromPath[int],
    after: FromQuery[int] = 0,
) -> Response[Any]:
    """What is behind one line of an invoice: windows that were rated, devices that were held, transfers."""
    start = max(after, 0)
    behind = drilling.open_line(centre, visitor.principal, name, number, start, CHARGES_SHOWN)
    more = start + CHARGES_SHOWN
    return page(
        "billing.line",
        visitor,
        behind=behind,
        number=number,
        first=start,
        more=more if more < behind.count else 0,
        words=INVOICE_WORDS[visitor.taste.language],
    )


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
