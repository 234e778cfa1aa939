"""Which line of its invoice a charge is part of, and the Invoice Detail and Billing Period datasets.

One record per line of an invoice, per tax on top of it, and per credit note, which is a document of its own that
refers to the invoice. The rows of Cost and Usage with a record's `InvoiceDetailId` sum to it, to the fen. What
came to nothing on an invoice is no line of it: its rows carry the id of line 0, and sum to 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from penstock.base.window import Window
from penstock.billing.budget import month_of
from penstock.billing.export import Tabular, amount
from penstock.billing.focus.columns import BILLING_PERIOD, INVOICE_DETAIL
from penstock.billing.model import ChargeLine, CreditNote, Invoice, InvoiceLine
from penstock.billing.pricing.bill import CONTRACT, contract_invoice_lines
from penstock.billing.pricing.posting import ContractLine

PAYMENT_TERMS = "Due on receipt"
"""An invoice names no day on which it is to be paid."""


class Placed(msgspec.Struct, frozen=True):
    """The line of an invoice: its id there, and the earlier invoice that it adjusts, if any."""

    id: str
    adjusts: str = ""


class Placing:
    """Finds the line of each charge on its invoice."""

    def __init__(self, invoices: Iterable[Invoice], contract_lines: Iterable[ContractLine]) -> None:
        self.invoices = {one.id: one for one in invoices}
        groups: defaultdict[str, defaultdict[tuple[str, str], list[ContractLine]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for line in contract_lines:
            if line.invoice in self.invoices:
                groups[line.invoice][line.contract, line.key].append(line)
        self._contract = {
            (name, *key): placed
            for name, group in groups.items()
            for key, placed in _placed(self.invoices[name], group).items()
        }
        self._hourly = {
            (one.id, line.subject_kind, line.subject, line.model, line.price_micros_per_card_hour): Placed(
                detail_id(one, number), line.adjusts
            )
            for one in self.invoices.values()
            for number, line in enumerate(one.lines, 1)
            if line.subject_kind != CONTRACT
        }

    def of(self, line: ChargeLine | ContractLine) -> Placed | None:
        """The line of its invoice; None before it is on one."""
        invoice = self.invoices.get(line.invoice or "")
        if invoice is None:
            return None
        nothing = Placed(detail_id(invoice, 0))
        if isinstance(line, ContractLine):
            return self._contract.get((invoice.id, line.contract, line.key), nothing)
        key = (invoice.id, line.subject_kind, line.subject, line.model, line.price_micros_per_card_hour)
        return self._hourly.get(key, nothing)


def _placed(
    invoice: Invoice, groups: Mapping[tuple[str, str], Sequence[ContractLine]]
) -> dict[tuple[str, str], Placed]:
    """Contract and position -> the line. Lines that say the same are each taken once."""
    left = [(number, line) for number, line in enumerate(invoice.lines, 1) if line.subject_kind == CONTRACT]
    found = {}
    for key, group in groups.items():
        for summed in contract_invoice_lines(group):
            place = next(n for n, (_, line) in enumerate(left) if _same(line, summed))
            number, line = left.pop(place)
            found[key] = Placed(detail_id(invoice, number), line.adjusts)
    return found


def _same(line: InvoiceLine, summed: InvoiceLine) -> bool:
    return msgspec.structs.replace(line, adjusts="") == summed


def detail_id(invoice: Invoice, number: int) -> str:
    """The id of a line, counted from 1."""
    return f"{invoice.id}/{number}"


def tax_id(invoice: Invoice, number: int) -> str:
    """The id of a tax on top, counted from 1."""
    return f"{invoice.id}/tax/{number}"


def note_id(note: CreditNote) -> str:
    """The id of the one line of a credit note."""
    return f"{note.id}/1"


def open_period(instant: datetime, billed_until: datetime | None) -> Window:
    """The month of the instant (UTC), or what is left of it behind what was billed already."""
    if billed_until is None or instant >= billed_until:
        month = month_of(instant)
        return month if billed_until is None else Window(max(month.start, billed_until), month.end)
    return Window(billed_until, month_of(billed_until).end)


def note_period(note: CreditNote, invoice: Invoice | None) -> Window:
    """A credit note belongs to the period in which it is issued, behind the invoice's own."""
    return open_period(note.issued_at, None if invoice is None else invoice.end)


def line_category(line: InvoiceLine) -> str:
    """The charge category of a line of an invoice or of a contract."""
    if line.subject_kind != CONTRACT:
        return "Usage"
    return position_category(line.kind, line.unit)


def position_category(kind: str, unit: str) -> str:
    """The charge category of a position of a contract: bought ahead, used, given back, or made up for."""
    if kind == "fee":
        return "Purchase"
    if kind in ("covered", "shortfall", "sla_credit", "discount"):
        return "Credit"
    return "Usage" if unit else "Adjustment"


