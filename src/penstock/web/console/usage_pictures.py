"""Bars of what each meter counted by day, in per cent of the picture."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from penstock.app.browsing import Used
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


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """A meter of a model over time."""

    meter: str
    model: str
    card_us: CardMicroseconds
    amount_micros: Micros
    largest_us: CardMicroseconds
    days: tuple[DayBar, ...]


def used_pictures(parts: Sequence[Used], edges: Sequence[datetime]) -> tuple[Bars, ...]:
    """One picture for each meter and model that was used."""
    found: dict[tuple[str, str], dict[int, Used]] = {}
    for one in parts:
        found.setdefault((one.meter, one.model), {})[one.part] = one
    return tuple(_bars(meter, model, own, edges) for (meter, model), own in found.items())


def _bars(meter: str, model: str, own: dict[int, Used], edges: Sequence[datetime]) -> Bars:
    largest = max(one.card_us for one in own.values())
    width = 100.0 / (len(edges) - 1)
    nothing = Used(meter, model, 0, 0, 0, 0)
    bars = tuple(
        DayBar(
            day=day,
            x=number * width,
            width=width * 0.85,
            height=100.0 * own.get(number, nothing).card_us / largest if largest else 0.0,
            card_us=own.get(number, nothing).card_us,
            amount_micros=own.get(number, nothing).amount_micros,
        )
        for number, day in enumerate(edges[:-1])
    )
    return Bars(
        meter=meter,
        model=model,
        card_us=sum(one.card_us for one in own.values()),
        amount_micros=sum(one.amount_micros for one in own.values()),
        largest_us=largest,
        days=bars,
    )
