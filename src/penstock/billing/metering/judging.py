"""What will be kept of the events of a request, what meters read of it, and what is refused.

Events are judged one by one (`judge`), or, in a batch without anything unusual, column by column (`judge_plain`):
the same outcome in a fraction of the time. Where anything is unusual, the whole batch is judged one by one.
"""

import re
from array import array
from collections.abc import Container, Sequence, Set
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from penstock.base.refusal import Refusal, not_found
from penstock.base.window import EPOCH, MICROSECOND, to_us
from penstock.billing.metering.cloudevents import (
    BATCH_MAX,
    DATA_LENGTH_MAX,
    DIGITS_MAX,
    Reading,
    Usual,
    canonical,
    data_text,
    exact,
)
from penstock.billing.metering.extract import (
    AGE_MAX,
    FUTURE_MAX,
    SCALED_MAX,
    Meters,
    dimensions_of,
    out_of_time,
    readings,
    scaled,
    text_of,
)
from penstock.billing.metering.model import Aggregation, Meter, Series

type EventRow = tuple[str, str, str, str, int, str]
"""Source, id, type, tenant, microseconds, data as JSON text."""

_LONG_NUMBER = re.compile(f"[0-9.]{{{DIGITS_MAX}}}")


class MeterReadings(msgspec.Struct, frozen=True):
    """What one meter reads: for each value the place of its row, and its series."""

    meter: Meter
    places: Sequence[int]
    series: Sequence[Series]
    values: Sequence[int]


class Judged(msgspec.Struct, frozen=True):
    """Rows that can be kept and their places in the request, what meters read of them, and what is refused where."""

    rows: Sequence[EventRow]
    places: Sequence[int]
    readings: Sequence[MeterReadings]
    refused: Sequence[tuple[int, Refusal]] = ()


def judge(found: Sequence[Reading], meters: Meters, known: Container[str], now: datetime) -> Judged:
    """Each event as it will be kept, or why it is not."""
    rows, places, refused = list[EventRow](), list[int](), list[tuple[int, Refusal]]()
    read: dict[str, tuple[list[int], list[Series], list[int]]] = {}
    for place, event in enumerate(found):
        row = event if isinstance(event, Refusal) else _one(event, meters, known, now)
        if isinstance(row, Refusal):
            refused.append((place, row))
            continue
        for series, value in row[1]:
            columns = read.setdefault(series.meter, ([], [], []))
            columns[0].append(len(rows))
            columns[1].append(series)
            columns[2].append(value)
        rows.append(row[0])
        places.append(place)
    parts = [MeterReadings(meters.by_id[name], *columns) for name, columns in read.items()]
    return Judged(rows, places, parts, refused)


def _one(
    event: Any, meters: Meters, known: Container[str], now: datetime
) -> tuple[EventRow, list[tuple[Series, int]]] | Refusal:
    if event.tenant not in known:
        return not_found("tenant", event.tenant)
    if not now - AGE_MAX <= event.time <= now + FUTURE_MAX:
        return out_of_time(event, now)
    read = readings(event, meters)
    if isinstance(read, Refusal):
        return read
    text = data_text(event)
    if isinstance(text, Refusal):
        return text
    return (event.source, event.id, event.type, event.tenant, to_us(event.time), text), read


def same_event(one: EventRow, other: EventRow) -> bool:
    """Whether two rows say the same; the data may be written in another order or with other spaces."""
    return one == other or (one[:5] == other[:5] and canonical(one[5]) == canonical(other[5]))


class _Plain(Usual, frozen=True, gc=False):
    """The data stays as it was sent."""

    data: msgspec.Raw = msgspec.Raw(b"{}")


_PLAIN = msgspec.json.Decoder(list[_Plain])
_ATTRIBUTES = attrgetter("source", "id", "type", "subject")
_TIME, _DATA = attrgetter("time"), attrgetter("data")
_UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError, TypeError)


class Columns(msgspec.Struct, frozen=True):
    """The events of a batch without anything unusual."""

    rows: Sequence[EventRow]
    data: Sequence[msgspec.Raw]
    earliest: datetime
    latest: datetime
    tenants: Set[str]
    kinds: Set[str]


