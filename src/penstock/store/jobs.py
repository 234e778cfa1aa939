"""Jobs, attempts, and the waiting that was recorded of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Text, and_, bindparam, func, or_, select, true, type_coerce, update

from penstock.base.window import Window, from_us, to_us
from penstock.insight.changed import attempt_change
from penstock.lease.job import (
    AFTER,
    ARRAY_INDEX,
    FINAL_ATTEMPT_STATES,
    FINAL_JOB_STATES,
    Attempt,
    AttemptState,
    Job,
    JobState,
    Wait,
)
from penstock.store import rows, settings, settled
from penstock.store.prepared import Prepared, among
from penstock.store.tables import ATTEMPTS, HOLDING, JOBS, UNMETERED, WAITS

_LIVE = tuple(state for state in AttemptState if state not in FINAL_ATTEMPT_STATES)
_COUNT_QUEUED = Prepared(select(func.count()).select_from(JOBS).where(JOBS.c.state == JobState.QUEUED))
_PROMISED = select(JOBS.c.id).where(JOBS.c.state == JobState.QUEUED, JOBS.c.promise.is_not(None))
_LIVE_ATTEMPTS = Prepared(select(ATTEMPTS).where(ATTEMPTS.c.state.in_(_LIVE)).order_by(ATTEMPTS.c.id))
_UNMETERED = Prepared(
    select(ATTEMPTS)
    .where(UNMETERED, ATTEMPTS.c.lease.is_(None), ATTEMPTS.c.began_at.is_not(None))
    .order_by(ATTEMPTS.c.id)
)
_UNMETERED_OF = among(
    select(ATTEMPTS.c.id, ATTEMPTS.c.job).where(
        UNMETERED, ATTEMPTS.c.lease.is_(None), ATTEMPTS.c.began_at.is_not(None)
    ),
    ATTEMPTS.c.job,
)
_FINISHED_HOLDING = Prepared(
    select(JOBS).where(HOLDING, JOBS.c.state.in_(FINAL_JOB_STATES)).order_by(JOBS.c.id)
)
_QUEUED = Prepared(select(JOBS).where(JOBS.c.state == JobState.QUEUED).order_by(JOBS.c.created_at, JOBS.c.id))
_DEPENDENT = Prepared(
    select(JOBS).where(JOBS.c.state == JobState.QUEUED, JOBS.c.line >= AFTER, JOBS.c.line < AFTER + "~")
)
_OPEN_WAITS = among(select(WAITS).where(WAITS.c.end.is_(None)), WAITS.c.job)
_AT_ONCE = 1000
_END_WAIT = Prepared(
    update(WAITS)
    .where(WAITS.c.job == bindparam("name"), WAITS.c.start == bindparam("since"), WAITS.c.end.is_(None))
    .values(end=bindparam("now"))
)


def job(tx: Connection, name: str) -> Job | None:
    """One job."""
    return rows.get(tx, JOBS, id=name)


def jobs(
    tx: Connection,
    tenant: str | None = None,
    after: str = "",
    limit: int = 100,
    states: tuple[JobState, ...] = (),
) -> tuple[Job, ...]:
    """A page of jobs by id, of one tenant or of all."""
    where = [JOBS.c.id > after]
    if tenant is not None:
        where.append(JOBS.c.tenant == tenant)
    if states:
        where.append(JOBS.c.state.in_(states))
    return rows.many(tx, JOBS, *where, order=[JOBS.c.id], limit=limit)


def counts(tx: Connection, tenant: str | None = None) -> dict[JobState, int]:
    """How many jobs are in each state, of one tenant or of all."""
    where = [] if tenant is None else [JOBS.c.tenant == tenant]
    query = select(JOBS.c.state, func.count()).where(*where).group_by(JOBS.c.state)
    return {row[0]: row[1] for row in tx.execute(query)}


def recent(
    tx: Connection,
    tenant: str | None,
    states: tuple[JobState, ...],
    before: tuple[datetime, str] | None,
    limit: int,
) -> tuple[Job, ...]:
    """Jobs, newest first; `before` is (created_at, id) of the last one seen."""
    where: list[Any] = [] if tenant is None else [JOBS.c.tenant == tenant]
    if before is not None:
        at, name = before
        earlier = and_(JOBS.c.created_at == at, JOBS.c.id < name)
        where += [JOBS.c.created_at <= at, or_(JOBS.c.created_at < at, earlier)]
    order = [JOBS.c.created_at.desc(), JOBS.c.id.desc()]
    found: list[Job] = []
    for state in (
        states or JobState
    ):  # one by one: each is a stretch of an index, together they would be sorted
        found += rows.many(tx, JOBS, JOBS.c.state == state, *where, order=order, limit=limit)
    return tuple(sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)[:limit])


def of_array(tx: Connection, name: str) -> tuple[Job, ...]:
    """The jobs of an array that was submitted under this id; none where it is no array's."""
    from_first, to_last = JOBS.c.id > f"{name}-", JOBS.c.id < f"{name}-:"  # after the dash a digit
    found: tuple[Job, ...] = rows.many(tx, JOBS, from_first, to_last, order=[JOBS.c.id])
    return tuple(job for job in found if job.id == f"{name}-{job.spec.env.get(ARRAY_INDEX)}")