def invoice_detail(invoices: Iterable[Invoice], notes: Iterable[CreditNote], issuer: str) -> Tabular:
    """The Invoice Detail dataset: every line of every invoice and credit note, those of 0 too."""
    known = {one.id: one for one in invoices}
    rows: list[dict[str, Any]] = []
    for one in known.values():
        rows += [_line(one, number, line) for number, line in enumerate(one.lines, 1)]
        on_top = [tax for tax in one.taxes if not tax.inclusive]
        for number, tax in enumerate(on_top, 1):
            head = _head(one.tenant, one.currency, Window(one.start, one.end), one.issued_at)
            row = head | {"InvoiceId": one.id, "InvoiceDetailId": tax_id(one, number)}
            row |= {"BilledCost": amount(tax.amount_micros), "ChargeCategory": "Tax"}
            rows.append(row | {"InvoiceDetailDescription": tax.name or tax.rule})
    for note in notes:
        period = note_period(note, known.get(note.invoice))
        row = _head(note.tenant, note.currency, period, note.issued_at)
        row |= {"InvoiceId": note.id, "InvoiceDetailId": note_id(note), "ChargeCategory": "Credit"}
        row |= {"BilledCost": amount(-note.amount_micros), "ReferenceInvoiceId": note.invoice}
        rows.append(row | {"InvoiceDetailDescription": note.reason})
    for row in rows:
        row["InvoiceIssuerName"] = issuer
        row.setdefault("ReferenceInvoiceId", row["InvoiceId"])
        row["PaymentCurrency"] = row["BillingCurrency"]
        row["PaymentCurrencyBilledCost"] = row["BilledCost"]
        row["PaymentCurrencyInvoiceDetailId"] = row["InvoiceDetailId"]
    return Tabular(INVOICE_DETAIL, [tuple(row.get(name) for name in INVOICE_DETAIL) for row in rows])


def _head(tenant: str, currency: str, period: Window, issued_at: datetime) -> dict[str, Any]:
    return {
        "BillingAccountId": tenant,
        "BillingCurrency": currency,
        "BillingPeriodStart": period.start,
        "BillingPeriodEnd": period.end,
        "InvoiceDetailCreated": issued_at,
        "InvoiceDetailLastUpdated": issued_at,
        "InvoiceIssueDate": issued_at,
        "InvoiceIssueStatus": "Issued",
        "PaymentTerms": PAYMENT_TERMS,
    }


def _line(invoice: Invoice, number: int, line: InvoiceLine) -> dict[str, Any]:
    head = _head(invoice.tenant, invoice.currency, Window(invoice.start, invoice.end), invoice.issued_at)
    grain: dict[str, Any]
    if line.subject_kind == CONTRACT:
        grain = {"ContractId": line.subject, "SkuId": line.item, "x_Kind": line.kind, "x_Tier": line.tier}
    else:
        price = str(amount(line.price_micros_per_card_hour))
        grain = {"ResourceId": line.subject, "SkuId": line.model, "x_PricePerCardHour": price}
    grain |= {"x_Start": line.start, "x_End": line.end}
    grain |= {"x_AdjustsInvoiceId": line.adjusts} if line.adjusts else {}
    return head | {
        "InvoiceId": invoice.id,
        "InvoiceDetailId": detail_id(invoice, number),
        "BilledCost": amount(line.amount_micros),
        "ChargeCategory": line_category(line),
        "InvoiceDetailDescription": line.description or line.subject,
        "InvoiceDetailGrain": msgspec.json.encode({key: one for key, one in grain.items() if one}).decode(),
    }


def billing_periods(used: Iterable[tuple[Window, datetime | None]], now: datetime, issuer: str) -> Tabular:
    """The Billing Period dataset. `used`: the period of each charge, and when its invoice was issued, if it was.

    A period comes to be with its first instant, and is closed once it is over and all its charges are on invoices.
    """
    periods: defaultdict[Window, list[datetime | None]] = defaultdict(list)
    for period, issued_at in used:
        periods[period].append(issued_at)
    rows = []
    for period, issued in sorted(periods.items(), key=lambda one: (one[0].start, one[0].end)):
        known = [one for one in issued if one is not None]
        closed = len(known) == len(issued) and period.end <= now
        rows.append(
            {
                "BillingPeriodCreated": period.start,
                "BillingPeriodEnd": period.end,
                "BillingPeriodLastUpdated": max([period.start, *known]),
                "BillingPeriodStart": period.start,
                "BillingPeriodStatus": "Closed" if closed else "Open",
                "InvoiceIssuerName": issuer,
            }
        )
    return Tabular(BILLING_PERIOD, [tuple(row[name] for name in BILLING_PERIOD) for row in rows])
