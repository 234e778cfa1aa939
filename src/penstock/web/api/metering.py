"""Endpoints of declared meters: usage events in, quantities out, periods closed."""

from datetime import datetime
from typing import Any

import anyio
from litestar import Request, Router, get, post
from litestar.params import FromQuery, JSONBody

from penstock.app import usage
from penstock.app.context import App
from penstock.app.intake import Intake, Receipt
from penstock.app.tokens import authenticate
from penstock.base.refusal import Refused, invalid
from penstock.billing.metering.closing import PeriodClosing
from penstock.billing.metering.cloudevents import BATCH, STRUCTURED, media_type
from penstock.billing.metering.model import Meter, MeteredQuantity
from penstock.store.tables import StoredEvent
from penstock.web.edge import Page, secret_of
from penstock.web.given import GivenApp, GivenIntake, GivenPrincipal


@get("/meters", sync_to_thread=True)
def list_meters(centre: GivenApp, principal: GivenPrincipal) -> Page[Meter]:  # noqa: ARG001
    """Every declared meter."""
    return Page(usage.list_meters(centre))


@post("/meters", sync_to_thread=True)
def declare_meter(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[usage.NewMeter]) -> Meter:
    """Declare a meter."""
    return usage.declare_meter(centre, principal, data)


@post("/usage/events", status_code=200)
async def send_events(request: Request[Any, Any, Any], centre: GivenApp, intake: GivenIntake) -> Receipt:
    """Send usage events as CloudEvents 1.0: a batch, one in structured mode, or one in binary mode.

    Of a batch the good ones are kept, and the answer says which were refused and why. A single event that is
    refused is refused as a request.
    """
    secret, body = secret_of(request), await request.body()
    kind = media_type(request.headers.get("content-type", ""))
    if kind != BATCH:  # single events were answered ahead of here: see `web.single_events`
        raise Refused(
            invalid(
                "media_type_unknown",
                f"{kind!r} is no CloudEvent",
                f"send {STRUCTURED} or {BATCH}",
                "content-type",
            )
        )
    return await anyio.to_thread.run_sync(_send_batch, centre, intake, secret, body)


def _send_batch(app: App, intake: Intake, secret: str, body: bytes) -> Receipt:
    holder = authenticate(app, secret)
    return intake.send_batch(holder, body)


@get("/usage/events", sync_to_thread=True)
def list_events(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    limit: FromQuery[int] = usage.EVENTS_SHOWN_MAX,
) -> Page[StoredEvent]:
    """The latest events, newest first."""
    return Page(usage.list_events(centre, principal, tenant, start, end, limit))


@get("/usage/quantities", sync_to_thread=True)
def quantities(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
) -> Page[MeteredQuantity]:
    """What declared meters measured."""
    return Page(usage.show_quantities(centre, principal, tenant, start, end))


@get("/closings", sync_to_thread=True)
def list_closings(centre: GivenApp, principal: GivenPrincipal) -> Page[PeriodClosing]:
    """Every closed period."""
    return Page(usage.list_closings(centre, principal))


@post("/closings", sync_to_thread=True)
def close_period(
    centre: GivenApp, principal: GivenPrincipal, data: JSONBody[usage.NewClosing]
) -> PeriodClosing:
    """Close the books up to an instant."""
    return usage.close_period(centre, principal, data)


@get("/closings/changes", sync_to_thread=True)
def late_changes(centre: GivenApp, principal: GivenPrincipal, end: FromQuery[datetime]) -> usage.Changes:
    """What late events change of the closed period that ends then."""
    return usage.late_changes(centre, principal, end)


@post("/closings/adjustments", sync_to_thread=True)
def adjust_period(centre: GivenApp, principal: GivenPrincipal, end: FromQuery[datetime]) -> usage.Adjustment:
    """Charge what late events change of the closed period that ends then, for the next invoices."""
    return usage.adjust_period(centre, principal, end)


ROUTER = Router(
    "/",
    route_handlers=[
        list_meters,
        declare_meter,
        send_events,
        list_events,
        quantities,
        list_closings,
        close_period,
        late_changes,
        adjust_period,
    ],
)
