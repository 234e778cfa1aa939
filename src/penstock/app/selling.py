"""Offers, quotes and leases: what is for sale, what was promised, and what is booked."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from penstock.app import asking, books
from penstock.app.access import (
    known_as,
    own_tenant,
    qualified,
    readable_tenant,
    require,
    require_operator,
    visible,
)
from penstock.app.context import App
from penstock.base.ids import check_id
from penstock.base.money import Micros
from penstock.base.refusal import Refusal, Refused, ensure, invalid, not_found
from penstock.base.window import Window, check_window
from penstock.billing.prepay import lease_price
from penstock.billing.rate import terms_of
from penstock.lease.job import JobState
from penstock.lease.machine import LEASE_ENDED, move_job
from penstock.lease.moves import move_lease
from penstock.lease.offer import Lease, LeaseState, Offer, Quote
from penstock.lease.tenant import Principal, Scope
from penstock.placement.calendar import find
from penstock.placement.filters import ANY_MODEL
from penstock.placement.model import Request
from penstock.store import audit, jobs, leases, settings, tenants
from penstock.store.database import Tx
from penstock.store.world import world

LEASE_MAX = timedelta(days=5 * 366)
QUOTE_DEVICES_MAX = 1_000_000


class NewOffer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A price to publish. Micros per card-hour; granularity and minimum time in whole seconds."""

    id: str
    model: str
    price_micros_per_card_hour: int
    granularity_s: int = 1
    minimum_time_s: int = 0
    spot_price_micros_per_card_hour: int | None = None


