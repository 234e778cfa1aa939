"""What an engine saw moves an attempt and its job on; the clock moves a lease on.

The engine's clock is not ours, and its reports arrive late, twice or out of order. So what is known only
grows, and every instant is brought into the order that the card-hour book needs:

    placed_at <= began_at <= running_at <= ended_at <= now, and ended_at >= metered_until

The same report again changes nothing, nor does an older one, and a final state is never left.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from penstock.base.refusal import Refusal
from penstock.lease.job import (
    FINAL_ATTEMPT_STATES,
    Attempt,
    AttemptState,
    Job,
    JobState,
    Retry,
    TaskExit,
)
from penstock.lease.moves import move_device, move_job, move_lease
from penstock.lease.offer import Lease, LeaseState
from penstock.lease.seen import Seen

__all__ = ["advance", "confirm", "lease_step", "may_retry", "move_device", "move_job", "move_lease"]

LOSSES_MAX = 10
"""A job whose attempts were lost this often is failed: it may be what brings the nodes down."""

WAITING_MAX = 500
"""Letters kept of what an engine says of a job that waits in its queue."""

CHECKPOINTS_KEPT = 100
"""Only the last one counts; the others are kept for people."""

GRACE_SHARE_MAX = 10
"""A lease's jobs are told to stop at most a tenth of its length before its end."""

USER_STOP = "user"
LEASE_ENDED = "lease_ended"
STOPS_FOR_GOOD = (USER_STOP, LEASE_ENDED)
"""A job goes back to the queue after any other reason (`suspended`, `drain`, `spot`, …), but not after these."""

FAILURE_CAUSES = ("time_limit", "out_of_memory")
"""The engine ended it, but the program is to blame."""

_PROGRESS = {
    AttemptState.PLACED: 0,
    AttemptState.STARTING: 1,
    AttemptState.RUNNING: 2,
    AttemptState.STOPPING: 2,
}
_ON_DEVICES = (JobState.PLACED, JobState.STARTING, JobState.RUNNING)


def advance(job: Job, attempt: Attempt, seen: Seen, now: datetime) -> tuple[Job, Attempt]:
    """The job and its attempt after a report; both unchanged where it tells nothing new."""
    assert seen.attempt == attempt.id, "the report is about another attempt"
    assert attempt.job == job.id, "the attempt is another job's"
    if attempt.state in FINAL_ATTEMPT_STATES:
        return job, attempt
    after = _observed(attempt, seen, now)
    if seen.state in FINAL_ATTEMPT_STATES:
        after = _ended(after, seen, job.stop_reason, now)
    if job.state not in _ON_DEVICES or attempt.number != job.attempts:
        return job, after
    return _follow(job, after, seen.state), after


def confirm(attempt: Attempt, seen: Seen) -> Attempt:
    """An attempt that has ended, with the times of its engine's accounting once they are there.

    They never take in time before it was placed or after its devices were free for others. When it began is
    known by then where usage of it has been recorded.
    """
    assert seen.attempt == attempt.id, "the report is about another attempt"
    if not attempt.awaits_accounting or seen.awaits_accounting or seen.state not in FINAL_ATTEMPT_STATES:
        return attempt
    assert attempt.ended_at is not None, "what awaits its accounting has ended"
    ended_at = _placed_in(seen.ended_at, _latest_known(attempt), attempt.ended_at)
    began_at = attempt.began_at
    if began_at is not None and attempt.metered_until is None:
        began_at = _placed_in(seen.began_at, attempt.placed_at, attempt.running_at or attempt.ended_at)
    return msgspec.structs.replace(
        attempt,
        began_at=began_at or attempt.began_at,
        ended_at=ended_at or attempt.ended_at,
        limits={**attempt.limits, **seen.limits},
    )


def lease_step(lease: Lease, now: datetime, grace: timedelta, idle: bool) -> Lease:
    """The lease in the state that the clock asks for; `idle` says that no attempt holds its devices.

    It is active from its start, ending from `grace` before its end (at most a tenth of its length), so that
    its devices are free for the next one at its end, and ended from its end on, once idle. One that is
    ending before its time (ended early or breached) has ended as soon as it is idle.
    """
    while (state := _lease_state(lease, now, grace, idle=idle)) != lease.state:
        moved = move_lease(lease, state)
        assert not isinstance(moved, Refusal), moved
        lease = moved
        if state is LeaseState.ENDED:
            lease = msgspec.structs.replace(lease, ended_at=now)
    return lease


