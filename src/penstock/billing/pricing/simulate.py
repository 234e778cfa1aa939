"""A past period under another price book: what would have been charged, beside what was. Nothing is touched."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from penstock.base.money import Micros
from penstock.base.window import Window
from penstock.billing.model import ChargeLine, UsageEvent
from penstock.billing.pricing.book import HourlyItem, PriceBook
from penstock.billing.pricing.exact import to_micros
from penstock.billing.pricing.facts import Entry
from penstock.billing.pricing.hourly import terms
from penstock.billing.rate import rate


class PriceDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One position before and after; `after` None: the other book has no price for it."""

    mode: str
    item: str
    kind: str
    before_micros: Micros
    after_micros: Micros | None

    @property
    def difference_micros(self) -> Micros:
        """After less before."""
        return (self.after_micros or 0) - self.before_micros


class DifferenceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What another book changes of a tenant's period."""

    tenant: str
    start: str
    end: str
    price_book: str
    currency: str
    differences: tuple[PriceDifference, ...]
    before_micros: Micros
    after_micros: Micros


def hourly_differences(
    book: PriceBook, events: Iterable[UsageEvent], lines: Iterable[ChargeLine]
) -> list[PriceDifference]:
    """Card time per model: as it was charged, and as the book's hourly items would charge it."""
    items = {item.model: item for item in book.items if isinstance(item, HourlyItem)}
    before: defaultdict[str, Micros] = defaultdict(int)
    after: defaultdict[str, Micros] = defaultdict(int)
    for line in lines:
        before[line.model] += line.amount_micros
    agreed = {model: terms(book, item) for model, item in items.items()}
    for event in events:
        if event.model in agreed:
            after[event.model] += rate(event, agreed[event.model]).amount_micros
    return [
        PriceDifference(
            mode="hourly",
            item=model,
            kind="unit",
            before_micros=before.get(model, 0),
            after_micros=after.get(model, 0) if model in items else None,
        )
        for model in sorted({*before, *after})
    ]


def statement_differences(
    before: Iterable[Entry], after: Iterable[Entry], window: Window
) -> list[PriceDifference]:
    """The positions of two statements whose middle is in the window, by mode, item and kind.

    So a month of one zone holds the positions of that month of another, and windows in a row hold each once.
    """
    old, new = _sums(before, window), _sums(after, window)
    return [
        PriceDifference(
            mode=place[0],
            item=place[1],
            kind=place[2],
            before_micros=to_micros(old.get(place, Fraction(0))),
            after_micros=to_micros(new.get(place, Fraction(0))),
        )
        for place in sorted({*old, *new})
    ]


def _sums(entries: Iterable[Entry], window: Window) -> Mapping[tuple[str, str, str], Fraction]:
    sums: defaultdict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for entry in entries:
        middle = entry.window.start + (entry.window.end - entry.window.start) / 2
        if window.contains(middle):
            sums[entry.mode, entry.item, entry.kind] += entry.amount
    return sums


def difference_document(
    tenant: str, window: Window, book: PriceBook, differences: Iterable[PriceDifference]
) -> DifferenceDocument:
    """The differences of a period with their sums."""
    found = tuple(one for one in differences if one.before_micros or one.after_micros)
    return DifferenceDocument(
        tenant=tenant,
        start=window.start.isoformat(),
        end=window.end.isoformat(),
        price_book=book.id,
        currency=book.currency,
        differences=found,
        before_micros=sum(one.before_micros for one in found),
        after_micros=sum(one.after_micros or 0 for one in found),
    )
