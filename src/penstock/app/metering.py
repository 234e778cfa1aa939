"""Usage to charges: what was seen becomes events once per window, and events become lines and transfers."""

from collections import defaultdict
from datetime import datetime, timedelta

import msgspec

from penstock.app import books, running
from penstock.app.access import SYSTEM
from penstock.app.context import App
from penstock.billing.meter import ATTEMPT, Subject, attempt_subject, lease_subject, usage_of
from penstock.billing.model import ChargeLine, UsageEvent
from penstock.billing.payment import owed
from penstock.billing.prepay import Burn, burn_of, funds
from penstock.billing.rate import Terms, settle, terms_of
from penstock.billing.rate import rate as rate_event
from penstock.lease.job import Job
from penstock.lease.tenant import Tenant, TenantState
from penstock.ledger.chart import PREPAID, RECEIVABLE, tenant_account
from penstock.store import audit, billing, fleet, jobs, leases, ledger, settings, tenants
from penstock.store.database import Tx


def meter(app: App) -> None:
    """Record usage up to now, cut at whole metering steps; what has ended is recorded to its end.

    What goes on is charged only as far as its engine was really asked: one that is away, or whose news is
    late, never makes anybody pay for time after an end that is not known yet.
    """
    step = app.policy.metering_step
    now = app.now()
    with app.database.read() as tx:
        due = [
            (subject, until) for subject, until in _subjects(tx, now) if usage_of(subject, until, now, step)
        ]
        going_on = {s.id for s, _ in due if s.kind == ATTEMPT and s.ended_at is None}
        live = [attempt for attempt in jobs.live_attempts(tx) if attempt.id in going_on]
    confirmed = running.still_going(app, live)
    due = [(s, until) for s, until in due if s.id not in going_on or s.id in confirmed]
    if not due:
        return
    with app.database.write() as tx:
        current = {(subject.kind, subject.id): (subject, until) for subject, until in _subjects(tx, now)}
        for subject, until in due:
            if current.get((subject.kind, subject.id)) == (subject, until):
                events = usage_of(subject, until, now, step)
                billing.add_usage(tx, events)
                put = jobs.put_metered if subject.kind == ATTEMPT else leases.put_metered
                put(tx, subject.id, events[-1].end, events[-1].final)


def _subjects(tx: Tx, now: datetime) -> list[tuple[Subject, datetime | None]]:
    models = {device.id: device.model for device in fleet.devices(tx)}
    found: list[tuple[Subject | None, datetime | None]] = [
        (attempt_subject(attempt, models[attempt.devices[0]]), attempt.metered_until)
        for attempt in jobs.unmetered_attempts(tx)
    ]
    found += [(lease_subject(lease, now), lease.metered_until) for lease in leases.unmetered(tx, now)]
    return [(subject, until) for subject, until in found if subject is not None]


def rate(app: App) -> None:
    """Turn unrated usage into charge lines and the transfers that pay for them, together."""
    while True:
        with app.database.read() as tx:
            if not billing.unrated(tx, 1):
                return
        now = app.now()
        with app.database.write() as tx:
            events = billing.unrated(tx)
            lines = [_line(tx, event, now) for event in events]
            billing.add_lines(tx, lines)
            billing.mark_rated(tx, events)


def _line(tx: Tx, event: UsageEvent, now: datetime) -> ChargeLine:
    terms, hold_id, job = _terms(tx, event)
    line = rate_event(event, terms, job.project if job else None, job.id if job else None)
    if line.amount_micros:
        prepaid = ledger.account(tx, tenant_account(event.tenant, PREPAID))
        assert prepaid is not None, "a tenant has its accounts"
        hold = ledger.hold(tx, hold_id) if hold_id else None
        books.book(tx, settle(line, prepaid, hold, now), now)
    return line


def _terms(tx: Tx, event: UsageEvent) -> tuple[Terms, str, Job | None]:
    """At what terms an event is charged, from which hold, and for which job."""
    if event.subject_kind == ATTEMPT:
        attempt = jobs.attempt(tx, event.subject)
        job = None if attempt is None else jobs.job(tx, attempt.job)
        assert job is not None, "usage has its job"
        assert attempt is not None, "usage has its attempt"
        offer = leases.offer(tx, attempt.offer or job.offer or "")
        assert offer is not None, "a job on demand has its offer"
        return terms_of(offer, offer.price_micros_per_card_hour), job.hold, job
    lease = leases.lease(tx, event.subject)
    assert lease is not None, "usage has its lease"
    offer = leases.offer(tx, lease.offer)
    assert offer is not None, "a lease has its offer"
    return terms_of(offer, lease.price_micros_per_card_hour), lease.hold, None


def release(app: App) -> None:
    """Free the money set aside for jobs and leases whose last charge is booked."""
    with app.database.read() as tx:
        if not jobs.finished_holding(tx) and not leases.finished_holding(tx):
            return
    now = app.now()
    with app.database.write() as tx:
        owing = billing.owing(tx)
        unmetered = {attempt.job for attempt in jobs.unmetered_attempts(tx)}
        owing_jobs = {attempt.job for name in owing if (attempt := jobs.attempt(tx, name)) is not None}
        for job in jobs.finished_holding(tx):
            if job.id not in unmetered | owing_jobs:
                books.give_back(tx, job.hold, now)
                jobs.put_job(tx, msgspec.structs.replace(job, hold=""))
        for lease in leases.finished_holding(tx):
            if lease.id not in owing:
                books.give_back(tx, lease.hold, now)
                leases.put_lease(tx, msgspec.structs.replace(lease, hold=""))


def watch_funds(app: App) -> None:
    """Warn a tenant whose money will not last the grace period, suspend after it, resume once paid."""
    now = app.now()
    with app.database.read() as tx:
        if not _turned(app, tx, now):
            return
    with app.database.write() as tx:
        for tenant in _turned(app, tx, now):
            tenants.put_tenant(tx, tenant)
            settings.bump(tx)
            audit.record(tx, now, SYSTEM.token, f"funds_{tenant.state}", tenant.id)


def _turned(app: App, tx: Tx, now: datetime) -> list[Tenant]:
    """Tenants whose money asks for another state than they are in."""
    burning = _burning(tx)
    turned = []
    for tenant in tenants.tenants(tx):
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
    """What each tenant's attempts on demand cost."""
    live = [attempt for attempt in jobs.live_attempts(tx) if attempt.lease is None]
    owners = jobs.by_ids(tx, {attempt.job for attempt in live})
    offers = {offer.id: offer for offer in leases.offers(tx)} if live else {}
    holds = ledger.holds_by_id(tx, {job.hold for job in owners.values() if job.hold})
    burning = defaultdict(list)
    for attempt in live:
        job, offer = owners[attempt.job], offers[attempt.offer or ""]
        hold = holds.get(job.hold)
        ends_at = None
        if attempt.running_at is not None and job.spec.time_limit_s is not None:
            ends_at = attempt.running_at + timedelta(seconds=job.spec.time_limit_s)
        terms = terms_of(offer, offer.price_micros_per_card_hour)
        held = hold.remaining_micros if hold else 0
        burning[attempt.tenant].append(burn_of(len(attempt.devices), terms, held, ends_at))
    return burning
