"""Everything that a plan says of itself, as figures: each with unit, population and how it came about."""

from collections.abc import Sequence
from datetime import date

import msgspec
from msgspec.structs import replace

from penstock.base.figure import Figure, total
from penstock.base.money import Micros
from penstock.base.quantity import Status
from penstock.base.refusal import Refusal
from penstock.fleet.accelerators import Catalogue
from penstock.insight.economics.accounts import accounts
from penstock.insight.economics.calendar import last_day
from penstock.insight.economics.contracts import backlog, blocked, terms
from penstock.insight.economics.findings import Finding, findings
from penstock.insight.economics.measures import (
    LIVES_YEARS,
    MONTHS_PER_YEAR,
    SLIP_MONTHS,
    Returns,
    Swing,
    assumes_demand,
    break_even_occupancy,
    break_even_price,
    range_of_returns,
    returns,
    runway_months,
    slip_effect,
    tornado,
    with_life,
)
from penstock.insight.economics.plan import Plan, Tranche
from penstock.insight.economics.power import per_card_hour
from penstock.insight.economics.statement import Statement, summed
from penstock.insight.economics.tranches import (
    cards,
    claimed_compute,
    cost,
    dense_compute,
    in_service,
    months_of,
)
from penstock.insight.economics.units import PPM
from penstock.insight.economics.winddown import wind_down

type Figures = dict[str, Figure]


class Period(msgspec.Struct, frozen=True):
    """Some months: profit and loss beside cash."""

    since: date
    until: date
    profit: Figures
    cash: Figures


class EconomicsReport(msgspec.Struct, frozen=True, kw_only=True):
    """A plan computed. `lives` holds the same plan written off over 4, 5 and 6 years: the whole, then each year."""

    name: str
    currency: str
    since: date
    until: date
    whole: Period
    years: tuple[Period, ...]
    measures: Figures
    stages: dict[str, Figures]
    tranches: dict[str, Figures]
    lives: dict[str, tuple[Period, ...]]
    tornado: tuple[Swing, ...]
    contracts: Figures
    blocked: dict[str, list[str]]
    filed: tuple[dict[str, Figure | str], ...]
    exit: Figures
    findings: tuple[Finding, ...]


CLAIMED_OCCUPANCY = (0.10, 0.93)
"""Shares let between which returns are shown where nobody shows demand: both from published claims."""
CLAIMED_OCCUPANCY_SOURCE = "10 %: IDC of general-purpose centres; 93 %: highest in a leaser's filings"


class Said:
    """Makes figures about one population."""

    def __init__(self, currency: str, population: str, status: Status = "derived", source: str = "") -> None:
        self.currency, self.population, self.status, self.source = currency, population, status, source

    def money(self, amount: Micros | None, per: str = "") -> Figure:
        """An amount in micros."""
        return self.figure(None if amount is None else int(amount), f"micros {self.currency}{per}")

    def percent(self, share: float | None, of: str) -> Figure:
        """A share in percent of something named."""
        return self.figure(None if share is None else 100 * share, f"percent {of}")

    def figure(self, value: float | int | None, unit: str) -> Figure:
        """Any figure."""
        return Figure(
            value=value, unit=unit, population=self.population, status=self.status, source=self.source
        )


def economics(plan: Plan, known: Catalogue) -> EconomicsReport:
    """The report of a plan that was checked."""
    statements, months = accounts(plan, known), months_of(plan)
    until = last_day(months[-1])
    servers = sum(tranche.servers for tranche in plan.tranches)
    population = f"{plan.name}: {servers:,} servers, {months[0]:%Y-%m} to {until:%Y-%m}"
    said = Said(plan.currency, population)
    break_even, worth = break_even_occupancy(plan, known), returns(plan, statements)
    return EconomicsReport(
        name=plan.name,
        currency=plan.currency,
        since=months[0],
        until=until,
        whole=period(statements, months, said),
        years=_years(statements, months, said),
        measures=_measures(plan, statements, break_even, worth, known, said),
        stages={"centre": _centre_stages(plan, said), **{t.name: _stages(plan, t) for t in plan.tranches}},
        tranches={tranche.name: _tranche(plan, tranche, known) for tranche in plan.tranches},
        lives={str(years): _with_life(plan, years, known) for years in LIVES_YEARS},
        tornado=tuple(tornado(plan, known)) if any(tranche.rent for tranche in plan.tranches) else (),
        contracts=_contracts(plan),
        blocked={contract.id: reasons for contract in plan.contracts if (reasons := blocked(contract))},
        filed=_filed(plan),
        exit=_exit(plan, known),
        findings=tuple(findings(plan, break_even, worth.complete, known)),
    )


