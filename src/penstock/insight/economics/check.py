"""What contradicts itself in a plan, by the path of the field; an empty answer means that it can be computed."""

from collections.abc import Sequence
from datetime import date

from penstock.base.figure import total
from penstock.base.refusal import Refusal
from penstock.fleet.accelerators import Catalogue, find, nearest
from penstock.insight.economics.calendar import months_later
from penstock.insight.economics.mistakes import Mistakes
from penstock.insight.economics.plan import (
    CentreCosts,
    Contract,
    Cost,
    Loan,
    Plan,
    Power,
    Rehearse,
    RemedyTerms,
    Rent,
    Step,
    StepKind,
    Tranche,
)
from penstock.insight.economics.power import covered
from penstock.insight.economics.tranches import claimed_compute, in_service
from penstock.insight.economics.units import PPM

MONTHS_MAX, SERVERS_MAX, PUE_MAX = 600, 1_000_000, 3.0
STEPS: tuple[StepKind, ...] = ("power", "modules", "racks", "network", "acceptance")


def check_plan(plan: Plan, known: Catalogue) -> list[Refusal]:
    """Refusals whose `where` is a path such as `tranches[0].life`."""
    found = Mistakes()
    found.within("months", plan.months, 1, MONTHS_MAX)
    found.share("income_tax", plan.income_tax)
    if plan.discount is not None:
        found.share("discount", plan.discount)
    if not plan.tranches:
        found.add("tranches", "tranche_missing", "there is none", "list at least one")
    found.unique("tranches", (tranche.name for tranche in plan.tranches))
    for number, tranche in enumerate(plan.tranches):
        _tranche(found, f"tranches[{number}]", tranche, known)
    for number, loan in enumerate(plan.loans):
        _loan(found, f"loans[{number}]", loan)
    _costs(found, plan.costs)
    _compute(found, plan)
    if plan.power is not None:
        _power(found, plan.power)
        _watts(found, plan, known)
    _events(found, plan)
    if plan.rehearse is not None:
        _rehearse(found, plan.rehearse)
    found.unique("contracts", (contract.id for contract in plan.contracts))
    for number, contract in enumerate(plan.contracts):
        _contract(found, f"contracts[{number}]", contract)
    return found.refusals


def check_costs(costs: CentreCosts) -> list[Refusal]:
    """The same for what a running centre costs."""
    found = Mistakes()
    for number, loan in enumerate(costs.loans):
        _loan(found, f"loans[{number}]", loan)
    _costs(found, costs.costs)
    for number, running in enumerate(costs.costs):
        if running.every == "plan" or running.of == "full_rent":
            found.add(
                f"costs[{number}]", "cost_unclear", "a running centre has no plan", "give it by month or year"
            )
    for number, subsidy in enumerate(costs.subsidies):
        at = f"subsidies[{number}]"
        if subsidy.amount < 0:
            found.add(f"{at}.amount", "amount_negative", "it is negative", "give 0 or more")
        if not subsidy.tranche:
            found.add(
                at,
                "subsidy_unclear",
                "it is for no tranche",
                "name the tranche it pays for; money for running costs is entered on centre/subsidies",
            )
    found.share("income_tax", costs.income_tax)
    if costs.power is not None:
        _power(found, costs.power)
    found.within("utc_offset_hours", costs.utc_offset_hours, -12, 14)
    return found.refusals