def of_lease(tx: Connection, lease: str, limit: int) -> tuple[Job, ...]:
    """Jobs on one lease, newest first."""
    return rows.many(
        tx, JOBS, JOBS.c.lease == lease, order=[JOBS.c.created_at.desc(), JOBS.c.id], limit=limit
    )


def in_state(tx: Connection, *states: JobState) -> tuple[Job, ...]:
    """All jobs in these states, in queue order of age."""
    return rows.many(tx, JOBS, JOBS.c.state.in_(states), order=[JOBS.c.created_at, JOBS.c.id])


def queued(tx: Connection, depth: int | None = None) -> tuple[Job, ...]:
    """The jobs that wait, in queue order of age; with a depth those that are promised a start and the first of
    each line, so many.
    """
    if depth is None:
        return rows.fetch(tx, _QUEUED, Job)
    return rows.fetch(tx, _QUEUED_AHEAD, Job, depth=depth)


def count_before(tx: Connection, job: Job) -> int:
    """How many wait before a job in its line."""
    earlier = and_(JOBS.c.created_at == job.created_at, JOBS.c.id < job.id)
    where = (
        JOBS.c.state == JobState.QUEUED,
        JOBS.c.line == job.line,
        or_(JOBS.c.created_at < job.created_at, earlier),
    )
    return tx.execute(select(func.count()).select_from(JOBS).where(*where)).scalar_one()


def _queued_ahead(*, lateral: bool) -> Select[tuple[Any, ...]]:
    wanted = _first_of_each_line(lateral=lateral).union_all(_PROMISED)
    return select(JOBS).where(JOBS.c.id.in_(wanted)).order_by(JOBS.c.created_at, JOBS.c.id)


def _first_of_each_line(*, lateral: bool) -> Select[tuple[str]]:
    """Their ids, `depth` of each. Goes from line to line by the index, so what else waits costs nothing.

    PostgreSQL needs to be told so by LATERAL, which SQLite does not have.
    """
    one, ahead = JOBS.alias(), JOBS.alias()
    lines = select(func.min(one.c.line).label("line")).where(one.c.state == JobState.QUEUED)
    line = lines.cte("lines", recursive=True)
    following = select(func.min(one.c.line)).where(one.c.state == JobState.QUEUED, one.c.line > line.c.line)
    line = line.union_all(select(following.scalar_subquery()).where(line.c.line.is_not(None)))
    first = (
        select(ahead.c.id)
        .where(ahead.c.state == JobState.QUEUED, ahead.c.line == line.c.line)
        .order_by(ahead.c.created_at, ahead.c.id)
        .limit(bindparam("depth"))
        .correlate(line)
    )
    if lateral:
        own = first.lateral("first")
        return select(own.c.id).select_from(line.join(own, true()))
    return select(JOBS.c.id).select_from(line.join(JOBS, JOBS.c.id.in_(first)))


