"""The market: what is for sale, and quotes that say from when and why not."""

import secrets
from collections import Counter
from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from penstock.app import fleet, identity, selling
from penstock.app.context import App
from penstock.base.money import parse_amount
from penstock.base.refusal import Refusal, Refused, ensure, invalid
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
        request = selling.NewQuote(
            id=form.get("id", ""),
            model=form.get("model", ""),
            devices=whole(form.get("devices", ""), "devices"),
            tenant=form.get("tenant") or None,
            start=instant(form["start"], "start", visitor.taste.zone) if form.get("start") else None,
            hours=_hours(form),
        )
        quote = selling.ask_quote(centre, visitor.principal, request)
    except Refused as refused:
        return _market(centre, visitor, form, refused.refusals)
    return Redirect(f"/market/quotes/{quote.id}", status_code=303)


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
    return page(
        "market.quote",
        visitor,
        quote=quote,
        now=centre.now(),
        lease=f"lease-{secrets.token_hex(4)}",
        refused=(),
    )


@post("/market/quotes/{name:str}/accept", sync_to_thread=True)
def accept(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Response[Any]:
    """Turn a quote into a lease."""
    try:
        lease = selling.accept_quote(centre, visitor.principal, name, form.get("lease", ""))
    except Refused as refused:
        quote = selling.show_quote(centre, visitor.principal, name)
        return page(
            "market.quote",
            visitor,
            status=refused.refusals[0].status,
            quote=quote,
            now=centre.now(),
            lease=form.get("lease", ""),
            refused=refused.refusals,
        )
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
    "/", route_handlers=[show, ask, show_quote, accept, publish, withdraw], include_in_schema=False
)
