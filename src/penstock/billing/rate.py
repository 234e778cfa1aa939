"""The price of card time, and how a charge line is posted.

What a subject has cost is a cumulative function of the time since it began:

    charged time = started granules;  amount = round(devices x charged time x price per card-hour)

and a line over [start, end) is its growth, accrued(end) - accrued(start). So lines telescope: however a
subject is cut into windows, they sum to the same micro, and rounding never adds up (half a micro at most
per subject). A granule is charged when it is started: the function jumps at its beginning and is flat
inside, never falls, and later windows in the same granule cost nothing. What a minimum time asks for
beyond the started granules is charged on the subject's final event alone, when it is known that the
time stayed below it. Where the price depends on the hour of day, each price has a cumulative function of its
own over the granules that begin in its hours; usage is cut at hours, so that a line has one price.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from penstock.base.ids import derived_id
from penstock.base.money import Micros, round_half_up
from penstock.base.quantity import WHOLE, CardMicroseconds, card_time
from penstock.base.window import MICROSECOND, US_PER_HOUR
from penstock.billing.model import ChargeLine, UsageEvent
from penstock.lease.offer import HourBand, Offer
from penstock.ledger.chart import CHARGE, RECEIVABLE, REVENUE_HOURLY, centre_account, tenant_account
from penstock.ledger.model import Account, Hold, HoldState, Transfer


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """At what price, in which units and with what minimum card time is charged; by hour of day with `bands`."""

    price_micros_per_card_hour: Micros
    currency: str = "CNY"
    granularity: timedelta = timedelta(seconds=1)
    minimum_time: timedelta = timedelta(0)
    bands: tuple[HourBand, ...] = ()
    zone: str = "UTC"

    @property
    def dearest_micros(self) -> Micros:
        """The highest price of the day."""
        return max(
            (band.price_micros_per_card_hour for band in self.bands), default=self.price_micros_per_card_hour
        )


def terms_of(offer: Offer, price_micros_per_card_hour: Micros) -> Terms:
    """An offer's units at the price that was agreed when it was sold."""
    return Terms(
        price_micros_per_card_hour=price_micros_per_card_hour,
        currency=offer.currency,
        granularity=offer.granularity,
        minimum_time=offer.minimum_time,
        bands=offer.bands,
        zone=offer.zone if offer.bands else "UTC",
    )


def spot_terms(offer: Offer) -> Terms:
    """An offer's terms for spot work: one price at every hour."""
    price = offer.spot_price_micros_per_card_hour
    assert price is not None, "the offer sells no spot work"
    return msgspec.structs.replace(terms_of(offer, price), bands=(), zone="UTC")


