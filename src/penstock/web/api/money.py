"""Endpoints of usage, charges, invoices and the ledger."""

from datetime import datetime

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from penstock.app import budgets, invoicing, money, opening, reports, sharing
from penstock.billing.budget import Alert, Budget
from penstock.billing.model import ChargeLine, CreditNote, Invoice, UsageEvent
from penstock.ledger.model import Account, Transfer
from penstock.web.documents.invoice_csv import render_invoice_csv
from penstock.web.documents.invoice_pdf import render_invoice_pdf
from penstock.web.edge import Page
from penstock.web.given import GivenApp, GivenPrincipal


@get("/usage", sync_to_thread=True)
def usage(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
) -> Page[UsageEvent]:
    """What was observed."""
    return Page(money.list_usage(centre, principal, tenant, start, end))


@get("/charges", sync_to_thread=True)
def charges(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
) -> Page[ChargeLine]:
    """What it costs."""
    return Page(money.list_charges(centre, principal, tenant, start, end))


@get("/invoices", sync_to_thread=True)
def list_invoices(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[Invoice]:
    """Invoices, newest first."""
    return Page(invoicing.list_invoices(centre, principal, tenant))


@post("/invoices", sync_to_thread=True)
def issue_invoice(
    centre: GivenApp, principal: GivenPrincipal, data: JSONBody[invoicing.NewInvoice]
) -> Invoice:
    """Issue the invoice of a tenant and period."""
    return invoicing.issue_invoice(centre, principal, data)


@get("/invoices/{name:str}", sync_to_thread=True)
def show_invoice(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Invoice:
    """One invoice."""
    return invoicing.show_invoice(centre, principal, name)


@get("/invoices/{name:str}/pdf", sync_to_thread=True)
def invoice_pdf(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], language: FromQuery[str] = "en"
) -> Response[bytes]:
    """An invoice as PDF, in English or Chinese."""
    invoice = invoicing.show_invoice(centre, principal, name)
    content = render_invoice_pdf(invoice, "zh" if language == "zh" else "en", opening.centre_name(centre))
    headers = {"content-disposition": f'attachment; filename="invoice-{invoice.number}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@get("/invoices/{name:str}/csv", sync_to_thread=True)
def invoice_csv(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Response[str]:
    """An invoice as CSV."""
    invoice = invoicing.show_invoice(centre, principal, name)
    headers = {"content-disposition": f'attachment; filename="invoice-{invoice.number}.csv"'}
    return Response(render_invoice_csv(invoice), media_type="text/csv; charset=utf-8", headers=headers)


@post("/invoices/{name:str}/credit", sync_to_thread=True)
def credit(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], data: JSONBody[invoicing.NewCreditNote]
) -> CreditNote:
    """Give back part of an invoice."""
    return invoicing.credit_invoice(centre, principal, name, data)


@get("/ledger/accounts", sync_to_thread=True)
def accounts(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[Account]:
    """Accounts and balances."""
    return Page(money.list_accounts(centre, principal, tenant))


@get("/ledger/transfers", sync_to_thread=True)
def transfers(centre: GivenApp, principal: GivenPrincipal, account: FromQuery[str]) -> Page[Transfer]:
    """Transfers of one account, oldest first."""
    return Page(money.list_transfers(centre, principal, account))


@post("/ledger/transfers", sync_to_thread=True, status_code=200)
def post_transfers(
    centre: GivenApp, principal: GivenPrincipal, data: JSONBody[money.NewTransfers]
) -> money.PostedTransfers:
    """Post entries of the operator's own, one status each."""
    return money.post_transfers(centre, principal, data)


@post("/tenants/{name:str}/refunds", sync_to_thread=True)
def refund(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], data: JSONBody[money.NewRefund]
) -> Transfer:
    """Pay back a payment, in whole or in part."""
    return money.refund(centre, principal, name, data)


@get("/shares", sync_to_thread=True)
def list_shares(centre: GivenApp, principal: GivenPrincipal) -> Page[sharing.Share]:
    """What owner and broker have earned, and what is left to pay out."""
    return Page(sharing.list_shares(centre, principal))


@post("/shares/payouts", sync_to_thread=True)
def pay_share(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[sharing.NewPayout]) -> Transfer:
    """Pay out a party's share."""
    return sharing.pay_share(centre, principal, data)


@get("/budgets", sync_to_thread=True)
def list_budgets(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[budgets.BudgetView]:
    """Budgets, with what was spent this month."""
    return Page(budgets.list_budgets(centre, principal, tenant))


@post("/budgets", sync_to_thread=True)
def set_budget(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[budgets.NewBudget]) -> Budget:
    """Make a budget."""
    return budgets.set_budget(centre, principal, data)


@get("/alerts", sync_to_thread=True)
def alerts(centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None) -> Page[Alert]:
    """Thresholds of budgets that were reached, newest first."""
    return Page(budgets.list_alerts(centre, principal, tenant))


@get("/ledger/check", sync_to_thread=True)
def check(centre: GivenApp, principal: GivenPrincipal) -> reports.CheckReport:
    """Verify every invariant of both books."""
    return reports.check_books(centre, principal)


@get("/ledger/beancount", sync_to_thread=True)
def beancount(centre: GivenApp, principal: GivenPrincipal) -> Response[str]:
    """The ledger as beancount text."""
    return Response(money.export_beancount(centre, principal), media_type="text/plain; charset=utf-8")


ROUTER = Router(
    "/",
    route_handlers=[
        usage,
        charges,
        list_invoices,
        issue_invoice,
        show_invoice,
        invoice_pdf,
        invoice_csv,
        credit,
        accounts,
        transfers,
        check,
        beancount,
        post_transfers,
        refund,
        list_shares,
        pay_share,
        list_budgets,
        set_budget,
        alerts,
    ],
)
