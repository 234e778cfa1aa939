"""The statement of a contract: every position of all four modes and what it comes to, up to an instant.

It is a function of the contract, its book and the facts alone. What is charged is always the difference
between the statement and what was charged before (`posting.py`), so that asking again changes nothing, late
facts correct what they touch, and the sum of all charges is the statement however often it was asked for.

Order per position: quantity, price, what a package covers, discount; then per month the minimum and the
credit for availability; then commitments. Amounts stay exact rationals.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from penstock.base.window import Window
from penstock.billing.pricing.book import (
    ComputeItem,
    HourlyItem,
    Item,
    PackageItem,
    PriceBook,
    UsageItem,
)
from penstock.billing.pricing.charge import charge
from penstock.billing.pricing.compute import compute_entries
from penstock.billing.pricing.conditions import conditions, cut_short, termination
from penstock.billing.pricing.contract import Contract, ContractItem
from penstock.billing.pricing.facts import Entry, Facts, Metered
from penstock.billing.pricing.packages import (
    Allowance,
    allowances,
    card_hours_used,
    covered_entry,
    fee_entries,
)
from penstock.billing.pricing.periods import months, share_of, terms

ZERO = Fraction(0)


def statement(
    contract: Contract, book: PriceBook, facts: Facts, until: datetime, ended_at: datetime | None = None
) -> tuple[Entry, ...]:
    """All positions of the contract as of `until`, in a fixed order. `ended_at`: it was ended early, then."""
    if until <= contract.start:
        return ()
    zone = ZoneInfo(contract.zone)
    running = cut_short(contract, ended_at)
    kept = running if contract.termination.refund else contract
    entries = [*_compute(running, book, facts, until, zone)]
    entries += _fees(kept, book, min(until, running.end), zone)
    covered, covers = coverage(kept, book, facts, min(until, running.end), zone)
    entries += covered
    for item in usage_items(contract, book):
        windows = usage_windows(running, book, item, until)
        entries += _usage(item, book, windows, covers.get(item.id, ()), facts)
    ended = running.end < contract.end and until >= running.end
    fee = termination(contract, book, running.end, zone) if ended else ()
    return (*entries, *conditions(running, book, facts, entries, until, zone), *fee)


def fixed(contract: Contract, book: PriceBook, until: datetime, ended_at: datetime | None = None) -> Fraction:
    """What the contract comes to by then in compute scale and fees less their discounts, without any use."""
    entries = statement(contract, book, Facts(), until, ended_at)
    return sum((one.amount for one in entries if one.kind in ("unit", "fee", "discount")), ZERO)


def _compute(
    contract: Contract, book: PriceBook, facts: Facts, until: datetime, zone: ZoneInfo
) -> Iterator[Entry]:
    for number, agreed in enumerate(contract.items):
        item, span = book.item(agreed.item), span_of(contract, agreed)
        if isinstance(item, ComputeItem) and span is not None:
            wholes = months(span, zone) if item.per == "month" else terms(contract.window, "year", zone)
            delivered = facts.delivered.get(number)
            yield from compute_entries(
                item, f"{number}/{item.id}", agreed.quantity, span, wholes, delivered, until
            )


def _fees(contract: Contract, book: PriceBook, until: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    for number, agreed in enumerate(contract.items):
        item, span = book.item(agreed.item), span_of(contract, agreed)
        if isinstance(item, PackageItem) and span is not None:
            every = terms(contract.window, item.per, zone)
            yield from fee_entries(item, f"{number}/{item.id}", agreed.quantity, span, every, until)


def span_of(contract: Contract, agreed: ContractItem) -> Window | None:
    """The part of the contract over which an item is agreed."""
    return contract.window.overlap(Window(agreed.start or contract.start, agreed.end or contract.end))


def coverage(
    contract: Contract, book: PriceBook, facts: Facts, until: datetime, zone: ZoneInfo
) -> tuple[list[Entry], dict[str, list[Allowance]]]:
    """What packages cover: given back for card time as entries, for usage as allowances by item.

    Where two packages include the same item, the second covers what the first left over.
    """
    entries, covers = list[Entry](), dict[str, list[Allowance]]()
    taken: dict[tuple[str, Window], Fraction] = {}
    for item in packages_of(contract, book):
        shares = _shares_of_terms(contract, item, until, zone)
        for name, included in item.includes.items():
            of = book.item(name)
            fresh = {term: share * included for term, share in shares.items()}
            used = {term: _used(of, term, facts) - taken.get((name, term), ZERO) for term in fresh}
            for one in allowances(item, fresh, used):
                if isinstance(of, HourlyItem):
                    entry = covered_entry(item, of, one, facts.card_uses, taken.get((name, one.term), ZERO))
                    entries += [entry] if entry is not None else []
                else:
                    covers.setdefault(name, []).append(one)
                taken[name, one.term] = taken.get((name, one.term), ZERO) + one.covered
    return entries, covers


def _shares_of_terms(
    contract: Contract, item: PackageItem, until: datetime, zone: ZoneInfo
) -> dict[Window, Fraction]:
    """For each term that has begun: how many of the package were bought for it, those for a part as that part."""
    found = {}
    for term in terms(contract.window, item.per, zone):
        if term.start > until:
            break
        share = ZERO
        for agreed in contract.items:
            span = span_of(contract, agreed) if agreed.item == item.id else None
            part = None if span is None else term.overlap(span)
            share += ZERO if part is None else agreed.quantity * share_of(part, term)
        found[term] = share
    return found


def _used(item: Item | None, term: Window, facts: Facts) -> Fraction:
    if isinstance(item, HourlyItem):
        return card_hours_used(facts.card_uses, item.model, term)
    name = "" if item is None else item.id
    return facts.metered.get((name, term), Metered(ZERO)).quantity


def usage_items(contract: Contract, book: PriceBook) -> tuple[UsageItem, ...]:
    """The usage items that a contract is charged for: those it names, or all of the book where it names none."""
    every = tuple(item for item in book.items if isinstance(item, UsageItem))
    named = {agreed.item for agreed in contract.items} & {item.id for item in every}
    packed = {name for item in packages_of(contract, book) for name in item.includes}
    return tuple(item for item in every if item.id in named | packed) if named else every


def packages_of(contract: Contract, book: PriceBook) -> tuple[PackageItem, ...]:
    """The packages that a contract names, each once."""
    found = {agreed.item: book.item(agreed.item) for agreed in contract.items}
    return tuple(item for item in found.values() if isinstance(item, PackageItem))


def usage_windows(
    contract: Contract, book: PriceBook, item: UsageItem, until: datetime
) -> tuple[Window, ...]:
    """The windows that a usage item is added up over: terms of the package that includes it, else months.

    They end with the contract, and those that have not begun are left out.
    """
    zone = ZoneInfo(contract.zone)
    package = next((one for one in packages_of(contract, book) if item.id in one.includes), None)
    whole = contract.window
    every = months(whole, zone) if package is None else terms(whole, package.per, zone)
    if package is not None:
        return tuple(window for window in every if window.start < until)
    return tuple(part for one in every if (part := one.overlap(whole)) is not None and part.start < until)


def _usage(
    item: UsageItem,
    book: PriceBook,
    windows: Sequence[Window],
    covers: Sequence[Allowance],
    facts: Facts,
) -> Iterator[Entry]:
    meter = book.meter(item.meter)
    unit = meter.unit if meter is not None else ""
    for window in windows:
        used = facts.metered.get((item.id, window))
        if used is None and not item.minimum:
            continue
        used = used or Metered(ZERO)
        covered = min(
            sum((one.covered for one in covers if one.term.start == window.start), ZERO), used.quantity
        )
        if covered:
            yield _usage_entry(item, unit, window, "covered", 0, covered, ZERO, ZERO)
        for hit in charge(item, used.quantity - covered, used.events):
            yield _usage_entry(
                item, unit, window, hit.kind, hit.tier, hit.quantity, hit.unit_price, hit.amount
            )


def _usage_entry(
    item: UsageItem,
    unit: str,
    window: Window,
    kind: str,
    tier: int,
    quantity: Fraction,
    unit_price: Fraction,
    amount: Fraction,
) -> Entry:
    return Entry(
        key=f"{item.id}/{window.start.isoformat()}/{kind}/{tier}",
        mode="usage",
        item=item.id,
        kind=kind,
        unit="event" if kind == "event" else unit,
        window=window,
        quantity=quantity,
        unit_price=unit_price,
        amount=amount,
        name=item.name,
        tier=tier,
    )