def _lease_state(lease: Lease, now: datetime, grace: timedelta, *, idle: bool) -> LeaseState:
    ending_at = lease.end - min(grace, (lease.end - lease.start) / GRACE_SHARE_MAX)
    match lease.state:
        case LeaseState.RESERVED if now >= lease.start:
            return LeaseState.ACTIVE
        case LeaseState.ACTIVE | LeaseState.SUSPENDED if now >= ending_at:
            return LeaseState.ENDING
        case LeaseState.BREACHED:
            return LeaseState.ENDING
        case LeaseState.ENDING if idle and not ending_at <= now < lease.end:
            return LeaseState.ENDED
    return lease.state


def _observed(attempt: Attempt, seen: Seen, now: datetime) -> Attempt:
    """What is known of a live attempt, grown by a report."""
    began = attempt.began_at or _placed_in(seen.began_at or seen.running_at, attempt.placed_at, now)
    running = attempt.running_at or _placed_in(seen.running_at, began or attempt.placed_at, now)
    state = attempt.state
    if seen.state not in FINAL_ATTEMPT_STATES and _PROGRESS[seen.state] > _PROGRESS[state]:
        state = seen.state
    return msgspec.structs.replace(
        attempt,
        state=state,
        began_at=began,
        running_at=running,
        checkpoints=_checkpoints(attempt, seen, now),
        stalls=_stalls(attempt, seen, now),
        limits={**seen.limits, **attempt.limits},
        cpu_seconds=max(attempt.cpu_seconds, seen.cpu_seconds),
        memory_peak_bytes=max(attempt.memory_peak_bytes, seen.memory_peak_bytes),
        waiting="" if began or running else seen.waiting[:WAITING_MAX],
    )


def _ended(attempt: Attempt, seen: Seen, stop_reason: str | None, now: datetime) -> Attempt:
    ended_at = _placed_in(seen.ended_at or now, _latest_known(attempt), now)
    assert ended_at is not None
    state = _outcome(seen, stop_reason)
    return msgspec.structs.replace(
        attempt,
        state=state,
        ended_at=ended_at,
        exits=seen.exits,
        cause=_cause(state, seen, stop_reason),
        waiting="",
        checkpoints=_until(ended_at, attempt, seen),
        stalls=tuple((since, min(until, ended_at)) for since, until in attempt.stalls if since < ended_at),
    )


def _latest_known(attempt: Attempt) -> datetime:
    """What its end cannot lie before."""
    known = (attempt.placed_at, attempt.began_at, attempt.running_at, attempt.metered_until)
    return max(instant for instant in known if instant is not None)


def _placed_in(instant: datetime | None, earliest: datetime, now: datetime) -> datetime | None:
    """The instant, brought into [earliest, now]; `earliest` where our own clock was set back."""
    return None if instant is None else max(min(instant, now), earliest)


def _checkpoints(attempt: Attempt, seen: Seen, now: datetime) -> tuple[datetime, ...]:
    """Those known and those after them. One that seems to lie ahead counts once the clock is there."""
    last = attempt.checkpoints[-1] if attempt.checkpoints else None
    new = {max(at, attempt.placed_at) for at in seen.checkpoints if at <= now}
    later = sorted(at for at in new if last is None or at > last)
    return (*attempt.checkpoints, *later)[-CHECKPOINTS_KEPT:]


def _until(end: datetime, attempt: Attempt, seen: Seen) -> tuple[datetime, ...]:
    every = (*attempt.checkpoints, *seen.checkpoints)
    return tuple(sorted({max(min(at, end), attempt.placed_at) for at in every}))[-CHECKPOINTS_KEPT:]


