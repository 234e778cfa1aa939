"""What placement answers to people: no arrays are needed to read it."""

import msgspec

from penstock.base.quantity import CardMicroseconds
from penstock.lease.job import Promise
from penstock.placement.model import Rules

__all__ = ["Defragmentation", "Move", "Rules"]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """End this attempt at its last checkpoint and start its job again elsewhere.

    `lost_us` is card time of work since that checkpoint, `again_us` that of its set-up, which is done again.
    `waits` tells that its new place is free only once a move before it is done.
    """

    job: str
    attempt: str
    tenant: str
    devices: tuple[str, ...]
    promise: Promise
    lost_us: CardMicroseconds
    again_us: CardMicroseconds
    waits: bool = False


class Defragmentation(msgspec.Struct, frozen=True, kw_only=True):
    """Moves that admit a job, in order, with where it then goes; without any, it fits as it is.

    Not possible: `reason` and `counts` say what keeps the job out, as for a waiting one, and `promise` is None.
    """

    job: str
    revision: int
    possible: bool
    moves: tuple[Move, ...] = ()
    cost_us: CardMicroseconds = 0
    promise: Promise | None = None
    reason: str = ""
    counts: dict[str, int] = {}
