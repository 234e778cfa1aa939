"""Demand for a planned centre: jobs of traces by days, drawn anew for each future."""

import csv
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from penstock.base.refusal import Refused, invalid
from penstock.insight.economics.plan import Plan, TraceOfDemand
from penstock.insight.economics.units import PPM
from penstock.placement.jobs import FOREVER, Jobs, distinct
from penstock.placement.workload import ANY_MODEL, WHOLE, Fleet, Workload
from penstock.sim.trace.jobfile import read_jobs
from penstock.sim.trace.table import text_of
from penstock.sim.trace.throughput import Speeds, read_speeds
from penstock.sim.trace.traced import TracedJob

DAY_S = 86_400.0
DAYS_PER_YEAR = 365
DAYS_PER_WEEK = 7
_MODEL_COLUMNS = ("gpu_spec", "models")


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs of one trace as arrays. `first[day]` is where a day's jobs begin; `offset_s` is the time of day.

    `mask` has a bit for each tranche of the plan that the job may run on. Card-hours a day are on average, by how the
    lengths of the jobs are known (`insight.recorded.LENGTHS`).
    """

    source: TraceOfDemand
    first: np.ndarray
    offset_s: np.ndarray
    run_s: np.ndarray
    nodes: np.ndarray
    devices: np.ndarray
    share: np.ndarray
    mask: np.ndarray
    save_s: np.ndarray
    hours_by_length: dict[str, float]

    @property
    def days(self) -> int:
        """How many days it covers."""
        return len(self.first) - 1


def pool(plan: Plan, source: TraceOfDemand, folder: Path) -> Pool:
    """Read a trace for the plan's tranches; raises `Refused` with the place of a mistake."""
    path = _existing(folder / source.file)
    speeds = read_speeds(_existing(folder / source.throughput)) if source.throughput else None
    ours = [tranche.model or tranche.name for tranche in plan.tranches]
    names = tuple(dict.fromkeys([*ours, *_named(path), *filter(None, [source.as_on])]))
    traced = read_jobs(path, _only_models(names), speeds, skip_bad=False)
    begin = traced.jobs[0].submit_s + source.skip_days * DAY_S
    timed = [(job, _length_s(job, source.as_on, speeds)) for job in traced.jobs if job.submit_s >= begin]
    timed = [(job, length_s) for job, length_s in timed if job.devices and np.isfinite(length_s)]
    jobs = [job for job, _ in timed]
    if not jobs:
        raise Refused(
            invalid("trace_empty", f"{path} has no job with a card", "name another", "rehearse.demand")
        )
    largest = max(tranche.cards_per_server for tranche in plan.tranches)
    day = np.array([int((job.submit_s - begin) // DAY_S) for job in jobs], np.int64)
    days = int(day.max(initial=0)) + 1
    devices = np.array([min(job.devices, largest) for job in jobs], np.int64)
    nodes = np.array([job.nodes * -(-job.devices // largest) for job in jobs], np.int64)
    run = np.array([length_s for _, length_s in timed])
    share = np.array([job.share for job in jobs], np.int64)
    hours = nodes * devices * share / WHOLE * run / 3600 / days
    lengths = np.array([_length_from(job, speeds) for job in jobs])
    return Pool(
        source=source,
        first=np.searchsorted(day, np.arange(days + 1)),
        offset_s=np.array([(job.submit_s - begin) % DAY_S for job in jobs]),
        run_s=run,
        nodes=nodes,
        devices=devices,
        share=share,
        mask=np.array([_mask(job.models, ours, source.ignore_models) for job in jobs], np.int64),
        save_s=_checkpoints(np.array([job.save_s for job in jobs]), source),
        hours_by_length={str(name): float(hours[lengths == name].sum()) for name in np.unique(lengths)},
    )


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise Refused(
            invalid("file_unreadable", f"there is no file {path}", "check the name", "rehearse.demand")
        )
    return path


def _length_s(job: TracedJob, model: str, speeds: Speeds | None) -> float:
    if speeds is None or not job.job_type:
        return job.run_s
    (rate,) = speeds.rates(job.job_type, job.nodes * job.devices, (model,))
    return job.steps / rate if rate > 0 else FOREVER


def _checkpoints(save_s: np.ndarray, source: TraceOfDemand) -> np.ndarray:
    if source.checkpoint_minutes is None:
        return save_s
    return np.where(np.isfinite(save_s), save_s, source.checkpoint_minutes * 60)


def _length_from(job: TracedJob, speeds: Speeds | None) -> str:
    return "throughput" if speeds is not None and job.job_type else job.length_from


def _mask(models: Sequence[str], ours: Sequence[str], ignored: bool) -> int:
    if ignored or not models:
        return ANY_MODEL
    return sum(1 << number for number, model in enumerate(ours) if model in models)


def _named(path: Path) -> list[str]:
    """Every model that the trace names, so that demand for cards we lack counts as such."""
    rows = csv.DictReader(text_of(path).splitlines())
    columns = [column for column in _MODEL_COLUMNS if column in (rows.fieldnames or ())]
    return sorted(
        {n.strip() for row in rows for c in columns for n in (row[c] or "").split("|") if n.strip()}
    )


def _only_models(names: tuple[str, ...]) -> Fleet:
    one = np.full(len(names), 8)
    return Fleet(cpu=one, memory=one, devices=one, model=np.arange(len(names)), models=names)


def draw(
    pools: Sequence[Pool],
    days: int,
    level: float,
    models: int,
    rng: np.random.Generator,
    spot: Sequence[Pool] = (),
) -> Jobs:
    """So many days of jobs: for each day, one of the same weekday of the trace; thinned or repeated to the share.

    Those of `spot` come last in the drawing, give way to all others, and are cheap.
    """
    chosen, times, regular = [], [], len(pools)
    pools = [*pools, *spot]
    for number, one in enumerate(pools):
        picked, submitted = _picked(one, days, level, rng)
        chosen.append(np.stack([np.full(len(picked), number), picked]))
        times.append(submitted)
    which = np.concatenate(chosen, axis=1) if chosen else np.zeros((2, 0), np.int64)
    submit = np.concatenate(times) if times else np.zeros(0)
    order = np.argsort(submit, kind="stable")
    which, submit = which[:, order], submit[order]

    def column(name: str) -> np.ndarray:
        found = np.zeros(len(submit), getattr(pools[0], name).dtype if pools else np.float64)
        for number, one in enumerate(pools):
            mine = which[0] == number
            found[mine] = getattr(one, name)[which[1][mine]]
        return found

    count = len(submit)
    return Jobs(
        work=_work(column("devices"), column("share"), column("mask")),
        nodes=column("nodes").astype(np.int64),
        submit_s=submit,
        run_s=np.repeat(column("run_s")[:, None], models, axis=1),
        limit_s=np.full(count, FOREVER),
        save_s=column("save_s"),
        priority=-(which[0] >= regular).astype(np.int64),
        tenant=np.zeros(count, np.int64),
        label=np.zeros(count, np.int64),
        cheap=which[0] >= regular,
    )


def _picked(one: Pool, days: int, level: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which jobs of the trace come, and when."""
    day = np.arange(days)
    whole_weeks = one.days // DAYS_PER_WEEK
    if whole_weeks >= 2:
        source = rng.integers(0, whole_weeks, days) * DAYS_PER_WEEK + day % DAYS_PER_WEEK
    else:
        source = rng.integers(0, one.days, days)
    lengths = one.first[source + 1] - one.first[source]
    starts = np.repeat(one.first[source] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    jobs = starts + np.arange(lengths.sum())
    on_day = np.repeat(day, lengths)
    growth = (1 + one.source.growth_per_year / PPM) ** (on_day / DAYS_PER_YEAR)
    rate = one.source.share / PPM * level * growth
    times = np.floor(rate).astype(np.int64)
    times += rng.random(len(rate)) < rate - times
    jobs, on_day = np.repeat(jobs, times), np.repeat(on_day, times)
    moved = one.offset_s[jobs] + (rng.random(len(jobs)) - 0.5) * 600
    return jobs, on_day * DAY_S + np.clip(moved, 0, DAY_S - 1)


def _work(devices: np.ndarray, share: np.ndarray, mask: np.ndarray) -> Workload:
    if not len(devices):
        none = np.zeros(0, np.int64)
        return Workload(tasks=none, cpu=none, memory=none, devices=none, share=none, models=none)
    example, tasks = distinct(devices, share, mask)
    nothing = np.zeros(len(example), np.int64)
    devices, share, mask = (row[example].astype(np.int64) for row in (devices, share, mask))
    return Workload(
        tasks=tasks,
        cpu=nothing,
        memory=nothing,
        devices=devices,
        share=share,
        models=mask,
    )
