"""A node, its devices, and the table of device states."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import ComputeRate


class DeviceState(StrEnum):
    """Where a device is in its life; only `available` ones take work."""

    PLANNED = "planned"
    AVAILABLE = "available"
    CORDONED = "cordoned"
    DRAINING = "draining"
    MAINTENANCE = "maintenance"
    FOREIGN = "foreign"
    """In use by work that the engine has from others; it is theirs to end."""
    DOWN = "down"
    RETIRED = "retired"


_IN_SERVICE = (
    DeviceState.AVAILABLE,
    DeviceState.CORDONED,
    DeviceState.DRAINING,
    DeviceState.MAINTENANCE,
    DeviceState.FOREIGN,
    DeviceState.DOWN,
)
DEVICE_MOVES: dict[DeviceState, tuple[DeviceState, ...]] = {
    DeviceState.PLANNED: (DeviceState.AVAILABLE,),
    **{state: (*(s for s in _IN_SERVICE if s != state), DeviceState.RETIRED) for state in _IN_SERVICE},
    DeviceState.RETIRED: (),
}
"""Commissioned is any state between planned and retired; those six may follow each other freely."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One host. `leaf` and `fabric` are its interconnect domains; memory is in bytes."""

    id: str
    cpu_cores: int
    memory_bytes: int
    engine: str = "local"
    site: str = "site"
    region: str = ""
    fabric: str = "fabric"
    leaf: str = "leaf"
    address: str = "127.0.0.1"
    shares_devices: bool = True
    """Whether its engine starts several attempts on one device, as that engine says."""
    runs_images: bool = True
    """Whether its engine runs a job in the image that it names, as that engine says."""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One accelerator device, the smallest thing sold whole.

    `card` groups the devices of one package. `handle` is what the engine and the probe call it (a CPU
    list such as `0-1`, a GPU UUID). `accepted_at` is set by a passed calibration; nothing is sold before.
    """

    id: str
    node: str
    model: str
    handle: str
    state: DeviceState = DeviceState.PLANNED
    index: int = 0
    card: str = ""
    stack: str = "cpu"
    memory_bytes: int = 0
    nominal: tuple[ComputeRate, ...] = ()
    commissioned_at: datetime | None = None
    accepted_at: datetime | None = None
    retired_at: datetime | None = None
    cost_micros: Micros = 0
    tranche: str = ""
    life_years: int = 5


class DeviceInterval(msgspec.Struct, frozen=True, kw_only=True):
    """A device's state over [start, end); an open interval has no end."""

    device: str
    state: DeviceState
    start: datetime
    end: datetime | None = None
    reason: str = ""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the bench on one device: medians, with the spread that tells how far to trust them."""

    id: str
    device: str
    at: datetime
    measured: tuple[ComputeRate, ...]
    memory_bandwidth_bytes_per_s: float
    spread: float
    """Largest (p90 - p10) / median over the measurements, a fraction."""
    software: dict[str, str]
    accepted: bool
    findings: tuple[str, ...] = ()


class LinkMeasurement(msgspec.Struct, frozen=True, kw_only=True):
    """An all-reduce measured among devices of one node (`device`), or among nodes (`node`).

    Bus bandwidth is 2 (n - 1) / n times the bytes of the message over the time, for n members: what each
    link carries in a ring, whatever n is.
    """

    id: str
    at: datetime
    kind: Literal["device", "node"]
    members: tuple[str, ...]
    backend: str
    message_bytes: int
    bus_bytes_per_s: float
    spread: float
    software: dict[str, str]
    findings: tuple[str, ...] = ()
