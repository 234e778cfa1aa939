"""The columns of the four datasets of FOCUS 1.4, each in the order of the specification.

Source: https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, `specification/datasets`, version 1.4 of
June 2026.
Conditional columns are there where a centre has what they are about: it has no availability zones, capacity
reservations apart from leases, commitment discounts or programmes, split costs, or second currencies.
"""

from penstock.billing.export import Kind

VERSION = "1.4"
COST_AND_USAGE: dict[str, Kind] = {
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
    "ConsumedQuantity": "quantity",
    "ConsumedUnit": "text",
    "ContractApplied": "text",
    "ContractedCost": "amount",
    "ContractedUnitPrice": "quantity",
    "EffectiveCost": "amount",
    "HostProviderName": "text",
    "InvoiceDetailId": "text",
    "InvoiceId": "text",
    "InvoiceIssuerName": "text",
    "ListCost": "amount",
    "ListUnitPrice": "quantity",
    "PricingCategory": "text",
    "PricingCurrency": "text",
    "PricingCurrencyContractedUnitPrice": "quantity",
    "PricingCurrencyEffectiveCost": "amount",
    "PricingCurrencyListUnitPrice": "quantity",
    "PricingQuantity": "quantity",
    "PricingUnit": "text",
    "RegionId": "text",
    "RegionName": "text",
    "ResourceId": "text",
    "ResourceName": "text",
    "ResourceType": "text",
    "ServiceCategory": "text",
    "ServiceName": "text",
    "ServiceProviderName": "text",
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
INVOICE_DETAIL: dict[str, Kind] = {
    "BilledCost": "amount",
    "BillingAccountId": "text",
    "BillingCurrency": "text",
    "BillingPeriodEnd": "instant",
    "BillingPeriodStart": "instant",
    "ChargeCategory": "text",
    "InvoiceDetailCreated": "instant",
    "InvoiceDetailDescription": "text",
    "InvoiceDetailGrain": "text",
    "InvoiceDetailId": "text",
    "InvoiceDetailLastUpdated": "instant",
    "InvoiceId": "text",
    "InvoiceIssueDate": "instant",
    "InvoiceIssueStatus": "text",
    "InvoiceIssuerName": "text",
    "PaymentCurrency": "text",
    "PaymentCurrencyBilledCost": "amount",
    "PaymentCurrencyInvoiceDetailId": "text",
    "PaymentDueDate": "instant",
    "PaymentTerms": "text",
    "ReferenceInvoiceId": "text",
}
BILLING_PERIOD: dict[str, Kind] = {
    "BillingPeriodCreated": "instant",
    "BillingPeriodEnd": "instant",
    "BillingPeriodLastUpdated": "instant",
    "BillingPeriodStart": "instant",
    "BillingPeriodStatus": "text",
    "InvoiceIssuerName": "text",
}
CONTRACT_COMMITMENT: dict[str, Kind] = {
    "BillingCurrency": "text",
    "ContractCommitmentApplicability": "text",
    "ContractCommitmentBenefitCategory": "text",
    "ContractCommitmentCategory": "text",
    "ContractCommitmentCost": "amount",
    "ContractCommitmentCreated": "instant",
    "ContractCommitmentDescription": "text",
    "ContractCommitmentDiscountPercentage": "quantity",
    "ContractCommitmentDurationType": "text",
    "ContractCommitmentFulfillmentInterval": "text",
    "ContractCommitmentId": "text",
    "ContractCommitmentLastUpdated": "instant",
    "ContractCommitmentLifecycleStatus": "text",
    "ContractCommitmentModel": "text",
    "ContractCommitmentOfferCategory": "text",
    "ContractCommitmentPaymentInterval": "text",
    "ContractCommitmentPaymentModel": "text",
    "ContractCommitmentPaymentUpfrontPercentage": "quantity",
    "ContractCommitmentPeriodEnd": "instant",
    "ContractCommitmentPeriodStart": "instant",
    "ContractCommitmentQuantity": "quantity",
    "ContractCommitmentType": "text",
    "ContractCommitmentUnit": "text",
    "ContractId": "text",
    "ContractPeriodEnd": "instant",
    "ContractPeriodStart": "instant",
    "InvoiceIssuerName": "text",
    "ServiceProviderName": "text",
}
_DATA_SIZES = {f"{prefix}{unit}" for prefix in ("", "K", "M", "G", "T", "P", "E") for unit in ("b", "B")}
_DATA_SIZES |= {f"{prefix}i{unit}" for prefix in ("K", "M", "G", "T", "P", "E") for unit in ("b", "B")}


def unit_text(unit: str) -> str:
    """A unit in FOCUS's form: `token` is `Tokens`, `card-hour` is `Card-Hours`, `GB-month` is `GB-Months`."""
    *firsts, last = unit.split("-")
    words = [*map(_capital, firsts), _plural(_capital(last))]
    return "-".join(words)


def _capital(word: str) -> str:
    return word if word in _DATA_SIZES else word[:1].upper() + word[1:]


def _plural(word: str) -> str:
    kept = word in _DATA_SIZES or not word.isascii() or word.endswith("s") or not word
    return word if kept else f"{word}s"