def _tranche(found: Mistakes, at: str, tranche: Tranche, known: Catalogue) -> None:
    found.within(f"{at}.servers", tranche.servers, 1, SERVERS_MAX)
    found.within(f"{at}.cards_per_server", tranche.cards_per_server, 1, 1024)
    found.within(f"{at}.slip", tranche.slip, 0, 120, " months")
    found.within(f"{at}.life", tranche.life, 1, MONTHS_MAX, " months")
    if tranche.used is not None:
        found.within(f"{at}.used", tranche.used, 1, MONTHS_MAX, " months")
    found.share(f"{at}.residual", tranche.residual)
    if tranche.occupancy is not None:
        found.share(f"{at}.occupancy", tranche.occupancy)
    _amounts(found, at, tranche)
    if tranche.method == "units_of_production" and tranche.card_hours_of_life <= 0:
        found.add(f"{at}.card_hours_of_life", "field_missing", "is needed by this method", "give card-hours")
    if tranche.model and not find(tranche.model, known):
        close = nearest(tranche.model, known)
        remedy = f"did you mean {close!r}?" if close else "see `penstock plan catalogue`"
        found.add(f"{at}.model", "model_unknown", f"{tranche.model!r} is not in the catalogue", remedy)
    found.ordered(
        *(
            (f"{at}.{name}", getattr(tranche, name))
            for name in ("ordered", "delivered", "accepted", "in_service")
        )
    )
    if tranche.build:
        _build(found, f"{at}.build", tranche.build, tranche.accepted)
    if tranche.rent is not None:
        _rent(found, f"{at}.rent", tranche.rent)


def _amounts(found: Mistakes, at: str, tranche: Tranche) -> None:
    amounts = {name: getattr(tranche, name) for name in ("price_per_server", "budget", "watts_per_server")}
    for kind in ("committed", "paid"):
        amounts |= {f"{kind}[{n}].amount": one.amount for n, one in enumerate(getattr(tranche, kind))}
    for name, given in amounts.items():
        if (given or 0) < 0:
            found.add(f"{at}.{name}", "amount_negative", "it is negative", "give 0 or more")
    if tranche.claimed is not None and tranche.claimed.pflops <= 0:
        found.add(f"{at}.claimed", "amount_not_positive", "no compute is claimed", "give a positive amount")


def _build(found: Mistakes, at: str, steps: tuple[Step, ...], accepted: date) -> None:
    """Building has all five parts; the acceptance test comes last, and only its end lets revenue begin."""
    missing = [kind for kind in STEPS if kind not in {step.kind for step in steps}]
    if missing:
        found.add(at, "step_missing", f"there is no {', '.join(missing)}", f"a build has {', '.join(STEPS)}")
    for number, step in enumerate(steps):
        found.ordered((f"{at}[{number}].start", step.start), (f"{at}[{number}].end", step.end))
    tests = [step for step in steps if step.kind == "acceptance"]
    others = [step.end for step in steps if step.kind != "acceptance"]
    if tests and others and max(others) > tests[0].start:
        found.add(
            at, "dates_contradict", "the acceptance test begins before the rest is built", "test it last"
        )
    if tests and tests[-1].end != accepted:
        found.add(
            at,
            "dates_contradict",
            f"the acceptance test ends {tests[-1].end}, accepted says {accepted}",
            "make them one day",
        )


def _rent(found: Mistakes, at: str, rent: Rent) -> None:
    if (rent.per_server_month is None and not rent.path) == (rent.per_card_hour is None):
        found.add(
            at, "rent_unclear", "one rent is needed", "give per_server_month (or path) or per_card_hour"
        )
    found.within(f"{at}.decline_per_year", rent.decline_per_year / 10_000, -100, 100, " %")
    found.ordered(*((f"{at}.path[{number}].since", step.since) for number, step in enumerate(rent.path)))


def _loan(found: Mistakes, at: str, loan: Loan) -> None:
    found.share(f"{at}.rate", loan.rate)
    found.within(f"{at}.term", loan.term, 1, MONTHS_MAX, " months")
    if loan.principal <= 0:
        found.add(f"{at}.principal", "amount_not_positive", "nothing is borrowed", "give a positive amount")


def _costs(found: Mistakes, costs: Sequence[Cost]) -> None:
    """Each by itself; together they take no more than there is of what they are a share of."""
    for number, running in enumerate(costs):
        _cost(found, f"costs[{number}]", running)
    for of in ("revenue", "full_rent"):
        taken = sum(running.share or 0 for running in costs if running.of == of)
        if taken > PPM:
            found.add(
                "costs",
                "shares_exceed",
                f"they take {taken / 10_000:,g} % of {of}, more than there is",
                "lower a share",
            )


