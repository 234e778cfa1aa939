"""What other billing systems document as examples, charged by ours: the same amounts, to the micro.

Each row names the public page that states its amount. Amounts that a page rounds are compared after
rounding to the page's digits, and say so with `digits`.
"""

from fractions import Fraction

import msgspec
import pytest

from penstock.billing.pricing.book import UsageItem
from penstock.billing.pricing.charge import charge, packages, total
from penstock.billing.pricing.check import parse_book

STRIPE = "Stripe Docs, Set up tiered pricing (docs.stripe.com/subscriptions/pricing-models/tiered-pricing)"
STRIPE_OLD = "Stripe Docs, Tiered pricing (stripe.com/docs/billing/subscriptions/tiers)"
LAGO = "Lago docs, Charge models (getlago.com/docs/guide/plans/charges/charge-models)"
ORB = "Orb docs, Price configuration (docs.withorb.com/product-catalog/price-configuration)"
ORB_INVOICE = (
    "Orb docs, Invoice calculation examples (docs.withorb.com/invoicing/invoice-calculation-examples)"
)
ZUPLO = "Zuplo docs, Pricing models (zuplo.com/docs/articles/monetization/pricing-models)"
AUTUMN = (
    "Autumn docs, Graduated pricing (docs.useautumn.com/documentation/modelling-pricing/graduated-pricing)"
)
FLEXPRICE = "Flexprice docs, Tiered (docs.flexprice.io/docs/product-catalogue/plans/billing-models/tiered)"
FLEXPRICE_FLAT = (
    "Flexprice docs, Flat fee (docs.flexprice.io/docs/product-catalogue/plans/billing-models/flat-fee)"
)
ORACLE = "Oracle Banking Liquidity Management 14.7, 17.2.1.1 Examples for Tier Based Amount (docs.oracle.com)"
CHARGEBEE = "Chargebee docs, Package pricing (chargebee.com/docs/billing/2.0/product-catalog/package-pricing)"
CHARGEBEE_TIERS = "Chargebee, Tiered pricing use case (chargebee.com/usecase-guides/tiered-pricing)"
ZUORA = "Zuora docs, Example: Tiered pricing mode (docs.zuora.com, RatingDetail schema)"
LAMBDA = "AWS Lambda pricing, Example 1 (aws.amazon.com/lambda/pricing, as archived with 0.00001667 per GB-s)"
S3 = "Amazon S3 FAQs, S3 Express One Zone billing examples (aws.amazon.com/s3/faqs)"

FONTS = "tiers: [{up_to: 5, price: 7}, {up_to: 10, price: 6.5}, {price: 6}]"
FIVES = "tiers: [{up_to: 5, price: 5}, {up_to: 10, price: 4}, {up_to: 15, price: 3}, {up_to: 20, price: 2}, {price: 1}]"
SLABS = "tiers: [{up_to: 250, %s: %s}, {up_to: 500, %s: %s}, {%s: %s}]"
PER_UNIT = SLABS % ("price", 1, "price", 2, "price", 3)
BY_SLAB = SLABS % ("flat", 10, "flat", 20, "flat", 30)
CALLS = "tiers: [{up_to: 1000, price: 0.10}, {up_to: 10000, price: 0.05}, {price: 0.01}]"
LAGO_SHARE = "tiers: [{up_to: 1000, price: 1%, flat: 200}, {up_to: 10000, price: 2%, flat: 300}, {price: 3%, flat: 400}]"
LAGO_VOLUME = (
    "tiers: [{up_to: 10000, price: 0.0010, flat: 10}, {up_to: 50000, price: 0.0008, flat: 10},"
    " {up_to: 100000, price: 0.0006, flat: 10}, {price: 0.0004, flat: 10}]"
)
SERVERS = "tiers: [{up_to: 20, price: 15}, {up_to: 25, price: 10}, {up_to: 30, price: 8}, {price: 5}]"
FLEX = "tiers: [{up_to: 10000, price: 1.00, package: 1000}, {up_to: 50000, price: 0.0008}, {price: 0.0006}]"

