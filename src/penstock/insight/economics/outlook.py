"""What many futures of a plan come to: distributions, the evidence they rest on, and whether one number may be said."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from penstock.base.figure import Figure, weakest
from penstock.base.money import Micros
from penstock.base.quantity import Status
from penstock.insight.economics.plan import Plan
from penstock.insight.economics.tranches import cards
from penstock.insight.recorded import LENGTHS

type EvidenceKind = Literal["contracts", "own_history", "comparable_trace"]
QUANTILES = (5, 10, 25, 50, 75, 90, 95)
EVIDENCE: tuple[EvidenceKind, ...] = ("contracts", "own_history", "comparable_trace")
HOURS_PER_DAY = 24
MEDIAN = 50
BINS = 24


class Future(msgspec.Struct, frozen=True, kw_only=True):
    """One future. Card-hours over the whole plan, money in micros, rates as fractions a year.

    `refused` are the card-hours of jobs that never ran, by the reason that kept them out.
    """

    number: int
    slip_months: int
    rent_decline: float
    demand_level: float
    ladder: dict[str, float]
    refused: dict[str, float]
    capacity_card_hours: float
    let_card_hours: float
    revenue_micros: Micros
    net_micros: Micros
    cash_micros: Micros
    npv_micros: Micros | None
    irr_yearly: float | None
    xirr: float | None
    price_last: float
    price_years: list[float]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One source of demand: what it is, whose, and how much of the capacity it asks for.

    `lengths` are the parts of a trace's demand by how the lengths of its jobs are known, before the plan's share.
    """

    kind: EvidenceKind
    source: str
    demand: Figure
    coverage: Figure
    lengths: dict[str, Figure] = {}


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity over all futures in which it exists: quantiles by percent, and a histogram for a plot.

    Where the evidence allows no one number to be said, there is no median, no mean and no `single`.
    """

    unit: str
    population: str
    futures: int
    quantiles: dict[str, float]
    mean: float | None
    edges: list[float]
    counts: list[int]
    single: Figure | None
    status: Status = "derived"


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The report of `plan build`. `missing` names evidence that nobody gave."""

    name: str
    currency: str
    futures: int
    seed: int
    evidence: tuple[Evidence, ...]
    missing: tuple[EvidenceKind, ...]
    single_allowed: bool
    break_even_occupancy: Figure
    spreads: dict[str, Spread]
    ladder: dict[str, Spread]
    refused: dict[str, Spread]
    loss_probability: Figure
    price_years: dict[str, Spread]


