"""One future of a planned centre: its slip, its faults, its demand and its rents; played through and computed."""

from collections.abc import Collection, Sequence
from datetime import date
from itertools import pairwise

import msgspec
import numpy as np
from msgspec.structs import replace

from penstock.base.money import Micros
from penstock.fleet.accelerators import catalogue
from penstock.insight.economics.accounts import accounts
from penstock.insight.economics.calendar import months_later
from penstock.insight.economics.measures import returns
from penstock.insight.economics.outlook import Future
from penstock.insight.economics.plan import Contract, Plan, Rehearse, Takings
from penstock.insight.economics.report import CLAIMED_OCCUPANCY
from penstock.insight.economics.statement import summed
from penstock.insight.economics.tranches import Course, in_service, months_of, retired
from penstock.insight.economics.units import PPM, Amount, Share, Term
from penstock.placement.fill import REASONS
from penstock.placement.jobs import Faults, Jobs
from penstock.placement.replay import LINES, How, replay
from penstock.placement.workload import WHOLE, Fleet
from penstock.sim.planning.demand import DAY_S, Pool, draw
from penstock.sim.planning.switched import (
    Switch,
    chosen,
    days_between,
    into_valley,
    nights,
    on_lent,
    spot_pools,
    with_lent,
)

AMPLE = 10**12
MONTHS_PER_YEAR = 12
SOLD = ("productive", "lost_work", "starting")
type Windows = list[tuple[int, float, float]]
"""(node, from second, to second)."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What all futures of a plan share."""

    plan: Plan
    pools: tuple[Pool, ...]
    seed: int
    switch: Switch = ""
    """The remedy that is on."""
    warm_up: int = 0
    """Months that are played first and not counted: a centre in the middle of its life is not empty."""


def play(world: World, number: int) -> Future:
    """The future of that number; equal seeds and numbers give equal futures."""
    rng = np.random.default_rng([world.seed, number])
    given = world.plan.rehearse or Rehearse()
    plan, slip, decline = _drawn(world.plan, given, rng)
    level = float(np.exp(rng.normal(0, given.demand.spread / PPM))) if given.demand else 1.0
    plan, reserved = _contracts(plan, given, rng)
    days = (months_later(months_of(plan)[0], plan.months) - months_of(plan)[0]).days
    if world.pools or plan.contracts:
        lent = _lent(plan, reserved, given) if world.switch == "lending_at_night" else ()
        out, lost, kept = _windows(plan, reserved, given, days, rng, lent)
        opened_s = min(_seconds(months_of(plan)[0], in_service(tranche)) for tranche in plan.tranches)
        spot = spot_pools(world.pools, given.remedies) if world.switch == "spot_with_notice" else ()
        jobs = since(draw(world.pools, days, level, len(plan.tranches), rng, spot), opened_s)
        jobs = jobs if given.sharing else whole_cards(jobs)
        if world.switch == "valley_pricing":
            jobs = into_valley(jobs, given.remedies, rng)
        fleet = fleet_of(plan)
        if lent:
            fleet, jobs = with_lent(fleet, lent), on_lent(jobs, len(plan.tranches))
        spent, refused = _played(fleet, jobs, given, number, _edges(plan), out, world)
        occupancy, ladder = _occupancy(plan, spent, kept, lost, world.warm_up)
    else:  # nobody shows any demand
        share = rng.uniform(*CLAIMED_OCCUPANCY)
        occupancy = {t.name: [round(share * PPM)] * plan.months for t in plan.tranches}
        ladder, refused = {}, {}
    price = _prices(plan, given, occupancy)
    drawn = (slip, decline, level)
    return _computed(plan, world.warm_up, number, drawn, occupancy, price, ladder, refused)


class Spent(msgspec.Struct, frozen=True):
    """Card-hours by month, tranche and line; with them, in card-hours at the full rent, what was sold.

    `lent` are by month those sold on servers that contracts hold.
    """

    hours: np.ndarray
    paid: np.ndarray
    lent: np.ndarray


