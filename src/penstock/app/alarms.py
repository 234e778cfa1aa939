"""Alarms of a window, and the demand that it lost."""

from collections import Counter
from datetime import datetime, timedelta

from penstock.app import asking
from penstock.app.access import require, require_audit
from penstock.app.context import App
from penstock.app.ladders import ladders
from penstock.app.reports import asked_window, spans_of
from penstock.base.refusal import Refused, invalid
from penstock.fleet.calibration import drifts
from penstock.fleet.device import DeviceState
from penstock.insight.alarms import Alarm, Seen, Thresholds, alarms
from penstock.insight.lost import LostRevenue, asks_of_jobs, asks_of_quotes, lost_numbers, lost_rows
from penstock.insight.opened import intervals
from penstock.lease.tenant import Principal, Scope
from penstock.placement.reasons import book_reason
from penstock.store import fleet, jobs, leases

DEFAULT_WINDOW = timedelta(days=1)


def show_alarms(
    app: App,
    principal: Principal,
    start: datetime | None = None,
    end: datetime | None = None,
    when: Thresholds | None = None,
) -> tuple[Alarm, ...]:
    """The alarms of a window, by default the last day, with the state at its end; a tenant sees its own."""
    if principal.tenant is None:
        require_audit(principal)
    else:
        require(principal, Scope.READ, principal.tenant)
    now, when = app.now(), when or Thresholds()
    _check(when)
    until = min(asking.instant(end, "end") or now, now)
    window = asked_window(start or until - DEFAULT_WINDOW, until, now)
    with app.database.read() as tx:
        devices, sold = fleet.devices(tx), leases.leases(tx, None)
        prices, runs = leases.lowest_prices(tx, window.end), fleet.calibration_history(tx)
    gone = {device.id for device in devices if device.state is DeviceState.RETIRED}
    seen = Seen(
        by_tenant=ladders(app, window, "tenant"),
        by_model=ladders(app, window, "model"),
        devices=devices,
        leases=sold,
        prices=prices,
        drifts=tuple(found for device, own in runs.items() if device not in gone for found in drifts(own)),
        at=window.end,
        currency=app.policy.currency,
    )
    found = alarms(seen, when)
    if principal.tenant is None:
        return found
    return tuple(one for one in found if one.code == "idle_holdings" and one.about == principal.tenant)


def _check(when: Thresholds) -> None:
    for name in ("idle_share", "sold_floor", "backlog_share"):
        value = getattr(when, name)
        if not 0 <= value <= 1:
            raise Refused(invalid("share_absurd", f"{value} is no share", "give one from 0 to 1", name))
    if not 0 <= when.idle_card_hours < float("inf"):
        raise Refused(
            invalid("hours_absurd", f"{when.idle_card_hours} are no hours", "give some", "idle_card_hours")
        )
    asking.whole_number(when.backlog_customers, 1, 1000, "backlog_customers")


def show_lost(
    app: App, principal: Principal, start: datetime | None = None, end: datetime | None = None
) -> LostRevenue:
    """Refused and delayed demand of a window (the last seven days where none is given), by what to mend first."""
    require_audit(principal)
    now = app.now()
    window = asked_window(start, end, now)
    past, spans = spans_of(app, window)
    with app.database.read() as tx:
        waited = jobs.by_ids(tx, {wait.job for wait in past.waits})
        earlier = sum(job.created_at < window.start for job in waited.values())
        submitted = jobs.count_submitted(tx, window) + earlier
        quoted, prices = leases.quotes(tx, None), leases.lowest_prices(tx, now)
    asks = [
        *asks_of_jobs(past.waits, waited, past.devices, prices, window),
        *asks_of_quotes(quoted, window, now, lambda quote: book_reason(Counter(quote.reasons))),
    ]
    idle = (span for span in spans if span.line.startswith("no_fit"))
    rows = lost_rows(asks, intervals(idle, past, window, app.policy.currency))
    return LostRevenue(
        start=window.start,
        end=window.end,
        currency=app.policy.currency,
        submitted=submitted,
        quoted=sum(window.contains(quote.created_at) for quote in quoted),
        refused=sum(row.refused for row in rows),
        lost_card_us=sum(row.lost_card_us for row in rows),
        lost_value_micros=sum(row.lost_value_micros for row in rows),
        rows=rows,
        population=f"jobs and quotes asked for from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC",
        numbers=lost_numbers(app.policy.currency),
    )
