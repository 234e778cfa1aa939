"""What a plan comes to: break-even, returns, payback, runway, and what each depends on."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import msgspec
from msgspec.structs import replace

from penstock.base.money import Micros, round_half_up
from penstock.base.quantity import Status
from penstock.fleet.accelerators import Catalogue
from penstock.insight.economics.accounts import accounts
from penstock.insight.economics.calendar import last_day, months_between
from penstock.insight.economics.plan import Plan, Tranche
from penstock.insight.economics.returns import irr, npv, payback, xirr
from penstock.insight.economics.statement import Statement, summed
from penstock.insight.economics.tranches import Course, months_of, retired
from penstock.insight.economics.units import PPM, Amount, Share, Term, part

MONTHS_PER_YEAR = 12
DISCOUNT_PPM = 60_000
"""6 % a year: the base of the built-in parameter `interest rate`."""
LIVES_YEARS = (4, 5, 6)
SLIP_MONTHS = 3


class Returns(msgspec.Struct, frozen=True):
    """Rates are fractions per year; None where there is none, or where the plan ends before its servers do.

    `irr_yearly` takes what is invested at the start of its year and all else at the end of it, as company
    filings do; `xirr` takes each month's cash at the month's end. Both before what lenders pay and are paid.
    """

    npv_micros: Micros
    discount: float
    irr_yearly: float | None
    xirr: float | None
    equity_xirr: float | None
    payback_years: float | None
    complete: bool


def break_even_occupancy(plan: Plan, known: Catalogue) -> float | None:
    """The share of card time that must be let for a profit of zero before income tax; above 1 it cannot be."""
    none, full = (summed(accounts(plan, known, _let(plan, share))).before_tax for share in (0, PPM))
    return None if full <= none else -none / (full - none)


def break_even_price(plan: Plan, known: Catalogue) -> float | None:
    """The share of the plan's rents at which what is let makes a profit of zero before income tax."""
    months = len(months_of(plan))
    free, priced = (
        summed(accounts(plan, known, Course(price=[share] * months))).before_tax for share in (0, PPM)
    )
    return None if priced <= free else -free / (priced - free)


def _let(plan: Plan, share: int) -> Course:
    return Course(occupancy={t.name: [share] * len(months_of(plan)) for t in plan.tranches})


def discount_of(plan: Plan) -> float:
    """The yearly rate for present values: as given, else the loans' average, else 6 %."""
    if plan.discount is not None:
        return plan.discount / PPM
    owed = sum(loan.principal for loan in plan.loans)
    return (
        sum(loan.principal * loan.rate for loan in plan.loans) / (owed * PPM) if owed else DISCOUNT_PPM / PPM
    )


