"""What the loop does with jobs: begin and end leases, stop what must stop, place, start, observe."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from penstock.app import placing
from penstock.app.charging import charge_ended
from penstock.app.context import App
from penstock.app.handing import hand_over
from penstock.app.selling import best_of, cancel_waiting
from penstock.base.refusal import Fault, Refused
from penstock.fleet.device import DeviceState
from penstock.lease.job import (
    FINAL_ATTEMPT_STATES,
    Attempt,
    AttemptState,
    Job,
    JobState,
    Promise,
    Wait,
)
from penstock.lease.machine import LEASE_ENDED, advance, lease_step
from penstock.lease.offer import Lease, LeaseState
from penstock.lease.seen import Seen
from penstock.lease.tenant import TenantState
from penstock.placement import software
from penstock.placement.filters import names
from penstock.placement.model import Plan, Waiting, World
from penstock.placement.reasons import SOFTWARE as NO_FIT_SOFTWARE
from penstock.store import fleet, jobs, leases, settings
from penstock.store.database import Tx
from penstock.store.live import Live, live
from penstock.store.world import rules

SPOT = "spot"
"""Why spot work is stopped: somebody with a better claim needs its devices."""
AT_ONCE = timedelta(milliseconds=10)
"""An engine that answers sooner is asked in every turn."""
PROMISE_SLIP = timedelta(minutes=1)

_EMPTYING = {
    DeviceState.DOWN: "node_down",
    DeviceState.DRAINING: "evicted",
    DeviceState.MAINTENANCE: "evicted",
}


def turn_leases(app: App) -> None:
    """Begin leases whose time has come and end those whose time is over."""
    now = app.now()
    with app.database.read() as tx:
        seen = live(tx)
    busy = {attempt.lease for attempt in seen.attempts}
    grace = app.policy.lease_grace
    turned = [(lease, lease_step(lease, now, grace, lease.id not in busy)) for lease in seen.leases]
    if all(old == new for old, new in turned):
        return
    with app.database.write() as tx:
        for old, new in turned:
            if old != new and leases.lease(tx, old.id) == old:
                leases.put_lease(tx, new)
                if new.state is LeaseState.ENDED:
                    cancel_waiting(tx, new.id, now)


def stop_due(app: App) -> None:
    """Tell engines to end the attempts that must end, and remember that they were told."""
    with app.database.read() as tx:
        due = must_stop(tx, app.now())
    stop(app, due)


def stop(app: App, these: list[tuple[Attempt, Job, str]]) -> None:
    """Tell engines to end these attempts, and remember that they were told."""
    for attempt, job, reason in these:
        try:
            app.engine(attempt.engine).stop(attempt.id, job.spec.grace_s)
        except (Fault, Refused):
            continue  # the engine is away, or will not have us now; the next turn asks again
        _put_stopping(app, attempt, job, reason)


def _put_stopping(app: App, attempt: Attempt, job: Job, reason: str) -> None:
    now = app.now()
    with app.database.write() as tx:
        current = jobs.job(tx, job.id)
        if jobs.attempt(tx, attempt.id) != attempt or current is None:
            return
        jobs.put_attempt(tx, msgspec.structs.replace(attempt, state=AttemptState.STOPPING, stopping_at=now))
        if current.stop_reason is None:
            jobs.put_job(tx, msgspec.structs.replace(current, stop_reason=reason))


def must_stop(tx: Tx, now: datetime) -> list[tuple[Attempt, Job, str]]:
    """The attempts that must end, with their jobs and the reasons."""
    seen = live(tx)
    going = [attempt for attempt in seen.attempts if attempt.state is not AttemptState.STOPPING]
    if not going:
        return []
    states = {device.id: device.state for device in fleet.devices(tx)}
    suspended = {tenant.id for tenant in seen.tenants if tenant.state is TenantState.SUSPENDED}
    held = {lease.id: lease for lease in seen.leases}
    notice = timedelta(seconds=rules(tx).spot_notice_s)
    due = []
    for attempt in going:
        job = seen.owners[attempt.job]
        lease = None if attempt.lease is None else held.get(attempt.lease)
        reason = job.stop_reason or _platform_reason(attempt, lease, states, suspended)
        if reason is None and attempt.spot:
            reason = _claimed(attempt, job, held.values(), now + notice)
        if reason:
            due.append((attempt, job, reason))
    return due


def _platform_reason(
    attempt: Attempt, lease: Lease | None, states: Mapping[str, DeviceState], suspended: set[str]
) -> str | None:
    for device in attempt.devices:
        if states[device] in _EMPTYING:
            return _EMPTYING[states[device]]
    if attempt.lease is not None:
        if lease is None or lease.state is LeaseState.ENDING:
            return LEASE_ENDED
        return "suspended" if lease.state is LeaseState.SUSPENDED else None
    return "suspended" if attempt.tenant in suspended else None


def _claimed(attempt: Attempt, job: Job, held: Iterable[Lease], notice_until: datetime) -> str | None:
    """Spot work is told to go its grace and the notice before a lease begins on its devices.

    Devices that a lease lends are not claimed by it.
    """
    grace = timedelta(seconds=job.spec.grace_s)
    used = set(attempt.devices)
    for lease in held:
        lent = lease.lends_idle and lease.state is LeaseState.ACTIVE
        if not lent and lease.start - grace <= notice_until and used & set(lease.devices):
            return SPOT
    return None


def place(app: App) -> None:
    """Put waiting jobs on free devices, and write down why the others wait."""
    now = app.now()
    decided = placing.decided(app, now)
    if decided is None:
        return
    seen, plan = decided
    with app.database.write() as tx:
        if settings.revision(tx) != plan.revision:
            return
        _save_plan(tx, seen, plan, now)
    app.look.revision = plan.revision + 1


def place_first(app: App) -> list[tuple[Job, Attempt]]:
    """Put the first of those that wait on devices that are free, and say which; the others wait as they did."""
    now = app.now()
    with app.database.write() as tx:
        found = placing.first(app, tx, now)
        if found is None:
            return []
        placed = _put_placed(tx, *found, now)
        jobs.set_waits(tx, dict.fromkeys([job.id for job, _ in placed]), now)
    return placed


def _save_plan(tx: Tx, seen: World, plan: Plan, now: datetime) -> None:
    queue = {job.id: job for job in seen.queue}
    waits: dict[str, Wait | None] = {placement.job: None for placement in plan.placements}
    _put_placed(tx, seen, plan, now)
    changed = []
    for waiting in plan.waiting:
        job = queue[waiting.job]
        as_before = waiting.counts and job.reasons == waiting.counts
        if not as_before or waiting.reason == NO_FIT_SOFTWARE:
            waits[job.id] = _wait(job, waiting, seen, now)
        promise = _promised(job.promise, waiting.promise)
        if (job.reasons, job.promise) != (waiting.counts, promise):
            changed.append(msgspec.structs.replace(job, reasons=waiting.counts, promise=promise))
    jobs.put_jobs(tx, changed)
    jobs.set_waits(tx, waits, now)
    _put_evicted(tx, seen, plan)


def _wait(job: Job, waiting: Waiting, seen: World, now: datetime) -> Wait:
    return Wait(
        job=job.id,
        tenant=job.tenant,
        models=job.spec.resources.models,
        reason=waiting.reason,
        devices=job.spec.devices,
        start=now,
        lease=job.lease,
        rules=_rules_against(job, seen) if waiting.reason == NO_FIT_SOFTWARE else (),
        share=job.spec.resources.device_share,
    )


def _rules_against(job: Job, seen: World) -> tuple[str, ...]:
    """Every rule that keeps the job's software off some model that it would take."""
    found = software.exclusions(job, (d for d in seen.devices if names(job.spec.resources, d)))
    return tuple(sorted({rule for ids in found.values() for rule in ids}))


