"""Mode 1, by the hour: an item of a book as the offers and terms that card time is charged by."""

from datetime import datetime
from fractions import Fraction

from penstock.base.money import MICROS_PER_UNIT, Micros
from penstock.base.window import US_PER_HOUR
from penstock.billing.pricing.book import HourlyItem, PriceBook
from penstock.billing.pricing.charge import Hit
from penstock.billing.rate import Terms, accrued, charged_by_price, spot_terms, terms_of
from penstock.lease.offer import HourBand, Offer


def micros(price: Fraction) -> Micros:
    """A price of at most six decimals in micros."""
    scaled = price * MICROS_PER_UNIT
    assert scaled.denominator == 1, "a book's hourly prices were checked"
    return scaled.numerator


def offer_of(book: PriceBook, item: HourlyItem, published_at: datetime) -> Offer:
    """The offer that sells an hourly item; its id is that of book and item."""
    return Offer(
        id=offer_id(book.id, item.id),
        model=item.model,
        price_micros_per_card_hour=micros(item.price),
        created_at=published_at,
        currency=book.currency,
        granularity=item.granularity,
        minimum_time=item.minimum_time,
        bands=_bands(item),
        zone=book.zone,
        spot_price_micros_per_card_hour=None if item.spot is None else micros(item.spot),
    )


def offer_id(book: str, item: str) -> str:
    """`book.item`."""
    return f"{book}.{item}"


def _bands(item: HourlyItem) -> tuple[HourBand, ...]:
    """Bands inside a day: one over midnight becomes two."""
    found = []
    for band in item.by_hour:
        start, end, price = band.start.hour, band.end.hour or 24, micros(band.price)
        spans = [(start, end)] if start < end else [(start, 24), (0, end)]
        found += [
            HourBand(start_hour=first, end_hour=last, price_micros_per_card_hour=price)
            for first, last in spans
        ]
    return tuple(sorted(found, key=lambda band: band.start_hour))


def terms(book: PriceBook, item: HourlyItem, *, spot: bool = False) -> Terms:
    """The item's terms for a lease, or for what gives way to leases."""
    offer = offer_of(book, item, book.start)
    return spot_terms(offer) if spot else terms_of(offer, offer.price_micros_per_card_hour)


def charge_time(
    agreed: Terms, began_at: datetime, length_us: int, cards: int
) -> tuple[Micros, tuple[Hit, ...]]:
    """What a finished run on so many cards costs, to the micro, and the parts at each price."""
    parts = charged_by_price(length_us, agreed, began_at, final=True)
    hits = tuple(
        Hit(
            tier=number,
            quantity=Fraction(cards * charged, US_PER_HOUR),
            unit_price=Fraction(price, MICROS_PER_UNIT),
            amount=Fraction(cards * charged * price, US_PER_HOUR * MICROS_PER_UNIT),
            kind="card-hour",
        )
        for number, (price, charged) in enumerate(parts.items(), 1)
    )
    return accrued(length_us, cards, agreed, began_at=began_at, final=True), hits