def period(statements: Sequence[Statement], months: Sequence[date], said: Said) -> Period:
    """The sums of some months, with what is computed from them."""
    whole = summed(statements)
    revenue = whole.profit["revenue"]
    profit = {line: said.money(amount) for line, amount in whole.profit.items()}
    profit |= {
        "gross_profit": said.money(whole.gross),
        "before_tax": said.money(whole.before_tax),
        "net": said.money(whole.net),
        "gross_margin": said.percent(whole.gross / revenue if revenue else None, "of revenue"),
        "net_margin": said.percent(whole.net / revenue if revenue else None, "of revenue"),
    }
    cash = {line: said.money(amount) for line, amount in whole.cash.items()}
    cash |= {"project": said.money(whole.project_cash), "net": said.money(whole.net_cash)}
    return Period(months[0], last_day(months[-1]), profit, cash)


def _years(statements: Sequence[Statement], months: Sequence[date], said: Said) -> tuple[Period, ...]:
    cuts = [slice(start, start + MONTHS_PER_YEAR) for start in range(0, len(months), MONTHS_PER_YEAR)]
    return tuple(period(statements[cut], months[cut], said) for cut in cuts)


def _measures(
    plan: Plan,
    statements: Sequence[Statement],
    break_even: float | None,
    worth: Returns,
    known: Catalogue,
    said: Said,
) -> Figures:
    whole = summed(statements)
    known_let = any(tranche.occupancy is not None for tranche in plan.tranches)
    capacity, let = whole.capacity / PPM, whole.let / PPM
    expenses = whole.profit["revenue"] - whole.before_tax
    months = runway_months(plan, statements) if plan.cash_at_start else None
    return {
        **_compute(plan, known, said),
        "capacity": said.figure(capacity, "card-hours in service"),
        "let": said.figure(let if known_let else None, "card-hours let"),
        "occupancy": said.percent(
            let / capacity if capacity and known_let else None, "of card-hours in service"
        ),
        "break_even_occupancy": said.percent(break_even, "of card-hours in service, before income tax"),
        "break_even_price": said.percent(
            break_even_price(plan, known), "of the plan's rents, before income tax"
        ),
        "revenue_per_card_hour": said.money(_per(whole.profit["revenue"], let), " per card-hour let"),
        "cost_per_card_hour": said.money(_per(expenses, capacity), " per card-hour in service"),
        "cost_per_let_card_hour": said.money(_per(expenses, let), " per card-hour let"),
        **_returns(plan, worth, known, said),
        "slip": said.money(
            slip_effect(plan, known), f" of present value, for a slip of {SLIP_MONTHS} months"
        ),
        "runway": said.figure(months, "months until the cash at the start is used up"),
    }


def _compute(plan: Plan, known: Catalogue, said: Said) -> Figures:
    """What is claimed of all tranches, what their sheets come to dense, and what a PFLOPS of that costs."""
    claims = [figure for figure in map(claimed_compute, plan.tranches) if figure is not None]
    claimed = total(claims, said.population) if len(claims) == len(plan.tranches) else None
    found: Figures = {} if claimed is None or isinstance(claimed, Refusal) else {"compute_claimed": claimed}
    precisions = {t.claimed.precision for t in plan.tranches if t.claimed} - {""}
    precision = precisions.pop() if precisions else "fp16"
    each = [dense_compute(tranche, known, precision) for tranche in plan.tranches]
    if None not in each:
        unit, dense = f"PFLOPS {precision} dense", sum(one for one in each if one is not None)
        invested = sum(cost(tranche) for tranche in plan.tranches)
        found["compute_dense"] = said.figure(dense, unit)
        found["investment_intensity"] = said.money(round(invested / dense), f" per {unit}")
    return found


