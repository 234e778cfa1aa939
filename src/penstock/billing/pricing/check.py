"""What no price book may say: gaps and overlaps in tiers or hours, other currencies, meters nobody declared."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction

import msgspec

from penstock.base.ids import check_id
from penstock.base.money import AMOUNT_MAX_MICROS, CURRENCIES, MICROS_PER_UNIT
from penstock.base.refusal import Refusal, invalid
from penstock.billing.metering.model import check_meter
from penstock.billing.pricing.book import (
    ComputeItem,
    HourlyItem,
    Item,
    PackageItem,
    PriceBook,
    TaxRule,
    Tier,
    UsageItem,
    mode_of,
)
from penstock.billing.pricing.exact import amount_out_of_range
from penstock.billing.pricing.reading import Places, Read, read_document, zone_of
from penstock.fleet.accelerators import Catalogue

DAY_MINUTES = 24 * 60
_BELONGS: dict[str, frozenset[str]] = {
    "flat": frozenset({"price"}),
    "package": frozenset({"price", "package"}),
    "percentage": frozenset({"rate", "per_event", "free_events"}),
    "graduated": frozenset({"tiers"}),
    "volume": frozenset({"tiers"}),
    "stairstep": frozenset({"tiers"}),
}
_NEEDED = {"flat": ("price",), "package": ("price", "package"), "percentage": ("rate",)}


def parse_book(
    content: str | bytes, filename: str, catalogue: Catalogue | None = None
) -> PriceBook | tuple[Refusal, ...]:
    """The price book of a YAML or JSON text, or every mistake in it at `filename:line:column`."""
    found = read_document(content, PriceBook, filename)
    if not isinstance(found, Read):
        return found
    refusals = tuple(check_book(found.value, found.places, catalogue))
    return refusals or found.value


def check_book(book: PriceBook, places: Places, catalogue: Catalogue | None) -> Iterator[Refusal]:
    """Every rule that types cannot say."""
    yield from _ids(book, places)
    if book.currency not in CURRENCIES:
        yield invalid(
            "currency_unknown",
            f"{book.currency[:10]!r} is no currency here",
            f"choose from {', '.join(CURRENCIES)}",
            places.of("currency"),
        )
    if zone_of(book.zone) is None:
        yield invalid(
            "zone_unknown", f"{book.zone[:40]!r} is no time zone", "write Asia/Shanghai", places.of("zone")
        )
    if book.end is not None and book.end <= book.start:
        yield invalid(
            "window_reversed", "it ends before it begins", "give a later end", places.of("valid_until")
        )
    for number, meter in enumerate(book.meters):
        refusal = check_meter(meter)
        if isinstance(refusal, Refusal):
            yield msgspec.structs.replace(refusal, where=places.of(f"meters[{number}].{refusal.where}"))
    for number, item in enumerate(book.items):
        yield from _item(book, item, f"items[{number}]", places, catalogue)
    for number, tax in enumerate(book.taxes):
        yield from _tax(tax, f"taxes[{number}]", places)
    yield from _tax_overlaps(book.taxes, places)


def _ids(book: PriceBook, places: Places) -> Iterator[Refusal]:
    named = [("price_book", book.id)]
    for noun in ("items", "meters", "taxes"):
        found = [(f"{noun}[{n}].id", one.id) for n, one in enumerate(getattr(book, noun))]
        named += found
        counts = Counter(name for _, name in found)
        yield from (
            invalid("id_duplicate", f"{name!r} stands twice in {noun}", "rename one", places.of(path))
            for path, name in found
            if counts[name] > 1
        )
    for path, name in named:
        refusal = check_id(name, places.of(path))
        if isinstance(refusal, Refusal):
            yield refusal


def _item(
    book: PriceBook, item: Item, path: str, places: Places, catalogue: Catalogue | None
) -> Iterator[Refusal]:
    yield from _amounts(item, path, places)
    match item:
        case HourlyItem():
            yield from _hourly(item, path, places, catalogue)
        case ComputeItem():
            if (item.precision is None) == (not item.node_grade):
                yield invalid(
                    "unit_missing",
                    "compute is sold by PFLOPS at a precision, or by nodes of a grade",
                    "give either precision or node_grade",
                    places.of(path),
                )
        case UsageItem():
            yield from _usage(book, item, path, places)
        case PackageItem():
            yield from _package(book, item, path, places)


def _amounts(item: Item, path: str, places: Places) -> Iterator[Refusal]:
    """No price is negative or past the ledger's range."""
    for name in ("price", "fee", "spot", "package", "rate", "per_event", "included", "minimum", "maximum"):
        amount = getattr(item, name, None)
        if isinstance(amount, Fraction):
            yield from _in_range(amount, places.of(f"{path}.{name}"))


