"""What a person sees first: how the centre, or a tenant in it, is doing."""

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

import msgspec

from penstock.app.access import readable_tenant
from penstock.app.context import App
from penstock.app.ladders import settled_until
from penstock.app.money import Balance, balance
from penstock.app.reports import show_ladder_over_time
from penstock.base.money import Micros
from penstock.base.refusal import Refusal, Refused
from penstock.fleet.device import DeviceState
from penstock.insight.model import Ladder
from penstock.lease.job import Job, JobState
from penstock.lease.offer import Lease
from penstock.lease.tenant import Principal, TenantState
from penstock.store import charged, fleet, jobs, leases, tenants
from penstock.store.database import Tx
from penstock.store.leases import LIVE_LEASE_STATES

SHOWN_MAX = 8
HOUR = timedelta(hours=1)
LARGE_DEVICES = 2000
WINDOWS = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
PARTS = {"1h": 12, "24h": 24, "7d": 28, "30d": 30}


class Charged(msgspec.Struct, frozen=True):
    """What was charged in the day that begins at `start`, by the hour and under contracts."""

    start: datetime
    amount_micros: Micros


class CentreOverview(msgspec.Struct, frozen=True, kw_only=True):
    """The centre as its staff sees it."""

    whole: Ladder
    parts: tuple[Ladder, ...]
    charged: tuple[Charged, ...]
    devices: dict[DeviceState, int]
    unaccepted: int
    offers: int
    tenants: int
    jobs: dict[JobState, int]
    short_of_money: tuple[str, ...]
    """Tenants under notice or suspended."""


class TenantOverview(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant as its members see it."""

    balance: Balance
    charged: tuple[Charged, ...]
    jobs: dict[JobState, int]
    recent: tuple[Job, ...]
    leases: tuple[Lease, ...]


def window_named(name: str) -> timedelta:
    """The length of a named window; refused where there is none of that name."""
    if name not in WINDOWS:
        raise Refused(Refusal("window_unknown", f"there is no window {name!r}", f"use {', '.join(WINDOWS)}"))
    return WINDOWS[name]


def shown_window(app: App, name: str) -> tuple[datetime, datetime]:
    """Beginning and end of a named window: up to now, or in a large centre to the last hour that is summed up.

    What is not summed up is attributed from history, which takes long where devices are many; the last hour is
    always shown up to now.
    """
    now, length = app.now(), window_named(name)
    until = settled_until(app) if length > HOUR else None
    if until is None or now - until > 2 * HOUR:
        return now - length, now
    with app.database.read() as tx:
        large = len(fleet.devices(tx)) >= LARGE_DEVICES
    return (until - length, until) if large else (now - length, now)


def centre_overview(app: App, principal: Principal, window: str, zone: tzinfo = UTC) -> CentreOverview:
    """Where the card-hours of a window went, what they brought, and what needs attention."""
    start, now = shown_window(app, window)
    whole, parts = show_ladder_over_time(app, principal, start, now, PARTS[window])
    with app.database.read() as tx:
        devices = fleet.devices(tx)
        opened = tenants.tenants(tx)
        return CentreOverview(
            whole=whole,
            parts=parts,
            charged=_charged(tx, days(_week(start, now), now, zone), app.policy.currency),
            devices={state: sum(d.state is state for d in devices) for state in DeviceState},
            unaccepted=sum(d.accepted_at is None and d.state is not DeviceState.RETIRED for d in devices),
            offers=sum(offer.withdrawn_at is None for offer in leases.offers(tx)),
            tenants=len(opened),
            jobs=jobs.counts(tx),
            short_of_money=tuple(t.id for t in opened if t.state is not TenantState.ACTIVE),
        )


def tenant_overview(
    app: App, principal: Principal, tenant: str, window: str, zone: tzinfo = UTC
) -> TenantOverview:
    """What a tenant has, what it spends, and what it runs."""
    readable_tenant(principal, tenant)
    now = app.now()
    start = now - window_named(window)
    with app.database.read() as tx:
        held = [lease for lease in leases.leases(tx, tenant) if lease.state in LIVE_LEASE_STATES]
        by_day = _charged(tx, days(_week(start, now), now, zone), app.policy.currency, tenant)
        counts = jobs.counts(tx, tenant)
        recent = jobs.recent(tx, tenant, (), None, SHOWN_MAX)
    return TenantOverview(
        balance=balance(app, principal, tenant),
        charged=by_day,
        jobs=counts,
        recent=recent,
        leases=tuple(held[:SHOWN_MAX]),
    )


def _week(start: datetime, end: datetime) -> datetime:
    """A day alone says little: money is shown of a week at least."""
    return min(start, end - timedelta(days=6))


def days(start: datetime, end: datetime, zone: tzinfo = UTC) -> list[datetime]:
    """Where the days of a zone begin that hold a window, in UTC, and where the last ends; to whole hours."""
    day = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    edges = [day]
    while day < end or len(edges) < 2:
        day = (day.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
        edges.append(day)
    return [edge.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for edge in edges]


def _charged(tx: Tx, edges: list[datetime], currency: str, tenant: str | None = None) -> tuple[Charged, ...]:
    amounts = charged.amounts(tx, edges, currency, tenant)
    return tuple(Charged(start, amount) for (start, _), amount in zip(pairwise(edges), amounts, strict=True))
