"""Endpoints of what the centre earns and costs."""

from datetime import datetime

from litestar import Router, get, post
from litestar.params import FromQuery, RawBody

from penstock.app import economics
from penstock.insight.earned import LiveAccounts
from penstock.web.given import GivenApp, GivenPrincipal


@get("/", sync_to_thread=True)
def show(
    centre: GivenApp,
    principal: GivenPrincipal,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    by: FromQuery[str | None] = None,
) -> dict[str, LiveAccounts]:
    """Profit and loss of a window beside what moved on the ledger, whole or by a group."""
    return economics.show_economics(centre, principal, start, end, by)


@get("/costs", sync_to_thread=True)
def show_costs(centre: GivenApp, principal: GivenPrincipal) -> dict[str, str]:
    """What the centre costs beside its devices, as it was given."""
    return {"costs": economics.show_costs(centre, principal)}


@post("/costs", sync_to_thread=True, status_code=200)
def set_costs(
    centre: GivenApp, principal: GivenPrincipal, body: RawBody, filename: FromQuery[str]
) -> dict[str, str]:
    """Keep what the centre costs beside its devices, from a YAML text."""
    economics.set_costs(centre, principal, body, filename)
    return {"costs": economics.show_costs(centre, principal)}


ROUTER = Router("/economics", route_handlers=[show, show_costs, set_costs])
