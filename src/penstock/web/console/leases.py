"""Leases, and the calendar of capacity that they book."""

from collections import Counter
from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from penstock.app import fleet, jobs, selling
from penstock.base.refusal import Refused, invalid
from penstock.fleet.device import DeviceState
from penstock.lease.offer import LEASE_MOVES, LeaseState
from penstock.lease.tenant import Scope
from penstock.web.console.calendars import ROWS_MAX, calendar
from penstock.web.console.pages import page
from penstock.web.console.visitor import GivenForm, GivenVisitor
from penstock.web.given import GivenApp

SET_BY_HAND = (LeaseState.SUSPENDED, LeaseState.ACTIVE, LeaseState.BREACHED)


@get("/leases", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """All leases the visitor may see, as a calendar and as a table."""
    found = selling.list_leases(centre, visitor.principal)
    capacity: Counter[str] = Counter()
    if visitor.staff:  # what is free tells what others hold
        devices = (one for one in fleet.devices_of(centre) if one.accepted_at is not None)
        capacity.update(one.model for one in devices if one.state is not DeviceState.RETIRED)
    return page(
        "leases",
        visitor,
        leases=found[:ROWS_MAX],
        total=len(found),
        calendar=calendar(found, capacity, centre.now(), visitor.taste.zone),
    )


@get("/leases/{name:str}", sync_to_thread=True)
def show_lease(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One lease: its devices, its time, its jobs."""
    lease = selling.show_lease(centre, visitor.principal, name)
    found = jobs.jobs_of_lease(centre, visitor.principal, lease.id)
    may_cancel = lease.state is LeaseState.RESERVED and visitor.principal.may(Scope.BUY, lease.tenant)
    moves = [state for state in SET_BY_HAND if state in LEASE_MOVES[lease.state]]
    return page(
        "leases.one",
        visitor,
        lease=lease,
        jobs=found,
        may_cancel=may_cancel,
        moves=moves if visitor.operator and lease.state is not LeaseState.RESERVED else (),
    )


@post("/leases/{name:str}/state", sync_to_thread=True)
def set_state(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:
    """Suspend a lease, let it go on, or end it for a breach of its terms."""
    wanted = next((one for one in SET_BY_HAND if one == form.get("state")), None)
    if wanted is None:
        raise Refused(
            invalid("state_unknown", f"there is no state {form.get('state')!r}", "choose one", "state")
        )
    lease = selling.set_lease_state(centre, visitor.principal, name, wanted, form.get("reason", ""))
    return Redirect(f"/leases/{lease.id}", status_code=303)


@post("/leases/{name:str}/cancel", sync_to_thread=True)
def cancel(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Give back a lease that has not begun."""
    lease = selling.cancel_lease(centre, visitor.principal, name)
    return Redirect(f"/leases/{lease.id}", status_code=303)


ROUTER = Router("/", route_handlers=[show, show_lease, cancel, set_state], include_in_schema=False)
