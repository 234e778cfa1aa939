"""The ladder of hours and days that are over, summed once: what pages of long windows read instead of history.

A cell is what one group had on each line in one hour or day. All its amounts are differences of functions of
time, so cells add up to the ladder of any window of whole hours without a remainder. The number of devices does
not add up: by tenant a cell names them, and by anything else they are those in service.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from penstock.base.window import Window, to_us
from penstock.fleet.device import Device
from penstock.insight.ladder import Axis, Grouping, Tally, grouping, valued
from penstock.insight.layers import service_us
from penstock.insight.model import History, Line, Span

WHOLE_CENTRE = ""
AXES: tuple[Axis, ...] = ("model", "node", "tenant", "tranche", "site")


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """Amounts (as `value.Amounts`) of a group by line, empty lines left out; devices by tenant only."""

    lines: dict[Line, list[int]]
    devices: tuple[str, ...] = ()


type Cells = Mapping[str, Cell]
"""By group."""


def settle(
    spans: Iterable[Span], history: History, windows: Sequence[Window], currency: str
) -> list[dict[str, dict[str, Cell]]]:
    """Of each window (in order, without overlaps) the cells of the whole centre (under '') and by each axis."""
    keys: dict[str, Grouping] = {WHOLE_CENTRE: lambda _span, _device: ""}
    keys |= {axis: grouping(axis, history) for axis in AXES}
    parts = zip(windows, touching(spans, windows), strict=True)
    return [_settled(own, history, window, currency, keys) for window, own in parts]


def touching(spans: Iterable[Span], windows: Sequence[Window]) -> list[list[Span]]:
    """The spans that reach into each window (in order, without overlaps)."""
    found: list[list[Span]] = [[] for _ in windows]
    starts = [window.start for window in windows]
    for span in spans:
        first = max(bisect_right(starts, span.start) - 1, 0)
        for number in range(first, bisect_left(starts, span.end)):
            found[number].append(span)
    return found


def _settled(
    spans: Iterable[Span], history: History, window: Window, currency: str, keys: Mapping[str, Grouping]
) -> dict[str, dict[str, Cell]]:
    found: dict[str, dict[str, Tally]] = {axis: {} for axis in keys}
    for span, device, amounts in valued(spans, history, window, currency):
        for axis, key in keys.items():
            name, groups = key(span, device), found[axis]
            if name not in groups:
                groups[name] = Tally()
            groups[name].add(span, amounts)
    return {
        axis: {name: cell_of(tally, named=axis == "tenant") for name, tally in groups.items()}
        for axis, groups in found.items()
    }


def cell_of(tally: Tally, *, named: bool) -> Cell:
    """The cell of a sum."""
    lines = {line: amounts for line, amounts in tally.sums.items() if any(amounts)}
    return Cell(lines, tuple(sorted(tally.devices)) if named else ())


def added(parts: Iterable[Cells]) -> dict[str, Tally]:
    """Cells of several windows summed by group."""
    found: dict[str, Tally] = {}
    held: dict[str, set[tuple[str, ...]]] = {}
    for cells in parts:
        for name, cell in cells.items():
            tally = found.setdefault(name, Tally())
            for line, amounts in cell.lines.items():
                tally.put(line, amounts)
            held.setdefault(name, set()).add(cell.devices)
    for name, tally in found.items():
        tally.devices.update(*held[name])
    return found


type Life = tuple[str, str, int, int]
"""A device, its group, and the [start, end) of its service in microseconds."""


def lives(devices: Iterable[Device], until: datetime, group: Callable[[Device], str]) -> list[Life]:
    """The lives of devices up to an instant."""
    until_us = to_us(until)
    return [(device.id, group(device), *service_us(device, until_us)) for device in devices]


def count_devices(found: Mapping[str, Tally], known: Iterable[Life], window: Window) -> None:
    """Say of each group which devices were in service in the window, which ends before the lives do; not by tenant."""
    start_us, end_us = to_us(window.start), to_us(window.end)
    for device, group, since_us, until_us in known:
        if max(since_us, start_us) < min(until_us, end_us):
            found[group].devices.add(device)
