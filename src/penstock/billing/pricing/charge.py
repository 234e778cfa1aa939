"""The charge models: what a quantity costs under a usage item, tier by tier, exactly.

Sources of the models' meaning: Stripe's `tiers_mode` volume and graduated, with `up_to` inclusive and a
`flat_amount` per tier; Chargebee's stairstep; Lago's package, percentage and free units; Orb's order of
adjustments (discount, minimum, maximum).
"""

from collections.abc import Iterable
from fractions import Fraction

import msgspec

from penstock.billing.pricing.book import Tier, UsageItem

ZERO = Fraction(0)


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a charge: so much of the quantity, in that tier, at that price, makes this amount.

    `tier` counts from 1; 0 is what is included. `kind` says what the part is for.
    """

    tier: int
    quantity: Fraction
    unit_price: Fraction
    amount: Fraction
    kind: str = "unit"


def charge(item: UsageItem, quantity: Fraction, events: int = 0) -> tuple[Hit, ...]:
    """The parts of what the quantity costs. Nothing used costs nothing, but for a minimum.

    `events` counts the events behind the quantity; only `percentage` with a fee per event looks at it.
    """
    assert quantity >= 0, "a quantity to charge is not negative"
    included = min(quantity, item.included)
    hits = [Hit(tier=0, quantity=included, unit_price=ZERO, amount=ZERO, kind="included")] if included else []
    rest = quantity - included
    if rest or (events > item.free_events and item.per_event):
        hits += _MODELS[item.charge](item, rest, events)
    return (*hits, *_bounded(item, total(hits)))


def total(hits: Iterable[Hit]) -> Fraction:
    """What the parts sum to."""
    return sum((hit.amount for hit in hits), ZERO)


def _bounded(item: UsageItem, amount: Fraction) -> tuple[Hit, ...]:
    """What the minimum adds or the maximum takes away."""
    least = max(amount, item.minimum)
    bounded = least if item.maximum is None else min(least, item.maximum)
    if bounded == amount:
        return ()
    kind = "minimum" if bounded > amount else "maximum"
    return (Hit(tier=0, quantity=ZERO, unit_price=ZERO, amount=bounded - amount, kind=kind),)


def _flat(item: UsageItem, quantity: Fraction, _events: int) -> list[Hit]:
    price = item.price or ZERO
    return [Hit(tier=1, quantity=quantity, unit_price=price, amount=quantity * price)]


def _package(item: UsageItem, quantity: Fraction, _events: int) -> list[Hit]:
    size, price = item.package or Fraction(1), item.price or ZERO
    started = packages(quantity, size)
    return [Hit(tier=1, quantity=quantity, unit_price=price, amount=started * price, kind="package")]


def packages(quantity: Fraction, size: Fraction) -> int:
    """Started packages."""
    return -(-quantity // size)


def _percentage(item: UsageItem, quantity: Fraction, events: int) -> list[Hit]:
    rate = item.rate or ZERO
    hits = [Hit(tier=1, quantity=quantity, unit_price=rate, amount=quantity * rate, kind="rate")]
    charged = Fraction(max(events - item.free_events, 0))
    if charged and item.per_event:
        amount = charged * item.per_event
        hits.append(Hit(tier=1, quantity=charged, unit_price=item.per_event, amount=amount, kind="event"))
    return hits if quantity else hits[1:]


def _graduated(item: UsageItem, quantity: Fraction, _events: int) -> list[Hit]:
    """Each tier's part at that tier's price; a tier's flat amount is due once something falls into it."""
    hits, below = list[Hit](), ZERO
    for number, tier in enumerate(item.tiers, 1):
        top = quantity if tier.up_to is None else min(quantity, tier.up_to)
        if top <= below:
            break
        hits += _in_tier(number, tier, top - below)
        below = top
    return hits


def _volume(item: UsageItem, quantity: Fraction, _events: int) -> list[Hit]:
    """The whole quantity at the price of the tier that it falls into."""
    number, tier = tier_of(item.tiers, quantity)
    return _in_tier(number, tier, quantity)


def _stairstep(item: UsageItem, quantity: Fraction, _events: int) -> list[Hit]:
    """One amount for the tier that the quantity falls into, however much of it is used."""
    number, tier = tier_of(item.tiers, quantity)
    return [Hit(tier=number, quantity=quantity, unit_price=ZERO, amount=tier.flat, kind="step")]


def tier_of(tiers: tuple[Tier, ...], quantity: Fraction) -> tuple[int, Tier]:
    """The number and the tier that a quantity falls into; a tier holds its upper end."""
    for number, tier in enumerate(tiers, 1):
        if tier.up_to is None or quantity <= tier.up_to:
            return number, tier
    raise AssertionError("the last tier has no end")


def _in_tier(number: int, tier: Tier, quantity: Fraction) -> list[Hit]:
    count = quantity if tier.package is None else Fraction(packages(quantity, tier.package))
    kind = "unit" if tier.package is None else "package"
    hit = Hit(tier=number, quantity=quantity, unit_price=tier.price, amount=count * tier.price, kind=kind)
    if not tier.flat:
        return [hit]
    flat = Hit(tier=number, quantity=ZERO, unit_price=ZERO, amount=tier.flat, kind="flat")
    return (
        [flat, hit]
        if tier.price
        else [Hit(tier=number, quantity=quantity, unit_price=ZERO, amount=tier.flat, kind="flat")]
    )


_MODELS = {
    "flat": _flat,
    "package": _package,
    "percentage": _percentage,
    "graduated": _graduated,
    "volume": _volume,
    "stairstep": _stairstep,
}
