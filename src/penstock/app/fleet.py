"""Nodes and devices: register what a probe found, import a larger fleet, accept, change states."""

from datetime import datetime

import msgspec

from penstock.app import asking
from penstock.app.access import require_operator
from penstock.app.context import App
from penstock.app.ports import Discovered, Probe
from penstock.base.ids import id_conflict
from penstock.base.money import AMOUNT_MAX_MICROS, Micros
from penstock.base.refusal import Refusal, Refused, ensure, invalid, not_found
from penstock.billing.pricing.signed import contract_of, runs_until
from penstock.fleet.device import Calibration, Device, DeviceInterval, DeviceState, Node
from penstock.fleet.importfile import FleetFile
from penstock.lease.machine import move_device
from penstock.lease.tenant import Principal
from penstock.store import audit, contracts, fleet, jobs, leases, settings
from penstock.store.database import Tx

_MEASURING = "being measured"
_IMPORTED = ("model", "state", "commissioned_at", "cost_micros", "tranche", "life_years")
"""What a file says of a device; the rest follows from the catalogue."""


class NewCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device stands for in the books: its cost, the tranche it was bought in, and its life."""

    cost_micros: Micros
    tranche: str = ""
    life_years: int = 5


class FleetView(msgspec.Struct, frozen=True):
    """What the centre has, with the latest calibration of each device."""

    nodes: tuple[Node, ...]
    devices: tuple[Device, ...]
    calibrations: dict[str, Calibration]


def register(app: App, found: Discovered) -> None:
    """Take up what a probe found on a host; devices that are known keep their state and history."""
    now = app.now()
    with app.database.write() as tx:
        known = {device.id: device for device in fleet.devices(tx)}
        _save_node(app, tx, found.node)
        for device in found.devices:
            old = known.get(device.id)
            if old is None:
                fleet.save_device(tx, device, now, "discovered")
            elif (old.handle, old.nominal, old.memory_bytes) != (
                device.handle,
                device.nominal,
                device.memory_bytes,
            ):
                changed = msgspec.structs.replace(
                    old, handle=device.handle, nominal=device.nominal, memory_bytes=device.memory_bytes
                )
                fleet.save_device(tx, changed, now)


def import_fleet(app: App, principal: Principal, found: FleetFile) -> FleetView:
    """Add nodes and devices from a file, all or none; what was imported with the same content stays as it is."""
    require_operator(principal)
    now = app.now()
    with app.database.write() as tx:
        known = {node.id: node for node in fleet.nodes(tx)}
        for node in found.nodes:
            if node.id in known and _as_said(node, known[node.id]) != known[node.id]:
                raise Refused(
                    Refusal(
                        "id_conflict",
                        f"node {node.id!r} exists with other content",
                        "rename it, or leave it out",
                        "node",
                    )
                )
            _save_node(app, tx, node)
        for device in found.devices:
            here = fleet.device(tx, device.id)
            said = {field: getattr(device, field) for field in _IMPORTED}
            if settings.first_time(tx, "device", device.id, said):
                if here is None:
                    fleet.save_device(tx, device, device.commissioned_at or now, "imported")
                elif here.model != device.model:
                    raise Refused(id_conflict("device", device.id))
        audit.record(tx, now, principal.token, "import_fleet", f"{len(found.nodes)} nodes")
        return _view(tx)


def _save_node(app: App, tx: Tx, node: Node) -> None:
    known = fleet.node(tx, node.id)
    if known is None:
        app.followed.clear()  # so that its engine says what it can do there
    wanted = _as_said(node, known)
    if wanted != known:
        fleet.save_node(tx, wanted)


def _as_said(node: Node, known: Node | None) -> Node:
    """The node with what its engine has said of it before."""
    if known is None:
        return node
    return msgspec.structs.replace(node, shares_devices=known.shares_devices, runs_images=known.runs_images)


def calibrate(app: App, principal: Principal, probe: Probe, name: str) -> Calibration:
    """Measure one free device now (seconds to a minute), keep the result, and accept it if it passes.

    One that was on sale and fails stays in maintenance until it passes, or until an operator puts it back.
    """
    require_operator(principal)
    with app.database.write() as tx:
        device = _free_device(tx, name)
        _here(tx, device)
        before = device.state
        if before is DeviceState.AVAILABLE:  # nothing is placed on it while it is measured
            device = msgspec.structs.replace(device, state=DeviceState.MAINTENANCE)
            fleet.save_device(tx, device, app.now(), _MEASURING)
    try:
        result = list(probe.calibrate(device, app.now()))[-1]
    except BaseException:
        with app.database.write() as tx:
            _put_back(tx, _device(tx, name), app.now())
        raise
    now = app.now()
    with app.database.write() as tx:
        device = _device(tx, name)
        fleet.add_calibration(tx, result)
        if result.accepted:
            if before is DeviceState.AVAILABLE and device.state is DeviceState.MAINTENANCE:
                device = msgspec.structs.replace(device, state=before)
            device = fleet.accept(device, now)
        fleet.save_device(tx, device, now, "calibrated")
        audit.record(
            tx, now, principal.token, "calibrate", name, "accepted" if result.accepted else "rejected"
        )
    return result


def _here(tx: Tx, device: Device) -> None:
    """Refuse what the bench of this host cannot reach."""
    node = fleet.node(tx, device.node)
    if node is not None and node.engine not in ("local", "simulated"):
        raise Refused(
            Refusal(
                "device_elsewhere",
                f"{device.id} is a device of the engine {node.engine}, and is not measured from here",
                "answer for its devices with `accepted: true` in engines.yaml",
                "device",
            )
        )


def _free_device(tx: Tx, name: str) -> Device:
    device = _device(tx, name)
    users = [attempt.id for attempt in jobs.live_attempts(tx) if name in attempt.devices]
    if users:
        raise Refused(
            Refusal(
                "device_busy",
                f"{name} is used by {users[0]}",
                "wait, or drain it with `penstock fleet set`",
                "device",
            )
        )
    return device


def recover(app: App) -> None:
    """Put back on sale what was being measured when the centre was killed."""
    now = app.now()
    with app.database.write() as tx:
        for device in fleet.devices(tx):
            _put_back(tx, device, now)


def _unlet_device(tx: Tx, name: str, now: datetime) -> None:
    """A device that was let is there until its lease or contract is over."""
    lets = [
        f"lease {one.id} until {one.end.isoformat()}" for one in leases.live_leases(tx) if name in one.devices
    ]
    for signed in contracts.contracts(tx):
        end = runs_until(signed, now)
        if end > now and any(name in item.devices for item in contract_of(signed, now).items):
            lets.append(f"contract {signed.id} until {end.isoformat()}")
    if lets:
        raise Refused(
            Refusal(
                "device_let",
                f"{name} belongs to {lets[0]}",
                "wait for its end, or end that first; a broken one is set `down`",
                "device",
            )
        )


def _put_back(tx: Tx, device: Device, now: datetime) -> None:
    last = fleet.intervals(tx, device.id)[-1:]
    measured = last and last[0].end is None and last[0].reason == _MEASURING
    if measured and device.state is DeviceState.MAINTENANCE:
        back = msgspec.structs.replace(device, state=DeviceState.AVAILABLE)
        fleet.save_device(tx, back, now, "calibration broken off")


def set_state(app: App, principal: Principal, name: str, state: DeviceState, reason: str = "") -> Device:
    """Cordon, drain, take down, bring back or retire a device. Safe to repeat."""
    require_operator(principal)
    asking.text(reason, "reason")
    now = app.now()
    with app.database.write() as tx:
        device = _device(tx, name)
        if device.state is state:
            return device
        moved = ensure(move_device(device, state))
        if state is DeviceState.RETIRED:
            _free_device(tx, name)
            _unlet_device(tx, name, now)
            moved = msgspec.structs.replace(moved, retired_at=now)
        fleet.save_device(tx, moved, now, reason)
        audit.record(tx, now, principal.token, "set_device_state", name, f"{state} {reason}".strip())
        return moved


def view(app: App) -> FleetView:
    """The fleet as it is; what is for sale is public."""
    with app.database.read() as tx:
        return _view(tx)


def devices_of(app: App) -> tuple[Device, ...]:
    """Every device; what is for sale is public."""
    with app.database.read() as tx:
        return fleet.devices(tx)


def _view(tx: Tx) -> FleetView:
    return FleetView(fleet.nodes(tx), fleet.devices(tx), dict(fleet.calibrations(tx)))


def _device(tx: Tx, name: str) -> Device:
    device = fleet.device(tx, name)
    if device is None:
        raise Refused(not_found("device", name))
    return device


def set_cost(app: App, principal: Principal, name: str, cost: NewCost) -> Device:
    """Enter a device's cost, from which its carried cost follows; a correction replaces it. Safe to repeat."""
    require_operator(principal)
    if not 0 <= cost.cost_micros <= AMOUNT_MAX_MICROS:
        raise Refused(
            invalid("amount_absurd", f"{cost.cost_micros} micros is no cost", "check the unit", "cost_micros")
        )
    if not 1 <= cost.life_years <= 50:
        raise Refused(
            invalid("life_absurd", f"{cost.life_years} years is no life", "give 1 to 50", "life_years")
        )
    now = app.now()
    with app.database.write() as tx:
        device = _device(tx, name)
        changed = msgspec.structs.replace(
            device,
            cost_micros=cost.cost_micros,
            tranche=cost.tranche or device.tranche,
            life_years=cost.life_years,
        )
        if changed != device:
            fleet.save_device(tx, changed, now)
            audit.record(tx, now, principal.token, "set_cost", name, f"{cost.cost_micros} micros")
        return changed


def intervals(app: App, name: str) -> tuple[DeviceInterval, ...]:
    """A device's states over time."""
    with app.database.read() as tx:
        _device(tx, name)
        return fleet.intervals(tx, name)
