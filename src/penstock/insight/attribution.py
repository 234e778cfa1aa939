"""Which line each instant of each commissioned device belongs to: the card-hour book.

The first that holds: a fault; an attempt on the device; closed to new work by the operator; leased; not
yet accepted; free. Draining, cordoning and maintenance are declared and wait for what runs; a fault does
not. What is free is split by the demand that waited for it (`claims`). See docs/mechanisms/card-hours.md.
"""

from collections.abc import Iterator
from functools import reduce

from penstock.base.window import EPOCH, Window, from_us, to_us
from penstock.fleet.device import Device
from penstock.insight.claims import claim
from penstock.insight.cover import NO_DEMAND, clip, merged, show_through
from penstock.insight.lanes import Lane, painted, together
from penstock.insight.layers import layers, leased_pieces, occupied_lanes, state_pieces
from penstock.insight.model import History, Span


def attribute(history: History, window: Window) -> list[Span]:
    """Spans by device, thousandths and start that cover its commissioned time in the window exactly once.

    An attempt or lease without an end lasts to the window's end, which should therefore not be later than
    the history was taken. What an open attempt did is `productive` until it is known to have failed.
    """
    start_us, end_us = to_us(window.start), to_us(window.end)
    devices = sorted(history.devices, key=lambda device: (device.model, device.id))
    states = state_pieces(history.device_intervals, end_us)
    lanes = occupied_lanes(history.attempts, end_us)
    leased = leased_pieces(history.leases, end_us)
    used: list[list[Lane]] = []
    free: list[list[Lane]] = []
    for device in devices:
        covered = []
        for low, high, occupied in lanes[device.id]:
            over = layers(device, states[device.id], occupied, leased[device.id], end_us)
            covered.append(Lane(low, high, list(merged(clip(reduce(show_through, over), start_us, end_us)))))
        used.append([_only(lane, free=False) for lane in covered])
        free.append([_only(lane, free=True) for lane in covered])
    rooms = [
        (start, end, position, lane.high - lane.low)
        for position, on_device in enumerate(free)
        for lane in on_device
        for start, end, _ in lane.pieces
    ]
    claimed = claim(rooms, [device.model for device in devices], history.waits, end_us)
    by_device = sorted(zip(devices, used, free, claimed, strict=True), key=lambda row: row[0].id)
    return [
        span
        for device, occupied, vacant, claims in by_device
        for lane in together(occupied, painted(vacant, claims))
        for span in _spans(device, lane)
    ]


def _only(lane: Lane, *, free: bool) -> Lane:
    return Lane(lane.low, lane.high, [piece for piece in lane.pieces if (piece[2] == NO_DEMAND) == free])


def _spans(device: Device, lane: Lane) -> Iterator[Span]:
    end_us, end = None, EPOCH
    for piece in merged(lane.pieces):
        start = end if piece[0] == end_us else from_us(piece[0])
        end_us, end = piece[1], from_us(piece[1])
        line, tenant, job, attempt, lease = piece[2]
        yield Span(
            device=device.id,
            model=device.model,
            line=line,
            start=start,
            end=end,
            tenant=tenant,
            job=job,
            attempt=attempt,
            lease=lease,
            low=lane.low,
            high=lane.high,
        )