def _promised(known: Promise | None, new: Promise | None) -> Promise | None:
    """What is kept of a promise: a start that slips a little with the clock is the same one."""
    if known is None or new is None or known.tasks != new.tasks:
        return new
    return known if abs(new.start - known.start) <= PROMISE_SLIP else new


def _put_evicted(tx: Tx, seen: World, plan: Plan) -> None:
    """Spot work that somebody else needs the devices of; it is told to end in the next turn."""
    owners = {attempt.id: attempt.job for attempt in seen.attempts}
    evicted = jobs.by_ids(tx, {owners[eviction.attempt] for eviction in plan.evictions})
    told = [job for job in evicted.values() if job.stop_reason is None]
    jobs.put_jobs(tx, [msgspec.structs.replace(job, stop_reason=SPOT) for job in told])


def _put_placed(tx: Tx, seen: World, plan: Plan, now: datetime) -> list[tuple[Job, Attempt]]:
    queue = {job.id: job for job in seen.queue}
    models = {device.id: device for device in seen.devices}
    engines = {node.id: node.engine for node in seen.nodes}
    placed, attempts = [], []
    offers = leases.offers(tx) if plan.placements else ()
    for placement in plan.placements:
        job = queue[placement.job]
        first = models[placement.devices[0]]
        offer = None if job.lease else best_of(offers, (first.model,), job.created_at, spot=job.spec.spot)
        attempt = Attempt(
            id=f"{job.id}.{job.attempts + 1}",
            job=job.id,
            tenant=job.tenant,
            number=job.attempts + 1,
            engine=engines[first.node],
            devices=placement.devices,
            tasks=placement.tasks,
            placed_at=now,
            lease=job.lease,
            offer=offer.id if offer else job.offer,
            share=placement.share,
            slots=placement.slots,
            spot=job.spec.spot,
        )
        attempts.append(attempt)
        placed.append(
            msgspec.structs.replace(
                job, state=JobState.PLACED, attempts=attempt.number, reasons={}, promise=None
            )
        )
    jobs.add_attempts(tx, attempts)
    jobs.put_jobs(tx, placed)
    return list(zip(placed, attempts, strict=True))


