"""A statement as people ask for it: numbers as exact text."""

from datetime import datetime

import msgspec

from penstock.base.money import Micros
from penstock.base.window import Window
from penstock.billing.pricing.exact import exact_text, to_micros
from penstock.billing.pricing.facts import Entry


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """One position of a statement as people ask for it; quantity, price and amount are exact text."""

    key: str
    mode: str
    item: str
    kind: str
    unit: str
    window: Window
    quantity: str
    unit_price: str
    amount: str
    amount_micros: Micros
    name: str = ""
    tier: int = 0


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract comes to up to an instant, position by position."""

    contract: str
    tenant: str
    currency: str
    until: datetime
    positions: tuple[Position, ...]
    total_micros: Micros
    deferred_micros: Micros


def position(entry: Entry) -> Position:
    """One entry as it is shown."""
    return Position(
        key=entry.key,
        mode=entry.mode,
        item=entry.item,
        kind=entry.kind,
        unit=entry.unit,
        window=entry.window,
        quantity=exact_text(entry.quantity),
        unit_price=exact_text(entry.unit_price),
        amount=exact_text(entry.amount),
        amount_micros=to_micros(entry.amount),
        name=entry.name,
        tier=entry.tier,
    )
