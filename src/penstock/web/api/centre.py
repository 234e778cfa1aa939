"""Endpoints of the centre as a whole: who it is, sign-in, the audit log, live changes."""

from collections.abc import AsyncGenerator
from datetime import datetime
from importlib.metadata import version

import anyio
import msgspec
from litestar import Router, get, post
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.params import FromQuery, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage

from penstock.app import following, opening, passwords, reports, tokens
from penstock.app.context import App
from penstock.app.images import ImageView
from penstock.app.images import view as view_images
from penstock.lease.tenant import Principal
from penstock.store.tables import AuditEntry
from penstock.web.edge import Page
from penstock.web.given import GivenApp, GivenPrincipal

LIVE_EVERY_S = 0.25


class Centre(msgspec.Struct, frozen=True):
    """What anyone may know of the centre."""

    name: str
    version: str
    currency: str


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The admin password."""

    password: str


class Session(msgspec.Struct, frozen=True):
    """A short-lived operator token."""

    secret: str
    expires_at: datetime | None


@get("/centre", sync_to_thread=True)
def centre_info(centre: GivenApp) -> Centre:
    """Name and version; needs no token."""
    return Centre(opening.centre_name(centre), version("penstock"), centre.policy.currency)


@post("/login", sync_to_thread=True, middleware=[RateLimitConfig(("minute", 10)).middleware])
def login(centre: GivenApp, data: JSONBody[Login]) -> Session:
    """An operator token for the admin password; at most ten tries a minute."""
    issued = passwords.sign_in(centre, data.password)
    return Session(issued.secret, issued.token.expires_at)


@get("/audit", sync_to_thread=True)
def audit(centre: GivenApp, principal: GivenPrincipal, after: FromQuery[int] = 0) -> Page[AuditEntry]:
    """What was done, by whom."""
    found = reports.list_audit(centre, principal, after)
    return Page(found, found[-1].sequence if found else None)


@get("/engines", sync_to_thread=True)
def engines(centre: GivenApp, principal: GivenPrincipal) -> Page[following.EngineView]:
    """Where jobs run, whether each answers, and what others do there."""
    return Page(following.view(centre, principal))


@get("/images", sync_to_thread=True)
def images(centre: GivenApp, principal: GivenPrincipal) -> Page[ImageView]:
    """Container images that jobs can name, and the engines that have them."""
    return Page(view_images(centre, principal))


@get("/events")
async def events(centre: GivenApp, principal: GivenPrincipal) -> ServerSentEvent:
    """Says within a second that something changed, until the token ends."""
    return ServerSentEvent(changes(centre, principal))


async def changes(centre: App, principal: Principal) -> AsyncGenerator[ServerSentEventMessage]:
    """An event now and after every change, and a last one when the token that asked has ended."""
    known = None
    while (found := await anyio.to_thread.run_sync(_seen, centre, principal)) is not None:
        if found != known:
            known = found
            yield ServerSentEventMessage(event="changed", data=msgspec.json.encode(found).decode())
        await anyio.sleep(LIVE_EVERY_S)
    yield ServerSentEventMessage(event="end", data="{}")


def _seen(centre: App, principal: Principal) -> reports.Changes | None:
    return reports.changes(centre) if tokens.still_valid(centre, principal) else None


ROUTER = Router("/", route_handlers=[centre_info, login, audit, engines, images, events])
