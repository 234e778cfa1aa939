"""The Cost and Usage dataset: one row per charge line and per contract line at its exact amount, one per line of an
invoice for what rounding it to fen left over, one per tax on top, one per credit note.

So the rows of an invoice sum to it, and those of each of its lines to the line. What a package's fee covers is not
known charge by charge: its whole cost is effective in one row of usage over the fee's time, beside its purchase.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

import msgspec

from penstock.base.money import Micros
from penstock.base.window import Window
from penstock.billing.export import Tabular, amount, card_hours, quantity
from penstock.billing.focus.columns import COST_AND_USAGE, unit_text
from penstock.billing.focus.commitments import Agreed, applied, counted
from penstock.billing.focus.details import (
    Placed,
    Placing,
    detail_id,
    note_id,
    note_period,
    open_period,
    position_category,
    tax_id,
)
from penstock.billing.model import ChargeLine, CreditNote, Invoice
from penstock.billing.pricing.posting import ContractLine, exact

_CARD_HOURS = unit_text("card-hour")
_FREQUENCY = {"Purchase": "Recurring", "Usage": "Usage-Based"}
type Row = dict[str, Any]


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows are made of. All contract lines of the invoices are needed to know which line each is part of."""

    lines: Sequence[ChargeLine]
    contract_lines: Sequence[ContractLine]
    invoices: Sequence[Invoice]
    notes: Sequence[CreditNote]
    commitments: Sequence[Agreed]


class FocusRow(msgspec.Struct, frozen=True):
    """A row, and when the document that it is on was issued; None before that."""

    row: Row
    issued_at: datetime | None


def cost_and_usage(rows: Iterable[FocusRow], names: Mapping[str, str], provider: str) -> Tabular:
    """The dataset as a table. `names`: tenant -> its name."""
    found = []
    for one in rows:
        row = one.row
        row["BillingAccountName"] = names.get(row["BillingAccountId"], row["BillingAccountId"])
        parties = ("HostProviderName", "InvoiceIssuerName", "ServiceProviderName")
        row |= dict.fromkeys(parties, provider)
        found.append(tuple(row.get(name) for name in COST_AND_USAGE))
    return Tabular(COST_AND_USAGE, found)


def charge_rows(books: Books, start: datetime | None = None, end: datetime | None = None) -> list[FocusRow]:
    """The rows whose charge period touches the time."""
    making = _Making(books)
    rows = [making.hourly(line) for line in books.lines]
    for line in books.contract_lines:
        rows += making.position(line) if line.amount_micros else []
    for invoice in books.invoices:
        rows += [*_taxes(invoice), *_roundings(invoice)]
    rows += [_credit(note, making.placing.invoices.get(note.invoice)) for note in books.notes]
    return [
        one
        for one in rows
        if (start is None or one.row["ChargePeriodEnd"] > start)
        and (end is None or one.row["ChargePeriodStart"] < end)
    ]


class _Making:
    """What one row needs to know of the others."""

    def __init__(self, books: Books) -> None:
        self.placing = Placing(books.invoices, books.contract_lines)
        self.commitments = books.commitments
        self.billed: defaultdict[str, list[Window]] = defaultdict(list)
        for one in books.invoices:
            self.billed[one.tenant].append(Window(one.start, one.end))

    def hourly(self, line: ChargeLine) -> FocusRow:
        """Card time, at the price of its hour."""
        hours, price = card_hours(line), quantity(Fraction(line.price_micros_per_card_hour, 10**6))
        sku = f"{line.model}/{line.meter}"
        row = {
            **_cost(line.amount_micros),
            **_priced(hours, _CARD_HOURS, price),
            "ChargeCategory": "Usage",
            "ChargeDescription": f"{line.subject_kind} {line.subject} on {line.model}",
            "ChargeFrequency": "Usage-Based",
            "ConsumedQuantity": hours,
            "ConsumedUnit": _CARD_HOURS,
            "ResourceId": line.job or line.subject,
            "ResourceName": line.job or line.subject,
            "ResourceType": line.subject_kind.capitalize(),
            "SkuId": sku,
            "SkuMeter": line.meter,
            "SkuPriceId": f"{sku}/{line.price_micros_per_card_hour}",
            "SubAccountId": line.project,
            "SubAccountName": line.project,
            "SubAccountType": "Project" if line.project else None,
        }
        return self._whole(line, row)

    def position(self, line: ContractLine) -> list[FocusRow]:
        """A position of a contract: bought ahead, used, or given back."""
        category = position_category(line.kind, line.unit)
        row = {
            **_cost(line.amount_micros),
            "ChargeCategory": category,
            "ChargeDescription": f"{line.kind} {line.name or line.item}".strip(),
            "ChargeFrequency": _FREQUENCY.get(category, "One-Time"),
            "ResourceId": line.contract,
            "ResourceName": line.contract,
            "ResourceType": "Contract",
        }
        if line.item:
            row |= {"SkuId": line.item, "SkuMeter": line.unit or line.kind}
        if category in ("Purchase", "Usage"):
            row |= _position_price(line) | {"SkuPriceId": f"{line.item}/{line.unit_price}"}
        used = {"ConsumedQuantity": quantity(exact(line.quantity)), "ConsumedUnit": unit_text(line.unit)}
        if category == "Usage":
            row |= used
        if category != "Purchase" or line.mode != "package":
            return [self._whole(line, row)]
        nothing, all_of_it = amount(0), amount(line.amount_micros)
        bought = row | dict.fromkeys(("EffectiveCost", "PricingCurrencyEffectiveCost"), nothing)
        covered = row | used | {"BilledCost": nothing, "EffectiveCost": all_of_it}
        covered |= {"ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based"}
        covered |= {"ChargeDescription": f"what the fee covers: {line.name or line.item}"}
        return [self._whole(line, bought), self._whole(line, covered, counts=False)]

    def _whole(self, line: ChargeLine | ContractLine, row: Row, *, counts: bool = True) -> FocusRow:
        placed = self.placing.of(line)
        invoice = self.placing.invoices.get(line.invoice or "")
        names = counted(line, self.commitments) if counts else []
        head = _head(line.tenant, line.currency, self._period(line, invoice))
        head |= {
            "ChargeClass": "Correction" if self._corrects(line, placed) else None,
            "ChargePeriodStart": line.start,
            "ChargePeriodEnd": line.end,
            "ContractApplied": applied(names, line.amount_micros),
            "InvoiceDetailId": placed.id if placed else None,
            "InvoiceId": line.invoice,
        }
        return FocusRow(head | row, invoice.issued_at if invoice else None)

    def _period(self, line: ChargeLine | ContractLine, invoice: Invoice | None) -> Window:
        if invoice is not None:
            return Window(invoice.start, invoice.end)
        billed = [one.end for one in self.billed[line.tenant]]
        return open_period(line.start, max(billed, default=None))

    def _corrects(self, line: ChargeLine | ContractLine, placed: Placed | None) -> bool:
        """Whether it is about the time of an earlier invoice."""
        if placed is not None:
            return bool(placed.adjusts)
        return any(one.start <= line.start and line.end <= one.end for one in self.billed[line.tenant])


