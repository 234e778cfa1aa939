"""The accounts of a plan, month by month: profit and loss on the accrual basis, and cash beside it.

Revenue is earned in the month it is served and received in the same month, but for vouchers, which the public
purse pays later. Costs are paid as they arise; servers when the plan says, loans by their schedules. Income tax
is due on the profit since the start, so that early losses are used up first.
"""

from collections.abc import Mapping
from datetime import date

from penstock.base.money import Micros
from penstock.fleet.accelerators import Catalogue
from penstock.insight.economics.calendar import month_of, months_between, months_later
from penstock.insight.economics.depreciation import straight_line
from penstock.insight.economics.loans import amortise
from penstock.insight.economics.plan import Cost, Plan, Takings, Tranche
from penstock.insight.economics.power import power_cost
from penstock.insight.economics.statement import Statement, empty
from penstock.insight.economics.tranches import (
    AS_PLANNED,
    Course,
    Served,
    accepted,
    cost,
    in_service,
    let_and_worth,
    months_of,
    retired,
)
from penstock.insight.economics.units import part


class Ledger:
    """The statements of one plan while they are filled, one a month."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.months = plan, months_of(plan)
        self.statements = [empty() for _ in self.months]

    def book(self, month: int, line: str, amount: Micros) -> None:
        """Add to a line of the profit and loss account."""
        self.statements[month].profit[line] += amount

    def pay(self, month: int, line: str, amount: Micros) -> None:
        """Add to a line of the cash account: received is positive. What falls outside the plan is left out."""
        if 0 <= month < len(self.months):
            self.statements[month].cash[line] += amount

    def month(self, day: date) -> int:
        """The number of the month that a day lies in; negative before the plan."""
        return months_between(self.months[0], day)


def accounts(plan: Plan, known: Catalogue, course: Course = AS_PLANNED) -> list[Statement]:
    """The plan's statements, a month each."""
    ledger = Ledger(plan)
    served = {tranche.name: let_and_worth(plan, tranche, course) for tranche in plan.tranches}
    _earn(ledger, served)
    _serve(ledger, served, known)
    _run(ledger, served)
    for tranche in plan.tranches:
        _buy(ledger, tranche)
    _subsidise(ledger)
    _borrow(ledger)
    _leave(ledger)
    _tax(ledger)
    for number, statement in enumerate(ledger.statements):
        capacity = sum(rows[number].capacity for rows in served.values())
        let = sum(rows[number].let for rows in served.values())
        ledger.statements[number] = Statement(statement.profit, statement.cash, capacity, let)
    return ledger.statements


def takings_in(taking: Takings, month: date) -> Micros:
    """Of an amount spread over days, what lies in a month; the months sum to the amount."""
    days = (taking.until - taking.since).days
    end = months_later(month_of(month), 1)
    before, after = (
        (min(max(day, taking.since), taking.until) - taking.since).days for day in (month_of(month), end)
    )
    return taking.amount * after // days - taking.amount * before // days


def _earn(ledger: Ledger, served: Mapping[str, list[Served]]) -> None:
    vouchers = ledger.plan.vouchers
    for number, month in enumerate(ledger.months):
        revenue = sum(rows[number].revenue for rows in served.values())
        revenue += sum(takings_in(taking, month) for taking in ledger.plan.takings)
        later = part(revenue, vouchers.share) if vouchers else 0
        ledger.book(number, "revenue", revenue)
        ledger.pay(number, "received", revenue - later)
        if vouchers:
            ledger.pay(number + vouchers.paid_after, "received", later)


def _serve(ledger: Ledger, served: Mapping[str, list[Served]], known: Catalogue) -> None:
    for tranche in ledger.plan.tranches:
        for number, row in enumerate(served[tranche.name]):
            power = power_cost(ledger.plan.power, tranche, row, known)
            ledger.book(number, "depreciation", row.depreciation)
            ledger.book(number, "impairment", row.impairment)
            ledger.book(number, "power", power)
            ledger.pay(number, "operating_paid", -power)


def _run(ledger: Ledger, served: Mapping[str, list[Served]]) -> None:
    for running in ledger.plan.costs:
        fixed = straight_line(running.amount or 0, 0, _spread(running, len(ledger.months)))
        for number in range(len(ledger.months)):
            if running.share is None:
                amount = fixed[number % len(fixed)]
            elif running.of == "revenue":
                amount = part(ledger.statements[number].profit["revenue"], running.share)
            else:
                amount = part(sum(rows[number].first_rent for rows in served.values()), running.share)
            ledger.book(number, running.kind, amount)
            ledger.pay(number, "operating_paid", -amount)


def _spread(running: Cost, months: int) -> int:
    return {"month": 1, "year": 12, "plan": months}[running.every]


def _buy(ledger: Ledger, tranche: Tranche) -> None:
    if tranche.paid:
        for payment in tranche.paid:
            ledger.pay(ledger.month(payment.on), "invested", -payment.amount)
        return
    delivered = months_later(tranche.delivered, tranche.slip) if tranche.delivered else accepted(tranche)
    ledger.pay(max(ledger.month(delivered), 0), "invested", -cost(tranche))


def _subsidise(ledger: Ledger) -> None:
    lives = {tranche.name: tranche for tranche in ledger.plan.tranches}
    for subsidy in ledger.plan.subsidies:
        received = ledger.month(subsidy.on)
        ledger.pay(received, "subsidies_received", subsidy.amount)
        tranche = lives.get(subsidy.tranche)
        if tranche is None:
            if 0 <= received < len(ledger.months):
                ledger.book(received, "subsidy", subsidy.amount)
            continue
        begun = max(received, ledger.month(in_service(tranche)))
        for number, amount in enumerate(straight_line(subsidy.amount, 0, tranche.life), begun):
            if 0 <= number < len(ledger.months):
                ledger.book(number, "subsidy", amount)


def _borrow(ledger: Ledger) -> None:
    for loan in ledger.plan.loans:
        drawn = ledger.month(loan.drawn)
        ledger.pay(drawn, "drawn", loan.principal)
        for number, instalment in enumerate(
            amortise(loan.principal, loan.rate, loan.term, loan.repayment), drawn
        ):
            if 0 <= number < len(ledger.months):
                ledger.book(number, "interest", instalment.interest)
                ledger.pay(number, "interest_paid", -instalment.interest)
                ledger.pay(number, "repaid", -instalment.principal)


def _leave(ledger: Ledger) -> None:
    """At the end of a life within the plan, servers fetch their residual value."""
    for tranche in ledger.plan.tranches:
        ledger.pay(ledger.month(retired(tranche)) - 1, "resale", part(cost(tranche), tranche.residual))


def _tax(ledger: Ledger) -> None:
    so_far, taxed = 0, 0
    for number, statement in enumerate(ledger.statements):
        so_far += statement.before_tax
        due = part(max(so_far, 0), ledger.plan.income_tax)
        ledger.book(number, "income_tax", due - taxed)
        ledger.pay(number, "tax_paid", taxed - due)
        taxed = due