def _played(
    fleet: Fleet, jobs: Jobs, given: Rehearse, number: int, edges: list[float], out: Faults, world: World
) -> tuple[Spent, dict[str, float]]:
    """Where the card-hours went, and those that nobody could serve, by reason."""
    switch = world.switch
    if not len(jobs.nodes):
        nothing = np.zeros((len(edges) - 1, len(fleet.models), len(LINES)))
        return _spent(nothing, nothing[:, :, 0], given, switch), {}
    terms = given.remedies
    move_s = terms.move_minutes * 60 if switch == "defragmentation" else None
    how = How(policy=given.policy, spot=switch == "spot_with_notice", move_s=move_s)
    played = replay(fleet, jobs, how, number, edges, out)
    lengths = np.where(np.isfinite(jobs.run_s), jobs.run_s, 0).max(axis=1)
    counted = (jobs.priority >= 0) & (jobs.submit_s >= edges[world.warm_up])
    asked = np.where(counted, jobs.volume * lengths / WHOLE / 3600, 0)
    refused = {
        REASONS[-1 - int(code)]: float(asked[played.outcome == code].sum())
        for code in np.unique(played.outcome[played.outcome < 0])
    }
    return _spent(played.spent / 3600, played.cheap_device_s / 3600, given, switch), refused


def _spent(hours: np.ndarray, cheap: np.ndarray, given: Rehearse, switch: Switch) -> Spent:
    """What was sold at which price; what is lent has models of its own behind the others."""
    terms = given.remedies
    price = terms.valley_price if switch == "valley_pricing" else terms.spot_price
    sales = [LINES.index(line) for line in SOLD]
    sold = hours[:, :, sales].sum(axis=2)
    paid = sold - cheap * (1 - price / PPM)
    if switch != "lending_at_night":
        return Spent(hours, paid, np.zeros(len(hours)))
    own = hours.shape[1] // 2
    lent, ours = sold[:, own:], hours[:, :own].copy()
    ours[:, :, sales] += hours[:, own:, sales]  # idle lent time is the contract's
    return Spent(ours, paid[:, :own] + lent * terms.spot_price / PPM, lent.sum(axis=1))


def _drawn(plan: Plan, given: Rehearse, rng: np.random.Generator) -> tuple[Plan, int, float]:
    """The plan with the slip and the fall of rents of this future.

    A plan that lasts as long as its servers does so in every future: late ones would otherwise have no return,
    and the others would look better for it.
    """
    slip, decline = 0, 0.0
    tranches = plan.tranches
    if given.slip is not None:
        slip = round(_triangular(rng, given.slip.low, given.slip.likely, given.slip.high))
        tranches = tuple(replace(t, slip=Term(t.slip + slip)) for t in tranches)
    if given.rent_decline is not None:
        ends = given.rent_decline
        decline = _triangular(rng, ends.low, ends.likely, ends.high) / PPM
        fall = Share(round(decline * PPM))
        tranches = tuple(
            t if t.rent is None else replace(t, rent=replace(t.rent, decline_per_year=fall)) for t in tranches
        )
    whole = all(
        retired(tranche) <= months_later(months_of(plan)[0], plan.months) for tranche in plan.tranches
    )
    months = Term(plan.months + slip) if whole else plan.months
    return replace(plan, tranches=tranches, months=months), slip, decline


def _triangular(rng: np.random.Generator, low: int, likely: int, high: int) -> float:
    return float(low) if low == high else float(rng.triangular(low, likely, high))


def fleet_of(plan: Plan) -> Fleet:
    """One node a server; a model a tranche."""
    counts = [tranche.servers for tranche in plan.tranches]
    cards = [tranche.cards_per_server for tranche in plan.tranches]
    total = sum(counts)
    return Fleet(
        cpu=np.full(total, AMPLE),
        memory=np.full(total, AMPLE),
        devices=np.repeat(np.array(cards, np.int64), counts),
        model=np.repeat(np.arange(len(counts)), counts),
        models=tuple(tranche.name for tranche in plan.tranches),
    )


def since(jobs: Jobs, opened_s: float) -> Jobs:
    """Without what was asked for before anything was in service: nobody waits for months at a closed door."""
    return chosen(jobs, jobs.submit_s >= opened_s)


def whole_cards(jobs: Jobs) -> Jobs:
    """The same jobs where nobody shares a card."""
    work = jobs.work
    return replace(jobs, work=replace(work, share=np.full_like(work.share, WHOLE)))


def _edges(plan: Plan) -> list[float]:
    """The ends of the plan's months in seconds from its start."""
    first = months_of(plan)[0]
    ends = [*months_of(plan), months_later(first, plan.months)]
    return [(day - first).days * DAY_S for day in ends]


