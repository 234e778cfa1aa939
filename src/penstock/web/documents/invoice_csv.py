"""An invoice as CSV: one row per invoice line, for a spreadsheet as well as for a program."""

import csv
import io

from penstock.base.money import format_amount
from penstock.billing.model import Invoice, InvoiceLine, TaxLine
from penstock.web.documents.invoice_figures import card_hours_text, plain_text

COLUMNS = (
    "invoice",
    "number",
    "tenant",
    "tenant_name",
    "period_start",
    "period_end",
    "issued_at",
    "line",
    "kind",
    "subject",
    "description",
    "model",
    "start",
    "end",
    "card_microseconds",
    "card_hours",
    "price_per_card_hour",
    "amount_exact",
    "amount",
    "currency",
    "mode",
    "position",
    "item",
    "tier",
    "unit",
    "unit_quantity",
    "unit_price",
    "adjusts",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BYTE_ORDER_MARK = "\ufeff"


def render_invoice_csv(invoice: Invoice) -> str:
    """RFC 4180 with CRLF, preceded by the byte order mark that makes a spreadsheet read it as UTF-8.

    Amounts are plain decimals without separators, times ISO 8601 in UTC. Text of users that a
    spreadsheet would run as a formula gets an apostrophe in front.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, line in enumerate(invoice.lines, 1):
        writer.writerow((*_row(invoice, line, number), *_position(line)))
    for number, tax in enumerate(invoice.taxes, len(invoice.lines) + 1):
        writer.writerow(_tax(invoice, tax, number))
    return _BYTE_ORDER_MARK + out.getvalue()


def _row(invoice: Invoice, line: InvoiceLine, number: int) -> tuple[str | int, ...]:
    return (
        _safe(invoice.id),
        invoice.number,
        _safe(invoice.tenant),
        _safe(invoice.tenant_name),
        invoice.start.isoformat(),
        invoice.end.isoformat(),
        invoice.issued_at.isoformat(),
        number,
        line.subject_kind,
        _safe(line.subject),
        _safe(line.description),
        _safe(line.model),
        line.start.isoformat(),
        line.end.isoformat(),
        line.quantity,
        _number(card_hours_text(line.quantity, 6)),
        _number(format_amount(line.price_micros_per_card_hour, 6)),
        _number(format_amount(line.exact_micros, 6)),
        _number(format_amount(line.amount_micros)),
        invoice.currency,
    )


def _position(line: InvoiceLine) -> tuple[str | int, ...]:
    """What a contract's line says besides; of card time only its mode."""
    if not line.kind:
        return (line.mode, "", "", "", "", "", "", line.adjusts)
    return (
        line.mode,
        line.kind,
        _safe(line.item),
        line.tier,
        _safe(line.unit),
        line.measure,
        line.unit_price,
        line.adjusts,
    )


def _tax(invoice: Invoice, tax: TaxLine, number: int) -> tuple[str | int, ...]:
    """A tax as a row: its base is the exact amount's place, `position` says how it is related to the prices."""
    shown = {
        "invoice": _safe(invoice.id),
        "number": invoice.number,
        "tenant": _safe(invoice.tenant),
        "tenant_name": _safe(invoice.tenant_name),
        "period_start": invoice.start.isoformat(),
        "period_end": invoice.end.isoformat(),
        "issued_at": invoice.issued_at.isoformat(),
        "line": number,
        "kind": "tax",
        "subject": _safe(tax.rule),
        "description": _safe(tax.name),
        "amount_exact": _number(format_amount(tax.amount_micros, 6)),
        "amount": _number(format_amount(tax.amount_micros)),
        "currency": invoice.currency,
        "position": "inclusive" if tax.inclusive else "on_top",
        "unit_quantity": _number(format_amount(tax.base_micros)),
        "unit_price": tax.rate,
    }
    return tuple(shown.get(column, "") for column in COLUMNS)


def _number(text: str) -> str:
    return text.replace(",", "")


def _safe(text: str) -> str:
    shown = plain_text(text)
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown
