"""From events to readings: which meters read an event, under which dimensions, and at what exact value."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.billing.metering.model import DECIMALS_MAX, Aggregation, Meter, MeterEvent, Series

SCALED_MAX = 10**18
"""Largest value, in units of a meter's last decimal; such integers stay inside 64 bits."""
_POWERS = [10**decimals for decimals in range(DECIMALS_MAX + 1)]
DIMENSION_LENGTH_MAX = 128
AGE_MAX = timedelta(days=366)
FUTURE_MAX = timedelta(minutes=5)
REMEMBERED_MAX = 100_000
"""Of how many tenants and types of events the series are remembered."""


class Meters:
    """The declared meters, by id and by the type of event that they read."""

    def __init__(self, meters: Iterable[Meter]) -> None:
        self.by_id: Mapping[str, Meter] = {meter.id: meter for meter in meters}
        self.by_type: defaultdict[str, list[Meter]] = defaultdict(list)
        for meter in self.by_id.values():
            self.by_type[meter.reads].append(meter)
        self._reading: dict[tuple[str, str], tuple[tuple[Meter, Series | None], ...]] = {}
        self._decoders: dict[str, msgspec.json.Decoder[list[Any]]] = {}

    def names(self, kind: str) -> list[str]:
        """What the meters of a type of event read of its data."""
        every = ((meter.value, *meter.dimensions) for meter in self.by_type.get(kind, ()))
        return sorted({name for names in every for name in names if name})

    def field(self, kind: str, name: str) -> Callable[[Any], Any]:
        """What reads that value of data that the type's decoder gave."""
        return attrgetter(f"f{self.names(kind).index(name)}")

    def decoder(self, kind: str, exact: Callable[[str], Any]) -> "msgspec.json.Decoder[list[Any]]":
        """Decodes a list of the data of events of a type, as far as meters read it."""
        found = self._decoders.get(kind)
        if found is None:
            names = {f"f{number}": name for number, name in enumerate(self.names(kind))}
            fields: list[tuple[str, Any, Any]] = [(field, Any, None) for field in names]
            data: Any = msgspec.defstruct("Data", fields, rename=names, gc=False)
            found = msgspec.json.Decoder(list.__class_getitem__(data), float_hook=exact)
            self._decoders[kind] = found
        return found

    def reading(self, kind: str, tenant: str) -> tuple[tuple[Meter, Series | None], ...]:
        """The meters that read a type of event, each with its series of that tenant where all its events have one."""
        found = self._reading.get((kind, tenant))
        if found is None:
            found = tuple((meter, _only_series(meter, tenant)) for meter in self.by_type.get(kind, ()))
            if len(self._reading) < REMEMBERED_MAX:
                self._reading[kind, tenant] = found
        return found


def _only_series(meter: Meter, tenant: str) -> Series | None:
    many = meter.dimensions or meter.aggregation is Aggregation.UNIQUE
    return None if many else Series(meter.id, tenant)


def readings(event: MeterEvent, meters: Meters) -> list[tuple[Series, int]] | Refusal:
    """One reading per meter that reads the event: its series, and the value in units of the last decimal."""
    found = []
    for meter, only in meters.reading(event.type, event.tenant):
        counted = ""
        value: int | Refusal = 1
        if meter.aggregation is Aggregation.UNIQUE:
            text = text_of(event.data.get(meter.value), meter.value)
            if isinstance(text, Refusal):
                return text
            counted = text
        elif meter.aggregation is not Aggregation.COUNT:
            value = scaled(event.data.get(meter.value), meter)
            if isinstance(value, Refusal):
                return value
        series = only
        if series is None:
            dimensions = dimensions_of(event.data, meter) if meter.dimensions else ()
            if isinstance(dimensions, Refusal):
                return dimensions
            series = Series(meter.id, event.tenant, dimensions, counted)
        found.append((series, value))
    if not found:
        return invalid(
            "meter_unknown",
            f"no meter reads events of type {event.type[:80]!r}",
            "see what there is with `penstock meter list`",
            "type",
        )
    return found