class NewQuote(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Devices of one model over [start, end); no start means now, and `hours` may stand for an end."""

    id: str
    model: str
    devices: int
    tenant: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    hours: float | None = None


def publish_offer(app: App, principal: Principal, request: NewOffer) -> Offer:
    """Put a price on a model; an offer never changes, a new one is published and the old withdrawn."""
    require_operator(principal)
    problem = _offer_problem(request)
    if problem:
        raise Refused(problem)
    now = app.now()
    offer = Offer(
        id=ensure(check_id(request.id)),
        model=ensure(check_id(request.model, "model")),
        price_micros_per_card_hour=request.price_micros_per_card_hour,
        created_at=now,
        currency=app.policy.currency,
        granularity=timedelta(seconds=request.granularity_s),
        minimum_time=timedelta(seconds=request.minimum_time_s),
        spot_price_micros_per_card_hour=request.spot_price_micros_per_card_hour,
    )
    with app.database.write() as tx:
        if settings.first_time(tx, "offer", offer.id, request):
            leases.add_offer(tx, offer)
            audit.record(tx, now, principal.token, "publish_offer", offer.id)
        return _found("offer", offer.id, leases.offer(tx, offer.id))


def _offer_problem(request: NewOffer) -> Refusal | None:
    price = request.price_micros_per_card_hour
    spot = request.spot_price_micros_per_card_hour
    if not 0 <= price <= 10**12 or (spot is not None and not 0 <= spot <= 10**12):
        return invalid("price_absurd", "a price is 0 to 1,000,000 per card-hour", "check the unit", "price")
    if not 1 <= request.granularity_s <= 86_400 or not 0 <= request.minimum_time_s <= 31 * 86_400:
        return invalid(
            "duration_absurd",
            "granularity is 1 s to 1 day, minimum time at most 31 days",
            "shorten it",
            "granularity_s" if not 1 <= request.granularity_s <= 86_400 else "minimum_time_s",
        )
    return None


def withdraw_offer(app: App, principal: Principal, name: str) -> Offer:
    """Stop selling at this price; what was sold stays sold. Safe to repeat."""
    require_operator(principal)
    now = app.now()
    with app.database.write() as tx:
        offer = _found("offer", name, leases.offer(tx, name))
        if offer.withdrawn_at is None:
            offer = msgspec.structs.replace(offer, withdrawn_at=now)
            leases.put_offer(tx, offer)
            audit.record(tx, now, principal.token, "withdraw_offer", name)
        return offer


def hourly_price(offer: Offer, *, spot: bool) -> Micros:
    """The price of work on demand, or of spot work, which not every offer sells."""
    price = offer.spot_price_micros_per_card_hour if spot else offer.price_micros_per_card_hour
    assert price is not None, f"offer {offer.id} sells no spot work"
    return price


def best_offer(tx: Tx, models: tuple[str, ...], now: datetime, *, spot: bool = False) -> Offer | None:
    """The cheapest offer in force for any of the models (none named: any model), of those that sell spot work."""
    return best_of(leases.offers(tx), models, now, spot=spot)


def best_of(
    offers: Iterable[Offer], models: tuple[str, ...], now: datetime, *, spot: bool = False
) -> Offer | None:
    """As `best_offer`, of offers that are at hand."""
    in_force = [
        offer
        for offer in offers
        if offer.created_at <= now
        and (offer.withdrawn_at is None or offer.withdrawn_at > now)
        and (not models or offer.model in models)
        and (not spot or offer.spot_price_micros_per_card_hour is not None)
    ]
    return min(in_force, key=lambda offer: (hourly_price(offer, spot=spot), offer.id), default=None)


def dearest_offer(tx: Tx, models: tuple[str, ...], now: datetime, *, spot: bool = False) -> Offer:
    """The dearest of the models' offers: a job that may run on any of them is sure to be covered by it."""
    every = not models or ANY_MODEL in models
    offers = leases.offers(tx)
    wanted = tuple(sorted({offer.model for offer in offers})) if every else models
    found = [offer for model in wanted if (offer := best_of(offers, (model,), now, spot=spot)) is not None]
    if len(found) < len(wanted) or not found:
        sold = {offer.model for offer in found}
        missing = ", ".join(model for model in wanted if model not in sold) or "anything"
        what = f"{missing} as spot work" if spot else missing
        raise Refused(Refusal("no_offer", f"{what} is not for sale", "see `penstock offer list`", "models"))
    return max(found, key=lambda offer: hourly_price(offer, spot=spot))


def ask_quote(app: App, principal: Principal, request: NewQuote) -> Quote:
    """Can you give me this, from when, at what price, and why not? Kept until it expires."""
    tenant = own_tenant(principal, request.tenant)
    require(principal, Scope.BUY, tenant)
    name = qualified(tenant, request.id)
    now = app.now()
    with app.database.write() as tx:
        if tenants.tenant(tx, tenant) is None:
            raise Refused(not_found("tenant", tenant))
        if settings.first_time(tx, "quote", name, request):
            leases.add_quote(tx, _quote(app, tx, name, tenant, request, now))
        return visible(principal, "quote", name, leases.quote(tx, name))


def estimate(app: App, principal: Principal, request: NewQuote) -> Quote:
    """The quote that would be given now; nothing is kept."""
    tenant = own_tenant(principal, request.tenant)
    require(principal, Scope.BUY, tenant)
    with app.database.read() as tx:
        if tenants.tenant(tx, tenant) is None:
            raise Refused(not_found("tenant", tenant))
        return _quote(app, tx, qualified(tenant, request.id), tenant, request, app.now())


def _window(request: NewQuote, now: datetime) -> Window:
    if not 1 <= request.devices <= QUOTE_DEVICES_MAX:
        raise Refused(
            invalid(
                "quantity_absurd",
                f"{request.devices} devices cannot be leased",
                "ask for 1 or more",
                "devices",
            )
        )
    if (request.end is None) == (request.hours is None):
        raise Refused(invalid("window_missing", "say how long", "give either an end or hours", "end"))
    start = asking.instant(request.start, "start") or now
    if start < now - timedelta(minutes=1):
        raise Refused(
            invalid("window_past", f"{request.start} has passed", "give a later start, or none", "start")
        )
    end = request.end
    if end is None:
        hours = request.hours or 0.0
        if not 0 < hours <= LEASE_MAX / timedelta(hours=1):
            raise Refused(
                invalid("duration_absurd", f"{hours} hours cannot be leased", "give up to 5 years", "hours")
            )
        end = start + timedelta(seconds=round(hours * 3600))
    window = ensure(check_window(start, end, "start"))
    if window.end - window.start > LEASE_MAX:
        raise Refused(invalid("duration_absurd", "a lease lasts at most 5 years", "ask for less", "end"))
    return window


def _quote(app: App, tx: Tx, name: str, tenant: str, request: NewQuote, now: datetime) -> Quote:
    window = _window(request, now)
    offer = best_offer(tx, (request.model,), now)
    if offer is None:
        sold = sorted({o.model for o in leases.offers(tx) if o.withdrawn_at is None})
        raise Refused(
            Refusal(
                "no_offer",
                f"{request.model!r} is not for sale",
                f"on sale: {', '.join(sold) or 'nothing'}",
                "model",
            )
        )
    answer = find(world(tx), Request(request.model, request.devices, window), now)
    price = offer.price_micros_per_card_hour
    total = lease_price(request.devices, window, terms_of(offer, price))
    return Quote(
        id=name,
        tenant=tenant,
        offer=offer.id,
        model=request.model,
        devices=request.devices,
        start=window.start,
        end=window.end,
        price_micros_per_card_hour=price,
        total_micros=total,
        created_at=now,
        expires_at=now + app.policy.quote_validity,
        available=answer.available,
        reasons=answer.reasons,
        available_from=answer.available_from,
        from_acceptance=request.start is None,
        currency=offer.currency,
    )


def accept_quote(app: App, principal: Principal, quote_id: str, lease_id: str) -> Lease:
    """Book the devices and set the money aside, both or neither. Safe to repeat under the same lease id."""
    quote_id = known_as(principal, quote_id)
    now = app.now()
    with app.database.write() as tx:
        quote = visible(principal, "quote", quote_id, leases.quote(tx, quote_id), Scope.BUY)
        name = qualified(quote.tenant, lease_id)
        if settings.first_time(tx, "lease", name, {"quote": quote_id}):
            lease = _book(tx, quote, name, now, app.policy.hold_validity)
            audit.record(tx, now, principal.token, "accept_quote", name, quote_id)
            return lease
        return visible(principal, "lease", name, leases.lease(tx, name))


def _book(tx: Tx, quote: Quote, name: str, now: datetime, hold_validity: timedelta) -> Lease:
    if quote.accepted_by is not None:
        raise Refused(
            Refusal(
                "quote_accepted", f"the quote became lease {quote.accepted_by!r}", "ask for another", "quote"
            )
        )
    if now >= quote.expires_at:
        raise Refused(
            Refusal("quote_expired", f"the quote expired at {quote.expires_at}", "ask for another", "quote")
        )
    start = max(quote.start, now)
    end = start + (quote.end - quote.start) if quote.from_acceptance else quote.end
    if end <= start:
        raise Refused(Refusal("window_past", f"the time quoted ended at {end}", "ask for another", "quote"))
    answer = find(world(tx), Request(quote.model, quote.devices, Window(start, end)), now)
    if not answer.available:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in answer.reasons.items())
        what = f"{quote.devices} devices are not free ({reasons or 'the fleet has none'})"
        if answer.available_from:
            remedy = f"they would be free from {answer.available_from}"
        else:
            remedy = "ask for fewer, or for another model"
        raise Refused(Refusal("not_available", what, remedy, "quote"))
    offer = _found("offer", quote.offer, leases.offer(tx, quote.offer))
    terms = terms_of(offer, quote.price_micros_per_card_hour)
    total = lease_price(quote.devices, Window(start, end), terms)
    hold = f"lease/{name}" if total > 0 else ""
    if hold:
        books.set_aside(tx, quote.tenant, hold, total, quote.currency, now, end + hold_validity)
    lease = Lease(
        id=name,
        tenant=quote.tenant,
        quote=quote.id,
        offer=quote.offer,
        model=quote.model,
        devices=answer.devices,
        start=start,
        end=end,
        price_micros_per_card_hour=quote.price_micros_per_card_hour,
        created_at=now,
        currency=quote.currency,
        hold=hold,
    )
    leases.add_lease(tx, lease)
    leases.put_quote(tx, msgspec.structs.replace(quote, accepted_by=name))
    return lease