def _in_range(amount: Fraction, where: str) -> Iterator[Refusal]:
    if amount < 0:
        yield invalid("amount_negative", "a price is not negative", "give 0 or more; use a credit", where)
    elif amount * MICROS_PER_UNIT > AMOUNT_MAX_MICROS:
        yield amount_out_of_range(amount, where)


def _hourly(item: HourlyItem, path: str, places: Places, catalogue: Catalogue | None) -> Iterator[Refusal]:
    if catalogue is not None and item.model not in catalogue:
        yield unknown("model", item.model, catalogue, places.of(f"{path}.model"))
    if not 1 <= item.granularity.total_seconds() <= 86_400 or item.minimum_time.total_seconds() > 31 * 86_400:
        yield invalid(
            "duration_absurd",
            "granularity is 1 s to 1 day, minimum time at most 31 days",
            "shorten it",
            places.of(f"{path}.granularity"),
        )
    bands = [(f"by_hour[{number}].price", band.price) for number, band in enumerate(item.by_hour)]
    for name, price in (("price", item.price), ("spot", item.spot), *bands):
        if price is not None and (price * MICROS_PER_UNIT).denominator != 1:
            yield invalid(
                "price_too_precise",
                "a price per card-hour has at most 6 decimals",
                "round it",
                places.of(f"{path}.{name}"),
            )
    if not item.by_hour:
        return
    spans = []
    for number, band in enumerate(item.by_hour):
        start, end = band.start.hour * 60 + band.start.minute, band.end.hour * 60 + band.end.minute
        end = end or DAY_MINUTES
        where = places.of(f"{path}.by_hour[{number}]")
        yield from _in_range(band.price, where)
        if band.start.minute or band.end.minute:
            yield invalid("hours_too_fine", "prices change at full hours", "write 08:00", where)
        spans += [(start, end, where)] if start < end else [(start, DAY_MINUTES, where), (0, end, where)]
    yield from _cover_of_day(sorted(spans))


def _cover_of_day(spans: list[tuple[int, int, str]]) -> Iterator[Refusal]:
    covered = 0
    for start, end, where in spans:
        if start > covered:
            yield invalid(
                "hours_gap", f"no price from {_clock(covered)} to {_clock(start)}", "add one", where
            )
        elif start < covered:
            yield invalid(
                "hours_overlap",
                f"two prices from {_clock(start)} to {_clock(min(covered, end))}",
                "keep one",
                where,
            )
        covered = max(covered, end)
    if covered < DAY_MINUTES:
        yield invalid("hours_gap", f"no price from {_clock(covered)} to 24:00", "add one", spans[-1][2])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _usage(book: PriceBook, item: UsageItem, path: str, places: Places) -> Iterator[Refusal]:
    if book.meter(item.meter) is None:
        known = [meter.id for meter in book.meters]
        yield unknown("meter", item.meter, known, places.of(f"{path}.meter"))
    belongs = _BELONGS[item.charge]
    for name in ("price", "package", "rate", "per_event", "free_events", "tiers"):
        if name not in belongs and f"{path}.{name}" in places:
            yield invalid(
                "field_misplaced",
                f"{name} does not belong to charge {item.charge}",
                f"leave it out; {item.charge} takes {', '.join(sorted(belongs))}",
                places.of(f"{path}.{name}"),
            )
    for name in _NEEDED.get(item.charge, ()):
        if getattr(item, name) is None:
            yield invalid(
                "field_missing", f"charge {item.charge} needs {name}", f"give {name}", places.of(path)
            )
    if item.package == 0:
        yield invalid(
            "package_empty", "a package holds more than 0", "give its size", places.of(f"{path}.package")
        )
    if item.maximum is not None and item.maximum < item.minimum:
        yield invalid(
            "bounds_reversed", "maximum is below minimum", "swap them", places.of(f"{path}.maximum")
        )
    if "tiers" in belongs:
        yield from _tiers(item, path, places)


