"""Remedies, each switched on alone over the same rehearsed month: what it does to the ladder and to profit.

Measured are those that the rehearsal can play: sharing of devices, and porting to the cards that are there. The others
are named as not played, with what is missing; nothing is estimated in their place.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from penstock.base.money import Micros
from penstock.base.refusal import Refused, invalid
from penstock.insight.economics.calendar import month_of, months_later
from penstock.insight.economics.outlook import Future
from penstock.insight.economics.plan import Demand, Plan, Rehearse, TraceOfDemand
from penstock.insight.economics.tranches import in_service
from penstock.insight.economics.units import Term
from penstock.sim.planning.build import Progress, run, world_of

BASE = "as_planned"
NOT_PLAYED = {
    "spot_with_notice": "the rehearsal has no work that is evicted with notice",
    "defragmentation": "the rehearsal moves no running work",
    "valley_pricing": "nothing shows how demand answers to a price by hour",
    "lending_at_night": "the rehearsal does not tell inference from training by hour",
}


class Remedied(msgspec.Struct, frozen=True, kw_only=True):
    """The month under one remedy, on average over futures with the same seeds: percent and micros."""

    name: str
    ladder: dict[str, float]
    let_percent: float
    refused_card_hours: float
    revenue_micros: Micros
    net_micros: Micros
    net_gain_micros: Micros
    """Against the month as planned; the costs of the remedy itself are not in it."""


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
    """Play the first month in which all is in service, as planned and under each remedy. Raises `Refused`."""
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
    start = months_later(month_of(max(in_service(tranche) for tranche in plan.tranches)), 1)
    month = replace(plan, start=start, months=Term(1), rehearse=replace(given, sharing=False, slip=None))
    played: list[Remedied] = []
    for name, change in _WAYS.items():
        world = world_of(change(month), folder, seed)
        played.append(
            _mean(name, list(run(world, futures, workers, progress)), played[0] if played else None)
        )
    return Remedies(
        name=plan.name,
        currency=plan.currency,
        month=f"{start:%Y-%m}",
        futures=futures,
        seed=seed,
        played=tuple(played),
        not_played=NOT_PLAYED,
    )


def _mean(name: str, found: Sequence[Future], base: Remedied | None) -> Remedied:
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
    )


def _given(plan: Plan) -> Rehearse:
    assert plan.rehearse is not None
    return plan.rehearse


def _traces(plan: Plan, change: Callable[[TraceOfDemand], TraceOfDemand]) -> Plan:
    given = _given(plan)
    assert given.demand is not None
    demand: Demand = replace(given.demand, traces=tuple(change(trace) for trace in given.demand.traces))
    return replace(plan, rehearse=replace(given, demand=demand))


_WAYS: dict[str, Callable[[Plan], Plan]] = {
    BASE: lambda plan: plan,
    "sharing": lambda plan: replace(plan, rehearse=replace(_given(plan), sharing=True)),
    "porting": lambda plan: _traces(plan, lambda trace: replace(trace, ignore_models=True)),
}
"""As planned, no card is shared and every job keeps to the models that it names."""
