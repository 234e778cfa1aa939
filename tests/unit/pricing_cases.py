"""Books, contracts and facts for tests of statements."""

from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec

from penstock.base.money import MICROS_PER_UNIT
from penstock.base.window import Window
from penstock.billing.pricing.agreement import check_contract, parse_contract
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.check import parse_book
from penstock.billing.pricing.contract import Contract
from penstock.billing.pricing.facts import Entry
from penstock.billing.pricing.reading import Read

JANUARY = datetime(2025, 12, 31, 16, tzinfo=UTC)
"""The first of January 2026 in Shanghai."""


def at(text: str) -> datetime:
    """A time on the clocks of Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)


def window(start: str, end: str) -> Window:
    return Window(at(start), at(end))


def book(items: str, *, meters: str = "", taxes: str = "") -> PriceBook:
    """A price book of those items, in YAML's flow style."""
    text = f"price_book: b\ncurrency: CNY\nvalid_from: 2020-01-01\nmeters: [{meters}]\ntaxes: [{taxes}]\nitems: [{items}]"
    found = parse_book(text, "book.yaml")
    assert isinstance(found, PriceBook), found
    return found


def contract(terms: str, of: PriceBook, *, start: str = "2026-01-01", end: str = "2027-01-01") -> Contract:
    """A contract of tenant acme on those terms."""
    text = f"contract: c\ntenant: acme\nprice_book: b\nfrom: {start}\nuntil: {end}\n{terms}"
    found = parse_contract(text, "contract.yaml")
    assert isinstance(found, Read), found
    assert check_contract(found.value, found.places, of) == ()
    return found.value


def amounts(entries: Iterable[Entry]) -> dict[str, Fraction]:
    """What the entries come to, by kind."""
    found: dict[str, Fraction] = {}
    for entry in entries:
        found[entry.kind] = found.get(entry.kind, Fraction(0)) + entry.amount
    return found


def total(entries: Iterable[Entry]) -> Fraction:
    return sum((entry.amount for entry in entries), Fraction(0))


def yuan(amount_micros: int) -> Fraction:
    return Fraction(amount_micros, MICROS_PER_UNIT)


replace = msgspec.structs.replace