def _tiers(item: UsageItem, path: str, places: Places) -> Iterator[Refusal]:
    if not item.tiers:
        yield invalid("tiers_missing", f"charge {item.charge} needs tiers", "list them", places.of(path))
        return
    below = Fraction(0)
    last = len(item.tiers) - 1
    for number, tier in enumerate(item.tiers):
        where = places.of(f"{path}.tiers[{number}]")
        yield from _tier_amounts(item, tier, where)
        if tier.up_to is None:
            if number != last:
                yield invalid(
                    "tiers_overlap", "a tier without end is followed by another", "give up_to", where
                )
        elif tier.up_to <= below:
            yield invalid(
                "tiers_overlap",
                f"up_to {tier.up_to} is not above {below}, where the tier before ends",
                "order tiers by up_to",
                where,
            )
        elif number == last:
            yield invalid(
                "tiers_gap",
                f"nothing is said about more than {tier.up_to}",
                "leave up_to out of the last",
                where,
            )
        below = max(below, tier.up_to or below)


def _tier_amounts(item: UsageItem, tier: Tier, where: str) -> Iterator[Refusal]:
    for amount in (tier.price, tier.flat):
        yield from _in_range(amount, where)
    if tier.package is not None and tier.package <= 0:
        yield invalid("package_empty", "a package holds more than 0", "give its size", where)
    if item.charge == "stairstep" and (tier.price or tier.package):
        yield invalid(
            "field_misplaced", "a stair has one amount, not a price per unit", "write flat: …", where
        )


def _package(book: PriceBook, item: PackageItem, path: str, places: Places) -> Iterator[Refusal]:
    for name, quantity in item.includes.items():
        where = places.of(f"{path}.includes.{name}")
        included = book.item(name)
        if included is None:
            yield unknown("item", name, [one.id for one in book.items], where)
        elif mode_of(included) not in ("hourly", "usage"):
            yield invalid(
                "item_not_includable", f"{name!r} is no hourly or usage item", "name one of those", where
            )
        if quantity <= 0:
            yield invalid("amount_negative", "included is more than 0", "give how much", where)
    if not 0 <= item.rollover_share <= 1 or not 1 <= item.rollover_terms <= 120:
        yield invalid(
            "rollover_absurd",
            "rollover_share is 0 to 1, rollover_terms 1 to 120",
            "write 50% and 3",
            places.of(f"{path}.rollover_share"),
        )


def unknown(noun: str, name: str, known: Iterable[str], where: str) -> Refusal:
    """There is no such thing; the nearest that there is."""
    names = list(known)
    close = difflib.get_close_matches(name[:40], names, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names[:20]) or 'none'}"
    return invalid(f"{noun}_unknown", f"there is no {noun} {name[:40]!r}", remedy, where)


def _tax(tax: TaxRule, path: str, places: Places) -> Iterator[Refusal]:
    if not 0 <= tax.rate < 1:
        yield invalid("rate_absurd", f"a tax of {tax.rate} is none", "write 6%", places.of(f"{path}.rate"))
    if tax.end is not None and tax.end <= tax.start:
        yield invalid("window_reversed", "it ends before it begins", "give a later end", places.of(path))


def _tax_overlaps(taxes: tuple[TaxRule, ...], places: Places) -> Iterator[Refusal]:
    """At one time one tax at most applies to one mode."""
    for later, tax in enumerate(taxes):
        for other in taxes[:later]:
            shared = not tax.modes or not other.modes or set(tax.modes) & set(other.modes)
            apart = (tax.end is not None and tax.end <= other.start) or (
                other.end is not None and other.end <= tax.start
            )
            if shared and not apart:
                yield invalid(
                    "taxes_overlap",
                    f"{tax.id!r} and {other.id!r} hold at the same time",
                    "end the earlier one with until, or name modes",
                    places.of(f"taxes[{later}]"),
                )