def scaled(value: Any, meter: Meter) -> int | Refusal:
    """The exact value in units of the meter's last decimal."""
    number: int | Refusal
    if type(value) is int:
        number = value * _POWERS[meter.decimals]
    elif type(value) is Decimal:
        number = _scaled_decimal(value, meter.decimals, f"data.{meter.value}")
    elif value is None:
        return invalid("value_missing", f"the data has no {meter.value!r}", "send it", f"data.{meter.value}")
    else:
        where = f"data.{meter.value}"
        return invalid("value_not_number", f"{where} is no number", "send a JSON number", where)
    if isinstance(number, Refusal) or 0 <= number <= SCALED_MAX:
        return number
    where = f"data.{meter.value}"
    if not -SCALED_MAX <= number <= SCALED_MAX:
        most = SCALED_MAX // _POWERS[meter.decimals]
        return invalid("value_too_large", f"{where} is past {most:,}", "use a larger unit", where)
    if not meter.negative:
        return invalid("value_negative", f"{meter.id} takes no value below zero", "send 0 or more", where)
    return number


def _scaled_decimal(value: Decimal, decimals: int, where: str) -> int | Refusal:
    if not value.is_finite():
        return invalid("value_not_finite", f"{where} is no number", "send a finite number", where)
    if value and value.adjusted() + decimals > 20:
        return invalid("value_too_large", f"{where} is absurdly large", "check the unit", where)
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    whole = int("".join(map(str, digits)))
    shift = exponent + decimals
    if shift >= 0:
        number = whole * 10**shift if whole else 0
    else:
        number, lost = divmod(whole, 10**-shift) if -shift <= len(digits) else (0, whole)
        if lost:
            return invalid(
                "value_too_precise",
                f"{where} has more than {decimals} decimals",
                f"round it to {decimals} decimals",
                where,
            )
    return -number if sign else number


def dimensions_of(data: Mapping[str, Any], meter: Meter) -> tuple[str, ...] | Refusal:
    """The event's values under the meter's dimensions; one that is missing is ''."""
    found = []
    for name in meter.dimensions:
        value = data.get(name, "")
        if type(value) is not str or not value.isprintable():
            checked = text_of(value, name) if value is not None else ""
            if isinstance(checked, Refusal):
                return checked
            value = checked
        if len(value) > DIMENSION_LENGTH_MAX:
            return _too_long(name)
        found.append(value)
    return tuple(found)


def text_of(value: Any, name: str) -> str | Refusal:
    """A text, number or truth value as text."""
    where = f"data.{name}"
    match value:
        case None:
            return invalid("value_missing", f"the data has no {name!r}", "send it", where)
        case bool():
            return "true" if value else "false"
        case str() if value.isprintable():
            text = value
        case int() if abs(value) < 10**DIMENSION_LENGTH_MAX:
            text = str(value)
        case Decimal() if value.is_finite():
            text = str(value)
        case _:
            return invalid("value_not_text", f"{where} is no text or number", "send one", where)
    return text if len(text) <= DIMENSION_LENGTH_MAX else _too_long(name)


def _too_long(name: str) -> Refusal:
    where = f"data.{name}"
    return invalid(
        "value_too_long", f"{where} is longer than {DIMENSION_LENGTH_MAX} characters", "shorten it", where
    )


def out_of_time(event: MeterEvent, now: datetime) -> Refusal:
    """Why: clocks may run a little ahead; usage from further in the future, or from over a year ago, is a mistake."""
    if event.time > now:
        return invalid(
            "event_in_future", f"{event.time.isoformat()} has not come yet", "set the clock right", "time"
        )
    return invalid(
        "event_too_old",
        f"{event.time.isoformat()} is over {AGE_MAX.days} days ago",
        "correct what is that old with a credit note or a charge",
        "time",
    )
