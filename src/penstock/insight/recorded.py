"""What was asked of a centre, served and refused alike, in the columns of a trace that a plan can be rehearsed with."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Literal

import msgspec

from penstock.base.quantity import Status
from penstock.base.window import MICROSECOND, US_PER_SECOND, Window
from penstock.lease.job import Attempt, Job

SERVED, REFUSED = "served", "refused"
type LengthFrom = Literal["measured", "so_far", "limit", "median"]
LENGTHS: dict[str, Status] = {
    "measured": "measured",
    "so_far": "derived",
    "throughput": "derived",
    "median": "derived",
    "generated": "derived",
    "limit": "claimed",
}
"""How the length of a recorded job is known: it ran so long; so long until the record ends; its steps at a measured
speed; the median of those that ran; drawn with the statistics of a record; its own time limit."""


class RecordedJob(msgspec.Struct, frozen=True, kw_only=True):
    """One job of a window. Seconds count from the window's start; `models` are joined by a bar, empty: any.

    `run_s` of one that was served is how long it ran, all attempts together; of one that never ran its time limit, or
    where it has none what those that were served ran in the middle (the median). `length_from` says which: `measured`,
    or `so_far` where it still ran at the window's end; `limit` (what its owner said) and `median` are not measured.
    """

    job: str
    submit_s: float
    run_s: float
    nodes: int
    devices_per_node: int
    device_milli: int
    models: str
    tenant: str
    label: str
    priority: int
    time_limit_s: int | None
    checkpoint_s: float | None
    length_from: LengthFrom


def recorded(jobs: Iterable[Job], attempts: Iterable[Attempt], window: Window) -> tuple[RecordedJob, ...]:
    """The jobs submitted in the window, in order; those of unknown length are left out."""
    tries: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        tries[attempt.job].append(attempt)
    asked = sorted(
        (job for job in jobs if window.contains(job.created_at)), key=lambda job: (job.created_at, job.id)
    )
    ran = {job.id: sum(ran_s(one, window.end) for one in tries[job.id]) for job in asked}
    lengths = [length for length in ran.values() if length]
    usual = median(lengths) if lengths else None
    rows = (_row(job, ran[job.id], tries[job.id], usual, window) for job in asked)
    return tuple(row for row in rows if row is not None)


def ran_s(attempt: Attempt, until: datetime) -> float:
    """How long it ran, up to an instant."""
    if attempt.running_at is None:
        return 0.0
    end = until if attempt.ended_at is None else min(attempt.ended_at, until)
    return max((end - attempt.running_at) // MICROSECOND, 0) / US_PER_SECOND


def _row(
    job: Job, ran: float, tries: list[Attempt], usual: float | None, window: Window
) -> RecordedJob | None:
    spec, served = job.spec, ran > 0
    length = ran if served else spec.time_limit_s or usual
    if length is None:
        return None
    over = job.ended_at is not None and job.ended_at <= window.end
    source: LengthFrom = (
        ("measured" if over else "so_far") if served else "limit" if spec.time_limit_s else "median"
    )
    return RecordedJob(
        job=job.id,
        submit_s=((job.created_at - window.start) // MICROSECOND) / US_PER_SECOND,
        run_s=length,
        nodes=spec.nodes,
        devices_per_node=spec.resources.devices_per_node,
        device_milli=spec.resources.device_share,
        models="|".join(spec.resources.models),
        tenant=job.tenant,
        label=SERVED if served else REFUSED,
        priority=max(spec.priority, 0),
        time_limit_s=spec.time_limit_s,
        checkpoint_s=_interval_s(tries),
        length_from=source,
    )


def _interval_s(tries: Iterable[Attempt]) -> float | None:
    """Between the checkpoints that were seen, in the middle; None where it was never seen to make two."""
    gaps = [
        ((later - earlier) // MICROSECOND) / US_PER_SECOND
        for one in tries
        for earlier, later in zip(one.checkpoints, one.checkpoints[1:], strict=False)
    ]
    return median(gaps) if gaps else None
