"""What devices were seen doing over the last days, minute by minute, for people to look at; no money is made of it.

The present block of minutes lies in one row for the whole fleet (node ''). Once it is over, each node gets a row of
its own, so that a device's day is a hundred short rows. A row's bytes are half-precision numbers, minute by minute and
device by device: activity (a fraction), memory in use (GiB), power (W), temperature (°C), NaN where no source says.
That is 8 bytes a device and minute: 80 KB a device in the week that is kept.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, delete

from penstock.base.window import Window
from penstock.fleet.telemetry import Sample
from penstock.store import rows
from penstock.store.settled import floor
from penstock.store.tables import SAMPLES, SampleBlock

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP, BLOCK, KEPT = timedelta(minutes=1), timedelta(minutes=10), timedelta(days=7)
FRESH = timedelta(minutes=3)
"""What was seen longer ago is not what a device does now."""
KINDS = ("activity", "memory", "power", "temperature")
_MINUTES, _GIB = BLOCK // STEP, 2**30

type Reading = tuple[float | None, ...]
"""One value for each of `KINDS`; None where no source said."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What devices did: device -> kind -> a value for each of the times, None where it is not known."""

    times: tuple[datetime, ...]
    devices: dict[str, dict[str, list[float | None]]]


def record(tx: Connection, at: datetime, nodes: Mapping[str, str], seen: Mapping[str, Sample]) -> None:
    """Keep what was seen in the minute of `at`; `nodes` says where each device is. The same minute again replaces."""
    import numpy as np

    start = floor(at, BLOCK)
    present = _present(tx)
    if present is not None and present.start != start:
        _close(tx, present, nodes, at)
        present = None
    known = present.devices if present else ()
    new = tuple(sorted(set(seen).difference(known)))
    samples = np.full((_MINUTES, len(known) + len(new), len(KINDS)), np.nan, np.float16)
    if present is not None:
        samples[:, : len(known)] = _unpacked(present)
    devices = (*known, *new)
    samples[(at - start) // STEP] = [_values(seen.get(name)) for name in devices]
    rows.save(tx, SAMPLES, SampleBlock(node="", start=start, devices=devices, samples=samples.tobytes()))


def _present(tx: Connection) -> SampleBlock | None:
    found = rows.many(tx, SAMPLES, SAMPLES.c.node == "", limit=1)
    return found[0] if found else None


def _close(tx: Connection, block: SampleBlock, nodes: Mapping[str, str], now: datetime) -> None:
    """A row for each node in place of the fleet's; what is too old goes."""
    samples = _unpacked(block)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, device in enumerate(block.devices):
        if device in nodes:
            places[nodes[device]].append(place)
    tx.execute(delete(SAMPLES).where((SAMPLES.c.start == block.start) | (SAMPLES.c.start < now - KEPT)))
    tx.execute(delete(SAMPLES).where(SAMPLES.c.node == ""))
    closed = [
        SampleBlock(
            node=node,
            start=block.start,
            devices=tuple(block.devices[place] for place in own),
            samples=samples[:, own].tobytes(),
        )
        for node, own in places.items()
    ]
    rows.add(tx, SAMPLES, closed)


def _unpacked(block: SampleBlock) -> "NDArray":
    import numpy as np

    return np.frombuffer(block.samples, np.float16).reshape(_MINUTES, len(block.devices), len(KINDS))


def _values(sample: Sample | None) -> tuple[float, ...]:
    if sample is None:
        return (float("nan"),) * len(KINDS)
    memory = None if sample.memory_used_bytes is None else sample.memory_used_bytes / _GIB
    found = (sample.activity, memory, sample.power_w, sample.temperature_c)
    return tuple(float("nan") if value is None else value for value in found)


def latest(tx: Connection, now: datetime) -> dict[str, Reading]:
    """Device -> what it was last seen doing; those of which nothing was said lately are left out."""
    import numpy as np

    found: dict[str, Reading] = {}
    block = _present(tx)
    if block is None:
        return found
    minutes = [n for n in range(_MINUTES) if timedelta(0) <= now - (block.start + n * STEP) < FRESH]
    samples = _unpacked(block)
    for minute in minutes:
        told = samples[minute]
        for place in np.flatnonzero(~np.isnan(told).all(axis=1)).tolist():
            found[block.devices[place]] = _told(told[place].tolist())
    return found


def seen_of(tx: Connection, nodes: Mapping[str, str], devices: Sequence[str], window: Window) -> Seen:
    """What some devices did in a window; minutes in which nothing was recorded of any of them are left out."""
    import numpy as np

    table = SAMPLES
    where = (
        table.c.node.in_(sorted({"", *(nodes[name] for name in devices)})),
        table.c.start > window.start - BLOCK,
        table.c.start < window.end,
    )
    blocks: defaultdict[datetime, list[SampleBlock]] = defaultdict(list)
    for block in rows.many(tx, table, *where, order=[table.c.start]):
        blocks[block.start].append(block)
    times: list[datetime] = []
    columns: list[NDArray] = []
    for start, own in blocks.items():
        joined = _joined(own, devices)
        for minute in np.flatnonzero(~np.isnan(joined).all(axis=(1, 2))).tolist():
            if window.start <= start + minute * STEP < window.end:
                times.append(start + minute * STEP)
                columns.append(joined[minute])
    return Seen(
        times=tuple(times),
        devices={
            name: {kind: list(_told(float(c[place, n]) for c in columns)) for n, kind in enumerate(KINDS)}
            for place, name in enumerate(devices)
        },
    )


def _joined(blocks: Iterable[SampleBlock], devices: Sequence[str]) -> "NDArray":
    """Some devices' samples of one stretch, from the blocks of their nodes."""
    import numpy as np

    found = np.full((_MINUTES, len(devices), len(KINDS)), np.nan, np.float16)
    for block in blocks:
        places = {name: place for place, name in enumerate(block.devices)}
        samples = _unpacked(block)
        for place, name in enumerate(devices):
            if name in places:
                found[:, place] = samples[:, places[name]]
    return found


def _told(values: Iterable[float]) -> Reading:
    return tuple(None if value != value else value for value in values)  # noqa: PLR0124 - NaN is not itself