def cancel_waiting(tx: Tx, lease: str, now: datetime) -> None:
    """End the jobs that wait for a lease which is over: they would never run."""
    for job in jobs.in_state(tx, JobState.QUEUED):
        if job.lease == lease:
            jobs.set_waits(tx, {job.id: None}, now)
            cancelled = ensure(move_job(job, JobState.CANCELLED))
            jobs.put_job(
                tx, msgspec.structs.replace(cancelled, stop_reason=LEASE_ENDED, ended_at=now, reasons={})
            )


def cancel_lease(app: App, principal: Principal, name: str) -> Lease:
    """Give back a lease that has not begun; its jobs end, its money is free again. Safe to repeat."""
    name = known_as(principal, name)
    now = app.now()
    with app.database.write() as tx:
        lease = visible(principal, "lease", name, leases.lease(tx, name), Scope.BUY)
        if lease.state is LeaseState.CANCELLED:
            return lease
        begun = lease.state is LeaseState.RESERVED and lease.start <= now  # its turn is a moment later
        if begun or lease.state is not LeaseState.RESERVED:
            raise Refused(
                Refusal(
                    "lease_begun",
                    f"the lease is {LeaseState.ACTIVE if begun else lease.state}",
                    "only a lease that has not begun can be cancelled",
                    "lease",
                )
            )
        lease = msgspec.structs.replace(lease, state=LeaseState.CANCELLED, ended_at=now)
        leases.put_lease(tx, lease)
        cancel_waiting(tx, name, now)
        if lease.hold:
            books.give_back(tx, {lease.hold}, now)
        audit.record(tx, now, principal.token, "cancel_lease", name)
        return lease


