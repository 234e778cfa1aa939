"""Usage becomes charge lines and the transfers that pay for them, together; of an attempt that has ended, at once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from penstock.app.context import App
from penstock.billing.meter import ATTEMPT, attempt_subject, usage_of
from penstock.billing.model import ChargeLine, UsageEvent
from penstock.billing.rate import Terms, settle, spot_terms, terms_of
from penstock.billing.rate import rate as rate_event
from penstock.lease.job import FINAL_ATTEMPT_STATES, FINAL_JOB_STATES, Attempt, Job
from penstock.lease.offer import Offer
from penstock.ledger.chart import PREPAID, RECEIVABLE, REVENUE_HOURLY, centre_account, tenant_account
from penstock.ledger.entry import VoidHold
from penstock.ledger.model import HoldState
from penstock.store import billing, fleet, jobs, leases, ledger
from penstock.store.database import Tx

replace = msgspec.structs.replace


class Agreement(NamedTuple):
    """At what terms a subject is charged, from which hold, and for whom."""

    terms: Terms
    hold: str
    project: str | None = None
    job: str | None = None


def charge_recorded(app: App, tx: Tx, events: Sequence[UsageEvent], now: datetime) -> None:
    """Charge usage that is recorded."""
    attempts = jobs.attempts_by_ids(tx, {event.subject for event in events if event.subject_kind == ATTEMPT})
    owners = jobs.by_ids(tx, {attempt.job for attempt in attempts.values()})
    agreed = _agreements(tx, attempts.values(), owners)
    others = {event.subject for event in events} - set(attempts)
    offers = {offer.id: offer for offer in leases.offers(tx)} if others else {}
    for lease in leases.by_ids(tx, others).values():
        terms = terms_of(offers[lease.offer], lease.price_micros_per_card_hour)
        agreed[lease.id] = Agreement(terms, lease.hold)
    _book(app, tx, events, agreed, now)
    billing.mark_rated(tx, events)


def charge_ended(
    app: App, tx: Tx, attempts: Sequence[Attempt], owners: dict[str, Job], now: datetime
) -> tuple[list[Attempt], dict[str, Job]]:
    """Record and charge the rest of those attempts that have ended, and free the money of jobs that are over.

    The attempts and jobs as they are to be written. What an engine accounts for later is left for then.
    """
    models = {device.id: device.model for device in fleet.devices(tx)}
    events: list[UsageEvent] = []
    last: dict[str, UsageEvent] = {}
    for attempt in attempts:
        subject = attempt_subject(attempt, models[attempt.devices[0]])
        if subject is not None and subject.ended_at is not None and not attempt.awaits_accounting:
            events += usage_of(subject, attempt.metered_until, now, app.policy.metering_step)
            last[attempt.id] = events[-1]
    charged = [attempt for attempt in attempts if attempt.id in last]
    over = _paid(tx, attempts, owners, set(last))
    agreed = _agreements(tx, charged, owners)
    billing.add_usage(tx, [replace(event, rated=True) for event in events])
    _book(app, tx, events, agreed, now, {job.hold for job in over})
    metered = [
        replace(one, metered_until=last[one.id].end, metered=last[one.id].final) if one.id in last else one
        for one in attempts
    ]
    return metered, owners | {job.id: replace(job, hold="") for job in over}


def _paid(tx: Tx, attempts: Sequence[Attempt], owners: Mapping[str, Job], charged: set[str]) -> list[Job]:
    """The jobs of these attempts that are over and, once those named are charged, owe nothing more."""
    ended = {attempt.job for attempt in attempts if attempt.state in FINAL_ATTEMPT_STATES}
    over = [job for name in ended if (job := owners[name]).state in FINAL_JOB_STATES and job.hold]
    if not over:
        return []
    owing = {one.job for one in jobs.attempts_by_ids(tx, billing.owing(tx)).values()}
    owing |= {one.job for one in attempts if one.awaits_accounting}
    before = jobs.unmetered_of(tx, {job.id for job in over if job.attempts > 1})
    owing |= {job for name, job in before.items() if name not in charged}
    return [job for job in over if job.id not in owing]


def _agreements(tx: Tx, attempts: Collection[Attempt], owners: Mapping[str, Job]) -> dict[str, Agreement]:
    """Attempt -> its agreement."""
    offers = {offer.id: offer for offer in leases.offers(tx)} if attempts else {}
    found = {}
    for attempt in attempts:
        job = owners[attempt.job]
        found[attempt.id] = Agreement(
            terms_agreed(offers[attempt.offer or ""], attempt), job.hold, job.project, job.id
        )
    return found


def terms_agreed(offer: Offer, attempt: Attempt) -> Terms:
    """At what terms an attempt on demand is charged."""
    return spot_terms(offer) if attempt.spot else terms_of(offer, offer.price_micros_per_card_hour)


def _book(
    app: App,
    tx: Tx,
    events: Sequence[UsageEvent],
    agreed: Mapping[str, Agreement],
    now: datetime,
    free: Collection[str] = (),
) -> None:
    """Lines and transfers of events; then what is left of these holds is free."""
    currency = app.policy.currency
    assert all(agreement.terms.currency == currency for agreement in agreed.values()), "one currency a centre"
    if not events and not free:
        return
    holds = {found.hold for found in agreed.values() if found.hold}
    desk = ledger.Desk(tx, _accounts(events, currency), {*holds, *free})
    lines = [_line(desk, event, agreed[event.subject], now) for event in events]
    for name in free:
        if (hold := desk.holds.get(name)) is not None and hold.state is HoldState.OPEN:
            desk.post([VoidHold(name)], now)
    desk.save()
    billing.add_lines(tx, lines)


def _accounts(events: Sequence[UsageEvent], currency: str) -> set[str]:
    owners = {event.tenant for event in events}
    return {
        centre_account(REVENUE_HOURLY, currency),
        *(tenant_account(tenant, name) for tenant in owners for name in (PREPAID, RECEIVABLE)),
    }


def _line(desk: ledger.Desk, event: UsageEvent, agreed: Agreement, now: datetime) -> ChargeLine:
    line = rate_event(event, agreed.terms, agreed.project, agreed.job)
    if line.amount_micros:
        prepaid = desk.accounts[tenant_account(event.tenant, PREPAID)]
        desk.post(settle(line, prepaid, desk.holds.get(agreed.hold), now), now)
    return line
