"""Nodes, devices, their states over time, and their calibrations."""

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection, update

from penstock.base.window import EPOCH, Window, from_us, to_us
from penstock.fleet.device import Calibration, Device, DeviceInterval, DeviceState, LinkMeasurement, Node
from penstock.insight.changed import device_change
from penstock.store import rows, settings, settled
from penstock.store.remembered import Remembered
from penstock.store.tables import CALIBRATIONS, DEVICE_INTERVALS, DEVICES, LINKS, NODES

_NOT_IN_SERVICE = (DeviceState.PLANNED, DeviceState.RETIRED)


def _read(tx: Connection) -> tuple[tuple[Node, ...], tuple[Device, ...]]:
    return (
        rows.many(tx, NODES, order=[NODES.c.id]),
        rows.many(tx, DEVICES, order=[DEVICES.c.node, DEVICES.c.index]),
    )


def _read_latest(tx: Connection) -> dict[str, Calibration]:
    return {one.device: one for one in rows.many(tx, CALIBRATIONS, order=[CALIBRATIONS.c.at])}


_fleet = Remembered(settings.FLEET, _read)
_latest = Remembered(settings.FLEET, _read_latest)


def nodes(tx: Connection) -> tuple[Node, ...]:
    """All nodes, by id."""
    return _fleet(tx)[0]


def devices(tx: Connection) -> tuple[Device, ...]:
    """All devices, by node and index."""
    return _fleet(tx)[1]


def revision(tx: Connection) -> str:
    """Another text after every change of a node or a device."""
    return settings.get(tx, settings.FLEET, "0")


def _changed(tx: Connection) -> None:
    settings.bump(tx, settings.FLEET)
    settings.bump(tx)


def node(tx: Connection, name: str) -> Node | None:
    """One node."""
    return rows.get(tx, NODES, id=name)


def device(tx: Connection, name: str) -> Device | None:
    """One device."""
    return rows.get(tx, DEVICES, id=name)


def save_node(tx: Connection, node: Node) -> None:
    """Register a node, or change what is known of it."""
    known = rows.get(tx, NODES, id=node.id)
    if known is not None and known.site != node.site:
        settled.changed(tx, [Window(EPOCH, from_us(settled.horizon_us(tx)))])
    rows.save(tx, NODES, node)
    _changed(tx)


def save_device(tx: Connection, device: Device, at: datetime, reason: str = "") -> None:
    """Write a device; where its state changed, close its interval and open the next at `at`."""
    known = rows.get(tx, DEVICES, id=device.id)
    horizon_us = settled.horizon_us(tx)
    restated = known is None or known.state != device.state
    settled.changed(
        tx,
        [
            device_change(known, device, horizon_us),
            Window(at, from_us(horizon_us)) if restated and to_us(at) < horizon_us else None,
        ],
    )
    rows.save(tx, DEVICES, device)
    if restated:
        _next_interval(tx, device, at, reason)
    _changed(tx)


def _next_interval(tx: Connection, device: Device, at: datetime, reason: str) -> None:
    table = DEVICE_INTERVALS
    tx.execute(update(table).where(table.c.device == device.id, table.c.end.is_(None)).values(end=at))
    if device.state not in _NOT_IN_SERVICE:
        row = DeviceInterval(device=device.id, state=device.state, start=at, reason=reason)
        if rows.get(tx, table, device=device.id, start=at) is None:
            rows.add(tx, table, [row])
        else:  # two changes at one instant: the later one counts
            rows.put(tx, table, row)


def intervals(tx: Connection, device: str) -> tuple[DeviceInterval, ...]:
    """A device's states over time, in order."""
    table = DEVICE_INTERVALS
    return rows.many(tx, table, table.c.device == device, order=[table.c.start])


def add_calibration(tx: Connection, calibration: Calibration) -> None:
    """Keep a calibration."""
    rows.add(tx, CALIBRATIONS, [calibration])
    _changed(tx)


def calibrations(tx: Connection) -> Mapping[str, Calibration]:
    """The latest calibration of each device; read again only when something of the fleet has changed."""
    return _latest(tx)


def calibrations_among(tx: Connection, devices: Collection[str]) -> dict[str, Calibration]:
    """Device id -> its latest calibration, of these devices."""
    order = [CALIBRATIONS.c.at, CALIBRATIONS.c.id]
    return {
        one.device: one
        for one in rows.many(tx, CALIBRATIONS, CALIBRATIONS.c.device.in_(sorted(devices)), order=order)
    }


def calibration_history(tx: Connection) -> dict[str, list[Calibration]]:
    """Every calibration of each device, oldest first."""
    found: dict[str, list[Calibration]] = {}
    for one in rows.many(tx, CALIBRATIONS, order=[CALIBRATIONS.c.device, CALIBRATIONS.c.at]):
        found.setdefault(one.device, []).append(one)
    return found


def add_link(tx: Connection, link: LinkMeasurement) -> None:
    """Keep a measured link; the same one twice is one."""
    rows.save(tx, LINKS, link)


def links(tx: Connection) -> tuple[LinkMeasurement, ...]:
    """All measured links, newest first."""
    return rows.many(tx, LINKS, order=[LINKS.c.at.desc(), LINKS.c.id])


def calibrations_of(tx: Connection, device: str) -> tuple[Calibration, ...]:
    """Every calibration of a device, oldest first."""
    table = CALIBRATIONS
    return rows.many(tx, table, table.c.device == device, order=[table.c.at, table.c.id])


def accept(device: Device, at: datetime) -> Device:
    """The device as it goes on sale: accepted since its first acceptance, in service if it was only planned."""
    changed = msgspec.structs.replace(device, accepted_at=device.accepted_at or at)
    if device.state is DeviceState.PLANNED:
        commissioned = device.commissioned_at or at
        changed = msgspec.structs.replace(changed, state=DeviceState.AVAILABLE, commissioned_at=commissioned)
    return changed
