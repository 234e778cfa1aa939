"""Bars of what each meter counted by day, in per cent of the picture."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from penstock.app.browsing import DAY, UsedInPart
from penstock.base.money import Micros
from penstock.base.quantity import CardMicroseconds


class DayBar(msgspec.Struct, frozen=True, kw_only=True):
    """One day: where its bar stands, and what it says."""

    day: datetime
    x: float
    width: float
    height: float
    card_us: CardMicroseconds
    amount_micros: Micros


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """A meter of a model over time."""

    meter: str
    model: str
    card_us: CardMicroseconds
    amount_micros: Micros
    largest_us: CardMicroseconds
    days: tuple[DayBar, ...]


def used_pictures(parts: Sequence[UsedInPart], since: datetime, days: int) -> tuple[Used, ...]:
    """One picture for each meter and model that was used."""
    found: dict[tuple[str, str], dict[datetime, UsedInPart]] = {}
    for part in parts:
        found.setdefault((part.meter, part.model), {})[part.day] = part
    return tuple(_used(meter, model, own, since, days) for (meter, model), own in found.items())


def _used(meter: str, model: str, own: dict[datetime, UsedInPart], since: datetime, days: int) -> Used:
    largest = max(part.card_us for part in own.values())
    width, bars = 100.0 / days, []
    for number in range(days):
        day = since + number * DAY
        part = own.get(day)
        card_us = part.card_us if part else 0
        bars.append(
            DayBar(
                day=day,
                x=number * width,
                width=width * 0.85,
                height=100.0 * card_us / largest if largest else 0.0,
                card_us=card_us,
                amount_micros=part.amount_micros if part else 0,
            )
        )
    return Used(
        meter=meter,
        model=model,
        card_us=sum(part.card_us for part in own.values()),
        amount_micros=sum(part.amount_micros for part in own.values()),
        largest_us=largest,
        days=tuple(bars),
    )
