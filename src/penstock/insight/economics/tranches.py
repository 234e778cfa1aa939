"""One tranche over the months of a plan: in service, let, rent, depreciation."""

from collections.abc import Sequence
from datetime import date
from itertools import accumulate, pairwise

import msgspec

from penstock.base.figure import Figure
from penstock.base.money import Micros, round_half_up
from penstock.fleet.accelerators import Catalogue, find
from penstock.insight.economics.calendar import days_in, days_served, month_of, months_between, months_later
from penstock.insight.economics.depreciation import schedule
from penstock.insight.economics.plan import Impairment, Plan, Tranche
from penstock.insight.economics.units import PPM, part

HOURS_PER_DAY = 24
TFLOPS_PER_PFLOPS = 1_000


class Course(msgspec.Struct, frozen=True):
    """How the months go, where not as the plan says: shares let, and prices as shares of the plan's rents.

    `occupancy` is by tranche; both are in parts per million, one for each month of the plan.
    """

    occupancy: dict[str, list[int]] = {}
    price: list[int] = []


AS_PLANNED = Course()


class Served(msgspec.Struct, frozen=True):
    """One month of a tranche. Card time in card-hours × parts per million; amounts in micros."""

    capacity: int
    let: int
    first_rent: Micros
    revenue: Micros
    depreciation: Micros
    impairment: Micros


def cost(tranche: Tranche) -> Micros:
    """What its servers cost together."""
    return tranche.servers * int(tranche.price_per_server)


def cards(tranche: Tranche) -> int:
    """How many cards it has."""
    return tranche.servers * tranche.cards_per_server


def claimed_compute(tranche: Tranche) -> Figure | None:
    """The peak compute that somebody claims for it; None where nobody does."""
    claimed = tranche.claimed
    if claimed is None:
        return None
    return Figure(value=claimed.pflops, unit=claimed.unit, population=tranche.name, status="claimed")


def dense_compute(tranche: Tranche, known: Catalogue, precision: str) -> float | None:
    """PFLOPS dense of all its cards by their sheet at a precision; None where the sheet does not say."""
    models = find(tranche.model, known) if tranche.model else ()
    rates = [rate.tflops for rate in models[0].rates if rate.precision == precision] if models else []
    return cards(tranche) * rates[0] / TFLOPS_PER_PFLOPS if rates else None


def accepted(tranche: Tranche) -> date:
    """When its acceptance test is passed, with the slip."""
    return months_later(tranche.accepted, tranche.slip)


def in_service(tranche: Tranche) -> date:
    """From when on it can be let and is written off, with the slip."""
    return months_later(tranche.in_service or tranche.accepted, tranche.slip)


def retired(tranche: Tranche) -> date:
    """When its use ends."""
    return months_later(in_service(tranche), tranche.used or tranche.life)


def months_of(plan: Plan) -> list[date]:
    """The first days of the plan's months."""
    return [months_later(month_of(plan.start), number) for number in range(plan.months)]


def let_and_worth(plan: Plan, tranche: Tranche, course: Course) -> list[Served]:
    """The tranche month by month, as it is let in the course of things."""
    since, until, months = in_service(tranche), retired(tranche), months_of(plan)
    occupancy = course.occupancy.get(tranche.name) or [tranche.occupancy or 0] * len(months)
    prices = course.price or [PPM] * len(months)
    served: list[tuple[int, int, int, int]] = []
    for month, share, price in zip(months, occupancy, prices, strict=True):
        hours = cards(tranche) * HOURS_PER_DAY * days_served(month, since, until)
        earned = round_half_up(rent_of(plan, tranche, month) * share * price, PPM * PPM)
        served.append((hours * PPM, hours * share, first_rent(tranche, month), earned))
    written = _written_off(plan, tranche, [let // PPM for _, let, _, _ in served])
    rows = zip(served, written, strict=True)
    return [Served(*row, off, lost) for row, (off, lost) in rows]


def rent_of(plan: Plan, tranche: Tranche, month: date) -> Micros:
    """The rent of one month, were all servers let whenever in service, in micros."""
    if tranche.rent is None:
        return 0
    rent, years = tranche.rent, months_between(plan.start, month) // 12
    reached = [step.per_server_month for step in rent.path if step.since <= month]
    full = _full(tranche, month, reached[-1] if reached else rent.per_server_month)
    kept = PPM - rent.decline_per_year
    return round_half_up(full * kept**years, PPM**years)


def first_rent(tranche: Tranche, month: date) -> Micros:
    """The same at the rent that the plan begins with."""
    rent = tranche.rent
    if rent is None:
        return 0
    return _full(tranche, month, rent.per_server_month or (rent.path[0].per_server_month if rent.path else 0))


def _full(tranche: Tranche, month: date, per_server_month: Micros | None) -> Micros:
    served = days_served(month, in_service(tranche), retired(tranche))
    rent = tranche.rent
    if rent is not None and rent.per_card_hour is not None:
        return rent.per_card_hour * cards(tranche) * HOURS_PER_DAY * served
    return round_half_up((per_server_month or 0) * tranche.servers * served, days_in(month))


def _impaired(impairments: Sequence[Impairment], name: str, month: date) -> Micros:
    return sum(one.amount for one in impairments if one.tranche == name and month_of(one.on) == month)


def _written_off(plan: Plan, tranche: Tranche, produced: Sequence[int]) -> list[tuple[Micros, Micros]]:
    """Depreciation and write-downs in each month of the plan; the end of use writes down what is left."""
    first = month_of(in_service(tranche))
    first = months_later(first, 1) if tranche.begins == "month_after" else first
    begun = months_between(month_of(plan.start), first)
    residual = part(cost(tranche), tranche.residual)
    units = [0] * max(-begun, 0) + list(produced[max(begun, 0) :])
    life = schedule(
        tranche.method, cost(tranche), residual, tranche.life, units, tranche.card_hours_of_life or 1
    )
    months = months_of(plan)
    lost = [_impaired(plan.impairments, tranche.name, month) for month in months]
    for number, impaired in enumerate(lost):
        if impaired:
            life = _lowered(life, max(number - begun + 1, 0), impaired)
    ended = months_between(months[0], retired(tranche))
    done = max(ended - begun, 0)
    if ended <= len(months) and tranche.used is not None:
        lost[max(ended - 1, 0)] += cost(tranche) - residual - sum(lost) - sum(life[:done])
        life = life[:done]
    inside = life[max(-begun, 0) :]
    written = ([0] * max(begun, 0) + inside + [0] * len(months))[: len(months)]
    return list(zip(written, lost, strict=True))


def _lowered(life: list[Micros], done: int, impaired: Micros) -> list[Micros]:
    """What is left to write off after so many months, less a write-down, in the same proportions."""
    ahead = life[done:]
    whole = sum(ahead)
    if not whole:
        return life
    ends = [(whole - impaired) * so_far // whole for so_far in accumulate(ahead, initial=0)]
    return life[:done] + [after - before for before, after in pairwise(ends)]
