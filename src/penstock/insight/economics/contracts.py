"""Signed contracts: what of them is still to come, on whom it depends, and which must not start by themselves."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from penstock.base.money import Micros
from penstock.insight.economics.plan import Contract

HOURS_PER_MONTH = 730
"""8,760 hours of a year / 12."""
TOP = 10
CONCENTRATED = 0.5
"""Share of the largest ten customers from which a backlog counts as concentrated."""


class Backlog(msgspec.Struct, frozen=True):
    """Contracts by count and amount: signed, of that terminated, of that never carried out; and what remains."""

    signed: int
    signed_micros: Micros
    terminated: int
    terminated_micros: Micros
    never_executed: int
    never_executed_micros: Micros
    delivered_micros: Micros
    remaining_micros: Micros
    top_share: float | None
    concentrated: bool

    @property
    def net_micros(self) -> Micros:
        """Signed less terminated."""
        return self.signed_micros - self.terminated_micros


def backlog(contracts: Iterable[Contract]) -> Backlog:
    """Gross and net of terminations. Concentration is over what was not terminated, by customer."""
    signed = list(contracts)
    ended = [contract for contract in signed if contract.terminated is not None]
    never = [contract for contract in ended if not contract.executed]
    live = [contract for contract in signed if contract.terminated is None]
    by_customer = Counter[str]()
    for contract in live:
        by_customer[contract.customer] += contract.amount
    whole = sum(by_customer.values())
    top = sum(amount for _, amount in by_customer.most_common(TOP)) / whole if whole else None
    largest = max(by_customer.values(), default=0) / whole if whole else 0.0
    few = len(by_customer) <= TOP
    return Backlog(
        signed=len(signed),
        signed_micros=_sum(signed),
        terminated=len(ended),
        terminated_micros=_sum(ended),
        never_executed=len(never),
        never_executed_micros=_sum(never),
        delivered_micros=sum(contract.delivered_amount for contract in signed),
        remaining_micros=sum(contract.amount - contract.delivered_amount for contract in live),
        top_share=top,
        concentrated=bool(whole) and (few or largest >= CONCENTRATED or (top or 0) >= CONCENTRATED),
    )


def _sum(contracts: Iterable[Contract]) -> Micros:
    return sum(contract.amount for contract in contracts)


class Terms(msgspec.Struct, frozen=True):
    """What a contract comes to per month, per server and month, per card and hour of 730 a month; micros."""

    per_month_micros: float
    per_server_month_micros: float
    per_card_hour_micros: float


def terms(contract: Contract) -> Terms | None:
    """The contract's rents; None where it does not say how many servers."""
    if not contract.servers:
        return None
    per_month = contract.amount / contract.months
    per_server = per_month / contract.servers
    return Terms(per_month, per_server, per_server / (contract.cards_per_server * HOURS_PER_MONTH))


LARGE_MICROS = 10_000_000 * 1_000_000
"""From here a take-or-pay contract is never activated without a person: ten million units of the currency."""


def blocked(contract: Contract, large_micros: Micros = LARGE_MICROS) -> list[str]:
    """Why a contract may not activate by itself: codes, none where it may."""
    if contract.terminated is not None:
        return ["terminated"]
    if not contract.take_or_pay or contract.amount < large_micros:
        return []
    reasons = ["related_party"] if contract.related_party else []
    return reasons if contract.credit == "good" else [*reasons, f"credit_{contract.credit}"]
