"""Mode 2, by compute scale: so many PFLOPS or nodes over time, and what is credited where fewer were there."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction

from penstock.base.window import Window
from penstock.billing.pricing.book import ComputeItem
from penstock.billing.pricing.facts import Delivered, Entry
from penstock.billing.pricing.periods import share_of

ZERO = Fraction(0)


def compute_entries(
    item: ComputeItem,
    key: str,
    quantity: Fraction,
    span: Window,
    wholes: Iterable[Window],
    delivered: Iterable[Delivered] | None,
    until: datetime,
) -> Iterator[Entry]:
    """The price of the time sold so far, per whole month or year, and the credit for what was missing in it.

    `delivered` None: nothing is known of the delivery, and nothing is credited.
    """
    price = quantity * item.price
    known = None if delivered is None else tuple(delivered)
    for whole in wholes:
        part = whole.overlap(span)
        sold = None if part is None or part.start >= until else Window(part.start, min(part.end, until))
        if sold is None:
            continue
        position = f"{key}/{whole.start.isoformat()}"
        unit = unit_of(item)
        share = share_of(sold, whole)
        yield Entry(
            key=position,
            mode="compute",
            item=item.id,
            kind="unit",
            unit=unit,
            window=sold,
            quantity=quantity * share,
            unit_price=item.price,
            amount=price * share,
            name=item.name,
        )
        missing = ZERO if known is None else shortfall(quantity, sold, known) / whole.duration_us
        if missing:
            yield Entry(
                key=f"{position}/shortfall",
                mode="compute",
                item=item.id,
                kind="shortfall",
                unit=unit,
                window=sold,
                quantity=-missing,
                unit_price=item.price,
                amount=-missing * item.price,
                name=item.name,
            )


def unit_of(item: ComputeItem) -> str:
    """`PFLOPS(fp16)-month` or `node-year`."""
    what = f"PFLOPS({item.precision})" if item.precision is not None else "node"
    return f"{what}-{item.per}"


def shortfall(promised: Fraction, sold: Window, delivered: Iterable[Delivered]) -> Fraction:
    """What was missing: the integral of promised less delivered, over the sold time, in units x microseconds.

    Time that no record covers counts as nothing delivered; records do not overlap.
    """
    lost = promised * sold.duration_us
    for one in delivered:
        common = one.window.overlap(sold)
        if common is not None:
            lost -= min(promised, one.rate) * common.duration_us
    return max(lost, ZERO)


def rate_of_cards(tflops: Iterable[float]) -> Fraction:
    """PFLOPS of a list of cards from the measured TFLOPS of each; the decimals as they were recorded."""
    return sum((Fraction(str(rate)) for rate in tflops), ZERO) / 1000


def cards_for(quantity: Fraction, tflops_per_card: Fraction) -> int:
    """The fewest equal cards whose rate covers so many PFLOPS."""
    assert tflops_per_card > 0
    return -(-quantity * 1000 // tflops_per_card)
