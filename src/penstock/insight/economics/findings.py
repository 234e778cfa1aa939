"""What a plan's report must say aloud: codes with the numbers that belong to them."""

from collections.abc import Iterator
from datetime import date

import msgspec

from penstock.fleet.accelerators import Catalogue, find, is_sparse_figure
from penstock.insight.economics.calendar import last_day
from penstock.insight.economics.measures import assumes_demand, recovering_rents
from penstock.insight.economics.plan import Plan, Tranche
from penstock.insight.economics.tranches import TFLOPS_PER_PFLOPS, cards, in_service, months_of, rent_of
from penstock.insight.economics.units import PPM

LOW_OCCUPANCY = (0.10, 0.15)
"""IDC's 10 to 15 % is said of general-purpose enterprise centres, not of AI centres: shown as what it is."""


class Finding(msgspec.Struct, frozen=True):
    """A stable code, what it is about, and the numbers of its sentence by name."""

    code: str
    about: str = ""
    numbers: dict[str, float] = {}


def findings(plan: Plan, break_even: float | None, complete: bool, known: Catalogue) -> list[Finding]:
    """The bluntest first. `complete`: the plan lasts as long as its servers."""
    found = [] if complete else [Finding("plan_ends_early")]
    if complete and assumes_demand(plan):
        found.append(Finding("returns_without_evidence"))
    let = any(tranche.rent for tranche in plan.tranches)
    if break_even is None and let:
        found.insert(0, Finding("never_breaks_even"))
    elif break_even is not None and break_even > 1:
        found.insert(0, Finding("break_even_above_full", numbers={"occupancy": break_even}))
    for tranche in plan.tranches:
        found += _idle(tranche)
        found += _sparse(tranche, known)
        found += _impaired(plan, tranche, known)
    return found


def _idle(tranche: Tranche) -> Iterator[Finding]:
    share = (tranche.occupancy or 0) / PPM
    if tranche.occupancy is not None and share <= LOW_OCCUPANCY[1]:
        low, high = LOW_OCCUPANCY
        yield Finding("idle_alarm", tranche.name, {"occupancy": share, "low": low, "high": high})


def _sparse(tranche: Tranche, known: Catalogue) -> Iterator[Finding]:
    """A claim of compute against the catalogue."""
    models = find(tranche.model, known) if tranche.model else ()
    if tranche.claimed is None or not models:
        return
    precision = tranche.claimed.precision or "fp16"
    per_card = tranche.claimed.pflops * TFLOPS_PER_PFLOPS / cards(tranche)
    for rate in (rate for rate in models[0].rates if rate.precision == precision):
        numbers = {"per_card": per_card, "dense": rate.tflops, "claimed": tranche.claimed.pflops}
        if is_sparse_figure(models[0], rate.precision, per_card):
            yield Finding("sparse_figure", tranche.name, numbers | {"halved": tranche.claimed.pflops / 2})
        elif abs(per_card - rate.tflops) > 0.15 * rate.tflops:
            yield Finding("claim_contradicts_catalogue", tranche.name, numbers)


def _impaired(plan: Plan, tranche: Tranche, known: Catalogue) -> Iterator[Finding]:
    """The first month in which the market's rent no longer recovers what the books carry."""
    if tranche.rent is None:
        return
    for month, needed in zip(months_of(plan), recovering_rents(plan, tranche, known), strict=True):
        rent = rent_of(plan, tranche, month) // tranche.servers
        if month > in_service(tranche) and rent < needed:
            numbers: dict[str, float] = {
                "month": _month_number(month),
                "rent_micros": rent,
                "needed_micros": needed,
            }
            yield Finding("impairment_trigger", tranche.name, numbers)
            return


def _month_number(day: date) -> int:
    """The month as YYYYMM."""
    return last_day(day).year * 100 + day.month
