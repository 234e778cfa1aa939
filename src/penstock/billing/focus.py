"""Charges in the FinOps Open Cost and Usage Specification, version 1.2.

Source: https://focus.finops.org/focus-specification/v1-2/. One row per charge line and per contract line at its exact
amount, one per tax on top of an invoice, one per invoice for what rounding its lines to fen left over, one per credit
note; so the rows of an invoice sum to it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from penstock.base.money import Micros
from penstock.base.window import Window
from penstock.billing.budget import month_of
from penstock.billing.export import Kind, Tabular, amount, card_hours, quantity
from penstock.billing.model import ChargeLine, CreditNote, Invoice, TaxLine
from penstock.billing.pricing.posting import ContractLine, exact

VERSION = "1.2"
COLUMNS: dict[str, Kind] = {
    "BilledCost": "amount",
    "BillingAccountId": "text",
    "BillingAccountName": "text",
    "BillingAccountType": "text",
    "BillingCurrency": "text",
    "BillingPeriodEnd": "instant",
    "BillingPeriodStart": "instant",
    "ChargeCategory": "text",
    "ChargeClass": "text",
    "ChargeDescription": "text",
    "ChargeFrequency": "text",
    "ChargePeriodEnd": "instant",
    "ChargePeriodStart": "instant",
    "CommitmentDiscountStatus": "text",
    "ConsumedQuantity": "quantity",
    "ConsumedUnit": "text",
    "ContractedCost": "amount",
    "ContractedUnitPrice": "amount",
    "EffectiveCost": "amount",
    "InvoiceId": "text",
    "InvoiceIssuerName": "text",
    "ListCost": "amount",
    "ListUnitPrice": "amount",
    "PricingCategory": "text",
    "PricingCurrency": "text",
    "PricingCurrencyContractedUnitPrice": "amount",
    "PricingCurrencyEffectiveCost": "amount",
    "PricingCurrencyListUnitPrice": "amount",
    "PricingQuantity": "quantity",
    "PricingUnit": "text",
    "ProviderName": "text",
    "PublisherName": "text",
    "RegionId": "text",
    "RegionName": "text",
    "ResourceId": "text",
    "ResourceName": "text",
    "ResourceType": "text",
    "ServiceCategory": "text",
    "ServiceName": "text",
    "ServiceSubcategory": "text",
    "SkuId": "text",
    "SkuMeter": "text",
    "SkuPriceDetails": "text",
    "SkuPriceId": "text",
    "SubAccountId": "text",
    "SubAccountName": "text",
    "SubAccountType": "text",
    "Tags": "text",
}
_UNIT = "Card-Hours"


def focus(
    lines: Iterable[ChargeLine],
    invoices: Iterable[Invoice],
    notes: Iterable[CreditNote],
    names: Mapping[str, str],
    provider: str,
    contract_lines: Iterable[ContractLine] = (),
) -> Tabular:
    """The rows of a tenant's or of all tenants' charges, with the tax of their invoices.

    `names`: tenant -> its name.
    """
    issued = {invoice.id: invoice for invoice in invoices}
    rows = [_line(one, issued.get(one.invoice or "")) for one in lines]
    rows += [
        _contract_line(one, issued.get(one.invoice or "")) for one in contract_lines if one.amount_micros
    ]
    rows += [_tax(invoice, tax) for invoice in issued.values() for tax in invoice.taxes if not tax.inclusive]
    rows += [_rounding(one) for one in issued.values() if one.rounding_micros]
    rows += [_credit(one, issued.get(one.invoice)) for one in notes]
    for row in rows:
        row["BillingAccountName"] = names.get(row["BillingAccountId"], row["BillingAccountId"])
        row["BillingAccountType"] = "Tenant"
        row.update(dict.fromkeys(("ProviderName", "PublisherName", "InvoiceIssuerName"), provider))
    return Tabular(COLUMNS, [tuple(row.get(name) for name in COLUMNS) for row in rows])


def _cost(micros: Micros) -> dict[str, Any]:
    names = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost", "PricingCurrencyEffectiveCost")
    return dict.fromkeys(names, amount(micros))


def _common(tenant: str, currency: str, period: Window, invoice: str | None) -> dict[str, Any]:
    return {
        "BillingAccountId": tenant,
        "BillingCurrency": currency,
        "PricingCurrency": currency,
        "BillingPeriodStart": period.start,
        "BillingPeriodEnd": period.end,
        "InvoiceId": invoice,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Accelerated computing",
        "ServiceSubcategory": "Other (AI and Machine Learning)",
    }


def _line(one: ChargeLine, invoice: Invoice | None) -> dict[str, Any]:
    period = month_of(one.start) if invoice is None else Window(invoice.start, invoice.end)
    hours, price = card_hours(one), amount(one.price_micros_per_card_hour)
    sku = f"{one.model}/{one.meter}"
    return {
        **_common(one.tenant, one.currency, period, one.invoice),
        **_cost(one.amount_micros),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{one.subject_kind} {one.subject} on {one.model}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": one.start,
        "ChargePeriodEnd": one.end,
        "ConsumedQuantity": hours,
        "ConsumedUnit": _UNIT,
        "ContractedUnitPrice": price,
        "ListUnitPrice": price,
        "PricingCurrencyContractedUnitPrice": price,
        "PricingCurrencyListUnitPrice": price,
        "PricingCategory": "Standard",
        "PricingQuantity": hours,
        "PricingUnit": _UNIT,
        "ResourceId": one.job or one.subject,
        "ResourceName": one.job or one.subject,
        "ResourceType": one.subject_kind.capitalize(),
        "SkuId": sku,
        "SkuMeter": one.meter,
        "SkuPriceId": f"{sku}/{one.price_micros_per_card_hour}",
        "SubAccountId": one.project,
        "SubAccountName": one.project,
        "SubAccountType": "Project" if one.project else None,
    }


def _contract_line(one: ContractLine, invoice: Invoice | None) -> dict[str, Any]:
    """A position of a contract: bought ahead, used, or given back."""
    period = month_of(one.start) if invoice is None else Window(invoice.start, invoice.end)
    category = "Purchase" if one.kind == "fee" else "Usage" if one.unit else "Adjustment"
    if one.kind in ("covered", "shortfall", "sla_credit", "discount"):
        category = "Credit"
    row = {
        **_common(one.tenant, one.currency, period, one.invoice),
        **_cost(one.amount_micros),
        "ChargeCategory": category,
        "ChargeDescription": f"{one.kind} {one.name or one.item}".strip(),
        "ChargeFrequency": {"Purchase": "Recurring", "Usage": "Usage-Based"}.get(category, "One-Time"),
        "ChargePeriodStart": one.start,
        "ChargePeriodEnd": one.end,
        "ResourceId": one.contract,
        "ResourceName": one.contract,
        "ResourceType": "Contract",
        "SkuId": one.item or None,
    }
    if category not in ("Purchase", "Usage"):
        return row
    units, price = quantity(exact(one.quantity)), quantity(exact(one.unit_price))
    row |= {"ContractedUnitPrice": price, "ListUnitPrice": price, "PricingCategory": "Standard"}
    row |= {"PricingQuantity": units, "PricingUnit": one.unit, "SkuPriceId": f"{one.item}/{one.unit_price}"}
    return row | ({"ConsumedQuantity": units, "ConsumedUnit": one.unit} if category == "Usage" else {})


def _tax(invoice: Invoice, tax: TaxLine) -> dict[str, Any]:
    return {
        **_common(invoice.tenant, invoice.currency, Window(invoice.start, invoice.end), invoice.id),
        **_cost(tax.amount_micros),
        "ChargeCategory": "Tax",
        "ChargeDescription": tax.name or tax.rule,
        "ChargeFrequency": "One-Time",
        "ChargePeriodStart": invoice.start,
        "ChargePeriodEnd": invoice.end,
    }


def _rounding(invoice: Invoice) -> dict[str, Any]:
    period = Window(invoice.start, invoice.end)
    return {
        **_common(invoice.tenant, invoice.currency, period, invoice.id),
        **_cost(invoice.rounding_micros),
        "ChargeCategory": "Adjustment",
        "ChargeDescription": "Rounding of invoice lines to fen",
        "ChargeFrequency": "One-Time",
        "ChargePeriodStart": invoice.start,
        "ChargePeriodEnd": invoice.end,
    }


def _credit(note: CreditNote, invoice: Invoice | None) -> dict[str, Any]:
    period = month_of(note.issued_at) if invoice is None else Window(invoice.start, invoice.end)
    return {
        **_common(note.tenant, note.currency, period, note.invoice),
        **_cost(-note.amount_micros),
        "ChargeCategory": "Credit",
        "ChargeDescription": note.reason,
        "ChargeFrequency": "One-Time",
        "ChargePeriodStart": period.start,
        "ChargePeriodEnd": period.end,
    }
