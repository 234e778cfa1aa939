"""Declared meters and what they measured, as people ask for it; and the closing of periods."""

from datetime import datetime, timedelta

import msgspec

from penstock.app import accrual, asking, metering
from penstock.app.access import readable_tenant, require_audit, require_operator
from penstock.app.context import App
from penstock.base.refusal import Refusal, Refused, ensure, not_found
from penstock.base.seal import seal
from penstock.base.window import Window, check_window
from penstock.billing.metering.closing import PeriodClosing
from penstock.billing.metering.difference import Difference, difference
from penstock.billing.metering.extract import AGE_MAX, FUTURE_MAX
from penstock.billing.metering.model import LATE_WINDOW, Aggregation, Meter, MeteredQuantity, check_meter
from penstock.billing.pricing.posting import ContractLine
from penstock.lease.tenant import Principal
from penstock.ledger.closing import close
from penstock.store import audit, closings, contracts, ledger, readings, settings
from penstock.store import metering as meters
from penstock.store.database import Tx
from penstock.store.tables import StoredEvent

EVENTS_SHOWN_MAX = 1_000


class NewMeter(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A meter to declare; see `billing.metering.model.Meter`. `late_seconds`: how long late events are taken."""

    id: str
    aggregation: Aggregation
    unit: str
    event_type: str = ""
    value: str = ""
    dimensions: tuple[str, ...] = ()
    decimals: int = 6
    negative: bool = False
    late_seconds: int = LATE_WINDOW // timedelta(seconds=1)
    name: str = ""


class NewClosing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Up to when to close the books; the period begins where the last one ended."""

    end: datetime


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What became known of a closed period after it was closed."""

    closing: PeriodClosing
    differences: tuple[Difference, ...]


def declare_meter(app: App, principal: Principal, request: NewMeter) -> Meter:
    """Declare a meter; it never changes. Safe to repeat under the same id."""
    require_operator(principal)
    late_seconds = asking.whole_number(request.late_seconds, 0, 35 * 86_400, "late_seconds")
    fields = {name: getattr(request, name) for name in request.__struct_fields__ if name != "late_seconds"}
    meter = ensure(check_meter(Meter(**fields, late_window=timedelta(seconds=late_seconds or 0))))
    now = app.now()
    with app.database.write() as tx:
        if settings.first_time(tx, "meter", meter.id, request):
            meters.add_meter(tx, meter)
            audit.record(tx, now, principal.token, "declare_meter", meter.id)
        return meter


def list_meters(app: App) -> tuple[Meter, ...]:
    """Every meter: what is measured is public to all who have a token."""
    with app.database.read() as tx:
        return meters.meters(tx)


def list_events(
    app: App,
    principal: Principal,
    tenant: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int = EVENTS_SHOWN_MAX,
) -> tuple[StoredEvent, ...]:
    """The latest events that declared meters were sent, newest first."""
    count = asking.whole_number(limit, 1, EVENTS_SHOWN_MAX, "limit") or EVENTS_SHOWN_MAX
    with app.database.read() as tx:
        owner = readable_tenant(principal, tenant)
        return meters.events(tx, owner, asked_window(app, start, end), count)


def show_quantities(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> tuple[MeteredQuantity, ...]:
    """What declared meters measured over a time, exactly, of one tenant or for staff of all."""
    with app.database.read() as tx:
        owner = readable_tenant(principal, tenant)
        return tuple(meters.quantities(tx, asked_window(app, start, end), owner))


def asked_window(app: App, start: datetime | None, end: datetime | None) -> Window:
    """The time asked for; without one, all that events may be about."""
    now = app.now()
    first = asking.instant(start, "start") or now - AGE_MAX
    return ensure(check_window(first, asking.instant(end, "end") or now + FUTURE_MAX, "start"))


def close_period(app: App, principal: Principal, request: NewClosing) -> PeriodClosing:
    """Close the books up to an instant: no entry is dated before it any more, and what was measured is sealed.

    Usage up to then is charged first. Late events still count for as long as their meters say, so a period can
    only be closed after that; what comes later is seen with `late_changes`. Safe to repeat.
    """
    require_operator(principal)
    end = ensure(asking.instant(request.end, "end") or Refusal("time_missing", "no end", "give one"))
    metering.meter(app)
    metering.rate(app)
    now = app.now()
    with app.database.write() as tx:
        known = [one for one in closings.closings(tx) if one.end == end and one.number == 0]
        if known:
            return known[0]
        closing = _closing(tx, end, now)
        closings.add(tx, closing)
        audit.record(tx, now, principal.token, "close_period", end.isoformat())
        return closing


def _closing(tx: Tx, end: datetime, now: datetime) -> PeriodClosing:
    start = closings.closed_until(tx) or ledger.opened_at(tx, end)
    if end <= start:
        raise Refused(
            Refusal("period_closed", f"the books are closed until {start.isoformat()}", "give a later end")
        )
    late = max((meter.late_window for meter in meters.meters(tx)), default=timedelta(0))
    if end + late > now:
        raise Refused(
            Refusal(
                "period_open",
                f"late events of a period up to {end.isoformat()} count until {(end + late).isoformat()}",
                "wait until then, or close an earlier period",
                "end",
            )
        )
    period = Window(start, end)
    sealed = close(ledger.transfers(tx), period)
    known_until = readings.known_until(tx)
    found = meters.quantities(tx, period, known_until=known_until)
    return PeriodClosing(
        start=start,
        end=end,
        number=0,
        closed_at=now,
        known_until=known_until,
        quantities=len(found),
        quantities_hash=seal(found),
        transfers=sealed.transfers,
        transfers_hash=sealed.content_hash,
    )


def list_closings(app: App, principal: Principal) -> tuple[PeriodClosing, ...]:
    """Every closed period."""
    require_audit(principal)
    with app.database.read() as tx:
        return closings.closings(tx)


def late_changes(app: App, principal: Principal, end: datetime) -> Changes:
    """What late events change of the closed period that ends then; the period itself stays as it is."""
    require_audit(principal)
    with app.database.read() as tx:
        latest = _latest_closing(tx, end)
        return Changes(closing=latest, differences=tuple(changes_since(tx, latest)))


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """What late events of a closed period came to: the lines wait for the next invoice of their tenants."""

    closing: PeriodClosing
    differences: tuple[Difference, ...]
    lines: tuple[ContractLine, ...]


def adjust_period(app: App, principal: Principal, end: datetime) -> Adjustment:
    """Charge what late events change of the closed period that ends then, and record up to where it was made good.

    The period and its invoices stay as they are: the difference stands on each tenant's next invoice. Safe to
    repeat: what was made good is not charged again.
    """
    require_operator(principal)
    with app.database.read() as tx:
        latest = _latest_closing(tx, end)
        known_until = readings.known_until(tx)
        found = changes_since(tx, latest, known_until)
    touched = sorted(
        {known.tenant for one in found for known in (one.before, one.after) if known is not None}
    )
    for tenant in touched:
        accrual.accrue_tenant(app, tenant)
    now = app.now()
    with app.database.write() as tx:
        latest = _latest_closing(tx, end)
        if found and latest.known_until < known_until:
            latest = _made_good(tx, latest, known_until, now)
            closings.add(tx, latest)
            audit.record(tx, now, principal.token, "adjust_period", end.isoformat(), ", ".join(touched))
        lines = [line for tenant in touched for line in contracts.uninvoiced(tx, tenant, latest.end)]
    return Adjustment(closing=latest, differences=tuple(found), lines=tuple(lines))


def _latest_closing(tx: Tx, end: datetime) -> PeriodClosing:
    """The last closing of the period that ends then."""
    known = [one for one in closings.closings(tx) if one.end == asking.instant(end, "end")]
    if not known:
        missing = not_found("closing", end.isoformat())
        raise Refused(msgspec.structs.replace(missing, remedy="see `penstock ledger closings`", where="end"))
    return known[-1]


def _made_good(tx: Tx, latest: PeriodClosing, known_until: int, now: datetime) -> PeriodClosing:
    quantities = meters.quantities(tx, latest.window, known_until=known_until)
    return msgspec.structs.replace(
        latest,
        number=latest.number + 1,
        closed_at=now,
        known_until=known_until,
        quantities=len(quantities),
        quantities_hash=seal(quantities),
    )


def changes_since(tx: Tx, closing: PeriodClosing, known_until: int | None = None) -> list[Difference]:
    """How the quantities of a closed period differ by what became known since, at most up to that reading."""
    before = meters.quantities(tx, closing.window, known_until=closing.known_until)
    return difference(before, meters.quantities(tx, closing.window, known_until=known_until))
