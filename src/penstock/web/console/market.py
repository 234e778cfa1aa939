"""The market: what is for sale, and quotes that say from when and why not."""

import secrets
from collections import Counter
from datetime import timedelta
from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from penstock.app import comparing, fleet, identity, selling
from penstock.app.context import App
from penstock.base.money import parse_amount
from penstock.base.refusal import Refusal, Refused, ensure, invalid
from penstock.billing.pricing.compare import Comparison
from penstock.lease.offer import Quote
from penstock.web.console.agreements import MONTH_HOURS
from penstock.web.console.fields import instant, whole
from penstock.web.console.pages import Fields, page
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.given import GivenApp

QUOTES_SHOWN = 20


@get("/market", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Offers, a form for a quote, and the latest quotes."""
    return _market(centre, visitor, {}, ())


def _market(
    centre: App, visitor: Visitor, fields: dict[str, str], refused: tuple[Refusal, ...]
) -> Response[Any]:
    devices = fleet.devices_of(centre)
    accepted = Counter(device.model for device in devices if device.accepted_at is not None)
    offers = [offer for offer in selling.list_offers(centre) if offer.withdrawn_at is None]
    return page(
        "market",
        visitor,
        status=refused[0].status if refused else 200,
        offers=[(offer, accepted[offer.model]) for offer in offers],
        models=sorted({offer.model for offer in offers}),
        fleet_models=sorted({device.model for device in devices}),
        quotes=selling.list_quotes(centre, visitor.principal)[:QUOTES_SHOWN],
        tenants=identity.list_tenants(centre, visitor.principal) if visitor.staff else (),
        fields=Fields({"id": f"quote-{secrets.token_hex(4)}", **fields}),
        refused=refused,
        now=centre.now(),
    )


@post("/market/quotes", sync_to_thread=True)
def ask(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Ask for a quote; the same form sent twice is one quote."""
    try:
        quote = selling.ask_quote(centre, visitor.principal, _request(form, visitor))
    except Refused as refused:
        return _market(centre, visitor, form, refused.refusals)
    return Redirect(f"/market/quotes/{quote.id}", status_code=303)


@post("/market/quotes/check", sync_to_thread=True, status_code=200)
def check(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """What a quote would say, and every mode beside it; nothing is kept."""
    try:
        quote = selling.estimate(centre, visitor.principal, _request(form, visitor))
    except Refused as refused:
        return page("market.estimate", visitor, quote=None, found=None, refused=refused.refusals)
    return page("market.estimate", visitor, quote=quote, found=_modes(centre, visitor, quote), refused=())


def _request(form: dict[str, str], visitor: Visitor) -> selling.NewQuote:
    return selling.NewQuote(
        id=form.get("id", ""),
        model=form.get("model", ""),
        devices=whole(form.get("devices", ""), "devices"),
        tenant=form.get("tenant") or None,
        start=instant(form["start"], "start", visitor.taste.zone) if form.get("start") else None,
        hours=_hours(form),
    )


def _modes(centre: App, visitor: Visitor, quote: Quote) -> Comparison | None:
    """What as many cards for as long a month come to in every mode of the price book in force, if there is one."""
    hours = min((quote.end - quote.start) / timedelta(hours=1), float(MONTH_HOURS))
    request = comparing.NewComparison(model=quote.model, cards=quote.devices, hours=f"{hours:.4f}")
    try:
        found = comparing.compare_modes(centre, visitor.principal, request)
    except Refused:
        return None
    return found if found.options else None


def _hours(form: dict[str, str]) -> float:
    text = form.get("hours", "").strip()
    try:
        return float(text)
    except ValueError as error:
        raise Refused(
            invalid("number_malformed", f"{text!r} is no number", "write it as 12", "hours")
        ) from error


@get("/market/quotes/{name:str}", sync_to_thread=True)
def show_quote(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One quote: the price, or why not and from when."""
    quote = selling.show_quote(centre, visitor.principal, name)
    return _shown(centre, visitor, quote, f"lease-{secrets.token_hex(4)}", ())


def _shown(
    centre: App, visitor: Visitor, quote: Quote, lease: str, refused: tuple[Refusal, ...]
) -> Response[Any]:
    return page(
        "market.quote",
        visitor,
        status=refused[0].status if refused else 200,
        quote=quote,
        found=_modes(centre, visitor, quote),
        now=centre.now(),
        lease=lease,
        refused=refused,
    )


@post("/market/quotes/{name:str}/accept", sync_to_thread=True)
def accept(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Response[Any]:
    """Turn a quote into a lease."""
    try:
        lease = selling.accept_quote(centre, visitor.principal, name, form.get("lease", ""))
    except Refused as refused:
        quote = selling.show_quote(centre, visitor.principal, name)
        return _shown(centre, visitor, quote, form.get("lease", ""), refused.refusals)
    return Redirect(f"/leases/{lease.id}", status_code=303)


@post("/market/offers", sync_to_thread=True)
def publish(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Put a price on a model."""
    try:
        price = ensure(parse_amount(form.get("price", ""), "price", decimals=6))
        request = selling.NewOffer(
            id=form.get("id", ""), model=form.get("model", ""), price_micros_per_card_hour=price
        )
        selling.publish_offer(centre, visitor.principal, request)
    except Refused as refused:
        return _market(centre, visitor, form, refused.refusals)
    return Redirect("/market", status_code=303)


@post("/market/offers/{name:str}/withdraw", sync_to_thread=True)
def withdraw(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Stop selling at this price."""
    selling.withdraw_offer(centre, visitor.principal, name)
    return Redirect("/market", status_code=303)


ROUTER = Router(
    "/", route_handlers=[show, ask, check, show_quote, accept, publish, withdraw], include_in_schema=False
)
