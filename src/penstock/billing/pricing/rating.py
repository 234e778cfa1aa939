"""A file of usage events rated under a price book, with nothing else: what would the bill be?

Card time comes as events of type `card_time`: `time` is when it began, `data` has `model`, `cards` and
`seconds`, and `spot` where it gave way to leases. Everything else is read by the meters of the book. The
period is the calendar month of the book's zone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from penstock.base.ids import id_conflict
from penstock.base.money import AMOUNT_MAX_MICROS, Micros, round_to_fen
from penstock.base.refusal import Refusal, invalid
from penstock.base.window import MICROSECOND, US_PER_SECOND, Window
from penstock.billing.metering.aggregate import aggregate_events
from penstock.billing.metering.extract import Meters
from penstock.billing.metering.model import MeteredQuantity, MeterEvent
from penstock.billing.model import TaxLine
from penstock.billing.pricing.book import HourlyItem, PriceBook, UsageItem, mode_of
from penstock.billing.pricing.charge import Hit, charge, total
from penstock.billing.pricing.exact import amount_out_of_range, exact_text, to_micros
from penstock.billing.pricing.hourly import charge_time, terms
from penstock.billing.pricing.periods import month_of
from penstock.billing.pricing.tax import Taxed, tax_lines

CARD_TIME = "card_time"
CARDS_MAX = 1_000_000
SECONDS_MAX = 5 * 366 * 86_400


class TierHit(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a line; numbers are exact text."""

    tier: int
    kind: str
    quantity: str
    unit_price: str
    amount: str


class RatedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one item comes to: exactly (as text), and rounded half-up to fen (in micros)."""

    item: str
    mode: str
    subject: str
    unit: str
    quantity: str
    tiers: tuple[TierHit, ...]
    exact: str
    amount_micros: Micros
    name: str = ""


class RatedBill(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's month: lines, what rounding changed, taxes and the total."""

    tenant: str
    window: Window
    lines: tuple[RatedLine, ...]
    net_micros: Micros
    rounding_micros: Micros
    taxes: tuple[TaxLine, ...]
    total_micros: Micros


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An event that counts for nothing, and why."""

    source: str
    id: str
    refusal: Refusal


class RatedFile(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of rating a file."""

    price_book: str
    currency: str
    zone: str
    events: int
    bills: tuple[RatedBill, ...]
    refused: tuple[Refused, ...]


class _Cost(msgspec.Struct, frozen=True):
    item: HourlyItem | UsageItem
    subject: str
    unit: str
    quantity: Fraction
    hits: tuple[Hit, ...]
    amount_micros: Micros
    exact: Fraction
    at: datetime


def rate_events(book: PriceBook, events: Iterable[MeterEvent]) -> RatedFile:
    """The bills of every tenant and month that the events speak of; order and repeats do not matter."""
    zone = ZoneInfo(book.zone)
    given, refused = _each_once(events)
    refused += [(event, refusal) for event in given if (refusal := _outside(book, event)) is not None]
    out = {(event.source, event.id) for event, _ in refused}
    counted = [event for event in given if (event.source, event.id) not in out]
    costs: defaultdict[tuple[str, Window], list[_Cost]] = defaultdict(list)
    for event in sorted((e for e in counted if e.type == CARD_TIME), key=lambda e: (e.time, e.source, e.id)):
        cost = _card_time(book, event)
        if isinstance(cost, Refusal):
            refused.append((event, cost))
        else:
            costs[event.tenant, month_of(event.time, zone)].append(cost)
    metered = [event for event in counted if event.type != CARD_TIME]
    for month in sorted({month_of(event.time, zone) for event in metered}):
        quantities, bad = aggregate_events(_known_by(metered, month), Meters(book.meters), month)
        refused += bad
        for tenant, cost in _usage(book, quantities, month.end - MICROSECOND):
            costs[tenant, month].append(cost)
    bills = tuple(_bill(book, tenant, month, costs[tenant, month]) for tenant, month in sorted(costs))
    return RatedFile(
        price_book=book.id,
        currency=book.currency,
        zone=book.zone,
        events=len(given),
        bills=bills,
        refused=_distinct(refused),
    )


def _each_once(events: Iterable[MeterEvent]) -> tuple[list[MeterEvent], list[tuple[MeterEvent, Refusal]]]:
    """Each event once by (source, id), and those that say something else under an id that is taken."""
    kept: dict[tuple[str, str], MeterEvent] = {}
    refused = []
    for event in events:
        known = kept.setdefault((event.source, event.id), event)
        if known != event:
            refused.append((event, id_conflict("event", event.id)))
    clashing = {(event.source, event.id) for event, _ in refused}
    refused += [(event, id_conflict("event", event.id)) for place, event in kept.items() if place in clashing]
    return list(kept.values()), refused


def _outside(book: PriceBook, event: MeterEvent) -> Refusal | None:
    if book.start <= event.time and (book.end is None or event.time < book.end):
        return None
    return invalid(
        "book_not_valid",
        f"{book.id} is not valid at {event.time.isoformat()}",
        "use the book of that time",
        "time",
    )


