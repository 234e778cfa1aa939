"""Which accelerator model a job should have first: by what each does for it, and for all others that want it.

jobs, fleet, what it costs -> for each kind of job that says its throughput, its models in order. Models have
the prices that clear them, by the kernels that deal a rehearsal in rounds (see `kernels.choice`). Jobs that do
not say their throughput gain the same from each of their models.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping

import numpy as np

from penstock.base.money import Micros
from penstock.base.quantity import WHOLE
from penstock.lease.job import Job, Resources
from penstock.lease.offer import LeaseState
from penstock.placement.fair import Usage
from penstock.placement.filters import takes_any
from penstock.placement.kind import kind_of
from penstock.placement.layout import Layout
from penstock.placement.model import World

FASTEST = "fastest"
"""Each job where it is fastest, whoever else wants it; needs no kernel."""
AIMS = ("completion", "fairness", "cost", FASTEST)

type Ranks = Mapping[Hashable, tuple[str, ...]]


def asks(job: Job) -> bool:
    """Whether the job leaves its model to the centre; the devices of a lease are chosen already."""
    return bool(job.spec.resources.throughput) and job.lease is None


def rank_models(world: World, layout: Layout, usage: Usage) -> Ranks:
    """Models for each kind of waiting job that says its throughput.

    Prices are those at which all that run and wait would fit the fleet. What is free is dealt at them to those
    who gain most; first come the models that jobs of the kind get so, then the others by what is gained there,
    which is the worth less the price; of equals the fastest, then by name.
    """
    asking = {kind_of(job): job for job in reversed(world.queue) if asks(job)}
    if not asking:
        return {}
    if world.rules.aim == FASTEST:
        return {kind: _in_order(job.spec.resources) for kind, job in asking.items()}
    gains, got = {}, defaultdict(set)
    for job, gain, dealt in _market(world, layout, usage):
        kind = kind_of(job)
        if kind in asking:
            gains[kind] = dict(zip(layout.models, gain.tolist(), strict=True))
            got[kind] |= {layout.models[dealt]} if dealt >= 0 else set()
    return {kind: _in_order(job.spec.resources, got[kind], gains[kind]) for kind, job in asking.items()}


def _market(world: World, layout: Layout, usage: Usage) -> Iterator[tuple[Job, np.ndarray, int]]:
    """Each waiting job, what it gains on each model for a device at its price, and the model dealt to it."""
    from penstock.placement.kernels import choice

    waiting = [job for job in world.queue if job.lease is None]
    jobs = (*waiting, *(job for job in world.running if job.lease is None))
    room, cost = _room(world, layout), _costs(layout.models, world.costs)
    need = np.array([job.spec.devices * job.spec.resources.device_share for job in jobs], np.int64)
    worth = np.zeros((len(jobs), len(room)))
    for i, job in enumerate(jobs):
        speed = np.array(_speeds(job.spec.resources, layout.models))
        mean = float(speed.sum() / max((speed > 0).sum(), 1))
        rate = usage.dominant(job.tenant) + float(need[i]) / max(int(room.sum()), 1)
        aim = choice.COMPLETION + AIMS.index(world.rules.aim)
        choice.worth_of(aim, speed, mean, float(need[i]), rate, cost, worth[i])
    price = np.zeros(len(room))
    choice.clear(worth, need, room, price)
    worth, need, left = worth[: len(waiting)], need[: len(waiting)], room - _held(world, layout)
    nowhere = np.full(len(waiting), choice.NONE, np.int64)
    dealt = choice.assign(worth, need, left, price, choice.by_surplus(worth, price), nowhere)
    return zip(waiting, worth - price, dealt.tolist(), strict=True)


def _speeds(resources: Resources, models: Iterable[str]) -> list[float]:
    """Work in a second on each model; 1 on all that it takes where the job says nothing."""
    said = dict(resources.throughput)
    if said:
        return [said.get(model, 0.0) for model in models]
    return [float(takes_any(resources) or model in resources.models) for model in models]


def _costs(models: Iterable[str], costs: Mapping[str, Micros]) -> np.ndarray:
    """Of a card-hour; a model without a price costs as much as the dearest."""
    dearest = max(costs.values(), default=1)
    return np.array([float(costs.get(model, dearest)) for model in models])


def _room(world: World, layout: Layout) -> np.ndarray:
    """Thousandths of devices by model that are for everybody: those of active leases are not."""
    leased = [d for lease in world.leases if lease.state is not LeaseState.RESERVED for d in lease.devices]
    free = (layout.sellable & ~layout.mask(leased)).sum(axis=1) * WHOLE
    return np.bincount(layout.model, free, minlength=len(layout.models)).astype(np.int64)


def _held(world: World, layout: Layout) -> np.ndarray:
    """Thousandths of devices by model that attempts hold outside leases."""
    held = np.zeros(len(layout.models), np.int64)
    for attempt in world.attempts:
        for row, _ in layout.cells(attempt.devices if attempt.lease is None else ()):
            held[layout.model[row]] += attempt.share
    return held


def _in_order(
    resources: Resources, got: Collection[str] = (), gain: Mapping[str, float] | None = None
) -> tuple[str, ...]:
    said, gains = dict(resources.throughput), gain or {}
    most = max(map(abs, gains.values()), default=0.0) or 1.0
    return tuple(sorted(said, key=lambda m: (m not in got, -round(gains.get(m, 0.0) / most, 9), -said[m], m)))
