"""Usage to charges: what was seen becomes events once per window, and events become lines and transfers."""

from collections import defaultdict
from datetime import datetime, timedelta

import msgspec

from penstock.app import books, running
from penstock.app.access import SYSTEM
from penstock.app.charging import charge_recorded, terms_agreed
from penstock.app.context import App
from penstock.billing.meter import ATTEMPT, LEASE, Subject, attempt_subject, lease_subject, usage_of
from penstock.billing.payment import owed
from penstock.billing.prepay import Burn, burn_of, funds
from penstock.lease.tenant import Tenant, TenantState
from penstock.ledger.chart import PREPAID, RECEIVABLE, tenant_account
from penstock.store import audit, billing, contracts, fleet, jobs, leases, ledger, settings, tenants
from penstock.store.database import Tx
from penstock.store.live import live


def meter(app: App) -> None:
    """Record usage up to now, cut at whole metering steps; what has ended is recorded to its end.

    What goes on is charged only as far as its engine was really asked: one that is away, or whose news is
    late, never makes anybody pay for time after an end that is not known yet.
    """
    step, now = app.policy.metering_step, app.now()
    with app.database.read() as tx:
        due = [
            (subject, until) for subject, until in _subjects(tx, now) if usage_of(subject, until, now, step)
        ]
        going_on = {s.id for s, _ in due if s.kind == ATTEMPT and s.ended_at is None}
        asked = [attempt for attempt in live(tx).attempts if attempt.id in going_on] if going_on else []
    confirmed = running.still_going(app, asked)
    due = [(s, until) for s, until in due if s.id not in going_on or s.id in confirmed]
    if not due:
        return
    with app.database.write() as tx:
        current = {(subject.kind, subject.id): (subject, until) for subject, until in _subjects(tx, now)}
        unchanged = [(s, until) for s, until in due if current.get((s.kind, s.id)) == (s, until)]
        _put_usage(tx, unchanged, now, step)


def _put_usage(tx: Tx, due: list[tuple[Subject, datetime | None]], now: datetime, step: timedelta) -> None:
    cut = [(subject, usage_of(subject, until, now, step)) for subject, until in due]
    billing.add_usage(tx, [event for _, events in cut for event in events])
    for kind, put in ((ATTEMPT, jobs.put_metered), (LEASE, leases.put_metered)):
        put(tx, [(s.id, events[-1].end, events[-1].final) for s, events in cut if s.kind == kind])


def _subjects(tx: Tx, now: datetime) -> list[tuple[Subject, datetime | None]]:
    models = {device.id: device.model for device in fleet.devices(tx)}
    found: list[tuple[Subject | None, datetime | None]] = [
        (attempt_subject(attempt, models[attempt.devices[0]]), attempt.metered_until)
        for attempt in jobs.unmetered_attempts(tx)
        if not attempt.awaits_accounting
    ]
    found += [(lease_subject(lease, now), lease.metered_until) for lease in leases.unmetered(tx, now)]
    return [(subject, until) for subject, until in found if subject is not None]


def rate(app: App) -> None:
    """Turn unrated usage into charge lines and the transfers that pay for them, together."""
    with app.database.read() as tx:
        more = bool(billing.unrated(tx, 1))
    while more:
        more = _rate_some(app)


def _rate_some(app: App) -> bool:
    """Rate the oldest; whether there may be more."""
    now = app.now()
    with app.database.write() as tx:
        events = billing.unrated(tx)
        charge_recorded(app, tx, events, now)
    return len(events) == billing.RATE_BATCH


def release(app: App) -> None:
    """Free the money set aside for jobs and leases whose last charge is booked."""
    with app.database.read() as tx:
        if not jobs.finished_holding(tx) and not leases.finished_holding(tx):
            return
    now = app.now()
    with app.database.write() as tx:
        before = settings.revision(tx)
        owing = billing.owing(tx)
        unmetered = {attempt.job for attempt in jobs.unmetered_attempts(tx)}
        unmetered |= {attempt.job for attempt in jobs.attempts_by_ids(tx, owing).values()}
        done = [job for job in jobs.finished_holding(tx) if job.id not in unmetered]
        over = [lease for lease in leases.finished_holding(tx) if lease.id not in owing]
        books.give_back(tx, {one.hold for one in (*done, *over)}, now)
        jobs.put_jobs(tx, [msgspec.structs.replace(job, hold="") for job in done])
        for lease in over:
            leases.put_lease(tx, msgspec.structs.replace(lease, hold=""))
    app.look.wrote(before)


def watch_funds(app: App) -> None:
    """Warn a tenant whose money will not last the grace period, suspend after it, resume once paid."""
    now = app.now()
    with app.database.read() as tx:
        if not _turned(app, tx, now):
            return
    with app.database.write() as tx:
        for tenant in _turned(app, tx, now):
            tenants.put_tenant(tx, tenant)
            audit.record(tx, now, SYSTEM.token, f"funds_{tenant.state}", tenant.id)


def _turned(app: App, tx: Tx, now: datetime) -> list[Tenant]:
    """Tenants whose money asks for another state than they are in."""
    burning = _burning(tx)
    turned = []
    for tenant in live(tx).tenants:
        burns = burning.get(tenant.id, [])
        if tenant.state is TenantState.ACTIVE and not burns:
            continue
        prepaid = ledger.account(tx, tenant_account(tenant.id, PREPAID))
        receivable = ledger.account(tx, tenant_account(tenant.id, RECEIVABLE))
        assert prepaid is not None, "a tenant has its accounts"
        assert receivable is not None, "a tenant has its accounts"
        after = funds(tenant, prepaid, burns, now, app.policy.funds_grace, owed(receivable))
        if after != tenant:
            turned.append(after)
    return turned


def _burning(tx: Tx) -> dict[str, list[Burn]]:
    """What each tenant's attempts on demand and its contract cost."""
    seen = live(tx)
    going = [attempt for attempt in seen.attempts if attempt.lease is None]
    offers = {offer.id: offer for offer in leases.offers(tx)} if going else {}
    held = {seen.owners[attempt.job].hold for attempt in going}
    holds = ledger.holds_by_id(tx, held - {""})
    burning = defaultdict(list)
    for tenant, ahead_micros in contracts.ahead(tx).items():
        burning[tenant].append(Burn(fixed_micros=ahead_micros))
    for attempt in going:
        job, offer = seen.owners[attempt.job], offers[attempt.offer or ""]
        hold = holds.get(job.hold)
        ends_at = None
        if attempt.running_at is not None and job.spec.time_limit_s is not None:
            ends_at = attempt.running_at + timedelta(seconds=job.spec.time_limit_s)
        terms = terms_agreed(offer, attempt)
        held = hold.remaining_micros if hold else 0
        burning[attempt.tenant].append(burn_of(len(attempt.devices), terms, held, ends_at, attempt.share))
    return burning