def lend_lease(app: App, principal: Principal, name: str, *, lends_idle: bool) -> Lease:
    """Let spot work use the devices while no job of the lease needs them, or no longer. Safe to repeat."""
    name = known_as(principal, name)
    with app.database.write() as tx:
        lease = visible(principal, "lease", name, leases.lease(tx, name), Scope.BUY)
        if lease.lends_idle != lends_idle:
            lease = msgspec.structs.replace(lease, lends_idle=lends_idle)
            leases.put_lease(tx, lease)
            audit.record(tx, app.now(), principal.token, "lend_lease", name, str(lends_idle))
        return lease


def set_lease_state(app: App, principal: Principal, name: str, state: LeaseState, reason: str = "") -> Lease:
    """Suspend a lease, let it go on, or end it for a breach of its terms. Safe to repeat.

    A suspended lease keeps its devices and its price, and its jobs wait; one that was breached ends as soon as its
    jobs have stopped, and what was set aside for the time that is left is free again.
    """
    require_operator(principal)
    asking.text(reason, "reason")
    allowed = (LeaseState.SUSPENDED, LeaseState.ACTIVE, LeaseState.BREACHED)
    if state not in allowed:
        said = f"nobody puts a lease into the state {state}"
        raise Refused(invalid("lease_state", said, f"use {', '.join(allowed)}", "state"))
    now = app.now()
    with app.database.write() as tx:
        lease = visible(principal, "lease", name, leases.lease(tx, name))
        if lease.state is state:
            return lease
        if lease.state is LeaseState.RESERVED:
            said = f"the lease begins at {lease.start.isoformat()}"
            raise Refused(Refusal("lease_state", said, "wait for its start, or cancel it", "state"))
        lease = ensure(move_lease(lease, state))
        leases.put_lease(tx, lease)
        audit.record(tx, now, principal.token, "set_lease_state", name, f"{state} {reason}".strip())
        return lease


def list_leases(app: App, principal: Principal, tenant: str | None = None) -> tuple[Lease, ...]:
    """Leases of one tenant, or for staff of all."""
    with app.database.read() as tx:
        return leases.leases(tx, readable_tenant(principal, tenant))


def list_quotes(app: App, principal: Principal, tenant: str | None = None) -> tuple[Quote, ...]:
    """Quotes of one tenant, or for staff of all."""
    with app.database.read() as tx:
        return leases.quotes(tx, readable_tenant(principal, tenant))


def show_quote(app: App, principal: Principal, name: str) -> Quote:
    """One quote."""
    name = known_as(principal, name)
    with app.database.read() as tx:
        return visible(principal, "quote", name, leases.quote(tx, name))


def show_lease(app: App, principal: Principal, name: str) -> Lease:
    """One lease."""
    name = known_as(principal, name)
    with app.database.read() as tx:
        return visible(principal, "lease", name, leases.lease(tx, name))


def list_offers(app: App) -> tuple[Offer, ...]:
    """Every offer, withdrawn ones too: prices are public."""
    with app.database.read() as tx:
        return leases.offers(tx)


def _found[T](noun: str, name: str, row: T | None) -> T:
    if row is None:
        raise Refused(not_found(noun, name))
    return row
