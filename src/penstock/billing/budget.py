"""Budgets: what a tenant means to spend in a calendar month (UTC), and at which shares of it to say so."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from penstock.base.money import AMOUNT_MAX_MICROS, Micros
from penstock.base.refusal import Refusal, invalid
from penstock.base.window import Window

PERCENT_MAX = 1_000
THRESHOLDS_MAX = 10


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """An amount a month, and the percentages of it at which an alert is raised, once a month each."""

    id: str
    tenant: str
    amount_micros: Micros
    created_at: datetime
    percents: tuple[int, ...] = (50, 80, 100)
    currency: str = "CNY"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A share of a budget was reached in the month that begins at `start`."""

    budget: str
    tenant: str
    start: datetime
    percent: int
    spent_micros: Micros
    amount_micros: Micros
    at: datetime


def check_budget(amount_micros: Micros, percents: Collection[int]) -> Refusal | None:
    """Why there cannot be such a budget."""
    if not 0 < amount_micros <= AMOUNT_MAX_MICROS:
        return invalid(
            "amount_absurd", f"{amount_micros} micros is no budget", "give a positive amount", "amount"
        )
    sound = len(set(percents)) == len(percents) and all(0 < one <= PERCENT_MAX for one in percents)
    if not sound or not 0 < len(percents) <= THRESHOLDS_MAX:
        return invalid(
            "percents_absurd",
            f"{sorted(percents)} are no thresholds",
            f"give up to {THRESHOLDS_MAX} different percentages from 1 to {PERCENT_MAX}",
            "percents",
        )
    return None


def month_of(instant: datetime) -> Window:
    """The calendar month in UTC that the instant lies in."""
    start = instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = divmod(start.year * 12 + start.month, 12)
    return Window(start, start.replace(year=year, month=month + 1))


def alerts(budget: Budget, spent_micros: Micros, raised: Collection[int], now: datetime) -> list[Alert]:
    """The thresholds that are reached and of which nothing was said this month, lowest first."""
    return [
        Alert(
            budget=budget.id,
            tenant=budget.tenant,
            start=month_of(now).start,
            percent=percent,
            spent_micros=spent_micros,
            amount_micros=budget.amount_micros,
            at=now,
        )
        for percent in sorted(budget.percents)
        if percent not in raised and spent_micros * 100 >= budget.amount_micros * percent
    ]