def _head(tenant: str, currency: str, period: Window) -> Row:
    return {
        "BillingAccountId": tenant,
        "BillingAccountType": "Tenant",
        "BillingCurrency": currency,
        "BillingPeriodStart": period.start,
        "BillingPeriodEnd": period.end,
        "PricingCurrency": currency,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Accelerated computing",
        "ServiceSubcategory": "Other (AI and Machine Learning)",
    }


def _cost(micros: Micros) -> Row:
    names = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost", "PricingCurrencyEffectiveCost")
    return dict.fromkeys(names, amount(micros))


def _priced(units: Any, unit: str, price: Any) -> Row:
    names = ("ContractedUnitPrice", "ListUnitPrice")
    prices = dict.fromkeys([*names, *(f"PricingCurrency{name}" for name in names)], price)
    return prices | {"PricingCategory": "Standard", "PricingQuantity": units, "PricingUnit": unit}


def _position_price(line: ContractLine) -> Row:
    """Units at their price; what is no product of the two (a step, a flat part) is one unit at its amount."""
    units, price = exact(line.quantity), exact(line.unit_price)
    if abs(units * price * 10**6 - line.amount_micros) <= 1:
        return _priced(quantity(units), unit_text(line.unit), quantity(price))
    return _priced(quantity(Fraction(1)), "Units", quantity(Fraction(line.amount_micros, 10**6)))


def _of_invoice(invoice: Invoice, detail: str, micros: Micros, **said: str) -> FocusRow:
    period = Window(invoice.start, invoice.end)
    row = _head(invoice.tenant, invoice.currency, period) | _cost(micros) | said
    row |= {"InvoiceId": invoice.id, "InvoiceDetailId": detail, "ChargeFrequency": "One-Time"}
    return FocusRow(
        row | {"ChargePeriodStart": period.start, "ChargePeriodEnd": period.end}, invoice.issued_at
    )


def _taxes(invoice: Invoice) -> Iterable[FocusRow]:
    on_top = (tax for tax in invoice.taxes if not tax.inclusive)
    for number, tax in enumerate(on_top, 1):
        said = {"ChargeCategory": "Tax", "ChargeDescription": tax.name or tax.rule}
        yield _of_invoice(invoice, tax_id(invoice, number), tax.amount_micros, **said)


def _roundings(invoice: Invoice) -> Iterable[FocusRow]:
    said = {"ChargeCategory": "Adjustment", "ChargeDescription": "Rounding of the invoice's line to fen"}
    for number, line in enumerate(invoice.lines, 1):
        left = line.amount_micros - line.exact_micros
        if left:
            yield _of_invoice(invoice, detail_id(invoice, number), left, **said)


def _credit(note: CreditNote, invoice: Invoice | None) -> FocusRow:
    period = note_period(note, invoice)
    about = period if invoice is None else Window(invoice.start, invoice.end)
    row = _head(note.tenant, note.currency, period) | _cost(-note.amount_micros)
    row |= {
        "ChargeCategory": "Credit",
        "ChargeClass": "Correction",
        "ChargeDescription": note.reason,
        "ChargeFrequency": "One-Time",
        "ChargePeriodStart": about.start,
        "ChargePeriodEnd": about.end,
        "InvoiceId": note.id,
        "InvoiceDetailId": note_id(note),
    }
    return FocusRow(row, note.issued_at)
