"""Mode 4, packages: a fee per term, what of the use it covers, and what is left over for the next terms."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction

import msgspec

from penstock.base.money import MICROS_PER_UNIT
from penstock.base.window import US_PER_HOUR, Window
from penstock.billing.pricing.book import HourlyItem, PackageItem
from penstock.billing.pricing.facts import CardUse, Entry
from penstock.billing.pricing.periods import share_of

ZERO = Fraction(0)


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What a term of a package gives of one item: new, rolled over from earlier terms, and used."""

    term: Window
    fresh: Fraction
    rolled: Fraction
    used: Fraction

    @property
    def available(self) -> Fraction:
        """All that may be used in the term."""
        return self.fresh + self.rolled

    @property
    def covered(self) -> Fraction:
        """How much of the use it covers."""
        return min(self.used, self.available)


def fee_entries(
    item: PackageItem, key: str, quantity: Fraction, span: Window, terms: Iterable[Window], until: datetime
) -> Iterator[Entry]:
    """The fee of each term that has begun, at its start; of a term cut short, its share to the microsecond."""
    for term in terms:
        part = term.overlap(span)
        if part is None or part.start > until:
            continue
        share = quantity * share_of(part, term)
        yield Entry(
            key=f"{key}/{term.start.isoformat()}/fee",
            mode="package",
            item=item.id,
            kind="fee",
            unit=f"package-{item.per}",
            window=part,
            quantity=share,
            unit_price=item.fee,
            amount=share * item.fee,
            name=item.name,
        )


def allowances(
    item: PackageItem, fresh: Mapping[Window, Fraction], used: Mapping[Window, Fraction]
) -> list[Allowance]:
    """The account of one included quantity, term by term; `fresh` is what each term brings anew, in order.

    What was rolled over is used before what is new, the oldest first; it lives for `rollover_terms` terms.
    """
    layers: list[tuple[int, Fraction]] = []
    found = []
    for number, (term, brought) in enumerate(fresh.items()):
        layers = [(born, left) for born, left in layers if number - born <= item.rollover_terms and left > 0]
        rolled = sum((left for _, left in layers), ZERO)
        use = used.get(term, ZERO)
        found.append(Allowance(term=term, fresh=brought, rolled=rolled, used=use))
        taken, kept = use, []
        for born, left in layers:
            drawn = min(taken, left)
            taken -= drawn
            kept.append((born, left - drawn))
        if item.unused == "rollover":
            unused = max(brought - taken, ZERO)
            kept.append((number, min(unused, item.rollover_share * brought)))
        layers = kept
    return found


def card_hours_used(uses: Iterable[CardUse], model: str, term: Window) -> Fraction:
    """Card-hours of a model charged in lines that end in the term."""
    total = sum(use.card_us for use in uses if use.model == model and _in(use, term))
    return Fraction(total, US_PER_HOUR)


def covered_entry(
    item: PackageItem,
    hourly: HourlyItem,
    allowance: Allowance,
    uses: Iterable[CardUse],
    skip: Fraction = ZERO,
) -> Entry | None:
    """What the package covers of card time that was charged by the hour: given back, the earliest first.

    `skip`: card-hours of the term that another package covers already.
    """
    if not allowance.covered:
        return None
    inside = [use for use in uses if use.model == hourly.model and _in(use, allowance.term)]
    position, first = ZERO, skip * US_PER_HOUR
    last, amount = first + allowance.covered * US_PER_HOUR, ZERO
    for use in sorted(inside, key=lambda use: (use.start, use.end)):
        taken = min(last, position + use.card_us) - max(first, position)
        if use.card_us and taken > 0:
            amount += Fraction(use.amount_micros, MICROS_PER_UNIT) * taken / use.card_us
        position += use.card_us
    return Entry(
        key=f"{item.id}/{allowance.term.start.isoformat()}/{hourly.id}/covered",
        mode="hourly",
        item=hourly.id,
        kind="covered",
        unit="card-hour",
        window=allowance.term,
        quantity=-allowance.covered,
        unit_price=amount / allowance.covered,
        amount=-amount,
        name=item.name or item.id,
    )


def _in(use: CardUse, term: Window) -> bool:
    """A line belongs to the term that it ends in."""
    return term.start < use.end <= term.end
