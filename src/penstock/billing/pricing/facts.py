"""What happened, as far as a statement of charges needs to know it."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import CardMicroseconds
from penstock.base.window import Window


class Metered(msgspec.Struct, frozen=True):
    """A quantity of a usage item in a window, and how many events stand behind it."""

    quantity: Fraction
    events: int = 0


class CardUse(msgspec.Struct, frozen=True, kw_only=True):
    """Card time that was charged by the hour already, as one line of the bill has it."""

    model: str
    start: datetime
    end: datetime
    card_us: CardMicroseconds
    amount_micros: Micros


class Delivered(msgspec.Struct, frozen=True):
    """At what measured rate (PFLOPS, or nodes) a list of devices stood ready over a window."""

    window: Window
    rate: Fraction


class Health(msgspec.Struct, frozen=True):
    """Device time promised in a month, and how much of it was lost to faults and degraded devices."""

    promised_us: int
    lost_us: Fraction

    @property
    def availability(self) -> Fraction:
        """The share that was there; all of it where nothing was promised."""
        return 1 - self.lost_us / self.promised_us if self.promised_us else Fraction(1)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of one contract.

    `metered`: by usage item and window (`statement.usage_windows` says which). `delivered`: by the number of
    a compute item in the contract. `health`: by calendar month.
    """

    metered: Mapping[tuple[str, Window], Metered] = {}
    card_uses: tuple[CardUse, ...] = ()
    delivered: Mapping[int, tuple[Delivered, ...]] = {}
    health: Mapping[Window, Health] = {}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One position of a statement: what it is for, and exactly what it comes to up to now.

    `key` is the same for the same position at every time, so that what was charged before can be taken off.
    `amount` is in currency units and negative where something is given back. `kind`: `unit`, `package`,
    `flat`, `step`, `rate`, `event`, `included`, `minimum`, `maximum`, `fee`, `covered`, `shortfall`,
    `discount`, `true_up`, `termination`, `sla_credit`.
    """

    key: str
    mode: str
    item: str
    kind: str
    unit: str
    window: Window
    quantity: Fraction
    unit_price: Fraction
    amount: Fraction
    name: str = ""
    tier: int = 0