def _known_by(events: Iterable[MeterEvent], month: Window) -> list[MeterEvent]:
    """What counts for a month: its events, and for averages those before it."""
    return [event for event in events if event.time < month.end]


def _distinct(refused: Sequence[tuple[MeterEvent, Refusal]]) -> tuple[Refused, ...]:
    found = {}
    for event, refusal in refused:
        key = (event.source, event.id, refusal.code)
        found[key] = Refused(source=event.source, id=event.id, refusal=refusal)
    return tuple(found[key] for key in sorted(found))


def _card_time(book: PriceBook, event: MeterEvent) -> "_Cost | Refusal":
    model, cards = event.data.get("model"), event.data.get("cards", 1)
    item = next((i for i in book.items if isinstance(i, HourlyItem) and i.model == model), None)
    if item is None:
        sold = ", ".join(sorted(i.model for i in book.items if isinstance(i, HourlyItem))) or "nothing"
        return invalid(
            "model_unknown", f"{str(model)[:40]!r} has no hourly price", f"there is {sold}", "data.model"
        )
    if type(cards) is not int or not 1 <= cards <= CARDS_MAX:
        return invalid("cards_absurd", f"{str(cards)[:40]} cards", f"give 1 to {CARDS_MAX:,}", "data.cards")
    length_us = _microseconds(event.data.get("seconds"))
    if length_us is None:
        return invalid(
            "seconds_absurd", "no length of time", f"give 0 to {SECONDS_MAX:,} seconds", "data.seconds"
        )
    agreed = terms(book, item, spot=event.data.get("spot") is True)
    amount, hits = charge_time(agreed, event.time, length_us, cards)
    if amount > AMOUNT_MAX_MICROS:
        return amount_out_of_range(Fraction(amount, 10**6), "data")
    quantity = sum((hit.quantity for hit in hits), Fraction(0))
    return _Cost(item, event.id, "card-hour", quantity, hits, amount, total(hits), event.time)


def _microseconds(seconds: Any) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | Decimal):
        return None
    if isinstance(seconds, Decimal) and not seconds.is_finite():
        return None
    exact = Fraction(seconds) * US_PER_SECOND if abs(seconds) <= SECONDS_MAX else Fraction(-1)
    return exact.numerator if exact >= 0 and exact.denominator == 1 else None


def _usage(
    book: PriceBook, quantities: Iterable[MeteredQuantity], at: datetime
) -> Iterator[tuple[str, _Cost]]:
    """What each tenant's quantities cost; dimensions that an item does not tell apart are added up."""
    found = list(quantities)
    tenants = sorted({one.tenant for one in found})
    for item in (i for i in book.items if isinstance(i, UsageItem)):
        meter = book.meter(item.meter)
        for tenant in tenants:
            quantity, events = added_up(item, [one for one in found if one.tenant == tenant])
            if not events and not quantity:
                continue
            hits = charge(item, max(quantity, Fraction(0)), events)
            unit = meter.unit if meter is not None else ""
            exact = total(hits)
            yield tenant, _Cost(item, item.meter, unit, quantity, hits, to_micros(exact), exact, at)


def added_up(item: UsageItem, quantities: Iterable[MeteredQuantity]) -> tuple[Fraction, int]:
    """The quantity that an item is charged for: its meter's, under the dimensions that it names."""
    chosen = [
        one
        for one in quantities
        if one.meter == item.meter
        and all(one.dimensions.get(name, "") == wanted for name, wanted in item.where.items())
    ]
    return sum((one.quantity for one in chosen), Fraction(0)), sum(one.events for one in chosen)


def _bill(book: PriceBook, tenant: str, month: Window, costs: Sequence[_Cost]) -> RatedBill:
    lines = tuple(map(_line, costs))
    net = sum(line.amount_micros for line in lines)
    taxed = [Taxed(line.mode, cost.at, line.amount_micros) for line, cost in zip(lines, costs, strict=True)]
    taxes = tax_lines(book, taxed)
    on_top = sum(tax.amount_micros for tax in taxes if not tax.inclusive)
    return RatedBill(
        tenant=tenant,
        window=month,
        lines=lines,
        net_micros=net,
        rounding_micros=net - sum(cost.amount_micros for cost in costs),
        taxes=taxes,
        total_micros=net + on_top,
    )


def _line(cost: _Cost) -> RatedLine:
    return RatedLine(
        item=cost.item.id,
        mode=mode_of(cost.item),
        subject=cost.subject,
        unit=cost.unit,
        quantity=exact_text(cost.quantity),
        tiers=tuple(
            TierHit(
                tier=hit.tier,
                kind=hit.kind,
                quantity=exact_text(hit.quantity),
                unit_price=exact_text(hit.unit_price),
                amount=exact_text(hit.amount),
            )
            for hit in cost.hits
        ),
        exact=exact_text(cost.exact),
        amount_micros=round_to_fen(cost.amount_micros),
        name=cost.item.name,
    )
