"""Conditions of a contract over its positions: discounts, minimum, availability, commitments, early end."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec

from penstock.base.money import MICROS_PER_UNIT
from penstock.base.window import Window
from penstock.billing.pricing.book import MODES, ComputeItem, HourlyItem, PackageItem, PriceBook
from penstock.billing.pricing.contract import Commitment, Contract, Discount, Sla
from penstock.billing.pricing.facts import Entry, Facts
from penstock.billing.pricing.periods import month_of, months, share_of, terms

ZERO = Fraction(0)
replace = msgspec.structs.replace
_ONE = Fraction(1)


def conditions(
    contract: Contract,
    book: PriceBook,
    facts: Facts,
    entries: Sequence[Entry],
    until: datetime,
    zone: ZoneInfo,
) -> Iterator[Entry]:
    """What is taken off and added on top, in the order in which it applies."""
    priced = [*_card_time(contract, book, facts, zone), *entries]
    for number, discount in enumerate(contract.discounts):
        found = [*_discounts(discount, number, priced, zone)]
        priced += found
        yield from found
    by_month: defaultdict[Window, list[Entry]] = defaultdict(list)
    for entry in priced:
        by_month[month_of(entry.window.start, zone)].append(entry)
    for month in months(contract.window, zone):
        part = month.overlap(contract.window)
        if part is None or part.end > until:
            continue
        charged = by_month[month]
        least = _minimum(contract, month, part, sum((entry.amount for entry in charged), ZERO))
        added = [*least, *_availability(contract, facts, month, part, [*charged, *least])]
        priced += added
        yield from added
    for number, commitment in enumerate(contract.commitments):
        yield from _true_ups(contract, commitment, number, priced, until, zone)


def cut_short(contract: Contract, ended_at: datetime | None) -> Contract:
    """The contract as it runs when it is ended early: what was promised for all of it counts pro rata."""
    if ended_at is None or ended_at >= contract.end:
        return contract
    end = max(ended_at, contract.start)
    share = share_of(Window(contract.start, end), contract.window)
    settled = tuple(
        replace(one, amount=one.amount * share) if one.per == "contract" else one
        for one in contract.commitments
    )
    return replace(contract, end=end, commitments=settled)


def termination(contract: Contract, book: PriceBook, ended_at: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    """The agreed share of the fixed fees that were still to come when the contract was ended early."""
    if not contract.termination.fee:
        return
    left = ZERO
    for agreed in contract.items:
        item = book.item(agreed.item)
        start = max(agreed.start or contract.start, ended_at)
        rest = Window(start, max(agreed.end or contract.end, start))
        if not isinstance(item, ComputeItem | PackageItem) or not rest.duration_us:
            continue
        price = agreed.quantity * (item.price if isinstance(item, ComputeItem) else item.fee)
        for term in terms(contract.window, item.per, zone):
            part = term.overlap(rest)
            paid = isinstance(item, PackageItem) and not contract.termination.refund and term.start < ended_at
            left += ZERO if part is None or paid else price * share_of(part, term)
    if left:
        fee = left * contract.termination.fee
        yield _condition("termination", "termination", Window(contract.start, ended_at), fee)


def _card_time(contract: Contract, book: PriceBook, facts: Facts, zone: ZoneInfo) -> Iterator[Entry]:
    """What was charged by the hour, per month and model: counted here, never charged again."""
    items = {item.model: item.id for item in book.items if isinstance(item, HourlyItem)}
    sums: dict[tuple[str, Window], Fraction] = {}
    for use in facts.card_uses:
        if contract.start < use.end <= contract.end:
            place = (use.model, month_of(min(use.start, use.end), zone))
            sums[place] = sums.get(place, ZERO) + Fraction(use.amount_micros, MICROS_PER_UNIT)
    for (model, month), amount in sorted(sums.items()):
        yield Entry(
            key=f"hourly/{model}/{month.start.isoformat()}",
            mode="hourly",
            item=items.get(model, ""),
            kind="unit",
            unit="card-hour",
            window=month,
            quantity=ZERO,
            unit_price=ZERO,
            amount=amount,
        )


def _discounts(discount: Discount, number: int, priced: Sequence[Entry], zone: ZoneInfo) -> Iterator[Entry]:
    sums: dict[tuple[str, str, Window], Fraction] = {}
    for entry in priced:
        if _discounted(discount, entry):
            place = (entry.mode, entry.item, month_of(entry.window.start, zone))
            sums[place] = sums.get(place, ZERO) + entry.amount
    for (mode, item, month), amount in sums.items():
        if amount:
            yield _condition(
                f"discount/{number}/{mode}/{item}/{month.start.isoformat()}",
                "discount",
                month,
                -amount * discount.rate,
                mode=mode,
                item=item,
                name=discount.name,
            )


def _discounted(discount: Discount, entry: Entry) -> bool:
    if discount.items or discount.modes:
        return entry.item in discount.items or entry.mode in discount.modes
    return True


def _minimum(contract: Contract, month: Window, part: Window, spent: Fraction) -> list[Entry]:
    """What a finished month lacks to the minimum; of a month cut short, to its share."""
    missing = contract.minimum * share_of(part, month) - spent
    if missing <= 0:
        return []
    return [_condition(f"minimum/{month.start.isoformat()}", "minimum", part, missing)]


def _availability(
    contract: Contract, facts: Facts, month: Window, part: Window, charged: Sequence[Entry]
) -> Iterator[Entry]:
    """The credit for a finished month below the availability promised, off what each mode charged for it."""
    health = facts.health.get(month)
    credit = ZERO if contract.sla is None or health is None else sla_credit(contract.sla, health.availability)
    if not credit:
        return
    for mode in MODES:
        spent = sum((entry.amount for entry in charged if entry.mode == mode), ZERO)
        if spent > 0:
            key = f"sla/{mode}/{month.start.isoformat()}"
            yield _condition(key, "sla_credit", part, -spent * credit, mode=mode)


def sla_credit(sla: Sla, availability: Fraction) -> Fraction:
    """The share credited at an availability: that of the severest step that it is below."""
    if availability >= sla.target:
        return ZERO
    return max((step.credit for step in sla.ladder if availability < step.below), default=ZERO)


def _true_ups(
    contract: Contract,
    commitment: Commitment,
    number: int,
    priced: Sequence[Entry],
    until: datetime,
    zone: ZoneInfo,
) -> Iterator[Entry]:
    """What is missing of a commitment at the end of each of its terms; of a term cut short, pro rata."""
    whole = contract.window
    every = [whole] if commitment.per == "contract" else [*terms(whole, commitment.per, zone)]
    for term in every:
        part = term.overlap(whole)
        if part is None or part.end > until:
            continue
        spent = sum((entry.amount for entry in priced if term.start <= entry.window.start < term.end), ZERO)
        share = _ONE if commitment.per == "contract" else share_of(part, term)
        missing = commitment.amount * share - spent
        if missing > 0:
            yield _condition(
                f"true_up/{number}/{term.start.isoformat()}", "true_up", part, missing, name=commitment.name
            )


def _condition(
    key: str,
    kind: str,
    window: Window,
    amount: Fraction,
    *,
    mode: str = "package",
    item: str = "",
    name: str = "",
) -> Entry:
    return Entry(
        key=key,
        mode=mode,
        item=item,
        kind=kind,
        unit="",
        window=window,
        quantity=ZERO,
        unit_price=ZERO,
        amount=amount,
        name=name,
    )