_QUEUED_AHEAD = Prepared(_queued_ahead(lateral=False), _queued_ahead(lateral=True))


def dependent(tx: Connection) -> list[tuple[Job, dict[str, JobState]]]:
    """Waiting jobs that name others, with the states of those."""
    waiting = rows.fetch(tx, _DEPENDENT, Job)
    names = sorted({name for job in waiting for name in job.spec.after})
    states: dict[str, JobState] = {}
    for start in range(0, len(names), _AT_ONCE):
        query = select(JOBS.c.id, JOBS.c.state).where(JOBS.c.id.in_(names[start : start + _AT_ONCE]))
        states |= {row[0]: row[1] for row in tx.execute(query)}
    return [(job, {name: states[name] for name in job.spec.after}) for job in waiting]


def count_queued(tx: Connection) -> int:
    """How many jobs wait."""
    return _COUNT_QUEUED.one(tx)[0]


def by_ids(tx: Connection, names: set[str]) -> dict[str, Job]:
    """The jobs of these ids."""
    return {job.id: job for job in rows.with_ids(tx, JOBS, names)}


def add_job(tx: Connection, job: Job) -> None:
    """Keep a new job, in the line that it names or in one of its own."""
    rows.add(tx, JOBS, [msgspec.structs.replace(job, line=job.line or job.id)])
    settings.bump(tx)


def put_job(tx: Connection, job: Job) -> None:
    """Write a changed job."""
    put_jobs(tx, [job])


def put_jobs(tx: Connection, changed: Sequence[Job]) -> None:
    """Write changed jobs."""
    rows.put_all(tx, JOBS, changed)
    settings.bump(tx)


def attempt(tx: Connection, name: str) -> Attempt | None:
    """One attempt."""
    return rows.get(tx, ATTEMPTS, id=name)


def attempts_by_ids(tx: Connection, names: set[str]) -> dict[str, Attempt]:
    """The attempts of these ids."""
    return {attempt.id: attempt for attempt in rows.with_ids(tx, ATTEMPTS, names)}


def attempts_of(tx: Connection, job: str) -> tuple[Attempt, ...]:
    """A job's attempts in order."""
    return rows.many(tx, ATTEMPTS, ATTEMPTS.c.job == job, order=[ATTEMPTS.c.number])


def live_attempts(tx: Connection) -> tuple[Attempt, ...]:
    """Attempts that occupy devices."""
    return rows.fetch(tx, _LIVE_ATTEMPTS, Attempt)


def occupied(tx: Connection) -> dict[str, tuple[str, str]]:
    """Device id -> the job on it and its tenant."""
    query = select(ATTEMPTS.c.job, ATTEMPTS.c.tenant, ATTEMPTS.c.devices).where(ATTEMPTS.c.state.in_(_LIVE))
    return {device: (job, tenant) for job, tenant, devices in tx.execute(query) for device in devices}


def unmetered_attempts(tx: Connection) -> tuple[Attempt, ...]:
    """On-demand attempts that began and whose last usage is not recorded yet."""
    return rows.fetch(tx, _UNMETERED, Attempt)


def unmetered_of(tx: Connection, owners: set[str]) -> dict[str, str]:
    """Of these jobs' attempts those whose last usage is not recorded yet: attempt -> job."""
    found = _UNMETERED_OF.all(tx, names=sorted(owners)) if owners else ()
    return {row[0]: row[1] for row in found}


def add_attempts(tx: Connection, new: Sequence[Attempt]) -> None:
    """Keep new attempts."""
    horizon_us = settled.horizon_us(tx)
    settled.changed(tx, [attempt_change(None, one, horizon_us) for one in new])
    rows.add(tx, ATTEMPTS, new)
    settings.bump(tx)


def put_attempt(tx: Connection, attempt: Attempt) -> None:
    """Write a changed attempt."""
    put_attempts(tx, [attempt])


def put_attempts(tx: Connection, changed: Sequence[Attempt]) -> None:
    """Write changed attempts."""
    _unsettle(tx, changed)
    rows.put_all(tx, ATTEMPTS, changed)
    settings.bump(tx)