def plain(body: bytes) -> Columns | None:
    """The events of a batch in which each is in order; None for any other."""
    try:
        found = _PLAIN.decode(body)
        if not found or len(found) > BATCH_MAX:
            return None
        data = [*map(_DATA, found)]
        texts = [str(one, "utf-8") for one in data]
    except _UNREADABLE:
        return None
    sources, ids, kinds, tenants = zip(*map(_ATTRIBUTES, found), strict=True)
    if not _ordinary(texts):
        return None
    names = {*sources}, {*kinds}, {*tenants}
    if not "".join([*ids, *(name for some in names for name in some)]).isprintable():
        return None
    times = [*map(_TIME, found)]
    instants = [(time - EPOCH) // MICROSECOND for time in times]
    rows = [*zip(sources, ids, kinds, tenants, instants, texts, strict=True)]
    return Columns(rows, data, min(times), max(times), names[2], names[1])


def _ordinary(texts: Sequence[str]) -> bool:
    """No data is so large that it is refused, or has a number that is."""
    long = [one for one in texts if len(one) > DIGITS_MAX]
    return all(len(one) <= DATA_LENGTH_MAX and not _LONG_NUMBER.search(one) for one in long)


def judge_plain(batch: Columns, meters: Meters, known: Set[str], now: datetime) -> Judged | None:
    """All events of the batch as they will be kept; None where any of them may have to be refused."""
    in_time = now - AGE_MAX <= batch.earliest and batch.latest <= now + FUTURE_MAX
    if not in_time or not batch.tenants <= known:
        return None
    every = range(len(batch.rows))
    parts = list[MeterReadings]()
    for kind in batch.kinds:
        places = every if len(batch.kinds) == 1 else [n for n in every if batch.rows[n][2] == kind]
        found = _read_kind(batch, kind, places, meters)
        if found is None:
            return None
        parts += found
    return Judged(batch.rows, every, parts)


def _read_kind(
    batch: Columns, kind: str, places: Sequence[int], meters: Meters
) -> list[MeterReadings] | None:
    """What the meters of one type of event read of all of them."""
    reading = meters.by_type.get(kind)
    if not reading:
        return None
    whole = len(places) == len(batch.rows)
    mine = batch.data if whole else [batch.data[n] for n in places]
    tenants = [batch.rows[n][3] for n in places]
    try:
        found = meters.decoder(kind, exact).decode(b"[" + b",".join(mine) + b"]")
        parts = []
        for meter in reading:
            series = _series(meter, tenants, found, meters)
            values = [1] * len(found) if _counts(meter) else _values(meter, found, meters)
            if series is None or values is None:
                return None
            parts.append(MeterReadings(meter, places, series, values))
    except _UNREADABLE:
        return None
    return parts


def _counts(meter: Meter) -> bool:
    return meter.aggregation in (Aggregation.COUNT, Aggregation.UNIQUE)


def _values(meter: Meter, found: Sequence[Any], meters: Meters) -> Sequence[int] | None:
    """Values in units of the meter's last decimal."""
    given = [*map(meters.field(meter.reads, meter.value), found)]
    power = 10**meter.decimals
    if {*map(type, given)} == {int} and min(given) >= 0 and max(given) * power <= SCALED_MAX:
        return [value * power for value in given] if power > 1 else given
    values = array("q")
    for one in given:
        value = scaled(one, meter)
        if isinstance(value, Refusal):
            return None
        values.append(value)
    return values


def _series(
    meter: Meter, tenants: Sequence[str], found: Sequence[Any], meters: Meters
) -> Sequence[Series] | None:
    """The series of each event: its tenant's, by what it says under the meter's dimensions."""
    names = meter.dimensions
    unique = meter.aggregation is Aggregation.UNIQUE
    if not names and not unique:
        remembered = {tenant: Series(meter.id, tenant) for tenant in {*tenants}}
        return [remembered[tenant] for tenant in tenants]
    columns = [[*map(meters.field(meter.reads, name), found)] for name in names]
    columns = [["" if one is None else one for one in column] for column in columns]
    columns += [[*map(meters.field(meter.reads, meter.value), found)]] if unique else []
    if any({*map(type, column)} != {str} for column in columns):
        return None
    known: dict[tuple[str, ...], Series] = {}
    series = []
    for key in zip(tenants, *columns, strict=True):
        one = known.get(key)
        if one is None:
            made = _made(meter, key, unique=unique)
            if made is None:
                return None
            one = known[key] = made
        series.append(one)
    return series


def _made(meter: Meter, key: tuple[str, ...], *, unique: bool) -> Series | None:
    said = dict(zip(meter.dimensions, key[1:], strict=False))
    dimensions = dimensions_of(said, meter)
    counted: str | Refusal = text_of(key[-1], meter.value) if unique else ""
    if isinstance(dimensions, Refusal) or isinstance(counted, Refusal):
        return None
    return Series(meter.id, key[0], dimensions, counted)