def _contracts(plan: Plan, given: Rehearse, rng: np.random.Generator) -> tuple[Plan, list[Contract]]:
    """Signed contracts as takings and as servers set aside; some end early in this future."""
    kept, takings = [], list(plan.takings)
    for contract in plan.contracts:
        if contract.terminated is not None or not contract.servers:
            continue
        months = contract.months
        if rng.random() < given.terminated / PPM:
            months = int(rng.integers(0, contract.months))
        if months:
            amount = contract.amount * months // contract.months
            until = months_later(contract.start, months)
            takings.append(
                Takings(name=contract.id, since=contract.start, until=until, amount=Amount(amount))
            )
            kept.append(replace(contract, months=months, amount=Amount(amount)))
    return replace(plan, takings=tuple(takings)), kept


def _windows(
    plan: Plan,
    reserved: Sequence[Contract],
    given: Rehearse,
    days: int,
    rng: np.random.Generator,
    lent: Collection[int],
) -> tuple[Faults, np.ndarray, np.ndarray]:
    """When nodes take no jobs: not in service, set aside for a contract (and not lent then), or broken.

    With it, the card-hours lost to faults by month and tranche, and by month those kept for contracts.
    """
    first, end_s = months_of(plan)[0], days * DAY_S
    out: Windows = []
    lost, kept = np.zeros((plan.months, len(plan.tranches))), np.zeros(plan.months)
    taken = _set_aside(plan, reserved)
    edges = np.array(_edges(plan))
    node = 0
    for index, tranche in enumerate(plan.tranches):
        begin, until = _seconds(first, in_service(tranche)), min(_seconds(first, retired(tranche)), end_s)
        for _ in range(tranche.servers):
            away = [(0.0, begin), (until, end_s)]
            if node in taken:
                aside = (_seconds(first, taken[node][0]), min(_seconds(first, taken[node][1]), until))
                away += days_between(nights(given.remedies, *aside), *aside) if node in lent else [aside]
                kept += _overlaps(edges, *aside) / 3600 * tranche.cards_per_server
            else:
                broken = _breakdowns(given, begin, until, rng)
                away += broken
                for start, stop in broken:
                    lost[:, index] += _overlaps(edges, start, stop) / 3600 * tranche.cards_per_server
            out += [(node, start, stop) for start, stop in _merged(away, end_s)]
            node += 1
    windows = sorted(out)
    return (
        Faults(
            node=np.array([w[0] for w in windows], np.int64),
            start_s=np.array([w[1] for w in windows]),
            end_s=np.array([w[2] for w in windows]),
            warned=np.array([w[0] in lent for w in windows], np.bool_),
        ),
        lost,
        kept,
    )


