"""A plan rehearsed in many futures, several at a time, with the evidence that they rest on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from penstock.base.refusal import ensure
from penstock.fleet.accelerators import catalogue
from penstock.insight.economics.measures import break_even_occupancy
from penstock.insight.economics.outlook import (
    Evidence,
    Future,
    Outlook,
    contract_evidence,
    outlook,
    trace_evidence,
)
from penstock.insight.economics.plan import Plan, Rehearse
from penstock.insight.economics.tranches import cards
from penstock.insight.economics.units import PPM
from penstock.placement.fill import check_policy
from penstock.sim.compiled import prepare
from penstock.sim.planning.demand import Pool, pool
from penstock.sim.planning.future import World, play

HOURS_PER_DAY = 24
BATCHES_PER_WORKER = 20

type Progress = Callable[[int], object]

_worlds: list[World] = []


def build(
    plan: Plan, folder: Path, futures: int, seed: int, workers: int, progress: Progress | None = None
) -> Outlook:
    """The outlook of a plan that was checked; files are looked up beside it. Raises `Refused`."""
    given = plan.rehearse or Rehearse()
    ensure(check_policy(given.policy))
    world = world_of(plan, folder, seed)
    played = sorted(run(world, futures, workers, progress), key=lambda one: one.number)
    found = break_even_occupancy(plan, catalogue())
    return outlook(plan, played, evidence_of(plan, world.pools), found, seed)


def world_of(plan: Plan, folder: Path, seed: int) -> World:
    """What all futures share: the plan, and the demand of its traces."""
    given = plan.rehearse or Rehearse()
    traces = given.demand.traces if given.demand else ()
    return World(plan=plan, pools=tuple(pool(plan, one, folder) for one in traces), seed=seed)


def evidence_of(plan: Plan, pools: tuple[Pool, ...]) -> list[Evidence]:
    """Contracts first, then this centre's own history, then traces of others."""
    found, whole = contract_evidence(plan), sum(cards(tranche) for tranche in plan.tranches) * HOURS_PER_DAY
    for own in (True, False):
        for one in (one for one in pools if one.source.own == own):
            kind, said = "own_history" if own else "comparable_trace", f"{one.source.file}, {one.days} days"
            found.append(trace_evidence(kind, said, one.hours_by_length, one.source.share / PPM, whole))
    return found


def run(world: World, futures: int, workers: int, progress: Progress | None = None) -> Iterator[Future]:
    """Futures 0 to `futures` - 1 as they are done."""
    prepare()
    if workers == 1 or futures == 1:
        for number in range(futures):
            yield play(world, number)
            if progress is not None:
                progress(number + 1)
        return
    size = max(futures // (workers * BATCHES_PER_WORKER), 1)
    batches = [range(start, min(start + size, futures)) for start in range(0, futures, size)]
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (world,)) as pool_of_workers:
        done, waiting = 0, [pool_of_workers.submit(_batch, batch) for batch in batches]
        for one in as_completed(waiting):
            found = one.result()
            yield from found
            done += len(found)
            if progress is not None:
                progress(done)


def _begin(world: World) -> None:
    _worlds[:] = [world]
    prepare()


def _batch(numbers: range) -> list[Future]:
    return [play(_worlds[0], number) for number in numbers]