DOCUMENTED = [
    # source, terms, quantity, amount
    (STRIPE, f"charge: volume, {FONTS}", "1", "7"),
    (STRIPE, f"charge: volume, {FONTS}", "5", "35"),
    (STRIPE, f"charge: volume, {FONTS}", "6", "39"),
    (STRIPE, f"charge: volume, {FONTS}", "20", "120"),
    (STRIPE, f"charge: volume, {FONTS}", "25", "150"),
    (STRIPE, f"charge: graduated, {FONTS}", "5", "35"),
    (STRIPE_OLD, "charge: flat, price: 5", "1", "5"),
    (STRIPE_OLD, "charge: flat, price: 5", "5", "25"),
    (STRIPE_OLD, "charge: flat, price: 5", "6", "30"),
    (STRIPE_OLD, "charge: flat, price: 5", "20", "100"),
    (STRIPE_OLD, "charge: flat, price: 5", "25", "125"),
    (STRIPE_OLD, f"charge: volume, {FIVES}", "1", "5"),
    (STRIPE_OLD, f"charge: volume, {FIVES}", "5", "25"),
    (STRIPE_OLD, f"charge: volume, {FIVES}", "6", "24"),
    (STRIPE_OLD, f"charge: volume, {FIVES}", "20", "40"),
    (STRIPE_OLD, f"charge: volume, {FIVES}", "25", "25"),
    (STRIPE_OLD, f"charge: graduated, {FIVES}", "6", "29"),
    (LAGO, "charge: flat, price: 0.05", "1000", "50"),
    (LAGO, "charge: package, package: 100, price: 5, included: 100", "201", "10"),
    (LAGO, "charge: package, package: 100, price: 5, included: 100", "100", "0"),
    (LAGO, f"charge: volume, {LAGO_VOLUME}", "65000", "49"),
    (LAGO, f"charge: graduated, {LAGO_SHARE}", "500", "205"),
    (LAGO, f"charge: graduated, {LAGO_SHARE}", "1050", "511"),  # 205 + 306: the second transaction
    (LAGO, f"charge: graduated, {LAGO_SHARE}", "5050", "591"),  # and 80: the third
    (ORB, "charge: volume, tiers: [{up_to: 10, price: 0.50}, {price: 0.40}]", "10", "5.00"),
    (ORB, "charge: volume, tiers: [{up_to: 10, price: 0.50}, {price: 0.40}]", "101", "40.40"),
    (
        ORB_INVOICE,
        "charge: graduated, tiers: [{up_to: 10000, price: 0.001}, {up_to: 100000, price: 0.0008}, {price: 0.0005}]",
        "150000",
        "107",
    ),
    (ZUPLO, "charge: flat, price: 0.001", "100000", "100"),
    (ZUPLO, f"charge: graduated, {CALLS}", "15000", "600"),
    (ZUPLO, f"charge: volume, {CALLS}", "15000", "150"),
    (
        AUTUMN,
        "charge: graduated, tiers: [{up_to: 1000, price: 0.01}, {up_to: 10000, price: 0.008}, {price: 0.005}]",
        "15000",
        "107",
    ),
    (FLEXPRICE, f"charge: volume, {FLEX}", "65000", "39"),
    (FLEXPRICE, f"charge: volume, {FLEX}", "4500", "5"),
    (FLEXPRICE_FLAT, "charge: flat, price: 0.05", "1000", "50"),
    (ORACLE, f"charge: graduated, {BY_SLAB}", "1000", "60"),
    (ORACLE, f"charge: graduated, {PER_UNIT}", "1000", "2250"),
    (ORACLE, f"charge: stairstep, {BY_SLAB}", "1000", "30"),
    (ORACLE, f"charge: volume, {PER_UNIT}", "1000", "3000"),
    (CHARGEBEE, "charge: package, package: 1000000, price: 1.25", "10", "1.25"),
    (CHARGEBEE, "charge: package, package: 1000000, price: 1.25", "1000000", "1.25"),
    (CHARGEBEE, "charge: package, package: 1000000, price: 1.25", "1500000", "2.50"),
    (CHARGEBEE_TIERS, f"charge: graduated, {SERVERS}", "10", "150"),
    (ZUORA, "charge: graduated, included: 100, tiers: [{price: 2}]", "130", "60"),
    (LAMBDA, "charge: flat, price: 0.0000002, included: 1000000", "3000000", "0.40"),
    (S3, "charge: flat, price: 0.11", "10", "1.10"),
    (S3, "charge: flat, price: 0.00000113", "1000000", "1.13"),
    (S3, "charge: flat, price: 0.00000003", "9000000", "0.27"),
]
"""The amount is the page's own figure."""

ROUNDED = [
    (LAMBDA, "charge: flat, price: 0.00001667, included: 400000", "1500000", "18.34", 2),
    (S3, "charge: flat, price: 0.11", "3303.77", "363.41", 2),
    (S3, "charge: flat, price: 0.00000113", "157286400", "177.73", 2),
    (S3, "charge: flat, price: 0.00000003", "314572800", "9.44", 2),
]


