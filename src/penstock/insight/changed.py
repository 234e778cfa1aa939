"""Over what time a fact that came late, or was corrected, changes the card-hour book: what must be settled anew."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from penstock.base.window import Window, from_us, to_us
from penstock.fleet.device import Device
from penstock.insight.cover import Cover, Piece
from penstock.insight.layers import attempt_pieces, sold_us
from penstock.lease.job import Attempt
from penstock.lease.offer import Lease, Offer

DATES = ("commissioned_at", "accepted_at", "retired_at")
"""Of a device: each matters from the earlier of its two values on."""
_COUNTED = (*DATES, "node", "model", "cost_micros", "tranche", "life_years")


def attempt_change(before: Attempt | None, after: Attempt, until_us: int) -> Window | None:
    """Where the two differ, up to an instant; the whole attempt, where there was none before."""
    now = attempt_pieces(after, until_us)
    if before is None or (before.devices, before.slots) != (after.devices, after.slots):
        return _apart([], now)
    return _apart(attempt_pieces(before, until_us), now)


def lease_change(before: Lease | None, after: Lease, until_us: int) -> Window | None:
    """As for attempts."""
    pieces = [_sold(one, until_us) for one in (before, after)]
    if before is None or (before.devices, before.tenant) != (after.devices, after.tenant):
        return _apart([], [*pieces[0], *pieces[1]])
    return _apart(*pieces)


def device_change(before: Device | None, after: Device, until_us: int) -> Window | None:
    """From the first date that was set or moved; the whole life, where anything else that counts is another."""
    dates = [getattr(one, name) for one in (before, after) if one is not None for name in DATES]
    changed = [name for name in _COUNTED if before is None or getattr(before, name) != getattr(after, name)]
    if not set(changed) - set(DATES) and before is not None:
        dates = [getattr(one, name) for one in (before, after) for name in changed]
    known = [to_us(date) for date in dates if date is not None]
    return _window(min(known), until_us) if changed and known else None


def offer_change(before: Offer | None, after: Offer, until_us: int) -> Window | None:
    """From its withdrawal, where that is all that changed; else from its beginning."""
    if before == after:
        return None
    start = to_us(after.created_at)
    if before is not None and msgspec.structs.replace(before, withdrawn_at=after.withdrawn_at) == after:
        start = min(to_us(at) for at in (before.withdrawn_at, after.withdrawn_at) if at is not None)
    return _window(start, until_us)


def _sold(lease: Lease | None, until_us: int) -> list[Piece[str]]:
    sold = None if lease is None else sold_us(lease)
    return [] if sold is None else [(sold[0], min(sold[1], until_us), "sold")]


def _apart(one: Sequence[Piece[Cover | str]], other: Sequence[Piece[Cover | str]]) -> Window | None:
    """From the first to the last instant at which they differ."""
    cuts = sorted({cut for piece in (*one, *other) for cut in piece[:2]})
    different = [(start, end) for start, end in pairwise(cuts) if _on(one, start) != _on(other, start)]
    return _window(different[0][0], different[-1][1]) if different else None


def _on(pieces: Sequence[Piece[Cover | str]], instant: int) -> Cover | str | None:
    return next((cover for start, end, cover in pieces if start <= instant < end), None)


def _window(start_us: int, end_us: int) -> Window | None:
    return Window(from_us(start_us), from_us(end_us)) if start_us < end_us else None
