"""From readings to quantities, exactly and in columns: neither order nor chunks of the readings matter.

Readings come as three arrays of 64-bit integers. Their sums are taken in pieces of so few bits that each piece's sum
stays an exact integer in a float64 (below 2**53); pieces are joined as Python integers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

from penstock.base.ids import id_conflict
from penstock.base.refusal import Refusal
from penstock.base.window import Window, to_us
from penstock.billing.metering.extract import Meters, readings
from penstock.billing.metering.model import Aggregation, Meter, MeteredQuantity, MeterEvent, Series

if TYPE_CHECKING:
    import numpy as np

    type Integers = np.ndarray[tuple[int], np.dtype[np.int64]]

_EXACT_BITS = 53
"""Integers of so many bits are exact in a float64."""


class Columns(NamedTuple):
    """Readings: index of the series, microseconds since 1970, value in units of the meter's last decimal."""

    series: "Integers"
    time_us: "Integers"
    value: "Integers"


def aggregate(
    columns: Columns, series: Sequence[Series], meters: Mapping[str, Meter], window: Window
) -> list[MeteredQuantity]:
    """The quantities of a window, one per meter, tenant and dimensions that has any, in order.

    Readings outside the window count for nothing, except that time-weighted averages begin with the last
    reading before it: give those too.
    """
    import numpy as np

    start_us, end_us = to_us(window.start), to_us(window.end)
    before_end = columns.time_us < end_us
    inside = before_end & (columns.time_us >= start_us)
    here = Columns(*(column[inside] for column in columns))
    counts = np.bincount(here.series, minlength=len(series))
    found: dict[int, Fraction] = {}
    for kind, names in _by_aggregation(series, meters).items():
        chosen = np.zeros(len(series), dtype=bool)
        chosen[names] = True
        match kind:
            case Aggregation.COUNT | Aggregation.UNIQUE:
                found |= {name: Fraction(int(counts[name])) for name in names if counts[name]}
            case Aggregation.SUM:
                totals = _sums(here, counts) if names else []
                found |= {name: Fraction(totals[name]) for name in names if counts[name]}
            case Aggregation.MAX:
                most = np.full(len(series), np.iinfo(np.int64).min, dtype=np.int64)
                np.maximum.at(most, here.series, here.value)
                found |= {name: Fraction(int(most[name])) for name in names if counts[name]}
            case Aggregation.LAST:
                found |= _last(_some(here, chosen[here.series]))
            case Aggregation.TIME_WEIGHTED_AVERAGE:
                known = before_end & chosen[columns.series]
                found |= _averages(_some(columns, known), start_us, end_us)
    return list(_quantities(found, counts, series, meters, window))


def aggregate_events(
    events: Iterable[MeterEvent], meters: Meters, window: Window
) -> tuple[list[MeteredQuantity], list[tuple[MeterEvent, Refusal]]]:
    """The quantities of events that are at hand, each counted once by (source, id), and what was refused."""
    import numpy as np

    names: dict[Series, int] = {}
    rows: list[tuple[int, int, int]] = []
    refused = []
    seen: dict[tuple[str, str], MeterEvent] = {}
    for event in events:
        known = seen.get((event.source, event.id))
        if known == event:
            continue
        seen.setdefault((event.source, event.id), event)
        found = readings(event, meters) if known is None else id_conflict("event", event.id)
        if isinstance(found, Refusal):
            refused.append((event, found))
        else:
            time_us = to_us(event.time)
            rows += [(names.setdefault(one, len(names)), time_us, value) for one, value in found]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return aggregate(Columns(*table.T), [*names], meters.by_id, window), refused


def _by_aggregation(series: Sequence[Series], meters: Mapping[str, Meter]) -> dict[Aggregation, list[int]]:
    found: defaultdict[Aggregation, list[int]] = defaultdict(list)
    for name, one in enumerate(series):
        found[meters[one.meter].aggregation].append(name)
    return found


def _some(columns: Columns, chosen: "np.ndarray") -> Columns:
    return Columns(*(column[chosen] for column in columns))


def _sums(columns: Columns, counts: "Integers") -> list[int]:
    """The exact sum of each series, of which each has so many readings."""
    import numpy as np

    totals = [0] * len(counts)
    width = _EXACT_BITS - int(counts.max(initial=0)).bit_length()
    bits = max(int(columns.value.max(initial=0)), -int(columns.value.min(initial=0))).bit_length()
    for shift in range(0, bits, width):
        piece = columns.value >> shift if shift else columns.value
        if shift + width < bits:  # the highest piece keeps the sign
            piece = piece & ((1 << width) - 1)
        parts = np.bincount(columns.series, weights=piece, minlength=len(counts))
        for name in np.flatnonzero(parts).tolist():
            totals[name] += int(parts[name]) << shift
    return totals


def _ordered(columns: Columns) -> tuple[Columns, list[tuple[int, int, int]]]:
    """Sorted by series, time and value, with the series and the bounds of each run."""
    import numpy as np

    columns = _some(columns, np.lexsort((columns.value, columns.time_us, columns.series)))
    starts = np.flatnonzero(np.diff(columns.series, prepend=-1)).tolist()
    bounds = zip(starts, [*starts[1:], len(columns.series)], strict=True) if starts else ()
    return columns, [(int(columns.series[first]), first, after) for first, after in bounds]


def _last(columns: Columns) -> dict[int, Fraction]:
    """The latest value of each series; of several at one instant the largest."""
    ordered, runs = _ordered(columns)
    return {name: Fraction(int(ordered.value[after - 1])) for name, _, after in runs}


def _averages(columns: Columns, start_us: int, end_us: int) -> dict[int, Fraction]:
    """The mean over the window of what each series stood at; zero before its first reading."""
    import numpy as np

    ordered, runs = _ordered(columns)
    times = np.maximum(ordered.time_us, start_us)
    found = {}
    for name, first, after in runs:
        lasted = np.diff(times[first:after], append=end_us).tolist()
        total = sum(map(mul, ordered.value[first:after].tolist(), lasted))
        found[name] = Fraction(total, end_us - start_us)
    return found


def _quantities(
    found: Mapping[int, Fraction],
    counts: "np.ndarray",
    series: Sequence[Series],
    meters: Mapping[str, Meter],
    window: Window,
) -> Iterator[MeteredQuantity]:
    """One quantity per meter, tenant and dimensions; the series of one UNIQUE quantity are counted."""
    groups: defaultdict[tuple[str, str, tuple[str, ...]], list[int]] = defaultdict(list)
    for name in found:
        one = series[name]
        groups[one.tenant, one.meter, one.dimensions].append(name)
    for (tenant, meter_id, dimensions), names in sorted(groups.items()):
        meter = meters[meter_id]
        if meter.aggregation is Aggregation.UNIQUE:
            quantity = Fraction(len(names))
        elif meter.aggregation is Aggregation.COUNT:
            quantity = found[names[0]]
        else:
            quantity = found[names[0]] / 10**meter.decimals
        events = sum(int(counts[name]) for name in names)
        if events or quantity:
            yield MeteredQuantity(
                tenant=tenant,
                meter=meter_id,
                dimensions=dict(zip(meter.dimensions, dimensions, strict=True)),
                start=window.start,
                end=window.end,
                numerator=quantity.numerator,
                denominator=quantity.denominator,
                events=events,
            )
