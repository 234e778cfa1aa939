"""Demand that software kept out, by the rules against it: what would be sold if it were ported."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import CardMicroseconds
from penstock.base.window import US_PER_HOUR


class RefusedJob(msgspec.Struct, frozen=True, kw_only=True):
    """One job that waited for software that runs on what the centre has, and was never placed.

    `card_us` is what it asked for: its devices for its time limit, or for as long as it waited where it has
    none. `price_micros_per_card_hour` is the list price of the cheapest model that it was kept off; 0 for none.
    """

    job: str
    tenant: str
    rules: tuple[str, ...]
    card_us: CardMicroseconds
    price_micros_per_card_hour: Micros

    @property
    def value_micros(self) -> Micros:
        """What it would have been charged at list price, rounded down."""
        return self.card_us * self.price_micros_per_card_hour // US_PER_HOUR


class RefusedByRule(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule had a part in. Jobs have several rules, so the rows of a report overlap.

    `alone_*`: of the jobs against which no other rule speaks; mending this one would be enough for them.
    """

    rule: str
    jobs: int
    tenants: int
    card_us: CardMicroseconds
    value_micros: Micros
    alone_jobs: int
    alone_value_micros: Micros
    severity: str = ""
    why: str = ""
    effort_days: float = 0.0


class RefusedDemand(msgspec.Struct, frozen=True, kw_only=True):
    """Demand of a window that software kept out: in whole, and by rule, the dearest first.

    `submitted` counts all jobs that came in the window or still waited in it.
    """

    start: datetime
    end: datetime
    submitted: int
    refused: int
    card_us: CardMicroseconds
    value_micros: Micros
    currency: str
    rules: tuple[RefusedByRule, ...]

    @property
    def share(self) -> float:
        """Refused jobs of all jobs, a fraction."""
        return self.refused / self.submitted if self.submitted else 0.0


def by_rule(jobs: Iterable[RefusedJob]) -> tuple[RefusedByRule, ...]:
    """The rows of a report: each rule with all jobs that it had a part in, by value, then jobs, then id."""
    found: dict[str, list[RefusedJob]] = {}
    for job in jobs:
        for rule in dict.fromkeys(job.rules):
            found.setdefault(rule, []).append(job)
    rows = (_row(rule, kept_out) for rule, kept_out in found.items())
    return tuple(sorted(rows, key=lambda row: (-row.value_micros, -row.jobs, row.rule)))


def _row(rule: str, jobs: list[RefusedJob]) -> RefusedByRule:
    alone = [job for job in jobs if set(job.rules) == {rule}]
    return RefusedByRule(
        rule=rule,
        jobs=len(jobs),
        tenants=len({job.tenant for job in jobs}),
        card_us=sum(job.card_us for job in jobs),
        value_micros=sum(job.value_micros for job in jobs),
        alone_jobs=len(alone),
        alone_value_micros=sum(job.value_micros for job in alone),
    )