def _cost(found: Mistakes, at: str, running: Cost) -> None:
    if (running.amount or 0) < 0:
        found.add(f"{at}.amount", "amount_negative", "it is negative", "give 0 or more")
    if (running.amount is None) == (running.share is None):
        found.add(at, "cost_unclear", f"{running.name!r} needs an amount or a share", "give one of them")
    if running.share is not None:
        found.share(f"{at}.share", running.share)


def _compute(found: Mistakes, plan: Plan) -> None:
    """What is claimed of the tranches is summed, so it is claimed at one precision."""
    claimed = [figure for figure in map(claimed_compute, plan.tranches) if figure is not None]
    summed = total(claimed, plan.name) if claimed else None
    if isinstance(summed, Refusal):
        found.add("tranches", summed.code, summed.message, "claim all tranches at one precision")


def _power(found: Mistakes, power: Power) -> None:
    if not 1.0 <= power.pue <= PUE_MAX:
        found.add(
            "power.pue",
            "pue_impossible",
            f"{power.pue:g}: a site draws at least what its servers do, and never {PUE_MAX:g} times it",
            "give 1.0 to 3.0, such as 1.25",
        )
    found.share("power.idle", power.idle)
    if (power.per_kwh is None) == (not power.tariff):
        found.add("power", "price_unclear", "one price is needed", "give per_kwh or tariff")
    for number, tariff in enumerate(power.tariff):
        found.within(f"power.tariff[{number}].from_hour", tariff.from_hour, 0, 23)
        found.within(f"power.tariff[{number}].to_hour", tariff.to_hour, 0, 24)
    odd = [hour for hour, count in enumerate(covered(power.tariff)) if power.tariff and count != 1]
    if odd:
        hours = ", ".join(map(str, odd))
        found.add(
            "power.tariff", "tariff_not_whole", f"hours {hours} are not priced once", "cover 24 hours once"
        )


def _watts(found: Mistakes, plan: Plan, known: Catalogue) -> None:
    for number, tranche in enumerate(plan.tranches):
        sheet = known.get(tranche.model)
        if tranche.watts_per_server is None and not (sheet and sheet.power_watts):
            found.add(
                f"tranches[{number}]",
                "power_unknown",
                "nobody says what its servers draw",
                "give watts_per_server",
            )


def _events(found: Mistakes, plan: Plan) -> None:
    for kind in ("takings", "filed"):
        for number, one in enumerate(getattr(plan, kind)):
            at = f"{kind}[{number}]"
            found.ordered((f"{at}.since", one.since), (f"{at}.until", one.until))
            if one.since == one.until:
                found.add(f"{at}.until", "dates_contradict", "no day lies between", "give a later day")
    if plan.vouchers is not None:
        found.share("vouchers.share", plan.vouchers.share)
        found.within("vouchers.paid_after", plan.vouchers.paid_after, 0, 120, " months")
    if plan.exit is not None:
        found.share("exit.resale", plan.exit.resale)
        found.ordered(("start", plan.start), ("exit.on", plan.exit.on))
    for number, subsidy in enumerate(plan.subsidies):
        if subsidy.amount < 0:
            found.add(f"subsidies[{number}].amount", "amount_negative", "it is negative", "give 0 or more")
    _of_tranches(found, plan)


