"""Offers, quotes and leases."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from penstock.base.money import Micros
from penstock.insight.changed import lease_change, offer_change
from penstock.lease.offer import Lease, LeaseState, Offer, Quote
from penstock.store import rows, settings, settled
from penstock.store.prepared import Prepared
from penstock.store.remembered import Remembered
from penstock.store.tables import LEASES, OFFERS, QUOTES

LIVE_LEASE_STATES = (
    LeaseState.RESERVED,
    LeaseState.ACTIVE,
    LeaseState.SUSPENDED,
    LeaseState.BREACHED,
    LeaseState.ENDING,
)
_LIVE = Prepared(select(LEASES).where(LEASES.c.state.in_(LIVE_LEASE_STATES)).order_by(LEASES.c.id))
_UNMETERED = Prepared(
    select(LEASES)
    .where(
        LEASES.c.metered.is_(False),
        LEASES.c.start <= bindparam("now"),
        LEASES.c.state != LeaseState.CANCELLED,
    )
    .order_by(LEASES.c.id)
)
_FINISHED_HOLDING = Prepared(
    select(LEASES).where(LEASES.c.hold != "", LEASES.c.metered.is_(True)).order_by(LEASES.c.id)
)
_OFFERS = Prepared(select(OFFERS).order_by(OFFERS.c.created_at, OFFERS.c.id))
_offers = Remembered(settings.SELDOM, lambda tx: rows.fetch(tx, _OFFERS, Offer))
_live = Remembered(settings.SELDOM, lambda tx: rows.fetch(tx, _LIVE, Lease))


def offers(tx: Connection) -> tuple[Offer, ...]:
    """All offers, oldest first."""
    return _offers(tx)


def lowest_prices(tx: Connection, now: datetime | None = None) -> dict[str, Micros]:
    """Model -> the lowest price per card-hour in force at an instant; without one, of what was not withdrawn."""
    found: dict[str, Micros] = {}
    for offer in offers(tx):
        begun = now is None or offer.created_at <= now
        if begun and (offer.withdrawn_at is None or (now is not None and offer.withdrawn_at > now)):
            price = offer.price_micros_per_card_hour
            found[offer.model] = min(found.get(offer.model, price), price)
    return found


def offer(tx: Connection, name: str) -> Offer | None:
    """One offer."""
    return rows.get(tx, OFFERS, id=name)


def add_offer(tx: Connection, offer: Offer) -> None:
    """Keep a new offer."""
    _unsettle_offer(tx, None, offer)
    rows.add(tx, OFFERS, [offer])
    settings.bump(tx, settings.SELDOM)


def put_offer(tx: Connection, offer: Offer) -> None:
    """Write a changed offer."""
    _unsettle_offer(tx, rows.get(tx, OFFERS, id=offer.id), offer)
    rows.put(tx, OFFERS, offer)
    settings.bump(tx, settings.SELDOM)


def _unsettle_offer(tx: Connection, before: Offer | None, after: Offer) -> None:
    settled.changed(tx, [offer_change(before, after, settled.horizon_us(tx))])


def quote(tx: Connection, name: str) -> Quote | None:
    """One quote."""
    return rows.get(tx, QUOTES, id=name)


def quotes(tx: Connection, tenant: str | None) -> tuple[Quote, ...]:
    """A tenant's quotes, or all, newest first."""
    where = [] if tenant is None else [QUOTES.c.tenant == tenant]
    return rows.many(tx, QUOTES, *where, order=[QUOTES.c.created_at.desc()])


def add_quote(tx: Connection, quote: Quote) -> None:
    """Keep a new quote."""
    rows.add(tx, QUOTES, [quote])


def put_quote(tx: Connection, quote: Quote) -> None:
    """Write a changed quote."""
    rows.put(tx, QUOTES, quote)


def lease(tx: Connection, name: str) -> Lease | None:
    """One lease."""
    return rows.get(tx, LEASES, id=name)


def by_ids(tx: Connection, names: set[str]) -> dict[str, Lease]:
    """The leases of these ids."""
    found = rows.many(tx, LEASES, LEASES.c.id.in_(sorted(names))) if names else ()
    return {lease.id: lease for lease in found}


def leases(tx: Connection, tenant: str | None) -> tuple[Lease, ...]:
    """A tenant's leases, or all, newest first."""
    where = [] if tenant is None else [LEASES.c.tenant == tenant]
    return rows.many(tx, LEASES, *where, order=[LEASES.c.created_at.desc()])


def live_leases(tx: Connection) -> tuple[Lease, ...]:
    """Leases that hold devices now or later."""
    return _live(tx)


def unmetered(tx: Connection, now: datetime) -> tuple[Lease, ...]:
    """Leases that have begun and whose last usage is not recorded yet."""
    return rows.fetch(tx, _UNMETERED, Lease, now=now)


def put_metered(tx: Connection, metered: Sequence[tuple[str, datetime, bool]]) -> None:
    """Remember how far each lease's usage is recorded, and whether that was the last of it."""
    rows.put_metered(tx, LEASES, metered)
    if metered:
        _changed(tx)


def finished_holding(tx: Connection) -> tuple[Lease, ...]:
    """Leases whose usage is complete and that may still have money set aside."""
    return rows.fetch(tx, _FINISHED_HOLDING, Lease)


def add_lease(tx: Connection, lease: Lease) -> None:
    """Book a lease."""
    _unsettle_lease(tx, None, lease)
    rows.add(tx, LEASES, [lease])
    _changed(tx)


def put_lease(tx: Connection, lease: Lease) -> None:
    """Write a changed lease."""
    _unsettle_lease(tx, rows.get(tx, LEASES, id=lease.id), lease)
    rows.put(tx, LEASES, lease)
    _changed(tx)


def _changed(tx: Connection) -> None:
    settings.bump(tx, settings.SELDOM)
    settings.bump(tx)


def _unsettle_lease(tx: Connection, before: Lease | None, after: Lease) -> None:
    settled.changed(tx, [lease_change(before, after, settled.horizon_us(tx))])