def start(app: App) -> None:
    """Hand placed attempts to their engines, and write that down."""
    with app.database.read() as tx:
        seen = live(tx)
        devices = fleet.devices(tx)
    waiting = to_begin(app, seen)
    hand_over(app, waiting, devices)
    if begun := [attempt for _, attempt in waiting if attempt.id in app.look.begun]:
        _put_started(app, begun)


def to_begin(app: App, seen: Live) -> list[tuple[Job, Attempt]]:
    """What is placed and its engine may not have yet."""
    placed = [
        (seen.owners[attempt.job], attempt)
        for attempt in seen.attempts
        if attempt.state is AttemptState.PLACED
    ]
    app.look.begun.intersection_update({attempt.id for _, attempt in placed})
    return placed


def _put_started(app: App, started: list[Attempt]) -> None:
    with app.database.write() as tx:
        before = settings.revision(tx)
        current = jobs.attempts_by_ids(tx, {attempt.id for attempt in started})
        owners = jobs.by_ids(tx, {attempt.job for attempt in started})
        unchanged = [attempt for attempt in started if current[attempt.id] == attempt]
        mine = [owners[attempt.job] for attempt in unchanged]
        jobs.put_attempts(
            tx, [msgspec.structs.replace(attempt, state=AttemptState.STARTING) for attempt in unchanged]
        )
        jobs.put_jobs(
            tx,
            [
                msgspec.structs.replace(job, state=JobState.STARTING)
                for job in mine
                if job.state is JobState.PLACED
            ],
        )
    app.look.wrote(before)


class News(NamedTuple):
    """What engines said of attempts that are not as they were, and which they do not know."""

    seen: tuple[Seen, ...] = ()
    unknown: frozenset[str] = frozenset()


def observe(app: App) -> None:
    """Ask the engines what they see, and move jobs and attempts on."""
    with app.database.read() as tx:
        held = live(tx)
    move_on(app, held, ask(app, held))


def ask(app: App, held: Live, *, paced: bool = False) -> News:
    """Ask the engines what they see of what goes on; `paced`, not those that took long and just answered."""
    moved, unknown = [], set[str]()
    for name, engine in app.engines.items():
        mine = {a.id: a for a in held.attempts if a.engine == name and _is_with_engine(app, a)}
        began = app.now()
        if not mine or (paced and began < app.look.ask_from.get(name, began)):
            continue
        try:
            seen = engine.observe(mine)
        except Fault:
            continue
        finally:
            _pace(app, name, app.now() - began)
        unknown |= set(mine) - {one.attempt for one in seen}
        now = app.now()
        for one in seen:
            job, attempt = held.owners[mine[one.attempt].job], mine[one.attempt]
            if advance(job, attempt, one, now) != (job, attempt) and not _was_begun(attempt, one):
                moved.append(one)
    app.look.begun -= unknown
    return News(tuple(moved), frozenset(unknown))


