"""The rules of FOCUS 1.4 for each column of its four datasets, written from the specification's column pages.

Source: https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, `specification/datasets/*/columns/*.md` and
`specification/attributes/*.md`, version 1.4 (June 2026). Each rule is a MUST of the column or attribute named beside
it; SHOULDs are left out. Rows are those of the CSV: text, with an empty field for null.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

import msgspec

from penstock.billing.export import Tabular
from penstock.web.documents.tables import render_csv

type Row = dict[str, str]

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # DateTimeFormat
DECIMAL = re.compile(r"-?\d+(\.\d+)?")  # NumericFormat
CURRENCY = re.compile(r"[A-Z]{3}")  # CurrencyFormat: ISO 4217
UNIT = re.compile(
    r"[A-Z\u4e00-\u9fff][^\s-]*(-[A-Z\u4e00-\u9fff][^\s-]*)*"
)  # UnitFormat: parts joined by hyphens
CATEGORIES = {"Usage", "Purchase", "Tax", "Credit", "Adjustment"}
PRICED = (
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "PricingCategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
)

TEXT, NUMBER, DATE, JSON = "text", "number", "date", "json"
REQUIRED, NULLABLE = True, False
COST_AND_USAGE: dict[str, tuple[str, bool]] = {
    "BilledCost": (NUMBER, REQUIRED), "BillingAccountId": (TEXT, REQUIRED), "BillingAccountName": (TEXT, NULLABLE),
    "BillingAccountType": (TEXT, REQUIRED), "BillingCurrency": (TEXT, REQUIRED), "BillingPeriodEnd": (DATE, REQUIRED),
    "BillingPeriodStart": (DATE, REQUIRED), "ChargeCategory": (TEXT, REQUIRED), "ChargeClass": (TEXT, NULLABLE),
    "ChargeDescription": (TEXT, NULLABLE), "ChargeFrequency": (TEXT, REQUIRED), "ChargePeriodEnd": (DATE, REQUIRED),
    "ChargePeriodStart": (DATE, REQUIRED), "ConsumedQuantity": (NUMBER, NULLABLE), "ConsumedUnit": (TEXT, NULLABLE),
    "ContractApplied": (JSON, NULLABLE), "ContractedCost": (NUMBER, REQUIRED),
    "ContractedUnitPrice": (NUMBER, NULLABLE),
    "EffectiveCost": (NUMBER, REQUIRED), "HostProviderName": (TEXT, REQUIRED), "InvoiceDetailId": (TEXT, NULLABLE),
    "InvoiceId": (TEXT, NULLABLE), "InvoiceIssuerName": (TEXT, REQUIRED), "ListCost": (NUMBER, REQUIRED),
    "ListUnitPrice": (NUMBER, NULLABLE), "PricingCategory": (TEXT, NULLABLE), "PricingCurrency": (TEXT, REQUIRED),
    "PricingCurrencyContractedUnitPrice": (NUMBER, NULLABLE), "PricingCurrencyEffectiveCost": (NUMBER, REQUIRED),
    "PricingCurrencyListUnitPrice": (NUMBER, NULLABLE), "PricingQuantity": (NUMBER, NULLABLE),
    "PricingUnit": (TEXT, NULLABLE), "RegionId": (TEXT, NULLABLE), "RegionName": (TEXT, NULLABLE),
    "ResourceId": (TEXT, NULLABLE), "ResourceName": (TEXT, NULLABLE), "ResourceType": (TEXT, NULLABLE),
    "ServiceCategory": (TEXT, REQUIRED), "ServiceName": (TEXT, REQUIRED), "ServiceProviderName": (TEXT, REQUIRED),
    "ServiceSubcategory": (TEXT, REQUIRED), "SkuId": (TEXT, NULLABLE), "SkuMeter": (TEXT, NULLABLE),
    "SkuPriceDetails": (JSON, NULLABLE), "SkuPriceId": (TEXT, NULLABLE), "SubAccountId": (TEXT, NULLABLE),
    "SubAccountName": (TEXT, NULLABLE), "SubAccountType": (TEXT, NULLABLE), "Tags": (JSON, NULLABLE),
}  # fmt: skip
INVOICE_DETAIL: dict[str, tuple[str, bool]] = {
    "BilledCost": (NUMBER, REQUIRED), "BillingAccountId": (TEXT, REQUIRED), "BillingCurrency": (TEXT, REQUIRED),
    "BillingPeriodEnd": (DATE, REQUIRED), "BillingPeriodStart": (DATE, REQUIRED), "ChargeCategory": (TEXT, REQUIRED),
    "InvoiceDetailCreated": (DATE, REQUIRED), "InvoiceDetailDescription": (TEXT, NULLABLE),
    "InvoiceDetailGrain": (JSON, NULLABLE), "InvoiceDetailId": (TEXT, REQUIRED),
    "InvoiceDetailLastUpdated": (DATE, REQUIRED), "InvoiceId": (TEXT, REQUIRED), "InvoiceIssueDate": (DATE, NULLABLE),
    "InvoiceIssueStatus": (TEXT, REQUIRED), "InvoiceIssuerName": (TEXT, REQUIRED), "PaymentCurrency": (TEXT, REQUIRED),
    "PaymentCurrencyBilledCost": (NUMBER, REQUIRED), "PaymentCurrencyInvoiceDetailId": (TEXT, REQUIRED),
    "PaymentDueDate": (DATE, NULLABLE), "PaymentTerms": (TEXT, REQUIRED), "ReferenceInvoiceId": (TEXT, REQUIRED),
}  # fmt: skip
BILLING_PERIOD: dict[str, tuple[str, bool]] = {
    "BillingPeriodCreated": (DATE, REQUIRED), "BillingPeriodEnd": (DATE, REQUIRED),
    "BillingPeriodLastUpdated": (DATE, REQUIRED), "BillingPeriodStart": (DATE, REQUIRED),
    "BillingPeriodStatus": (TEXT, REQUIRED), "InvoiceIssuerName": (TEXT, REQUIRED),
}  # fmt: skip
CONTRACT_COMMITMENT: dict[str, tuple[str, bool]] = {
    "BillingCurrency": (TEXT, NULLABLE), "ContractCommitmentApplicability": (JSON, REQUIRED),
    "ContractCommitmentBenefitCategory": (TEXT, REQUIRED), "ContractCommitmentCategory": (TEXT, REQUIRED),
    "ContractCommitmentCost": (NUMBER, NULLABLE), "ContractCommitmentCreated": (DATE, REQUIRED),
    "ContractCommitmentDescription": (TEXT, NULLABLE), "ContractCommitmentDiscountPercentage": (NUMBER, NULLABLE),
    "ContractCommitmentDurationType": (TEXT, REQUIRED), "ContractCommitmentFulfillmentInterval": (TEXT, REQUIRED),
    "ContractCommitmentId": (TEXT, REQUIRED), "ContractCommitmentLastUpdated": (DATE, REQUIRED),
    "ContractCommitmentLifecycleStatus": (TEXT, REQUIRED), "ContractCommitmentModel": (TEXT, REQUIRED),
    "ContractCommitmentOfferCategory": (TEXT, REQUIRED), "ContractCommitmentPaymentInterval": (TEXT, REQUIRED),
    "ContractCommitmentPaymentModel": (TEXT, REQUIRED),
    "ContractCommitmentPaymentUpfrontPercentage": (NUMBER, REQUIRED),
    "ContractCommitmentPeriodEnd": (DATE, REQUIRED), "ContractCommitmentPeriodStart": (DATE, REQUIRED),
    "ContractCommitmentQuantity": (NUMBER, NULLABLE), "ContractCommitmentType": (TEXT, REQUIRED),
    "ContractCommitmentUnit": (TEXT, NULLABLE), "ContractId": (TEXT, REQUIRED), "ContractPeriodEnd": (DATE, REQUIRED),
    "ContractPeriodStart": (DATE, REQUIRED), "InvoiceIssuerName": (TEXT, REQUIRED),
    "ServiceProviderName": (TEXT, REQUIRED),
}  # fmt: skip
ALLOWED: dict[str, set[str]] = {
    "ChargeCategory": CATEGORIES,
    "ChargeClass": {"Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {"AI and Machine Learning"},
    "ServiceSubcategory": {"Other (AI and Machine Learning)"},
    "InvoiceIssueStatus": {"Open", "Issued", "Voided"},
    "BillingPeriodStatus": {"Open", "Closed"},
    "ContractCommitmentBenefitCategory": {"Discount", "Monetary Pool", "Availability", "Other"},
    "ContractCommitmentCategory": {"Spend", "Usage"},
    "ContractCommitmentFulfillmentInterval": {"Hourly", "Monthly", "Annual", "Full Commitment Period"},
    "ContractCommitmentLifecycleStatus": {
        "Pending",
        "Active",
        "Exhausted",
        "Expired",
        "Canceled",
        "Superseded",
    },
    "ContractCommitmentModel": {"Continuous", "Discontinuous"},
    "ContractCommitmentOfferCategory": {"Public", "Negotiated"},
    "ContractCommitmentPaymentInterval": {"One-Time", "Monthly", "Annual"},
    "ContractCommitmentPaymentModel": {"No Upfront", "Partial Upfront", "All Upfront"},
}
"""The values of the specification; of long lists, those that a centre can have."""


def rows_of(table: Tabular) -> list[Row]:
    """The rows as they leave the house."""
    return [*csv.DictReader(io.StringIO(render_csv(table).decode()))]


def broken(table: Tabular, columns: dict[str, tuple[str, bool]]) -> list[str]:
    """What of a dataset is against the rules for each column alone."""
    assert list(table.columns) == list(columns), "the specification's columns, in its order"
    assert not {"ProviderName", "PublisherName"} & {*table.columns}, "removed in 1.4"
    found = []
    for number, row in enumerate(rows_of(table)):
        for name, (kind, required) in columns.items():
            said = _column(name, row[name], kind, required=required)
            found += [f"row {number}: {name} {said}: {row}"] if said else []
    return found


def _column(name: str, value: str, kind: str, *, required: bool) -> str:
    if not value:
        return "is null" if required else ""
    if value in ("NULL", "null", "None") or value != value.strip():  # NullHandling, StringHandling
        return f"is {value!r}"
    match kind:
        case "number":
            fine = DECIMAL.fullmatch(value) is not None
        case "date":
            fine = INSTANT.fullmatch(value) is not None
        case "json":
            fine = isinstance(msgspec.json.decode(value), dict)
        case _:
            fine = True
    if name in ALLOWED:
        fine = fine and value in ALLOWED[name]
    if name.endswith("Currency"):
        fine = fine and CURRENCY.fullmatch(value) is not None
    if name in ("ConsumedUnit", "PricingUnit"):
        fine = fine and UNIT.fullmatch(value) is not None
    if name.endswith("Percentage"):
        fine = fine and 0 <= Decimal(value) <= 1
    return "" if fine else f"may not be {value!r}"


def _is_null(*names: str) -> Callable[[Row], bool]:
    return lambda row: not any(row[name] for name in names)


def _given(*names: str) -> Callable[[Row], bool]:
    return lambda row: all(row[name] for name in names)


def _category(*names: str) -> Callable[[Row], bool]:
    return lambda row: row["ChargeCategory"] in names


def _plain(row: Row) -> bool:
    return row["ChargeClass"] != "Correction"


def _product(row: Row, cost: str, price: str) -> bool:
    if not _plain(row):
        return True
    return abs(Decimal(row[cost]) - Decimal(row[price]) * Decimal(row["PricingQuantity"])) <= Decimal(
        "0.00001"
    )


def _elements(row: Row) -> bool:
    elements = msgspec.json.decode(row["ContractApplied"])["Elements"]
    assert len({one["ContractCommitmentId"] for one in elements}) == len(elements), "none twice"
    return all(one["ContractId"] and "ContractCommitmentAppliedCost" in one for one in elements)


RULES: tuple[tuple[str, Callable[[Row], bool], Callable[[Row], bool]], ...] = (
    (
        "BillingPeriodStart is before its end",
        lambda _: True,
        lambda r: r["BillingPeriodStart"] < r["BillingPeriodEnd"],
    ),
    (
        "ChargePeriodStart is not after its end",
        lambda _: True,
        lambda r: r["ChargePeriodStart"] <= r["ChargePeriodEnd"],
    ),
    (
        "ChargeFrequency is not Usage-Based for purchases",
        _category("Purchase"),
        lambda r: r["ChargeFrequency"] != "Usage-Based",
    ),
    (
        "ConsumedQuantity, ConsumedUnit of usage are given",
        lambda r: _plain(r) and r["ChargeCategory"] == "Usage",
        _given("ConsumedQuantity", "ConsumedUnit"),
    ),
    (
        "ConsumedQuantity, ConsumedUnit of all else are null",
        lambda r: _plain(r) and r["ChargeCategory"] != "Usage",
        _is_null("ConsumedQuantity", "ConsumedUnit"),
    ),
    (
        "ConsumedUnit is null where ConsumedQuantity is",
        _is_null("ConsumedQuantity"),
        _is_null("ConsumedUnit"),
    ),
    (
        "prices and quantities of usage and purchases are given",
        lambda r: _plain(r) and r["ChargeCategory"] in ("Usage", "Purchase"),
        _given(*PRICED),
    ),
    (
        "prices, quantities and SKUs of taxes are null",
        _category("Tax"),
        _is_null(*PRICED),
    ),
    (
        "ContractedCost is its unit price times quantity",
        _given("ContractedUnitPrice", "PricingQuantity"),
        lambda r: _product(r, "ContractedCost", "ContractedUnitPrice"),
    ),
    (
        "ListCost is its unit price times quantity",
        _given("ListUnitPrice", "PricingQuantity"),
        lambda r: _product(r, "ListCost", "ListUnitPrice"),
    ),
    (
        "unit prices are not negative",
        _given("ContractedUnitPrice", "ListUnitPrice"),
        lambda r: Decimal(r["ListUnitPrice"]) >= 0 or not _plain(r),
    ),
    (
        "the currency of prices is that of the bill",
        lambda _: True,
        lambda r: (
            r["PricingCurrency"] == r["BillingCurrency"]
            and r["PricingCurrencyEffectiveCost"] == r["EffectiveCost"]
        ),
    ),
    ("InvoiceDetailId is there with InvoiceId", _given("InvoiceId"), _given("InvoiceDetailId")),
    ("InvoiceDetailId is null without InvoiceId", _is_null("InvoiceId"), _is_null("InvoiceDetailId")),
    (
        "EffectiveCost is BilledCost where nothing covers or is covered",
        lambda r: r["ResourceType"] != "Contract",
        lambda r: r["EffectiveCost"] == r["BilledCost"],
    ),
    (
        "ResourceName and ResourceType are null without ResourceId",
        _is_null("ResourceId"),
        _is_null("ResourceName", "ResourceType"),
    ),
    (
        "SkuPriceId, SkuMeter, SkuPriceDetails are null without SkuId",
        _is_null("SkuId"),
        _is_null("SkuPriceId", "SkuMeter", "SkuPriceDetails"),
    ),
    (
        "SubAccountName and SubAccountType are null without SubAccountId",
        _is_null("SubAccountId"),
        _is_null("SubAccountName", "SubAccountType"),
    ),
    ("SubAccountType is given with SubAccountId", _given("SubAccountId"), _given("SubAccountType")),
    ("RegionName is null without RegionId", _is_null("RegionId"), _is_null("RegionName")),
    ("ContractApplied names contracts and commitments", _given("ContractApplied"), _elements),
)


def against_rules(table: Tabular) -> Iterator[str]:
    """What of the rows of Cost and Usage is against the rules between their columns."""
    rows = rows_of(table)
    for said, where, holds in RULES:
        yield from (f"{said}: {row}" for row in rows if where(row) and not holds(row))
    yield from _covering(rows)


def _covering(rows: Iterable[Row]) -> Iterator[str]:
    """Over purchases and what they cover, effective and billed costs are one sum."""
    sums: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        key = (row["ResourceId"], row["SkuId"], row["ChargePeriodStart"], row["InvoiceId"])
        sums[key] += Decimal(row["BilledCost"]) - Decimal(row["EffectiveCost"])
    yield from (f"EffectiveCost of {key} is off by {left}" for key, left in sums.items() if left)


def reconciled(usage: Tabular, detail: Tabular) -> None:
    """Each Invoice Detail record is the sum of the charges that name it, and the other way round."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows_of(usage):
        if row["InvoiceId"]:
            sums[row["InvoiceId"], row["InvoiceDetailId"]] += Decimal(row["BilledCost"])
    lines = {
        (row["InvoiceId"], row["InvoiceDetailId"]): Decimal(row["BilledCost"]) for row in rows_of(detail)
    }
    assert len(lines) == len(rows_of(detail)), "each id once"
    taxes = [
        {(row["InvoiceId"], row["InvoiceDetailId"]) for row in rows_of(one) if row["ChargeCategory"] == "Tax"}
        for one in (usage, detail)
    ]
    assert taxes[0] == taxes[1]
    assert {key: one for key, one in sums.items() if one} == {key: one for key, one in lines.items() if one}


