"""The lines of the card-hour book, and the history they are computed from."""

from datetime import datetime
from enum import StrEnum

import msgspec

from penstock.base.figure import Figure, Tag
from penstock.base.money import Micros
from penstock.base.quantity import WHOLE, CardMicroseconds, Status
from penstock.base.window import to_us
from penstock.fleet.device import Device, DeviceInterval, Node
from penstock.insight.economics.plan import CentreCosts
from penstock.lease.job import Attempt, Wait
from penstock.lease.offer import Lease, Offer


class Line(StrEnum):
    """Each instant of each commissioned device belongs to exactly one of these."""

    DOWN = "down"
    MAINTENANCE = "maintenance"
    DRAINING = "draining"
    FOREIGN = "foreign"
    NO_DEMAND = "no_demand"
    NO_FIT_SOFTWARE = "no_fit_software"
    NO_FIT_MODEL = "no_fit_model"
    NO_FIT_MEMORY = "no_fit_memory"
    NO_FIT_FRAGMENTATION = "no_fit_fragmentation"
    NO_FIT_TOPOLOGY = "no_fit_topology"
    NO_FIT_BOOKING = "no_fit_booking"
    NO_FIT_QUOTA = "no_fit_quota"
    NO_FIT_PRICE = "no_fit_price"
    NO_FIT_PLACE = "no_fit_place"
    RESERVED_UNUSED = "reserved_unused"
    STARTING = "starting"
    STALLED = "stalled"
    LOST_WORK = "lost_work"
    PRODUCTIVE = "productive"


RUNGS: dict[str, tuple[Line, ...]] = {
    "not_available": (Line.DOWN, Line.MAINTENANCE, Line.DRAINING, Line.FOREIGN),
    "not_sold": (
        Line.NO_DEMAND,
        Line.NO_FIT_SOFTWARE,
        Line.NO_FIT_MODEL,
        Line.NO_FIT_MEMORY,
        Line.NO_FIT_FRAGMENTATION,
        Line.NO_FIT_TOPOLOGY,
        Line.NO_FIT_BOOKING,
        Line.NO_FIT_QUOTA,
        Line.NO_FIT_PRICE,
        Line.NO_FIT_PLACE,
    ),
    "not_occupied": (Line.RESERVED_UNUSED,),
    "not_active": (Line.STARTING, Line.STALLED),
    "not_effective": (Line.LOST_WORK,),
    "effective": (Line.PRODUCTIVE,),
}


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that happened, as far as it touches the window asked about.

    `device_intervals` cover each commissioned device without gaps from its commissioning on (until its
    retirement); `finished_work` tells which jobs have succeeded or still run, by job id -> state.
    """

    devices: tuple[Device, ...]
    device_intervals: tuple[DeviceInterval, ...]
    leases: tuple[Lease, ...]
    attempts: tuple[Attempt, ...]
    waits: tuple[Wait, ...]
    offers: tuple[Offer, ...]
    nodes: tuple[Node, ...] = ()
    """Only a ladder by site needs them."""
    costs: CentreCosts = CentreCosts()
    """What the centre says of its loans and its electricity."""
    watts: dict[str, int] = {}
    """What one device of each model draws at full power, by its sheet."""


class Span(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Thousandths [low, high) of one device on one line over [start, end), with whom to ask about it.

    At each instant the spans of a device are its thousandths, each once.
    """

    device: str
    model: str
    line: Line
    start: datetime
    end: datetime
    tenant: str | None = None
    job: str | None = None
    attempt: str | None = None
    lease: str | None = None
    low: int = 0
    high: int = WHOLE

    @property
    def card_us(self) -> CardMicroseconds:
        """Its card time; the parts of a device, and of a time, sum to the whole exactly."""
        since, until = to_us(self.start), to_us(self.end)
        return between(self.low, self.high, until) - between(self.low, self.high, since)


def between(low: int, high: int, amount: int) -> int:
    """Of an amount that belongs to a whole device, what falls on its thousandths [low, high)."""
    return high * amount // WHOLE - low * amount // WHOLE


class LadderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line with its two kinds of money: what it would have sold for, and what it cost to carry.

    What it cost is depreciation, interest and power together.
    """

    rung: str
    line: Line
    card_us: CardMicroseconds
    share: float
    list_value_micros: Micros
    carried_cost_micros: Micros
    depreciation_micros: Micros = 0
    interest_micros: Micros = 0
    power_micros: Micros = 0


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """The lines over a window; they sum to `capacity_card_us` exactly.

    `available`, `sold`, `occupied`, `active`, `effective` are the rungs in card-microseconds. Carried cost is
    depreciation (straight line over the device's life to a residual of 5 %), the interest of the centre's loans, and
    electricity, the last two as far as the centre has said what they are.
    """

    start: datetime
    end: datetime
    devices: int
    capacity_card_us: CardMicroseconds
    available_card_us: CardMicroseconds
    sold_card_us: CardMicroseconds
    occupied_card_us: CardMicroseconds
    active_card_us: CardMicroseconds
    effective_card_us: CardMicroseconds
    lines: tuple[LadderLine, ...]
    currency: str = "CNY"
    unpriced_card_us: CardMicroseconds = 0
    """Card time of models without an offer in force: its list value counts as nothing."""
    uncosted_devices: int = 0
    """Devices without a recorded cost: their carried cost counts as nothing."""
    population: str = ""
    """What its numbers are about; `numbers` says of each, by the name of its field, its unit and status."""
    numbers: dict[str, Tag] = {}
    mfu: Figure | None = None
    """How much of the peak the finished jobs got that state their FLOPs; None where none does."""


def population(devices: int, start: datetime, end: datetime) -> str:
    """The devices of a ladder and its time, in words."""
    return f"{devices:,} devices in service from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"


def ladder_numbers(currency: str, status: Status) -> dict[str, Tag]:
    """What the numbers of a ladder are; card time is of that status, and what follows from it derived."""
    rungs = ("capacity", "available", "sold", "occupied", "active", "effective", "unpriced")
    time, money = Tag("card-microseconds", status), Tag(f"micros {currency}", "derived")
    amounts = ("list_value", "carried_cost", "depreciation", "interest", "power")
    return {
        "devices": Tag("devices", status),
        "uncosted_devices": Tag("devices", status),
        "card_us": time,
        "share": Tag("fraction of capacity", "derived"),
        **{f"{rung}_card_us": time for rung in rungs},
        **{f"{name}_micros": money for name in amounts},
    }