def _pace(app: App, engine: str, took: timedelta) -> None:
    """An engine over a network is asked half of the time at most, lest we are its main work."""
    if took > AT_ONCE:
        app.look.ask_from[engine] = app.now() + took


def _is_with_engine(app: App, attempt: Attempt) -> bool:
    return attempt.state is not AttemptState.PLACED or attempt.id in app.look.begun


def _was_begun(attempt: Attempt, seen: Seen) -> bool:
    """Of what was just handed over that is no news; that it was is written down in its turn."""
    begins = seen.state is AttemptState.STARTING and seen.began_at is None and not seen.waiting
    return begins and attempt.state is AttemptState.PLACED


def move_on(app: App, held: Live, news: News) -> tuple[list[Attempt], list[Job]]:
    """Move jobs and attempts on by what engines have said, and charge what has ended; what was written of them."""
    if news == News():
        return [], []
    now = app.now()
    with app.database.write() as tx:
        before = settings.revision(tx)
        told = {*news.unknown, *(one.attempt for one in news.seen)}
        if before == held.revision:
            attempts, every = {one.id: one for one in held.attempts if one.id in told}, held.owners
        else:
            attempts = jobs.attempts_by_ids(tx, told)
            every = jobs.by_ids(tx, {attempt.job for attempt in attempts.values()})
        owners = {attempts[one.attempt].job: every[attempts[one.attempt].job] for one in news.seen}
        after, moved = dict(owners), []
        for one in news.seen:
            known = attempts[one.attempt]
            job, attempt = advance(owners[known.job], known, one, now)
            moved.append(attempt)
            if job != owners[job.id]:
                after[job.id] = job
        ended = [attempt for attempt in moved if attempt.state in FINAL_ATTEMPT_STATES]
        if ended:
            moved, after = charge_ended(app, tx, moved, after, now)
        # what the engine never began is started again, which is safe by its id
        again = [attempts[name] for name in news.unknown if attempts[name].state is AttemptState.STARTING]
        moved += [msgspec.structs.replace(attempt, state=AttemptState.PLACED) for attempt in again]
        changed = [job for name, job in after.items() if job != owners[name]]
        jobs.put_attempts(tx, moved)
        jobs.put_jobs(tx, changed)
    if not ended:
        app.look.wrote(before)
    elif app.look.awaiting is not None:
        app.look.awaiting |= {attempt.id: attempt for attempt in ended if attempt.awaits_accounting}
    return moved, changed


def still_going(app: App, attempts: Collection[Attempt]) -> set[str]:
    """Those of the attempts that their engines, asked now, see going on."""
    return {
        one.attempt
        for one in asked(app, attempts)
        if one.state not in FINAL_ATTEMPT_STATES and one.ended_at is None
    }


def asked(app: App, attempts: Collection[Attempt]) -> Iterator[Seen]:
    """What the engines, asked now, see of these attempts; of one that is away nothing."""
    for name, engine in app.engines.items():
        mine = [attempt.id for attempt in attempts if attempt.engine == name]
        try:
            yield from engine.observe(mine) if mine else ()
        except Fault:
            continue


def evict_all(app: App) -> None:
    """Tell every engine to end every attempt, for the centre is closing; jobs go back to the queue."""
    with app.database.read() as tx:
        seen = live(tx)
    for attempt in seen.attempts:
        job = seen.owners[attempt.job]
        try:
            app.engine(attempt.engine).stop(attempt.id, job.spec.grace_s)
        except (Fault, Refused):
            continue  # the engine is away, or will not have us: what it runs goes on, the next opening sees it
        _put_stopping(app, attempt, job, "drain")


def anything_running(app: App) -> bool:
    """Whether any attempt still occupies devices."""
    with app.database.read() as tx:
        return bool(jobs.live_attempts(tx))