def all_datasets(usage: Tabular, detail: Tabular, periods: Tabular, commitments: Tabular) -> None:
    """All four hold to the rules, and refer to each other as the specification says."""
    assert not broken(usage, COST_AND_USAGE)
    assert not broken(detail, INVOICE_DETAIL)
    assert not broken(periods, BILLING_PERIOD)
    assert not broken(commitments, CONTRACT_COMMITMENT)
    assert not [*against_rules(usage)]
    reconciled(usage, detail)
    known = {(row["BillingPeriodStart"], row["BillingPeriodEnd"]) for row in rows_of(periods)}
    assert known == {(row["BillingPeriodStart"], row["BillingPeriodEnd"]) for row in rows_of(usage)}
    named = {
        (one["ContractId"], one["ContractCommitmentId"])
        for row in rows_of(usage)
        if row["ContractApplied"]
        for one in msgspec.json.decode(row["ContractApplied"])["Elements"]
    }
    assert named <= {(row["ContractId"], row["ContractCommitmentId"]) for row in rows_of(commitments)}
    for row in rows_of(periods):
        assert row["BillingPeriodLastUpdated"] >= row["BillingPeriodCreated"]
    for row in rows_of(commitments):
        assert row["ContractCommitmentLastUpdated"] >= row["ContractCommitmentCreated"]
        upfront = Decimal(row["ContractCommitmentPaymentUpfrontPercentage"])
        assert (upfront == 0) == (row["ContractCommitmentPaymentModel"] == "No Upfront")
