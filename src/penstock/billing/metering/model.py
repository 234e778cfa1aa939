"""Meters, events and metered quantities as values."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

import msgspec

from penstock.base.ids import check_id
from penstock.base.refusal import Refusal, invalid
from penstock.base.text import check_text

LATE_WINDOW = timedelta(days=3)
LATE_WINDOW_MAX = timedelta(days=35)
DIMENSIONS_MAX = 8
DECIMALS_MAX = 9


class Aggregation(StrEnum):
    """How a meter makes one quantity of the values of a period."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE = "unique"
    LAST = "last"
    TIME_WEIGHTED_AVERAGE = "time_weighted_average"
    """A value holds from its event until the next one of the same dimensions, over the ends of periods too."""


class Meter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is counted: which events, which of their values, and grouped by what. It never changes.

    It reads the events of type `event_type` (by default the meter's id) and of their data the number (for
    UNIQUE: the text or number) named `value`; COUNT has none. Numbers are kept exactly with `decimals` places.
    Events of a period that come up to `late_window` after its end are still part of it.
    """

    id: str
    aggregation: Aggregation
    unit: str
    event_type: str = ""
    value: str = ""
    dimensions: tuple[str, ...] = ()
    decimals: int = 6
    negative: bool = False
    """Whether values below zero are taken."""
    late_window: timedelta = LATE_WINDOW
    name: str = ""

    @property
    def reads(self) -> str:
        """The type of the events that it reads."""
        return self.event_type or self.id


class MeterEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A usage event as it was sent: unique by (source, id). `data` holds no float: fractions are decimals."""

    source: str
    id: str
    type: str
    tenant: str
    time: datetime
    data: dict[str, Any] = {}


class Series(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """What readings belong to: a meter of a tenant under one set of dimensions (in the meter's order).

    `value` is the text that a UNIQUE meter counts: each has a series of its own.
    """

    meter: str
    tenant: str
    dimensions: tuple[str, ...] = ()
    value: str = ""


class MeteredQuantity(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant used of a meter in [start, end): exactly `numerator / denominator` units, in lowest terms.

    `events` is how many events of the period stand behind it.
    """

    tenant: str
    meter: str
    dimensions: dict[str, str]
    start: datetime
    end: datetime
    numerator: int
    denominator: int
    events: int

    @property
    def quantity(self) -> Fraction:
        """The exact quantity, in the meter's unit."""
        return Fraction(self.numerator, self.denominator)


def check_meter(meter: Meter) -> Meter | Refusal:
    """The meter, if it can be declared."""
    for name, where in ((meter.id, "id"), (meter.reads, "event_type")):
        refusal = check_id(name, where) if where == "id" else check_text(name, where)
        if isinstance(refusal, Refusal):
            return refusal
    for text, where in ((meter.unit, "unit"), (meter.name, "name"), (meter.value, "value")):
        refusal = check_text(text, where)
        if isinstance(refusal, Refusal):
            return refusal
    if not meter.unit:
        return invalid("meter_without_unit", f"{meter.id} has no unit", "say what is counted", "unit")
    if (meter.aggregation is Aggregation.COUNT) != (not meter.value):
        need = "counts events and reads no value" if meter.value else "needs the name of a value in the data"
        return invalid("meter_value", f"{meter.aggregation} {need}", "mend `value`", "value")
    if len(meter.dimensions) > DIMENSIONS_MAX or len(set(meter.dimensions)) < len(meter.dimensions):
        return invalid(
            "meter_dimensions",
            f"{len(meter.dimensions)} dimensions",
            f"name at most {DIMENSIONS_MAX}, each once",
            "dimensions",
        )
    if not 0 <= meter.decimals <= DECIMALS_MAX:
        return invalid("meter_decimals", f"{meter.decimals} decimals", f"use 0 to {DECIMALS_MAX}", "decimals")
    if not timedelta(0) <= meter.late_window <= LATE_WINDOW_MAX:
        return invalid(
            "meter_late_window", f"{meter.late_window} is no window", "use 0 to 35 days", "late_window"
        )
    return meter


def decimal_text(quantity: MeteredQuantity, places: int = 9) -> str:
    """The quantity for people, rounded half-even to so many places and without trailing zeros."""
    scaled = round(quantity.quantity * 10**places)
    text = f"{Decimal(scaled).scaleb(-places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