def _stalls(attempt: Attempt, seen: Seen, now: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Those known, the last of them grown, and those after it."""
    stalls = list(attempt.stalls)
    for since, until in sorted(seen.stalls):
        start, end = max(since, attempt.placed_at), min(until, now)
        if stalls and start == stalls[-1][0]:
            stalls[-1] = (start, max(end, stalls[-1][1]))
        elif start < end and (not stalls or start >= stalls[-1][1]):
            stalls.append((start, end))
    return tuple(stalls)


def _outcome(seen: Seen, stop_reason: str | None) -> AttemptState:
    """The attempt's final state: what the platform stopped was evicted, also where nobody says why."""
    if seen.state not in (AttemptState.STOPPED, AttemptState.EVICTED):
        return seen.state
    if seen.cause in FAILURE_CAUSES:
        return AttemptState.FAILED
    return AttemptState.STOPPED if stop_reason == USER_STOP else AttemptState.EVICTED


def _cause(state: AttemptState, seen: Seen, stop_reason: str | None) -> str:
    match state:
        case AttemptState.STOPPED:
            return "stop"
        case AttemptState.EVICTED:
            return stop_reason or "evicted"
        case AttemptState.LOST:
            return stop_reason if stop_reason == "node_down" else seen.cause or "lost"
        case AttemptState.FAILED if not seen.cause and any(task.out_of_memory for task in seen.exits):
            return "out_of_memory"
    return seen.cause or "exit"


def _follow(job: Job, attempt: Attempt, seen: AttemptState) -> Job:
    """The job after its present attempt moved."""
    if attempt.running_at is not None and job.started_at is None:
        job = msgspec.structs.replace(job, started_at=attempt.running_at)
    if attempt.state in FINAL_ATTEMPT_STATES:
        return _finish(_go(job, JobState.STARTING), attempt)
    job = _go(job, JobState.STARTING) if _PROGRESS[seen] >= 1 else job
    return _go(job, JobState.RUNNING) if _PROGRESS[seen] >= 2 else job


def _finish(job: Job, attempt: Attempt) -> Job:
    """The job after its attempt ended: ended as well, or back in the queue."""
    for_good = job.stop_reason in STOPS_FOR_GOOD
    match attempt.state:
        case AttemptState.SUCCEEDED:
            return _end(job, JobState.SUCCEEDED, attempt)
        case AttemptState.FAILED:
            job = msgspec.structs.replace(job, failures=job.failures + 1)
            retried = not for_good and may_retry(job.spec.retry, attempt.exits, job.failures)
            return _requeue(job) if retried else _end(job, JobState.FAILED, attempt)
        case AttemptState.LOST:
            job = msgspec.structs.replace(_go(job, JobState.LOST), losses=job.losses + 1)
            if job.losses >= LOSSES_MAX and not for_good:
                return _end(job, JobState.FAILED, attempt)
        case AttemptState.EVICTED:
            job = _go(job, JobState.EVICTED)
    return _end(job, JobState.CANCELLED, attempt) if for_good else _requeue(job)


def may_retry(retry: Retry, exits: Iterable[TaskExit], failures: int) -> bool:
    """Whether the policy allows another attempt after so many failures.

    A signal counts as exit code 128 + its number, but only where no task ended with a code of its own: the
    engine kills the others of a gang when one fails.
    """
    if failures >= retry.max_attempts:
        return False
    codes = {task.exit_code for task in exits if task.exit_code}
    codes = codes or {128 + task.signal for task in exits if task.signal}
    return not retry.on_exit_codes or not codes.isdisjoint(retry.on_exit_codes)


def _requeue(job: Job) -> Job:
    return _go(job, JobState.QUEUED, stop_reason=None, reasons={})


def _end(job: Job, state: JobState, attempt: Attempt) -> Job:
    return _go(job, state, ended_at=attempt.ended_at, reasons={})


def _go(job: Job, state: JobState, **changes: Any) -> Job:
    """One step along the table; a step back within an attempt is none."""
    if job.state in _ON_DEVICES and state in _ON_DEVICES:
        state = max(job.state, state, key=_ON_DEVICES.index)
    moved = move_job(job, state)
    assert not isinstance(moved, Refusal), moved
    return msgspec.structs.replace(moved, **changes)