def item(terms: str) -> UsageItem:
    """A usage item on those terms, read as a price book would be."""
    text = (
        "price_book: t\ncurrency: USD\nvalid_from: 2026-01-01\nmeters: [{id: m, unit: unit, aggregation: sum, value: n}]\n"
        f"items: [{{id: i, mode: usage, meter: m, {terms}}}]"
    )
    book = parse_book(text, "book.yaml")
    assert not isinstance(book, tuple), book
    found = book.items[0]
    assert isinstance(found, UsageItem)
    return found


def test_at_least_forty_amounts_are_documented_by_others() -> None:
    assert len(DOCUMENTED) + len(ROUNDED) >= 40
    assert len({row[0] for row in (*DOCUMENTED, *ROUNDED)}) >= 10


@pytest.mark.parametrize(("source", "terms", "quantity", "amount"), DOCUMENTED)
def test_documented_amount(source: str, terms: str, quantity: str, amount: str) -> None:
    assert total(charge(item(terms), Fraction(quantity))) == Fraction(amount), source


@pytest.mark.parametrize(("source", "terms", "quantity", "amount", "digits"), ROUNDED)
def test_documented_amount_rounded(source: str, terms: str, quantity: str, amount: str, digits: int) -> None:
    exact = total(charge(item(terms), Fraction(quantity)))
    assert round(exact, digits) == Fraction(amount), source


EDGES = [
    # what is at stake, terms, quantity, events, amount
    ("nothing used costs nothing", f"charge: graduated, {LAGO_SHARE}", "0", 0, "0"),
    ("a tier holds its upper end", f"charge: graduated, {FONTS}", "10", 0, "67.5"),
    ("a fraction past the end is in the next tier", f"charge: graduated, {FONTS}", "10.5", 0, "70.5"),
    ("between whole units the next volume tier holds", f"charge: volume, {FONTS}", "5.5", 0, "35.75"),
    ("what is included is free", "charge: flat, price: 2, included: 10", "10", 0, "0"),
    ("and what is over is not", "charge: flat, price: 2, included: 10", "10.25", 0, "0.5"),
    ("one more than a package starts another", "charge: package, package: 10, price: 3", "11", 0, "6"),
    ("a full package starts no other", "charge: package, package: 10, price: 3", "10", 0, "3"),
    (
        "a share and a fee per event",
        "charge: percentage, rate: 1.2%, per_event: 0.1, free_events: 3",
        "500",
        5,
        "6.2",
    ),
    (
        "free events cost no fee",
        "charge: percentage, rate: 1.2%, per_event: 0.1, free_events: 3",
        "500",
        3,
        "6",
    ),
    ("a minimum is charged without use", "charge: flat, price: 1, minimum: 50", "0", 0, "50"),
    ("a minimum is not added to what is above it", "charge: flat, price: 1, minimum: 50", "60", 0, "60"),
    ("a maximum caps", "charge: flat, price: 1, maximum: 50", "60", 0, "50"),
    ("a stair has one amount", f"charge: stairstep, {BY_SLAB}", "251", 0, "20"),
    ("its first stair begins with the first unit", f"charge: stairstep, {BY_SLAB}", "0.001", 0, "10"),
    (
        "packages inside graduated tiers",
        "charge: graduated, tiers: [{up_to: 10, price: 1, package: 4}, {price: 2}]",
        "12",
        0,
        "7",
    ),
    ("thirds are exact", "charge: flat, price: 1/3", "3", 0, "1"),
]


@pytest.mark.parametrize(("what", "terms", "quantity", "events", "amount"), EDGES)
def test_edge(what: str, terms: str, quantity: str, events: int, amount: str) -> None:
    assert total(charge(item(terms), Fraction(quantity), events)) == Fraction(amount), what


def test_parts_say_which_tier_was_hit() -> None:
    hits = charge(item(f"charge: graduated, included: 2, {FONTS}"), Fraction(9))
    assert [(hit.tier, hit.quantity, hit.amount) for hit in hits] == [(0, 2, 0), (1, 5, 35), (2, 2, 13)]
    assert sum(hit.quantity for hit in hits) == 9


def test_packages_are_counted_when_they_are_started() -> None:
    assert [packages(Fraction(text), Fraction(10)) for text in ("0", "0.1", "10", "10.1")] == [0, 1, 1, 2]


def test_the_struct_has_no_field_that_no_model_reads() -> None:
    read = {"id", "name", "meter", "charge", "where", "included", "minimum", "maximum"}
    models = {"price", "package", "rate", "per_event", "free_events", "tiers"}
    assert {field.name for field in msgspec.structs.fields(UsageItem)} == read | models
