"""Giving up on a day: what is still owed, what the servers fetch, what it costs to go."""

from datetime import date

import msgspec

from penstock.base.money import Micros
from penstock.fleet.accelerators import Catalogue
from penstock.insight.economics.accounts import accounts
from penstock.insight.economics.calendar import month_of, months_between
from penstock.insight.economics.loans import amortise
from penstock.insight.economics.plan import Exit, Plan
from penstock.insight.economics.tranches import accepted, cost
from penstock.insight.economics.units import part


class WindDown(msgspec.Struct, frozen=True):
    """Amounts in micros on the day of leaving; `left` is what remains after debts and penalties."""

    on: date
    carrying: Micros
    resale: Micros
    debt: Micros
    penalties: Micros
    cash: Micros

    @property
    def disposal_result(self) -> Micros:
        """What selling the servers gains or loses against their books."""
        return self.resale - self.carrying

    @property
    def left(self) -> Micros:
        """Cash and resale less debt and penalties."""
        return self.cash + self.resale - self.debt - self.penalties


def wind_down(plan: Plan, leaving: Exit, known: Catalogue) -> WindDown:
    """The books at the end of the month before the day of leaving, and what closing them brings."""
    count = max(months_between(month_of(plan.start), leaving.on), 0)
    done = accounts(plan, known)[:count]
    bought = sum(cost(tranche) for tranche in plan.tranches if accepted(tranche) <= leaving.on)
    written = sum(one.profit["depreciation"] + one.profit["impairment"] for one in done)
    return WindDown(
        on=leaving.on,
        carrying=bought - written,
        resale=part(bought, leaving.resale),
        debt=sum(_owed(plan, leaving.on)),
        penalties=leaving.penalties,
        cash=plan.cash_at_start + sum(one.net_cash for one in done),
    )


def _owed(plan: Plan, on: date) -> list[Micros]:
    owed = []
    for loan in plan.loans:
        paid = months_between(month_of(loan.drawn), on)
        if paid > 0:
            schedule = amortise(loan.principal, loan.rate, loan.term, loan.repayment)
            owed.append(schedule[min(paid, loan.term) - 1].balance)
        elif loan.drawn <= on:
            owed.append(loan.principal)
    return owed
