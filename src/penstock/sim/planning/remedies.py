"""Remedies, each switched on alone over the same rehearsed month: what it does to the ladder and to profit.

All are played by the same rehearsal. What a remedy assumes of demand is said beside it; one that has nothing to work on
in this month is named as not played, and nothing is estimated in its place.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from penstock.base.figure import Figure
from penstock.base.money import Micros
from penstock.base.quantity import Status
from penstock.base.refusal import Refused, invalid
from penstock.insight.economics.calendar import month_of, months_later
from penstock.insight.economics.outlook import Future
from penstock.insight.economics.plan import Contract, Plan, Rehearse, RemedyTerms
from penstock.insight.economics.tranches import in_service
from penstock.insight.economics.units import Term
from penstock.placement.workload import ANY_MODEL, WHOLE
from penstock.sim.planning.build import Progress, run, world_of
from penstock.sim.planning.future import World
from penstock.sim.planning.switched import valley_s
from penstock.sim.planning.terms import assumption, terms_of

BASE = "as_planned"
WARM_UP = 2
"""Months before the one that is counted: that in which the last servers come into service, and a whole one."""
_IDLE = {
    "sharing": "no job asks for a part of a card",
    "porting": "no job names a model that is not here",
    "defragmentation": "no job on one server checkpoints, so nothing can be moved",
    "valley_pricing": "no job ends within the valley",
    "lending_at_night": "no contract holds servers in this month, so there is nothing to lend",
}


class Remedied(msgspec.Struct, frozen=True, kw_only=True):
    """The month under one remedy, on average over futures with the same seeds."""

    name: str
    ladder: dict[str, float]
    let_percent: float
    refused_card_hours: float
    revenue_micros: Micros
    net_micros: Micros
    net_gain_micros: Micros
    """Against the month as planned; the costs of the remedy itself are not in it."""
    unit: str
    """Of each of its numbers."""
    population: str
    status: Status = "derived"
    assumed: str = ""
    """What it takes for granted, in words; `terms` are its figures, each claimed by its source or `assumed`."""
    terms: dict[str, Figure] = {}


class Remedies(msgspec.Struct, frozen=True, kw_only=True):
    """All of them on the same month. `not_played` says why the others are missing."""

    name: str
    currency: str
    month: str
    futures: int
    seed: int
    played: tuple[Remedied, ...]
    not_played: dict[str, str]


def remedies(
    plan: Plan, folder: Path, futures: int, seed: int, workers: int, progress: Progress | None = None
) -> Remedies:
    """Play a month in which all is in service, as planned and under each remedy. Raises `Refused`.

    The month follows one in which all was in service already: a centre that has just opened is empty.
    """
    given = plan.rehearse or Rehearse()
    if given.demand is None or not given.demand.traces:
        raise Refused(
            invalid(
                "demand_missing",
                "no trace says what is asked for",
                "name one under rehearse.demand",
                "rehearse",
            )
        )
    opened = month_of(max(in_service(tranche) for tranche in plan.tranches))
    start = months_later(opened, WARM_UP)
    played_plan = replace(
        plan, start=opened, months=Term(WARM_UP + 1), rehearse=replace(given, sharing=False, slip=None)
    )
    base = replace(world_of(played_plan, folder, seed), warm_up=WARM_UP)
    idle = idle_remedies(base, any(_holds(contract, start) for contract in plan.contracts))
    played: list[Remedied] = []
    for name, change in _WAYS.items():
        if name in idle:
            continue
        found = list(run(change(base), futures, workers, progress))
        mean = _mean(name, found, played[0] if played else None, f"{plan.name}, {start:%Y-%m}", plan.currency)
        said, terms = assumption(name, given.remedies), terms_of(name, given.remedies)
        played.append(replace(mean, assumed=said, terms=terms))
    return Remedies(
        name=plan.name,
        currency=plan.currency,
        month=f"{start:%Y-%m}",
        futures=futures,
        seed=seed,
        played=tuple(played),
        not_played=idle,
    )


def idle_remedies(base: World, lent: bool) -> dict[str, str]:
    """Remedies that have nothing to work on in this demand, and why."""
    everything = (1 << len(base.plan.tranches)) - 1
    valley = valley_s(base.plan.rehearse.remedies if base.plan.rehearse else RemedyTerms())[1]
    useful = {
        "sharing": any((pool.share < WHOLE).any() for pool in base.pools),
        "porting": any(((pool.mask & everything) != everything).any() for pool in base.pools),
        "defragmentation": any((np.isfinite(pool.save_s) & (pool.nodes == 1)).any() for pool in base.pools),
        "valley_pricing": any((pool.run_s <= valley).any() for pool in base.pools),
        "lending_at_night": lent,
    }
    return {name: _IDLE[name] for name, works in useful.items() if not works}


def _holds(contract: Contract, month: date) -> bool:
    until = months_later(contract.start, contract.months)
    return bool(contract.servers) and contract.terminated is None and contract.start <= month < until


def _mean(name: str, found: Sequence[Future], base: Remedied | None, about: str, currency: str) -> Remedied:
    count = len(found)
    capacity = sum(one.capacity_card_hours for one in found) or 1.0
    lines = sorted({line for one in found for line in one.ladder})
    net = sum(one.net_micros for one in found) // count
    return Remedied(
        name=name,
        ladder={line: 100 * sum(one.ladder.get(line, 0.0) for one in found) / capacity for line in lines},
        let_percent=100 * sum(one.let_card_hours for one in found) / capacity,
        refused_card_hours=sum(sum(one.refused.values()) for one in found) / count,
        revenue_micros=sum(one.revenue_micros for one in found) // count,
        net_micros=net,
        net_gain_micros=net - base.net_micros if base else 0,
        unit=f"shares: percent of card-hours in service; refused: card-hours; money: micros {currency}",
        population=f"{about}: mean of {count} futures",
    )


def _shared(base: World) -> World:
    assert base.plan.rehearse is not None
    return replace(base, plan=replace(base.plan, rehearse=replace(base.plan.rehearse, sharing=True)))


def _ported(base: World) -> World:
    return replace(
        base, pools=tuple(replace(one, mask=np.full_like(one.mask, ANY_MODEL)) for one in base.pools)
    )


_WAYS: dict[str, Callable[[World], World]] = {
    BASE: lambda base: base,
    "sharing": _shared,
    "porting": _ported,
    "spot_with_notice": lambda base: replace(base, switch="spot_with_notice"),
    "defragmentation": lambda base: replace(base, switch="defragmentation"),
    "valley_pricing": lambda base: replace(base, switch="valley_pricing"),
    "lending_at_night": lambda base: replace(base, switch="lending_at_night"),
}
"""As planned, no card is shared, every job keeps to the models that it names, none is moved or evicted for another."""