def yearly(statements: Sequence[Statement]) -> list[Micros]:
    """Project cash by years: what is invested at the start of its year, all else at the end of it."""
    count = -(-len(statements) // MONTHS_PER_YEAR)
    amounts = [0] * (count + 1)
    for number, one in enumerate(statements):
        year = number // MONTHS_PER_YEAR
        amounts[year] += one.cash["invested"]
        amounts[year + 1] += one.project_cash - one.cash["invested"]
    return amounts


def returns(plan: Plan, statements: Sequence[Statement]) -> Returns:
    """Present value and rates of return of the plan's cash."""
    ends = [last_day(month) for month in months_of(plan)]
    complete = all(retired(tranche) <= _end(plan) for tranche in plan.tranches)
    rate, amounts = discount_of(plan), yearly(statements)
    project = [(day, one.project_cash) for day, one in zip(ends, statements, strict=True)]
    equity = [(day, one.net_cash) for day, one in zip(ends, statements, strict=True)]
    return Returns(
        npv_micros=round(npv(rate, amounts)),
        discount=rate,
        irr_yearly=irr(amounts) if complete else None,
        xirr=xirr(project) if complete else None,
        equity_xirr=xirr(equity) if complete and plan.loans else None,
        payback_years=payback(amounts),
        complete=complete,
    )


def assumes_demand(plan: Plan) -> bool:
    """Whether rents are counted on cards of which nobody shows that they will be let."""
    return any(
        t.rent is not None and t.occupancy is not None and not t.occupancy_source for t in plan.tranches
    )


def range_of_returns(plan: Plan, known: Catalogue, ends: tuple[float, float]) -> tuple[Returns, Returns]:
    """Returns where all cards are let to the lower, and to the higher of two shares (fractions)."""
    low, high = (returns(plan, accounts(plan, known, _let(plan, round(end * PPM)))) for end in ends)
    return low, high


def _end(plan: Plan) -> date:
    return last_day(months_of(plan)[-1]) + timedelta(days=1)


def slip_effect(plan: Plan, known: Catalogue, months: int = SLIP_MONTHS) -> Micros | None:
    """By how much present value changes when every tranche slips so many months; None where there is none."""
    longer = replace(plan, months=Term(plan.months + months))
    late = replace(longer, tranches=tuple(replace(t, slip=Term(t.slip + months)) for t in plan.tranches))
    worth = [returns(one, accounts(one, known)) for one in (longer, late)]
    return worth[1].npv_micros - worth[0].npv_micros if worth[0].complete else None


def runway_months(plan: Plan, statements: Sequence[Statement]) -> int | None:
    """Months until the cash at the start is used up; None where it lasts over the whole plan."""
    cash = plan.cash_at_start
    for number, one in enumerate(statements):
        cash += one.net_cash
        if cash < 0:
            return number
    return None


def with_life(plan: Plan, years: int) -> Plan:
    """The same servers, kept as long, written off over another life."""
    tranches = (
        replace(tranche, life=Term(years * MONTHS_PER_YEAR), used=tranche.used or tranche.life)
        for tranche in plan.tranches
    )
    return replace(plan, tranches=tuple(tranches))


class Swing(msgspec.Struct, frozen=True):
    """How the present value moves when one assumption does and nothing else."""

    factor: str
    low: str
    high: str
    npv_low_micros: Micros
    npv_high_micros: Micros
    unit: str
    population: str
    status: Status = "derived"

    @property
    def reach_micros(self) -> Micros:
        """The distance between both ends."""
        return abs(self.npv_high_micros - self.npv_low_micros)


type Change = Callable[[Plan], Plan]


def tornado(plan: Plan, known: Catalogue) -> list[Swing]:
    """What matters, the most first: each assumption at both ends of its range, by its effect on present value."""
    swings = [
        Swing(
            name,
            low,
            high,
            *(_worth(change(plan), known) for change in changes),
            unit=f"micros {plan.currency} at {100 * discount_of(plan):g} % a year",
            population=f"{plan.name}, with one assumption changed",
        )
        for name, low, high, changes in _ranges()
    ]
    return sorted((one for one in swings if one.reach_micros), key=lambda one: -one.reach_micros)


def _worth(plan: Plan, known: Catalogue) -> Micros:
    return returns(plan, accounts(plan, known)).npv_micros


def _ranges() -> list[tuple[str, str, str, tuple[Change, Change]]]:
    """Ranges from the built-in parameters where they have one (life, interest, power price, PUE), else ±20 %."""

    def tranches(change: Callable[[Tranche], Tranche]) -> Change:
        return lambda old: replace(old, tranches=tuple(change(tranche) for tranche in old.tranches))

    def occupancy(factor: int) -> Change:
        return tranches(lambda t: replace(t, occupancy=Share(min((t.occupancy or 0) * factor // 100, PPM))))

    def price(factor: int) -> Change:
        return tranches(lambda t: replace(t, price_per_server=Amount(t.price_per_server * factor // 100)))

    def used(years: int) -> Change:
        return tranches(lambda t: replace(t, used=Term(years * MONTHS_PER_YEAR)))

    def decline(share: int) -> Change:
        def changed(tranche: Tranche) -> Tranche:
            rent = tranche.rent
            return (
                tranche
                if rent is None
                else replace(tranche, rent=replace(rent, decline_per_year=Share(share)))
            )

        return tranches(changed)

    def interest(share: int) -> Change:
        return lambda old: replace(old, discount=Share(share))

    def power(**changed: object) -> Change:
        return lambda old: old if old.power is None else replace(old, power=replace(old.power, **changed))

    def per_kwh(price: int) -> Change:
        return power(per_kwh=Amount(price), tariff=())

    return [
        ("occupancy", "-20 %", "+20 %", (occupancy(80), occupancy(120))),
        ("rent_decline", "20 % a year", "0 % a year", (decline(200_000), decline(0))),
        ("useful_life", "4 years", "6 years", (used(4), used(6))),
        ("purchase_price", "+20 %", "-20 %", (price(120), price(80))),
        ("interest", "7.5 %", "5.35 %", (interest(75_000), interest(53_500))),
        ("power_price", "0.80 per kWh", "0.30 per kWh", (per_kwh(800_000), per_kwh(300_000))),
        ("pue", "1.42", "1.10", (power(pue=1.42), power(pue=1.10))),
    ]


def recovering_rents(plan: Plan, tranche: Tranche, known: Catalogue) -> list[Micros]:
    """For each month, the rent per let server that recovers what its books still carry, in micros a month.

    Carrying value less residual, spread over the months of use left, plus its own running costs of the month,
    at the share let that the plan expects. Nothing where it is not in service.
    """
    own = replace(plan, tranches=(tranche,), loans=(), costs=(), takings=(), subsidies=())
    own = replace(own, impairments=tuple(one for one in plan.impairments if one.tranche == tranche.name))
    carrying = part(tranche.servers * tranche.price_per_server, PPM - tranche.residual)
    let, rents = max(tranche.occupancy or 0, 1), list[Micros]()
    for month, one in zip(months_of(plan), accounts(own, known), strict=True):
        left = months_between(month, retired(tranche))
        needed = (round_half_up(carrying, left) if left > 0 else 0) + one.profit["power"]
        rents.append(round_half_up(needed * PPM, let * tranche.servers) if one.capacity else 0)
        carrying -= one.profit["depreciation"] + one.profit["impairment"]
    return rents
