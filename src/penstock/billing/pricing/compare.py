"""One need under every mode that can serve it, per month, and where one begins to beat the hour.

An option's break-even is the number of hours a month, per card, from which it costs less than hourly. Prices by
hour of day are averaged over the day.
"""

from collections.abc import Iterator, Mapping
from datetime import time
from fractions import Fraction

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import Precision, Status
from penstock.billing.pricing.book import (
    ComputeItem,
    HourlyItem,
    Mode,
    PackageItem,
    PriceBook,
    UsageItem,
)
from penstock.billing.pricing.charge import charge, total
from penstock.billing.pricing.exact import exact_text, to_micros

ZERO = Fraction(0)
DAY_HOURS = 24


class Rate(msgspec.Struct, frozen=True):
    """What one card of a model does at a precision, and how that is known."""

    precision: Precision
    tflops: Fraction
    status: Status


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """So many cards of a model for so many hours a month; `work` is what they would do, by usage item."""

    model: str
    cards: int
    hours: Fraction
    rates: tuple[Rate, ...] = ()
    work: Mapping[str, Fraction] = {}


class PricedOption(msgspec.Struct, frozen=True, kw_only=True):
    """One way to buy it: per month, per card-hour used, and from how many hours a month it beats hourly.

    `quantity` is how many of the item; numbers are exact text. `break_even_hours` is None where there is none.
    """

    mode: Mode
    item: str
    unit: str
    quantity: str
    month_micros: Micros
    card_hour_micros: Micros
    break_even_hours: str | None = None
    name: str = ""
    remark: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All options, the cheapest first."""

    price_book: str
    currency: str
    model: str
    cards: int
    hours: str
    options: tuple[PricedOption, ...]


def compare(book: PriceBook, need: Need) -> Comparison:
    """Every item of the book that can serve the need."""
    hourly = next((i for i in book.items if isinstance(i, HourlyItem) and i.model == need.model), None)
    found: list[PricedOption] = []
    for item in book.items:
        match item:
            case HourlyItem() if item is hourly:
                found += _hourly(item, need)
            case ComputeItem():
                found += _compute(item, need, hourly)
            case PackageItem() if hourly is not None and hourly.id in item.includes:
                found.append(_package(item, need, hourly))
            case UsageItem() if item.id in need.work:
                found.append(_usage(item, need, hourly))
    return Comparison(
        price_book=book.id,
        currency=book.currency,
        model=need.model,
        cards=need.cards,
        hours=exact_text(need.hours),
        options=tuple(sorted(found, key=lambda option: (option.month_micros, option.item))),
    )


def mean_price(item: HourlyItem) -> Fraction:
    """The price per card-hour over a whole day."""
    if not item.by_hour:
        return item.price
    return sum((band.price * _hours(band.start, band.end) for band in item.by_hour), ZERO) / DAY_HOURS


def _hours(start: time, end: time) -> int:
    return (end.hour - start.hour) % DAY_HOURS or DAY_HOURS


def _hourly(item: HourlyItem, need: Need) -> Iterator[PricedOption]:
    used = need.cards * need.hours
    remark = "mean_over_the_day" if item.by_hour else ""
    yield _option(
        "hourly", item.id, "card-hour", used, used * mean_price(item), need, name=item.name, remark=remark
    )
    if item.spot is not None:
        yield _option(
            "hourly", item.id, "card-hour", used, used * item.spot, need, ZERO, name=item.name, remark="spot"
        )


def _compute(item: ComputeItem, need: Need, hourly: HourlyItem | None) -> Iterator[PricedOption]:
    months = 12 if item.per == "year" else 1
    if item.precision is not None:
        rate = next((rate for rate in need.rates if rate.precision == item.precision), None)
        quantity = ZERO if rate is None else need.cards * rate.tflops / 1000
        unit, remark = f"PFLOPS({item.precision})", "" if rate is None else rate.status
    else:
        fits = item.node_grade == need.model
        quantity = Fraction(-(-need.cards // item.cards_per_node)) if fits else ZERO
        unit, remark = "node", ""
    if quantity:
        cost = quantity * item.price / months
        yield _option(
            "compute",
            item.id,
            unit,
            quantity,
            cost,
            need,
            _break_even(cost, need, hourly),
            name=item.name,
            remark=remark,
        )


def _package(item: PackageItem, need: Need, hourly: HourlyItem) -> PricedOption:
    """As many packages as are cheapest, the rest of the hours at list."""
    months = 12 if item.per == "year" else 1
    used, price = need.cards * need.hours, mean_price(hourly)
    included, fee = item.includes[hourly.id] / months, item.fee / months
    full = used // included
    costs = {n: n * fee + max(used - n * included, ZERO) * price for n in {max(full, 1), full + 1}}
    count = min(costs, key=lambda n: (costs[n], n))
    worth = fee < included * price
    hours = fee / price / need.cards if worth and price else None
    return _option(
        "package", item.id, f"package-{item.per}", Fraction(count), costs[count], need, hours, name=item.name
    )


def _usage(item: UsageItem, need: Need, hourly: HourlyItem | None) -> PricedOption:
    quantity = need.work[item.id]
    cost = total(charge(item, quantity))
    return _option(
        "usage", item.id, item.meter, quantity, cost, need, _break_even(cost, need, hourly), name=item.name
    )


def _break_even(month: Fraction, need: Need, hourly: HourlyItem | None) -> Fraction | None:
    """Hours a month at which the hourly price has come to a fixed cost."""
    price = ZERO if hourly is None else mean_price(hourly)
    return month / (price * need.cards) if price else None


def _option(
    mode: Mode,
    item: str,
    unit: str,
    quantity: Fraction,
    month: Fraction,
    need: Need,
    break_even: Fraction | None = None,
    *,
    name: str = "",
    remark: str = "",
) -> PricedOption:
    used = need.cards * need.hours
    return PricedOption(
        mode=mode,
        item=item,
        unit=unit,
        quantity=exact_text(quantity),
        month_micros=to_micros(month),
        card_hour_micros=to_micros(month / used) if used else 0,
        break_even_hours=None if break_even is None else exact_text(break_even),
        name=name,
        remark=remark,
    )
