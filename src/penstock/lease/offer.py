"""What is for sale, at which price, and what was promised to whom until when."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from penstock.base.money import Micros
from penstock.base.window import Window


class HourBand(msgspec.Struct, frozen=True, kw_only=True):
    """A price per card-hour over [start_hour, end_hour) of each day, on the clocks of the offer's zone."""

    start_hour: int
    end_hour: int
    price_micros_per_card_hour: Micros


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An hourly price per card of one model.

    A charge counts started `granularity` units, at least `minimum_time` of them. With `bands`, which cover the
    day, a unit costs the price of the hour that it begins in. Spot work, which is evicted with notice, has a
    price of its own; None: it is not sold.
    """

    id: str
    model: str
    price_micros_per_card_hour: Micros
    created_at: datetime
    currency: str = "CNY"
    granularity: timedelta = timedelta(seconds=1)
    minimum_time: timedelta = timedelta(0)
    withdrawn_at: datetime | None = None
    bands: tuple[HourBand, ...] = ()
    zone: str = "Asia/Shanghai"
    spot_price_micros_per_card_hour: Micros | None = None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to "can you give me this, from when, at what price, and why not?".

    Not available: `available` is false, `reasons` counts why and `available_from` is the earliest start
    for the same length, where there is one.
    """

    id: str
    tenant: str
    offer: str
    model: str
    devices: int
    start: datetime
    end: datetime
    price_micros_per_card_hour: Micros
    total_micros: Micros
    created_at: datetime
    expires_at: datetime
    available: bool
    reasons: dict[str, int] = {}
    available_from: datetime | None = None
    from_acceptance: bool = False
    """No start was asked for: the window begins, at its full length, when the quote is accepted."""
    currency: str = "CNY"
    accepted_by: str | None = None

    @property
    def window(self) -> Window:
        """The time asked for."""
        return Window(self.start, self.end)


class LeaseState(StrEnum):
    """A lease's life. `reserved` waits for its start; `ending` lets jobs checkpoint and stop."""

    RESERVED = "reserved"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDING = "ending"
    ENDED = "ended"
    CANCELLED = "cancelled"
    BREACHED = "breached"


LEASE_MOVES: dict[LeaseState, tuple[LeaseState, ...]] = {
    LeaseState.RESERVED: (LeaseState.ACTIVE, LeaseState.CANCELLED, LeaseState.BREACHED),
    LeaseState.ACTIVE: (LeaseState.SUSPENDED, LeaseState.ENDING, LeaseState.BREACHED),
    LeaseState.SUSPENDED: (LeaseState.ACTIVE, LeaseState.ENDING, LeaseState.BREACHED),
    LeaseState.ENDING: (LeaseState.ENDED,),
    LeaseState.ENDED: (),
    LeaseState.CANCELLED: (),
    LeaseState.BREACHED: (LeaseState.ENDING,),
}


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Guaranteed devices over a window. `devices` are the very devices that are booked."""

    id: str
    tenant: str
    quote: str
    offer: str
    model: str
    devices: tuple[str, ...]
    start: datetime
    end: datetime
    price_micros_per_card_hour: Micros
    created_at: datetime
    currency: str = "CNY"
    state: LeaseState = LeaseState.RESERVED
    hold: str = ""
    metered_until: datetime | None = None
    metered: bool = False
    """Its last usage is recorded."""
    ended_at: datetime | None = None
    lends_idle: bool = False
    """Spot work of others may use its devices while no job of the lease needs them."""

    @property
    def window(self) -> Window:
        """The time sold; a lease ended early keeps what it was sold for in `start` and `end`."""
        return Window(self.start, self.end)