def _of_tranches(found: Mistakes, plan: Plan) -> None:
    """What names a tranche names one that there is, and takes no more from it than it cost."""
    costs = {tranche.name: tranche.servers * tranche.price_per_server for tranche in plan.tranches}
    for kind in ("takings", "subsidies", "impairments"):
        for number, event in enumerate(getattr(plan, kind)):
            if event.tranche and event.tranche not in costs:
                at = f"{kind}[{number}].tranche"
                found.add(at, "tranche_unknown", f"there is no {event.tranche!r}", "name one of the plan's")
    served = {tranche.name: in_service(tranche) for tranche in plan.tranches}
    for number, lost in enumerate(plan.impairments):
        found.ordered(("in_service", served.get(lost.tranche)), (f"impairments[{number}].on", lost.on))
        if not 0 <= lost.amount <= costs.get(lost.tranche, lost.amount):
            at = f"impairments[{number}].amount"
            found.add(at, "amount_absurd", "it is more than the cost", "give 0 to the cost")


def _rehearse(found: Mistakes, given: Rehearse) -> None:
    at = "rehearse"
    for number, trace in enumerate(given.demand.traces if given.demand else ()):
        found.within(f"{at}.demand.traces[{number}].share", trace.share / 10_000, 0, 10_000, " %")
        found.within(
            f"{at}.demand.traces[{number}].growth_per_year", trace.growth_per_year / 10_000, -100, 500, " %"
        )
        found.within(f"{at}.demand.traces[{number}].skip_days", trace.skip_days, 0, 36_500, " days")
        if trace.checkpoint_minutes is not None:
            path = f"{at}.demand.traces[{number}].checkpoint_minutes"
            found.within(path, trace.checkpoint_minutes, 0, 1e5, " minutes")
    for name in ("slip", "rent_decline"):
        ends = getattr(given, name)
        if ends is not None and not ends.low <= ends.likely <= ends.high:
            found.add(
                f"{at}.{name}", "range_reversed", "low, likely and high are not in order", "put them in order"
            )
    found.share(f"{at}.terminated", given.terminated)
    found.within(f"{at}.breakdowns.mean_days_between", given.breakdowns.mean_days_between, 0.1, 1e6, " days")
    found.within(f"{at}.breakdowns.repair_hours", given.breakdowns.repair_hours, 0, 1e5, " hours")
    found.within(f"{at}.market.elasticity", given.market.elasticity, 0.05, 100)
    found.share(f"{at}.market.target", given.market.target)
    for name in ("demand_growth", "supply_growth"):
        found.within(f"{at}.market.{name}", getattr(given.market, name) / 10_000, -90, 1000, " %")
    _remedies(found, f"{at}.remedies", given.remedies)
    found.within(f"{at}.market.feedback", given.market.feedback / 10_000, 0, 1000, " %")


def _remedies(found: Mistakes, at: str, terms: RemedyTerms) -> None:
    for name in ("spot_price", "flexible", "valley_price", "lent"):
        found.share(f"{at}.{name}", getattr(terms, name))
    found.within(f"{at}.spot", terms.spot / 10_000, 0, 1_000, " %")
    found.within(f"{at}.move_minutes", terms.move_minutes, 0, 1_440, " minutes")
    for name in ("valley_from_hour", "valley_to_hour"):
        found.within(f"{at}.{name}", getattr(terms, name), 0, 24, " h")


def _contract(found: Mistakes, at: str, contract: Contract) -> None:
    found.within(f"{at}.months", contract.months, 1, MONTHS_MAX)
    found.within(f"{at}.servers", contract.servers, 0, SERVERS_MAX)
    found.ordered((f"{at}.signed", contract.signed), (f"{at}.terminated", contract.terminated))
    if contract.terminated and 1 <= contract.months <= MONTHS_MAX:
        over = months_later(contract.start, contract.months)
        found.ordered((f"{at}.terminated", contract.terminated), (f"{at}.its end", over))
    if contract.start > months_later(contract.signed, MONTHS_MAX) or contract.amount < 0:
        found.add(at, "contract_absurd", "amount or start make no sense", "check them")
    if not 0 <= contract.delivered_amount <= contract.amount:
        found.add(
            f"{at}.delivered_amount", "amount_absurd", "it is more than the contract", "give 0 to the amount"
        )
