"""Which line each instant of each commissioned device belongs to: the card-hour book.

The first that holds: a fault; an attempt on the device; closed to new work by the operator; leased; not
yet accepted; free. Draining, cordoning and maintenance are declared and wait for what runs; a fault does
not. What is free is split by the demand that waited for it (`claims`). See docs/mechanisms/card-hours.md.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import chain

from penstock.base.window import EPOCH, Window, from_us, to_us
from penstock.fleet.device import Device
from penstock.insight.claims import claim
from penstock.insight.cover import NO_DEMAND, Cover, Piece, clip, merged, show_through
from penstock.insight.layers import layers, leased_pieces, occupied_pieces, state_pieces
from penstock.insight.model import History, Span


def attribute(history: History, window: Window) -> list[Span]:
    """Spans by device and start that cover each device's commissioned time in the window exactly once.

    An attempt or lease without an end lasts to the window's end, which should therefore not be later than
    the history was taken. What an open attempt did is `productive` until it is known to have failed.
    """
    start_us, end_us = to_us(window.start), to_us(window.end)
    devices = sorted(history.devices, key=lambda device: (device.model, device.id))
    states = state_pieces(history.device_intervals, end_us)
    occupied = occupied_pieces(history.attempts, end_us)
    leased = leased_pieces(history.leases, end_us)
    pieces: list[list[Piece[Cover]]] = []
    free: list[tuple[int, int, int]] = []
    for position, device in enumerate(devices):
        over = layers(device, states[device.id], occupied[device.id], leased[device.id], end_us)
        covered = list(merged(clip(reduce(show_through, over), start_us, end_us)))
        pieces.append([piece for piece in covered if piece[2] != NO_DEMAND])
        free += [(start, end, position) for start, end, cover in covered if cover == NO_DEMAND]
    claimed = claim(free, [device.model for device in devices], history.waits, end_us)
    by_device = sorted(zip(devices, pieces, claimed, strict=True), key=lambda row: row[0].id)
    return [span for device, *covered in by_device for span in _spans(device, sorted(chain(*covered)))]


def _spans(device: Device, pieces: Iterable[Piece[Cover]]) -> Iterator[Span]:
    end_us, end = None, EPOCH
    for piece in merged(pieces):
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
        )
