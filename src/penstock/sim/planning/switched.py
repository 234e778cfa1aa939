"""What each remedy changes in a rehearsed future: its jobs, its fleet, or how jobs are placed."""

from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np
from msgspec.structs import replace

from penstock.insight.economics.plan import RemedyTerms
from penstock.insight.economics.units import PPM, Share
from penstock.placement.jobs import Jobs
from penstock.placement.workload import ANY_MODEL, Fleet
from penstock.sim.planning.demand import DAY_S, Pool

type Switch = Literal["", "spot_with_notice", "defragmentation", "valley_pricing", "lending_at_night"]

HOUR_S = 3600.0
type Windows = list[tuple[float, float]]
"""(from second, to second)."""


def spot_pools(pools: Sequence[Pool], terms: RemedyTerms) -> list[Pool]:
    """The demand that would come at the spot price alone: more of the same traces."""
    return [
        replace(one, source=replace(one.source, share=Share(one.source.share * terms.spot // PPM)))
        for one in pools
    ]


def valley_s(terms: RemedyTerms) -> tuple[float, float]:
    """When the valley begins, in seconds of the day, and how long it is."""
    hours = (terms.valley_to_hour - terms.valley_from_hour) % 24 or 24
    return terms.valley_from_hour * HOUR_S, hours * HOUR_S


def into_valley(jobs: Jobs, terms: RemedyTerms, rng: np.random.Generator) -> Jobs:
    """Of the jobs that end within the valley, the flexible ones wait for its beginning, and are cheap."""
    start, length = valley_s(terms)
    flexible = (rng.random(len(jobs.nodes)) < terms.flexible / PPM) & (jobs.run_s.min(axis=1) <= length)
    into = (jobs.submit_s - start) % DAY_S
    late = flexible & (into + jobs.run_s.min(axis=1) > length)
    submit = np.where(late, jobs.submit_s + DAY_S - into, jobs.submit_s)
    return chosen(replace(jobs, submit_s=submit, cheap=flexible), np.argsort(submit, kind="stable"))


def chosen(jobs: Jobs, which: np.ndarray) -> Jobs:
    """These jobs, in this order."""
    columns = ("nodes", "submit_s", "run_s", "limit_s", "save_s", "priority", "tenant", "label")
    cheap = None if jobs.cheap is None else jobs.cheap[which]
    work = replace(jobs.work, tasks=jobs.work.tasks[which])
    return replace(jobs, work=work, cheap=cheap, **{name: getattr(jobs, name)[which] for name in columns})


def with_lent(fleet: Fleet, lent: Collection[int]) -> Fleet:
    """The fleet in which these nodes are models of their own, one more for each: what they earn is told apart."""
    model = fleet.model.copy()
    model[list(lent)] += len(fleet.models)
    return replace(fleet, model=model, models=(*fleet.models, *(f"{name} lent" for name in fleet.models)))


def on_lent(jobs: Jobs, models: int) -> Jobs:
    """Jobs that may run on lent nodes as on others of their model."""
    masks = jobs.work.models
    both = np.where(masks == ANY_MODEL, masks, masks | (masks << models))
    return replace(
        jobs, work=replace(jobs.work, models=both), run_s=np.concatenate([jobs.run_s, jobs.run_s], axis=1)
    )


def nights(terms: RemedyTerms, start_s: float, end_s: float) -> Windows:
    """The valleys within a time."""
    first, length = valley_s(terms)
    day, found = start_s // DAY_S - 1, []
    while day * DAY_S + first < end_s:
        low, high = max(day * DAY_S + first, start_s), min(day * DAY_S + first + length, end_s)
        if low < high:
            found.append((low, high))
        day += 1
    return found


def days_between(inside: Windows, start_s: float, end_s: float) -> Windows:
    """What the windows leave of a time."""
    edges = [start_s, *(edge for window in inside for edge in window), end_s]
    return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]