def charged_us(elapsed_us: int, terms: Terms, *, final: bool = False) -> int:
    """The time charged after `elapsed_us` of one subject: started granules; once final, at least the minimum's."""
    assert elapsed_us >= 0 and terms.granularity > timedelta(0)
    granule_us = terms.granularity // MICROSECOND
    least_us = max(elapsed_us, terms.minimum_time // MICROSECOND) if final else elapsed_us
    return -(-least_us // granule_us) * granule_us


def charged_by_price(
    elapsed_us: int, terms: Terms, began_at: datetime | None, *, final: bool = False
) -> dict[Micros, int]:
    """The time charged at each price: a granule costs the price of the hour that it begins in.

    What a minimum time asks for beyond what was started costs the price of the last granule started.
    """
    charged = charged_us(elapsed_us, terms, final=final)
    if not terms.bands:
        return {terms.price_micros_per_card_hour: charged}
    assert began_at is not None, "a price by hour of day needs the time of day"
    granule_us = terms.granularity // MICROSECOND
    started = -(-elapsed_us // granule_us)
    found: dict[Micros, int] = {}
    count, price = 0, price_at(terms, began_at)[0]
    while count < started:
        price, until = price_at(terms, began_at + count * terms.granularity)
        next_count = min(started, -(-((until - began_at) // MICROSECOND) // granule_us))
        found[price] = found.get(price, 0) + (next_count - count) * granule_us
        count = next_count
    beyond = charged - started * granule_us
    if beyond:
        found[price] = found.get(price, 0) + beyond
    return found


def price_at(terms: Terms, instant: datetime) -> tuple[Micros, datetime]:
    """The price per card-hour at an instant, and until when it holds at least."""
    local = instant.astimezone(ZoneInfo(terms.zone))
    for band in terms.bands:
        if band.start_hour <= local.hour < band.end_hour:
            hours_left = timedelta(hours=band.end_hour - local.hour)
            hour = local.replace(minute=0, second=0, microsecond=0)
            return band.price_micros_per_card_hour, min(
                hour.astimezone(UTC) + hours_left, hour.astimezone(UTC) + timedelta(hours=24 - local.hour)
            )
    raise AssertionError("the bands of an offer cover the day")


def accrued(
    elapsed_us: int,
    devices: int,
    terms: Terms,
    *,
    began_at: datetime | None = None,
    final: bool = False,
    share: int = WHOLE,
) -> Micros:
    """What a subject on a share of so many devices has cost after `elapsed_us`; never falls as time passes."""
    parts = charged_by_price(elapsed_us, terms, began_at, final=final)
    return sum(amount_of(card_time(devices, share, charged), price) for price, charged in parts.items())


def amount_of(charged: CardMicroseconds, price_micros_per_card_hour: Micros) -> Micros:
    """The price of charged card time, to the nearest micro."""
    assert price_micros_per_card_hour >= 0
    return round_half_up(charged * price_micros_per_card_hour, US_PER_HOUR)


def rate(event: UsageEvent, terms: Terms, project: str | None = None, job: str | None = None) -> ChargeLine:
    """The charge line of one usage event."""
    before_us = (event.start - event.began_at) // MICROSECOND
    after_us = (event.end - event.began_at) // MICROSECOND
    before = charged_by_price(before_us, terms, event.began_at)
    after = charged_by_price(after_us, terms, event.began_at, final=event.final)
    grown = [price for price in after if after[price] != before.get(price, 0)]
    assert len(grown) <= 1, "usage is cut at hours, where prices change"
    price = grown[0] if grown else _price_of(event, terms)
    quantity = card_time(event.devices, event.share, after.get(price, 0))
    earlier = card_time(event.devices, event.share, before.get(price, 0))
    amount = amount_of(quantity, price) - amount_of(earlier, price)
    line = derived_id("line", event.source, event.id)
    return ChargeLine(
        id=line,
        tenant=event.tenant,
        project=project,
        subject_kind=event.subject_kind,
        subject=event.subject,
        job=job,
        meter=event.meter,
        model=event.model,
        start=event.start,
        end=event.end,
        quantity=quantity - earlier,
        price_micros_per_card_hour=price,
        amount_micros=amount,
        currency=terms.currency,
        transfer=_transfer_id(line, 0) if amount else None,
    )


def _price_of(event: UsageEvent, terms: Terms) -> Micros:
    return price_at(terms, event.start)[0] if terms.bands else terms.price_micros_per_card_hour


def settle(line: ChargeLine, prepaid: Account, hold: Hold | None, at: datetime) -> list[Transfer]:
    """The transfers that post a line, so that no charge is ever lost or refused.

    From the hold what it still has, then from the available balance down to the floor, and what is left
    becomes a debt on the tenant's receivable account. They sum to the line's amount.
    """
    assert prepaid.currency == line.currency and (hold is None or hold.account == prepaid.id)
    held = _usable_micros(hold, at)
    from_hold = min(line.amount_micros, held)
    rest = line.amount_micros - from_hold
    from_balance = rest if prepaid.floor_micros is None else min(rest, max(prepaid.available_micros, 0))
    parts = [
        (prepaid.id, from_hold, hold.id if hold is not None else None),
        (prepaid.id, from_balance, None),
        (tenant_account(line.tenant, RECEIVABLE), rest - from_balance, None),
    ]
    return [
        Transfer(
            id=_transfer_id(line.id, number),
            debit=account,
            credit=centre_account(REVENUE_HOURLY, line.currency),
            amount_micros=amount,
            currency=line.currency,
            at=at,
            kind=CHARGE,
            key=line.id,
            hold=captured,
        )
        for number, (account, amount, captured) in enumerate(part for part in parts if part[1] > 0)
    ]


def _usable_micros(hold: Hold | None, at: datetime) -> Micros:
    if hold is None or hold.state is not HoldState.OPEN:
        return 0
    return 0 if hold.expires_at is not None and hold.expires_at <= at else hold.remaining_micros


def _transfer_id(line: str, number: int) -> str:
    return derived_id(CHARGE, line, number)