def _returns(plan: Plan, worth: Returns, known: Catalogue, said: Said) -> Figures:
    """Present value, rates and payback; where nobody shows demand only their range over what is claimed elsewhere."""
    if not (assumes_demand(plan) and worth.complete):
        return _worth(worth, said)
    ends = range_of_returns(plan, known, CLAIMED_OCCUPANCY)
    known_ends = [
        _worth(
            one,
            Said(said.currency, f"{said.population}, {share:.0%} let", "claimed", CLAIMED_OCCUPANCY_SOURCE),
        )
        for one, share in zip(ends, CLAIMED_OCCUPANCY, strict=True)
    ]
    unknown = {name: replace(figure, value=None) for name, figure in _worth(worth, said).items()}
    low, high = (
        {f"{name}_{end}": own[name] for name in ("npv", "irr_yearly")}
        for end, own in zip(("low", "high"), known_ends, strict=True)
    )
    return unknown | low | high


def _worth(worth: Returns, said: Said) -> Figures:
    return {
        "npv": said.money(
            worth.npv_micros if worth.complete else None, f" at {100 * worth.discount:g} % a year"
        ),
        "irr_yearly": said.percent(worth.irr_yearly, "a year, cash by years"),
        "xirr": said.percent(worth.xirr, "a year, cash by month ends"),
        "equity_xirr": said.percent(worth.equity_xirr, "a year on equity, cash by month ends"),
        "payback": said.figure(worth.payback_years, "years"),
    }


def _per(amount: Micros, hours: float) -> Micros | None:
    return round(amount / hours) if hours else None


def _centre_stages(plan: Plan, said: Said) -> Figures:
    budget = Said(plan.currency, said.population, "claimed").money(plan.investment)
    return {"budget": budget, **_sum_of_stages([_stages(plan, tranche) for tranche in plan.tranches], said)}


def _sum_of_stages(each: Sequence[Figures], said: Said) -> Figures:
    sums: Figures = {}
    for name in ("committed", "paid", "in_service"):
        known = [int(one[name].value or 0) for one in each if one[name].value is not None]
        sums[name] = said.money(sum(known) if known else None)
    return sums


def _stages(plan: Plan, tranche: Tranche) -> Figures:
    """Budget, commitment, payments and cost in service at the plan's end: four amounts, never one."""
    end = last_day(months_of(plan)[-1])
    said = Said(plan.currency, f"{tranche.name}, {tranche.servers:,} servers, on {end}")
    claimed = Said(plan.currency, said.population, "claimed")
    paid = sum(one.amount for one in tranche.paid if one.on <= end) if tranche.paid else None
    running = cost(tranche) if in_service(tranche) <= end else 0
    return {
        "budget": claimed.money(tranche.budget),
        "committed": claimed.money(sum(one.amount for one in tranche.committed if one.on <= end) or None),
        "paid": claimed.money(paid) if paid is not None else said.money(running),
        "in_service": said.money(running),
    }


def _tranche(plan: Plan, tranche: Tranche, known: Catalogue) -> Figures:
    """What the tranche does by itself; costs of the whole centre are shared by cost of servers."""
    own = replace(
        plan,
        tranches=(tranche,),
        takings=tuple(taking for taking in plan.takings if taking.tranche == tranche.name),
        impairments=tuple(one for one in plan.impairments if one.tranche == tranche.name),
        subsidies=tuple(one for one in plan.subsidies if one.tranche == tranche.name),
        loans=(),
        costs=(),
    )
    whole = summed(accounts(own, known))
    said = Said(
        plan.currency, f"{tranche.name}, {tranche.servers:,} servers of {tranche.cards_per_server} cards"
    )
    figures = {
        "revenue": said.money(whole.profit["revenue"]),
        "depreciation": said.money(whole.profit["depreciation"]),
        "power": said.money(whole.profit["power"]),
        "impairment": said.money(whole.profit["impairment"]),
        "contribution": said.money(whole.before_tax),
        "cards": said.figure(cards(tranche), "cards"),
        "let": said.figure(whole.let / PPM, "card-hours let"),
    }
    if plan.power is not None:
        figures["power_per_card_hour"] = said.money(
            per_card_hour(plan.power, tranche, known), " per card-hour let"
        )
    return figures


