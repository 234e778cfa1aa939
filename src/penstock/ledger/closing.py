"""Closing a period: a seal over its transfers, so that a later change shows."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from penstock.base.seal import seal
from penstock.base.window import Window
from penstock.ledger.model import Transfer


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """[start, end) is closed: so many transfers, with this digest."""

    start: datetime
    end: datetime
    transfers: int
    content_hash: str


def close(transfers: Iterable[Transfer], period: Window) -> Closing:
    """Seal what is booked in the period. From then on `apply` gets `closed_until=period.end`."""
    inside = sorted((t for t in transfers if period.contains(t.at)), key=lambda t: t.id)
    return Closing(start=period.start, end=period.end, transfers=len(inside), content_hash=seal(inside))