def _overlaps(edges: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Of each month, the seconds that lie in a time."""
    return np.clip(np.minimum(edges[1:], stop) - np.maximum(edges[:-1], start), 0, None)


def _seconds(first: date, day: date) -> float:
    return max((day - first).days, 0) * DAY_S


def _breakdowns(
    given: Rehearse, begin: float, until: float, rng: np.random.Generator
) -> list[tuple[float, float]]:
    found, at = [], begin
    mean_s, repair_s = given.breakdowns.mean_days_between * DAY_S, given.breakdowns.repair_hours * 3600
    while repair_s and (at := at + float(rng.exponential(mean_s))) < until:
        found.append((at, min(at + repair_s, until)))
        at += repair_s
    return found


def _merged(windows: Sequence[tuple[float, float]], end_s: float) -> list[tuple[float, float]]:
    """Disjoint windows that do not touch, within the plan."""
    merged: list[tuple[float, float]] = []
    for start, stop in sorted((max(a, 0.0), min(b, end_s)) for a, b in windows):
        if start >= stop:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _set_aside(plan: Plan, reserved: Sequence[Contract]) -> dict[int, tuple[date, date]]:
    """Node -> from when to when it is a contract's: contracts take the first servers that are free then."""
    taken: dict[int, tuple[date, date]] = {}
    first_nodes = np.cumsum([0, *(tranche.servers for tranche in plan.tranches)])
    for contract in sorted(reserved, key=lambda one: (one.start, one.id)):
        until, wanted = months_later(contract.start, contract.months), contract.servers
        for tranche, (low, high) in zip(plan.tranches, pairwise(first_nodes), strict=True):
            if tranche.cards_per_server != contract.cards_per_server:
                continue
            for node in range(int(low), int(high)):
                if wanted and node not in taken:
                    taken[node] = (max(contract.start, in_service(tranche)), until)
                    wanted -= 1
    return taken


def _lent(plan: Plan, reserved: Sequence[Contract], given: Rehearse) -> frozenset[int]:
    """Of the nodes that contracts hold, those whose nights are lent."""
    taken = sorted(_set_aside(plan, reserved))
    return frozenset(taken[: -(-len(taken) * given.remedies.lent // PPM)])


def _occupancy(
    plan: Plan, spent: Spent, kept: np.ndarray, lost: np.ndarray, since: int
) -> tuple[dict[str, list[int]], dict[str, float]]:
    """The share let of each tranche and month, in time at the plan's rents; from a month on the ladder in hours."""
    hours, capacity = spent.hours, _in_service_hours(plan)
    shares = np.divide(spent.paid, capacity, out=np.zeros_like(spent.paid), where=capacity > 0)
    occupancy = {
        tranche.name: [round(min(share, 1.0) * PPM) for share in shares[:, index]]
        for index, tranche in enumerate(plan.tranches)
    }
    whole = {line: float(hours[since:, :, number].sum()) for number, line in enumerate(LINES)}
    reserved = float((kept - spent.lent)[since:].sum())
    whole |= {"down": float(lost[since:].sum()), "reserved": reserved, "no_demand": 0.0}
    idle = float(capacity[since:].sum()) - sum(whole.values())
    return occupancy, whole | {"no_demand": max(idle, 0.0)}


def _in_service_hours(plan: Plan) -> np.ndarray:
    edges, first = np.array(_edges(plan)), months_of(plan)[0]
    hours = np.zeros((plan.months, len(plan.tranches)))
    for index, tranche in enumerate(plan.tranches):
        begin, until = _seconds(first, in_service(tranche)), _seconds(first, retired(tranche))
        hours[:, index] = _overlaps(edges, begin, until) / 3600 * tranche.servers * tranche.cards_per_server
    return hours


def _prices(plan: Plan, given: Rehearse, occupancy: dict[str, list[int]]) -> list[int]:
    """Rents as shares of the plan's: entrants push them down each year, and so does standing idle the year before."""
    market, index, prices = given.market, 1.0, list[int]()
    entry = ((1 + market.demand_growth / PPM) / (1 + market.supply_growth / PPM)) ** (1 / market.elasticity)
    weights = np.array([tranche.servers * tranche.cards_per_server for tranche in plan.tranches], float)
    shares = np.array([occupancy[tranche.name] for tranche in plan.tranches], float) / PPM
    by_month = weights @ shares / weights.sum()
    for month in range(plan.months):
        if month and month % MONTHS_PER_YEAR == 0:
            let = float(by_month[month - MONTHS_PER_YEAR : month].mean())
            idle = max(market.target / PPM - let, 0.0)
            index *= entry * max(1 - market.feedback / PPM * idle, 0.0)
        prices.append(round(index * PPM))
    return prices


def _computed(
    plan: Plan,
    since: int,
    number: int,
    drawn: tuple[int, float, float],
    occupancy: dict[str, list[int]],
    price: list[int],
    ladder: dict[str, float],
    refused: dict[str, float],
) -> Future:
    statements = accounts(plan, catalogue(), Course(occupancy=occupancy, price=price))
    whole, worth = summed(statements[since:]), returns(plan, statements)
    net: Micros = whole.net
    return Future(
        number=number,
        slip_months=drawn[0],
        rent_decline=drawn[1],
        demand_level=drawn[2],
        ladder=ladder,
        refused=refused,
        capacity_card_hours=whole.capacity / PPM,
        let_card_hours=sum(ladder[line] for line in (*SOLD, "reserved")) if ladder else whole.let / PPM,
        revenue_micros=whole.profit["revenue"],
        net_micros=net,
        cash_micros=whole.net_cash,
        npv_micros=worth.npv_micros if worth.complete else None,
        irr_yearly=worth.irr_yearly,
        xirr=worth.xirr,
        price_last=price[-1] / PPM if price else 1.0,
        price_years=[one / PPM * (1 - drawn[1]) ** year for year, one in enumerate(price[::MONTHS_PER_YEAR])],
    )
