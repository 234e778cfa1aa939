"""`penstock invoice`: invoices and credit notes."""

from typing import Annotated, Literal

from cyclopts import Parameter

from penstock.billing.model import CreditNote, Invoice, InvoiceLine
from penstock.billing.pricing.bill import CONTRACT
from penstock.billing.pricing.posting import exact
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.language import _, language
from penstock.cli.options import Id, Output, Tenant
from penstock.cli.output import print_fields, print_table, write_bytes
from penstock.cli.rateview import number

app = tree("invoice")
InvoiceId = Annotated[str, Parameter(name="INVOICE", help="Invoice id.")]


@app.command
def issue(
    tenant: Annotated[str, Parameter(help="Tenant id.")],
    /,
    *,
    month: Annotated[str | None, Parameter(help="Month to invoice, such as 2026-11.")] = None,
    start: Annotated[
        str | None, Parameter(name="--from", help="Beginning of the period, instead of a month.")
    ] = None,
    end: Annotated[
        str | None, Parameter(name="--to", help="End of the period, which is not part of it.")
    ] = None,
    call: Call = CALL,
) -> None:
    """Issue the invoice of a tenant and period; it never changes afterwards."""
    first, after = parse.period(month, start, end, utc=call.utc)
    with call.client() as client:
        answer = client.post("invoices", body={"tenant": tenant, "start": first, "end": after})
    call.show(answer, Invoice, lambda invoice: _fields(invoice, call))


@app.command(name="list")
def list_invoices(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List invoices."""
    with call.client() as client:
        call.show_list(client.items("invoices", tenant=tenant), Invoice, lambda found: _table(found, call))


@app.command
def show(invoice: InvoiceId, /, *, call: Call = CALL) -> None:
    """Show an invoice with its lines."""
    with call.client() as client:
        call.show(client.get("invoices", invoice), Invoice, lambda found: _fields(found, call))


@app.command
def pdf(
    invoice: InvoiceId,
    /,
    *,
    output: Output = None,
    lang: Annotated[
        Literal["en", "zh"] | None,
        Parameter(name="--language", help="Language of the document; by default your own."),
    ] = None,
    call: Call = CALL,
) -> None:
    """Write an invoice as PDF."""
    with call.client() as client:
        write_bytes(client.download("invoices", invoice, "pdf", language=lang or language()), output)


@app.command
def csv(invoice: InvoiceId, /, *, output: Output = None, call: Call = CALL) -> None:
    """Write an invoice as CSV."""
    with call.client() as client:
        write_bytes(client.download("invoices", invoice, "csv"), output)


@app.command
def credit(
    invoice: InvoiceId,
    amount: Annotated[str, Parameter(help="Amount to give back, up to two decimals.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; printed on the note.")],
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Give back part of an invoice with a credit note."""
    body = {
        "id": new_id(own_id, "credit"),
        "amount_micros": parse.payment(amount, "AMOUNT"),
        "reason": reason,
    }
    with call.client() as client:
        answer = client.post("invoices", invoice, "credit", body=body)
    call.show(answer, CreditNote, lambda credited: _note(credited, call))


def _table(invoices: list[Invoice], call: Call) -> None:
    rows = [
        (
            str(invoice.number),
            invoice.id,
            invoice.tenant,
            call.time(invoice.start),
            call.time(invoice.end),
            formats.money(invoice.total_micros, invoice.currency),
            formats.money(invoice.due_micros, invoice.currency),
        )
        for invoice in invoices
    ]
    print_table(("NUMBER", "INVOICE", "TENANT", "FROM", "TO", "TOTAL", "DUE"), rows, right=(0, 5, 6))


def _fields(invoice: Invoice, call: Call) -> None:
    print_fields(
        [
            ("invoice", invoice.id),
            ("number", str(invoice.number)),
            ("tenant", f"{invoice.tenant_name} ({invoice.tenant})"),
            ("address", invoice.tenant_address),
            ("tax number", invoice.tenant_tax_number),
            ("from", call.time(invoice.start)),
            ("to", call.time(invoice.end)),
            ("issued", call.time(invoice.issued_at)),
        ]
    )
    print()
    hourly = [line for line in invoice.lines if line.subject_kind != CONTRACT]
    agreed = [line for line in invoice.lines if line.subject_kind == CONTRACT]
    rows = [
        (
            line.description,
            line.model,
            formats.hours(line.quantity),
            formats.price(line.price_micros_per_card_hour),
            formats.money(line.amount_micros, invoice.currency),
        )
        for line in hourly
    ]
    if rows:
        print_table(("FOR", "MODEL", "CARD-HOURS", "PER CARD-HOUR", "AMOUNT"), rows, right=(2, 3, 4))
        print()
    if agreed:
        _contract_table(agreed, invoice.currency)
        print()
    for tax in invoice.taxes:
        rate = formats.share(float(exact(tax.rate)))
        inside = _("in the prices") if tax.inclusive else _("on top")
        print(
            f"{tax.name or tax.rule} {rate} ({inside})  {formats.money(tax.amount_micros, invoice.currency)}"
        )
    print_fields(
        [
            (
                "before tax",
                formats.money(invoice.before_tax_micros, invoice.currency) if invoice.taxes else "",
            ),
            ("total", formats.money(invoice.total_micros, invoice.currency)),
            ("paid by vouchers", _unless_nothing(invoice.voucher_micros, invoice.currency)),
            ("paid from the balance", formats.money(invoice.paid_micros, invoice.currency)),
            ("due", formats.money(invoice.due_micros, invoice.currency)),
            ("rounding", formats.money(invoice.rounding_micros, invoice.currency, 6)),
            ("content hash", invoice.content_hash),
        ]
    )


def _unless_nothing(amount_micros: int, currency: str) -> str:
    return formats.money(amount_micros, currency) if amount_micros else ""


def _contract_table(lines: list[InvoiceLine], currency: str) -> None:
    rows = [
        (
            line.description or formats.word(line.kind),
            formats.word(line.mode),
            formats.word(line.kind),
            number(line.measure) if line.unit else "",
            line.unit,
            number(line.unit_price) if line.unit else "",
            formats.money(line.amount_micros, currency),
        )
        for line in lines
    ]
    titles = ("FOR", "MODE", "KIND", "QUANTITY", "UNIT", "UNIT PRICE", "AMOUNT")
    print_table(titles, rows, right=(3, 5, 6))


def _note(credited: CreditNote, call: Call) -> None:
    print_fields(
        [
            ("credit note", credited.id),
            ("number", str(credited.number)),
            ("invoice", credited.invoice),
            ("amount", formats.money(credited.amount_micros, credited.currency)),
            ("reason", credited.reason),
            ("issued", call.time(credited.issued_at)),
        ]
    )
