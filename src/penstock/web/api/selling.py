"""Endpoints of offers, quotes and leases."""

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from penstock.app import selling
from penstock.lease.offer import Lease, LeaseState, Offer, Quote
from penstock.web.edge import Page
from penstock.web.given import GivenApp, GivenPrincipal


class NewLease(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The quote to accept, and the id of the lease it becomes."""

    id: str
    quote: str


class Lending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether spot work may use the devices of a lease while its own jobs do not."""

    lends_idle: bool


class NewLeaseState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state to put a lease into, and why."""

    state: LeaseState
    reason: str = ""


@get("/offers", sync_to_thread=True)
def list_offers(centre: GivenApp, principal: GivenPrincipal) -> Page[Offer]:  # noqa: ARG001
    """Every offer."""
    return Page(selling.list_offers(centre))


@post("/offers", sync_to_thread=True)
def publish_offer(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[selling.NewOffer]) -> Offer:
    """Publish a price."""
    return selling.publish_offer(centre, principal, data)


@delete("/offers/{name:str}", sync_to_thread=True, status_code=200)
def withdraw_offer(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Offer:
    """Withdraw an offer."""
    return selling.withdraw_offer(centre, principal, name)


@get("/quotes", sync_to_thread=True)
def list_quotes(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[Quote]:
    """Quotes, newest first."""
    return Page(selling.list_quotes(centre, principal, tenant))


@post("/quotes", sync_to_thread=True)
def ask_quote(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[selling.NewQuote]) -> Quote:
    """Ask for a quote."""
    return selling.ask_quote(centre, principal, data)


@get("/quotes/{name:str}", sync_to_thread=True)
def show_quote(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Quote:
    """One quote."""
    return selling.show_quote(centre, principal, name)


@get("/leases", sync_to_thread=True)
def list_leases(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[Lease]:
    """Leases, newest first."""
    return Page(selling.list_leases(centre, principal, tenant))


@post("/leases", sync_to_thread=True)
def accept_quote(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[NewLease]) -> Lease:
    """Accept a quote."""
    return selling.accept_quote(centre, principal, data.quote, data.id)


@get("/leases/{name:str}", sync_to_thread=True)
def show_lease(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Lease:
    """One lease."""
    return selling.show_lease(centre, principal, name)


@delete("/leases/{name:str}", sync_to_thread=True, status_code=200)
def cancel_lease(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Lease:
    """Cancel a lease before it begins."""
    return selling.cancel_lease(centre, principal, name)


@post("/leases/{name:str}/state", sync_to_thread=True, status_code=200)
def set_lease_state(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], data: JSONBody[NewLeaseState]
) -> Lease:
    """Suspend a lease, let it go on, or end it for a breach of its terms."""
    return selling.set_lease_state(centre, principal, name, data.state, data.reason)


@post("/leases/{name:str}/lend", sync_to_thread=True, status_code=200)
def lend_lease(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], data: JSONBody[Lending]
) -> Lease:
    """Let spot work use a lease's devices while its own jobs do not, or no longer."""
    return selling.lend_lease(centre, principal, name, lends_idle=data.lends_idle)


ROUTER = Router(
    "/",
    route_handlers=[
        list_offers,
        publish_offer,
        withdraw_offer,
        list_quotes,
        ask_quote,
        show_quote,
        list_leases,
        accept_quote,
        show_lease,
        cancel_lease,
        set_lease_state,
        lend_lease,
    ],
)
