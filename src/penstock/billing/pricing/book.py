"""A price book as values: what is sold under which of the four modes, in which currency, and taxed how.

Prices are exact rationals in currency units per unit. A book never changes once published: a new one takes
over, and what was charged stays as it was.
"""

from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import Literal

import msgspec

from penstock.base.quantity import Precision
from penstock.billing.metering.model import Meter

type Mode = Literal["hourly", "compute", "usage", "package"]
type ChargeModel = Literal["flat", "package", "percentage", "graduated", "volume", "stairstep"]
type Term = Literal["month", "year"]

MODES: tuple[Mode, ...] = ("hourly", "compute", "usage", "package")


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Quantities up to and including `up_to` (none: without end): `price` per unit, `flat` once it is reached.

    With `package`, `price` is per started package of so many units inside the tier.
    """

    up_to: Fraction | None = None
    price: Fraction = Fraction(0)
    flat: Fraction = Fraction(0)
    package: Fraction | None = None


class HourPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price per card-hour from one time of day to another, on the clocks of the book's zone."""

    start: time = msgspec.field(name="from")
    end: time = msgspec.field(name="until")
    price: Fraction


class HourlyItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="mode", tag="hourly"):
    """Mode 1: per card-hour of a model; by hour of day where `by_hour` says so, and as spot at `spot`.

    Charged are started units of `granularity`, at least `minimum_time`.
    """

    id: str
    model: str
    price: Fraction
    name: str = ""
    granularity: timedelta = timedelta(seconds=1)
    minimum_time: timedelta = timedelta(0)
    by_hour: tuple[HourPrice, ...] = ()
    spot: Fraction | None = None


class ComputeItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="mode", tag="compute"):
    """Mode 2: PFLOPS (dense) at a precision, or nodes of a grade, per month or year."""

    id: str
    price: Fraction
    per: Term
    name: str = ""
    precision: Precision | None = None
    node_grade: str = ""
    cards_per_node: int = 8


class UsageItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="mode", tag="usage"):
    """Mode 3: quantities of a declared meter, per calendar month of the book's zone.

    `where` narrows to events with these dimensions. `rate`, `per_event` and `free_events` belong to
    `percentage`; the others to their own charge models.
    """

    id: str
    meter: str
    charge: ChargeModel
    name: str = ""
    price: Fraction | None = None
    package: Fraction | None = None
    rate: Fraction | None = None
    per_event: Fraction = Fraction(0)
    free_events: int = 0
    tiers: tuple[Tier, ...] = ()
    included: Fraction = Fraction(0)
    minimum: Fraction = Fraction(0)
    maximum: Fraction | None = None
    where: dict[str, str] = {}


class PackageItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="mode", tag="package"):
    """Mode 4: a fee for a term, with quantities of other items included; what is over is at their own prices.

    `includes`: item id -> quantity per term (card-hours for an hourly item). What is left at the end of a
    term expires, or rolls over for `rollover_terms` terms, at most `rollover_share` of what was included.
    """

    id: str
    fee: Fraction
    per: Term
    includes: dict[str, Fraction]
    name: str = ""
    unused: Literal["expire", "rollover"] = "expire"
    rollover_terms: int = 1
    rollover_share: Fraction = Fraction(1)


type Item = HourlyItem | ComputeItem | UsageItem | PackageItem


class TaxRule(msgspec.Struct, frozen=True, kw_only=True):
    """A tax on the modes it names (none: all), from its date on; inside the price or on top of it."""

    id: str
    rate: Fraction
    inclusive: bool = False
    start: datetime = msgspec.field(name="from")
    end: datetime | None = msgspec.field(name="until", default=None)
    modes: tuple[Mode, ...] = ()
    name: str = ""


class PriceBook(msgspec.Struct, frozen=True, kw_only=True):
    """One price book: valid over [start, end), in one currency and one time zone."""

    id: str = msgspec.field(name="price_book")
    currency: str
    start: datetime = msgspec.field(name="valid_from")
    end: datetime | None = msgspec.field(name="valid_until", default=None)
    zone: str = "Asia/Shanghai"
    name: str = ""
    meters: tuple[Meter, ...] = ()
    items: tuple[Item, ...]
    taxes: tuple[TaxRule, ...] = ()

    def item(self, name: str) -> Item | None:
        """The item of that id."""
        return next((item for item in self.items if item.id == name), None)

    def meter(self, name: str) -> Meter | None:
        """The meter of that id."""
        return next((meter for meter in self.meters if meter.id == name), None)


def mode_of(item: Item) -> Mode:
    """The mode that an item is sold under."""
    match item:
        case HourlyItem():
            return "hourly"
        case ComputeItem():
            return "compute"
        case UsageItem():
            return "usage"
        case PackageItem():
            return "package"