def _unsettle(tx: Connection, changed: Sequence[Attempt]) -> None:
    horizon_us = settled.horizon_us(tx)
    late = [one for one in changed if to_us(one.placed_at) < horizon_us]
    if late:
        known = attempts_by_ids(tx, {one.id for one in late})
        settled.changed(tx, [attempt_change(known.get(one.id), one, horizon_us) for one in late])


def put_metered(tx: Connection, metered: Sequence[tuple[str, datetime, bool]]) -> None:
    """Remember how far each attempt's usage is recorded, and whether that was the last of it."""
    rows.put_metered(tx, ATTEMPTS, metered)
    if not all(last for *_, last in metered):
        settings.bump(tx)  # they go on, and what goes on is remembered by revision


def finished_holding(tx: Connection) -> tuple[Job, ...]:
    """Finished jobs that still have money set aside."""
    return rows.fetch(tx, _FINISHED_HOLDING, Job)


def holding(tx: Connection, holds: Collection[str]) -> set[str]:
    """Which of these holds are of jobs that are not over."""
    if not holds:
        return set()
    live = JOBS.c.state.not_in(FINAL_JOB_STATES)
    return set(tx.execute(select(JOBS.c.hold).where(JOBS.c.hold.in_(sorted(holds)), live)).scalars())


def software_waits(tx: Connection, window: Window) -> tuple[Wait, ...]:
    """Waiting for software that runs on what the centre has, as far as it touches the window."""
    overlapping = (WAITS.c.start < window.end, or_(WAITS.c.end.is_(None), WAITS.c.end > window.start))
    return rows.many(tx, WAITS, WAITS.c.rules != (), *overlapping, order=[WAITS.c.job, WAITS.c.start])


def submitted(tx: Connection, window: Window) -> tuple[Job, ...]:
    """The jobs submitted in the window."""
    return rows.many(tx, JOBS, JOBS.c.created_at >= window.start, JOBS.c.created_at < window.end)


def count_submitted(tx: Connection, window: Window) -> int:
    """How many jobs were submitted in the window."""
    where = (JOBS.c.created_at >= window.start, JOBS.c.created_at < window.end)
    return tx.execute(select(func.count()).select_from(JOBS).where(*where)).scalar_one()


def finished_with_flops(tx: Connection, window: Window) -> list[tuple[Job, tuple[Attempt, ...]]]:
    """The jobs that ended well in the window and state their FLOPs, each with its attempts."""
    ended = (ATTEMPTS.c.state == AttemptState.SUCCEEDED, ATTEMPTS.c.ended_at > window.start)
    names = select(ATTEMPTS.c.job).where(*ended, ATTEMPTS.c.ended_at <= window.end)
    states = type_coerce(JOBS.c.spec, Text).like('%"flops":{%')
    found = rows.many(tx, JOBS, JOBS.c.id.in_(names), states, order=[JOBS.c.id])
    return [(job, attempts_of(tx, job.id)) for job in found if job.spec.flops is not None]


def set_waits(tx: Connection, waits: dict[str, Wait | None], now: datetime) -> None:
    """Continue, change or end the recorded waiting of these jobs as of now (None: waits no more)."""
    open_waits = {wait.job: wait for wait in rows.fetch(tx, _OPEN_WAITS, Wait, names=sorted(waits))}
    ended, begun = [], []
    for job, wait in waits.items():
        known = open_waits.get(job)
        if (
            known
            and wait
            and (known.reason, known.devices, known.models, known.rules)
            == (wait.reason, wait.devices, wait.models, wait.rules)
        ):
            continue
        if known:
            ended.append({"name": job, "since": known.start, "now": now})
        if wait and (known is None or known.start < now):
            begun.append(wait)
    horizon = from_us(settled.horizon_us(tx))
    late = [Window(wait.start, wait.end or horizon) for wait in begun if wait.start < horizon]
    settled.changed(tx, [*late, Window(now, horizon) if ended and now < horizon else None])
    if ended:
        _END_WAIT.change(tx, ended)
    rows.add(tx, WAITS, begun)
