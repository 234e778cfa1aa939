"""What is seen of an attempt: the files of each host's part, the controller's view, the accounting record."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from penstock.app.ports import Start
from penstock.base.window import from_us
from penstock.engines.local.folder import read_status
from penstock.engines.local.sight import seen as seen_of
from penstock.engines.node import part_of
from penstock.engines.slurm.model import SlurmJob
from penstock.lease.job import FINAL_ATTEMPT_STATES, AttemptState, TaskExit
from penstock.lease.seen import Seen

_SECOND = timedelta(seconds=1)
_BY_SLURM = {
    "NODE_FAIL": (AttemptState.LOST, "node_lost"),
    "BOOT_FAIL": (AttemptState.LOST, "node_lost"),
    "PREEMPTED": (AttemptState.EVICTED, "preempted"),
    "TIMEOUT": (AttemptState.FAILED, "time_limit"),
    "DEADLINE": (AttemptState.FAILED, "time_limit"),
    "OUT_OF_MEMORY": (AttemptState.FAILED, "out_of_memory"),
}
"""States of a job that say more than its programs can."""
_WORST_FIRST = (AttemptState.LOST, AttemptState.FAILED, AttemptState.STOPPED, AttemptState.SUCCEEDED)


def parts(plan: Start, directory: Path) -> list[Seen]:
    """What each host has published of its part; hosts that have not begun are left out."""
    nodes = dict.fromkeys(task.node for task in plan.tasks)
    statuses = (read_status(part_of(directory, node) / plan.attempt) for node in nodes)
    return [seen_of(plan.attempt, status) for status in statuses if status is not None]


def merged(plan: Start, found: Sequence[Seen]) -> Seen:
    """The gang as one: it runs when all parts run, and ends as its worst part does."""
    hosts = len({task.node for task in plan.tasks})
    whole = len(found) == hosts
    state = AttemptState.STARTING
    if whole and all(one.state in FINAL_ATTEMPT_STATES for one in found):
        state = next(state for state in _WORST_FIRST if any(one.state is state for one in found))
    elif whole and all(one.running_at for one in found):
        state = AttemptState.RUNNING
    final = state in FINAL_ATTEMPT_STATES
    running = [one.running_at for one in found if one.running_at]
    first = min((one for one in found if one.state is state), key=_ended, default=None) if final else None
    return Seen(
        attempt=plan.attempt,
        state=state,
        began_at=min((one.began_at for one in found if one.began_at), default=None),
        running_at=max(running) if len(running) == hosts else None,
        ended_at=max((one.ended_at for one in found if one.ended_at), default=None) if final else None,
        exits=tuple(sorted((e for one in found for e in one.exits), key=lambda e: e.rank)),
        cause=first.cause if first else "",
        checkpoints=tuple(sorted({at for one in found for at in one.checkpoints})),
        stalls=tuple(sorted(stall for one in found for stall in one.stalls)),
        limits=found[0].limits if found else {},
        cpu_seconds=sum(one.cpu_seconds for one in found),
        memory_peak_bytes=sum(one.memory_peak_bytes for one in found),
    )


def _ended(seen: Seen) -> datetime:
    assert seen.ended_at is not None, "a final state has an end"
    return seen.ended_at


def ended(plan: Start, gang: Seen, job: SlurmJob, *, told_to_stop: bool) -> Seen:
    """How a job that is over ended, its instants still those of the hosts."""
    state, cause, exits = gang.state, gang.cause, gang.exits
    if job.state in _BY_SLURM:
        state, cause = _BY_SLURM[job.state]
        exits = _completed(plan, exits, out_of_memory=cause == "out_of_memory")
    elif job.state == "CANCELLED" and not told_to_stop:
        state, cause = AttemptState.EVICTED, "cancelled_by_cluster"
    elif state not in FINAL_ATTEMPT_STATES:
        if told_to_stop:
            state, cause = AttemptState.STOPPED, "stop"
            exits = _completed(plan, exits) if gang.running_at else ()
        else:
            state, cause = AttemptState.LOST, "node_lost"
    return msgspec.structs.replace(gang, state=state, cause=cause, exits=exits)


def _completed(
    plan: Start, exits: tuple[TaskExit, ...], *, out_of_memory: bool = False
) -> tuple[TaskExit, ...]:
    """The exits that are known, and for the others what ends a task whose job is killed."""
    known = {one.rank: one for one in exits}
    if out_of_memory:
        known |= {
            r: msgspec.structs.replace(e, out_of_memory=True) for r, e in known.items() if e.exit_code != 0
        }
    killed = (TaskExit(rank=task.rank, signal=9, out_of_memory=out_of_memory) for task in plan.tasks)
    return tuple(known.get(one.rank, one) for one in killed)


def timed(seen: Seen, record: SlurmJob, *, begun: bool) -> Seen:
    """With the times of the record, which are what the allocation cost; a host's own clock fills the second.

    Between start and end of the record the instants of the hosts are brought into order. Not `begun` is a job
    that was cancelled while it waited.
    """
    if not begun or not record.start_s or record.start_s > record.end_s:
        ended_at = _instant(record.end_s) if record.end_s else seen.ended_at
        return msgspec.structs.replace(seen, began_at=None, running_at=None, ended_at=ended_at, exits=())
    began_at, ended_at = _instant(record.start_s), _instant(record.end_s)
    if seen.ended_at is not None and ended_at <= seen.ended_at < ended_at + _SECOND:
        ended_at = seen.ended_at
    running_at = None if seen.running_at is None else min(max(seen.running_at, began_at), ended_at)
    return msgspec.structs.replace(
        seen,
        began_at=began_at,
        running_at=running_at,
        ended_at=ended_at,
        checkpoints=tuple(sorted({min(max(at, began_at), ended_at) for at in seen.checkpoints})),
    )


def _instant(seconds: int) -> datetime:
    return from_us(seconds * 1_000_000)
