"""A contract as values: what a tenant agreed to buy, at which book, with which conditions of its own."""

from datetime import datetime
from fractions import Fraction
from typing import Literal

import msgspec

from penstock.base.window import Window
from penstock.billing.pricing.book import Mode, Term

type Party = Literal["owner", "broker"]


class ContractItem(msgspec.Struct, frozen=True, kw_only=True):
    """So many of an item, over the contract or a part of it; a compute item names the devices that deliver it."""

    item: str
    quantity: Fraction = Fraction(1)
    start: datetime | None = msgspec.field(name="from", default=None)
    end: datetime | None = msgspec.field(name="until", default=None)
    devices: tuple[str, ...] = ()


class Discount(msgspec.Struct, frozen=True, kw_only=True):
    """A share off what the named items, or else modes, cost; neither named: off everything."""

    rate: Fraction
    items: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ()
    name: str = ""


class Commitment(msgspec.Struct, frozen=True, kw_only=True):
    """Spend promised per term of the contract; what is missing at its end is charged (true-up)."""

    amount: Fraction
    per: Literal["month", "year", "contract"] = "contract"
    name: str = ""


class SlaStep(msgspec.Struct, frozen=True, kw_only=True):
    """Below this availability, this share of the month's charges is credited."""

    below: Fraction
    credit: Fraction


class Sla(msgspec.Struct, frozen=True, kw_only=True):
    """Availability promised per calendar month; the steps are ordered from mild to severe.

    A device whose measured rate is under `degraded_below` of what was accepted counts as down by what it lacks.
    """

    target: Fraction
    ladder: tuple[SlaStep, ...]
    degraded_below: Fraction = Fraction(95, 100)


class RevenueShare(msgspec.Struct, frozen=True, kw_only=True):
    """What the centre's owner or the broker gets of the revenue of this contract; the rest is the operator's."""

    party: Party
    rate: Fraction


class Termination(msgspec.Struct, frozen=True, kw_only=True):
    """What an early end costs: a share of the fixed fees still to come, and whether paid fees come back pro rata."""

    fee: Fraction = Fraction(0)
    refund: bool = False


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """At its end the contract goes on for another `term`, so many times, unless it was terminated."""

    term: Term = "year"
    times: int = 1


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """One contract with a tenant over [start, end)."""

    id: str = msgspec.field(name="contract")
    tenant: str
    book: str = msgspec.field(name="price_book")
    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="until")
    zone: str = "Asia/Shanghai"
    name: str = ""
    items: tuple[ContractItem, ...] = ()
    discounts: tuple[Discount, ...] = ()
    minimum: Fraction = Fraction(0)
    commitments: tuple[Commitment, ...] = ()
    sla: Sla | None = None
    shares: tuple[RevenueShare, ...] = ()
    termination: Termination = Termination()
    renewal: Renewal | None = None

    @property
    def window(self) -> Window:
        """The time agreed."""
        return Window(self.start, self.end)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """From `at` on, so many of an item; 0 ends it. `quantity` is exact text, devices as in `ContractItem`."""

    at: datetime
    item: str
    quantity: str
    devices: tuple[str, ...] = ()
