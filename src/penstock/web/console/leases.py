"""Leases, and the calendar of capacity that they book."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from penstock.app import jobs, selling
from penstock.lease.offer import Lease, LeaseState
from penstock.lease.tenant import Scope
from penstock.web.console.pages import page
from penstock.web.console.visitor import GivenForm, GivenVisitor
from penstock.web.documents.report_charts import time_ticks
from penstock.web.given import GivenApp

ROW, MARGIN, WIDTH = 26, 28, 1600
ROWS_MAX = 200
BEFORE, AFTER_MIN = timedelta(days=1), timedelta(days=2)


class Slot(msgspec.Struct, frozen=True):
    """One lease in the calendar, in the picture's own units."""

    lease: Lease
    x: float
    y: int
    width: float


class Calendar(msgspec.Struct, frozen=True):
    """Leases over time; `now` is where the present stands."""

    slots: tuple[Slot, ...]
    ticks: tuple[tuple[float, datetime], ...]
    now: float
    width: int
    height: int


@get("/leases", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """All leases the visitor may see, as a calendar and as a table."""
    found = selling.list_leases(centre, visitor.principal)
    return page(
        "leases", visitor, leases=found[:ROWS_MAX], calendar=calendar(found, centre.now(), visitor.taste.zone)
    )


def calendar(leases: tuple[Lease, ...], now: datetime, zone: Any) -> Calendar:
    """The leases that hold devices from a day ago on, one a row."""
    shown = [one for one in leases if one.end > now - BEFORE and one.state is not LeaseState.CANCELLED][
        :ROWS_MAX
    ]
    start = now - BEFORE
    end = max([now + AFTER_MIN, *(one.end for one in shown if one.end < now + timedelta(days=62))])
    length = end - start

    def place(instant: datetime) -> float:
        return WIDTH * ((min(max(instant, start), end) - start) / length)

    slots = [
        Slot(
            lease,
            place(lease.start),
            MARGIN + n * ROW,
            max(place(lease.ended_at or lease.end) - place(lease.start), 2.0),
        )
        for n, lease in enumerate(sorted(shown, key=lambda one: (one.start, one.id)))
    ]
    ticks = tuple((WIDTH * at / 100, instant) for at, instant in time_ticks(start.astimezone(zone), end))
    return Calendar(tuple(slots), ticks, place(now), WIDTH, MARGIN + max(len(slots), 1) * ROW + 8)


@get("/leases/{name:str}", sync_to_thread=True)
def show_lease(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One lease: its devices, its time, its jobs."""
    lease = selling.show_lease(centre, visitor.principal, name)
    found = jobs.jobs_of_lease(centre, visitor.principal, lease.id)
    may_cancel = lease.state is LeaseState.RESERVED and visitor.principal.may(Scope.BUY, lease.tenant)
    return page("leases.one", visitor, lease=lease, jobs=found, may_cancel=may_cancel)


@post("/leases/{name:str}/cancel", sync_to_thread=True)
def cancel(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Give back a lease that has not begun."""
    lease = selling.cancel_lease(centre, visitor.principal, name)
    return Redirect(f"/leases/{lease.id}", status_code=303)


ROUTER = Router("/", route_handlers=[show, show_lease, cancel], include_in_schema=False)