def outlook(
    plan: Plan, futures: Sequence[Future], evidence: Sequence[Evidence], break_even: float | None, seed: int
) -> Outlook:
    """Sum up futures."""
    kinds = {one.kind for one in evidence}
    allowed = bool(kinds)
    said = f"{plan.name}: {len(futures)} futures of {plan.months} months, seed {seed}"
    money = f"micros {plan.currency}"

    def spread(unit: str, values: Sequence[float | None]) -> Spread:
        return distribution([one for one in values if one is not None], unit, said, single=allowed)

    shares = [_share(one.let_card_hours, one.capacity_card_hours) for one in futures]
    lines = sorted({line for one in futures for line in one.ladder})
    losses = sum(one.net_micros < 0 for one in futures)
    return Outlook(
        name=plan.name,
        currency=plan.currency,
        futures=len(futures),
        seed=seed,
        evidence=tuple(evidence),
        missing=tuple(kind for kind in EVIDENCE if kind not in kinds),
        single_allowed=allowed,
        break_even_occupancy=Figure(
            value=None if break_even is None else 100 * break_even,
            unit="percent of card-hours in service, before income tax",
            population=plan.name,
            status="derived",
        ),
        spreads={
            "occupancy": spread("percent of card-hours in service", [100 * one for one in shares]),
            "revenue": spread(money, [one.revenue_micros for one in futures]),
            "net": spread(money, [one.net_micros for one in futures]),
            "npv": spread(money, [one.npv_micros for one in futures]),
            "irr_yearly": spread(
                "percent a year, cash by years", [_percent(one.irr_yearly) for one in futures]
            ),
            "xirr": spread("percent a year, cash by month ends", [_percent(one.xirr) for one in futures]),
            "refused": spread(
                "card-hours refused",
                [sum(one.refused.values()) if one.ladder else None for one in futures],
            ),
        },
        refused={
            reason: spread("card-hours refused", [one.refused.get(reason, 0.0) for one in futures])
            for reason in sorted({reason for one in futures for reason in one.refused})
        },
        ladder={
            line: spread(
                "percent of card-hours in service",
                [100 * _share(one.ladder.get(line, 0.0), one.capacity_card_hours) for one in futures],
            )
            for line in lines
        },
        loss_probability=Figure(
            value=100 * losses / len(futures), unit="percent of futures", population=said, status="derived"
        ),
        price_years={
            str(year + 1): spread(
                "percent of the first rents",
                [100 * one.price_years[year] for one in futures if year < len(one.price_years)],
            )
            for year in range(max((len(one.price_years) for one in futures), default=0))
        },
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _percent(rate: float | None) -> float | None:
    return None if rate is None else 100 * rate


def distribution(values: Sequence[float], unit: str, population: str, *, single: bool) -> Spread:
    """Quantiles by linear interpolation, and counts in equal bins."""
    ordered = sorted(values)
    if not ordered:
        return Spread(
            unit=unit,
            population=population,
            futures=0,
            quantiles={},
            mean=None,
            edges=[],
            counts=[],
            single=None,
        )
    low, high = ordered[0], ordered[-1]
    width = (high - low) / BINS or 1.0
    counts = [0] * BINS
    for one in ordered:
        counts[min(int((one - low) / width), BINS - 1)] += 1
    middle = quantile(ordered, MEDIAN)
    whole = round(middle) if unit.startswith("micros") else middle
    figure = Figure(value=whole, unit=unit, population=f"{population}, median", status="derived")
    return Spread(
        unit=unit,
        population=population,
        futures=len(ordered),
        quantiles={str(p): quantile(ordered, p) for p in QUANTILES if single or p != MEDIAN},
        mean=math.fsum(ordered) / len(ordered) if single else None,
        edges=[low + width * number for number in range(BINS + 1)],
        counts=counts,
        single=figure if single else None,
    )


def quantile(ordered: Sequence[float], percent: float) -> float:
    """Of values in order, none missing."""
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def contract_evidence(plan: Plan) -> list[Evidence]:
    """Signed contracts that were not terminated and say their servers, against the plan's card time."""
    live = [one for one in plan.contracts if one.terminated is None and one.servers]
    if not live:
        return []
    capacity = sum(cards(tranche) for tranche in plan.tranches) * plan.months
    asked = sum(one.servers * one.cards_per_server * min(one.months, plan.months) for one in live)
    said, hours = f"{len(live)} signed contracts", asked / plan.months * HOURS_PER_DAY
    return [_evidence("contracts", said, hours, "claimed", asked / capacity)]


def trace_evidence(
    kind: EvidenceKind, source: str, hours_by_length: Mapping[str, float], share: float, capacity: float
) -> Evidence:
    """A trace as a source of demand: its card-hours a day by `LENGTHS`, the share of it that comes here.

    Demand is measured only where every job's length was and all of it comes; a share is the plan's own word.
    """
    parts = {name: hours for name, hours in hours_by_length.items() if hours}
    whole = sum(parts.values())
    statuses = {LENGTHS[name] for name in parts}
    measured = statuses == {"measured"} and share == 1
    said = source if share == 1 else f"{source}; {share:.1%} of it, as the plan says"
    status: Status = "measured" if measured else weakest(*statuses)
    found = _evidence(kind, said, whole * share, status, whole * share / capacity)
    lengths = {
        name: Figure(
            value=hours,
            unit="card-hours a day",
            population=f"{source}, length {name}",
            status=LENGTHS[name],
            source=source,
        )
        for name, hours in sorted(parts.items())
    }
    return replace(found, lengths=lengths)


def _evidence(
    kind: EvidenceKind, source: str, card_hours_a_day: float, status: Status, coverage: float
) -> Evidence:
    return Evidence(
        kind=kind,
        source=source,
        demand=Figure(
            value=card_hours_a_day, unit="card-hours a day", population=source, status=status, source=source
        ),
        coverage=Figure(
            value=100 * coverage,
            unit="percent of the plan's cards",
            population=source,
            status=weakest(status),
        ),
    )