def _with_life(plan: Plan, years: int, known: Catalogue) -> tuple[Period, ...]:
    statements, months = accounts(with_life(plan, years), known), months_of(plan)
    said = Said(plan.currency, f"{plan.name}, every tranche written off over {years} years")
    return (period(statements, months, said), *_years(statements, months, said))


def _contracts(plan: Plan) -> Figures:
    if not plan.contracts:
        return {}
    found = backlog(plan.contracts)
    said = Said(plan.currency, f"{found.signed} signed contracts", "claimed")
    figures = {
        "signed": said.figure(found.signed, "contracts"),
        "signed_amount": said.money(found.signed_micros),
        "terminated": said.figure(found.terminated, "contracts"),
        "terminated_amount": said.money(found.terminated_micros),
        "never_executed": said.figure(found.never_executed, "contracts"),
        "never_executed_amount": said.money(found.never_executed_micros),
        "net_amount": said.money(found.net_micros),
        "remaining_amount": said.money(found.remaining_micros),
        "top_ten": said.percent(found.top_share, "of the amount not terminated"),
    }
    for contract in plan.contracts:
        one = terms(contract)
        if one is not None:
            own = Said(plan.currency, f"contract {contract.id}, {contract.servers} servers", "derived")
            figures[f"{contract.id}.per_month"] = own.money(round(one.per_month_micros), " per month")
            figures[f"{contract.id}.per_server_month"] = own.money(
                round(one.per_server_month_micros), " per server and month"
            )
            figures[f"{contract.id}.per_card_hour"] = own.money(
                round(one.per_card_hour_micros), " per card-hour of 730 a month"
            )
    return figures


def _filed(plan: Plan) -> tuple[dict[str, Figure | str], ...]:
    """Results as published, each with what the computed ones and the shorter filed ones leave between them."""
    rows: list[dict[str, Figure | str]] = []
    ordered = sorted(plan.filed, key=lambda one: (one.since, one.until))
    for number, one in enumerate(ordered):
        said = Said(
            plan.currency, f"{plan.name}, {one.since} to {one.until}, {one.status}", "claimed", one.source
        )
        row: dict[str, Figure | str] = {
            "since": str(one.since),
            "until": str(one.until),
            "status": one.status,
        }
        row |= {name: said.money(getattr(one, name)) for name in ("revenue", "net", "impairment")}
        before = ordered[number - 1] if number and ordered[number - 1].since == one.since else None
        if before is not None and one.net is not None and before.net is not None:
            again = before.until == one.until
            between = (
                f"{one.since} to {one.until}, filed again" if again else f"{before.until} to {one.until}"
            )
            told = Said(plan.currency, f"{between}, implied by what was filed")
            row["restated_by" if again else "implied_net"] = told.money(one.net - before.net)
        rows.append(row)
    return tuple(rows)


def _exit(plan: Plan, known: Catalogue) -> Figures:
    if plan.exit is None:
        return {}
    left = wind_down(plan, plan.exit, known)
    said = Said(plan.currency, f"{plan.name}, wound down on {left.on}")
    return {
        "carrying": said.money(left.carrying),
        "resale": said.money(left.resale),
        "disposal_result": said.money(left.disposal_result),
        "debt": said.money(left.debt),
        "penalties": said.money(left.penalties),
        "cash": said.money(left.cash),
        "left": said.money(left.left),
    }
