"""Engines that have hosts of their own: what they have becomes fleet, and what is leased is kept there."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from penstock.app.access import require_operator
from penstock.app.context import App
from penstock.app.ports import Capacity, Engine, Kept, NodeView
from penstock.base.refusal import Fault, Refused
from penstock.fleet.device import Device, DeviceState, Node
from penstock.lease.offer import Lease, LeaseState
from penstock.lease.tenant import Principal
from penstock.store import fleet, jobs, leases
from penstock.store.database import Tx

_OURS = (DeviceState.PLANNED, DeviceState.RETIRED)
"""States that only an operator leaves."""


class EngineView(msgspec.Struct, frozen=True, kw_only=True):
    """An engine as operators see it. `problem` is empty where it answers."""

    name: str
    version: str = ""
    nodes: int = 0
    devices: int = 0
    foreign_devices: int = 0
    foreign_work: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    code: str = ""
    problem: str = ""
    remedy: str = ""


def follow(app: App) -> None:
    """Take up what engines newly say. One that is away, or refuses us, is asked again; its fleet stays."""
    for name, engine in app.engines.items():
        try:
            found, before = engine.capacity(), app.followed.get(name)
            if before is found or (not found.nodes and before == found):
                continue
            _take_up(app, name, found)
            if found.nodes:
                engine.keep(_kept(app, name))
        except (Fault, Refused):
            continue
        app.followed[name] = found


def view(app: App, principal: Principal) -> tuple[EngineView, ...]:
    """Every engine, whether it answers, and what others do on it."""
    require_operator(principal)
    with app.database.read() as tx:
        hosts = {node.id: node.engine for node in fleet.nodes(tx)}
        kept = [device for device in fleet.devices(tx) if device.state is not DeviceState.RETIRED]
    nodes, devices = Counter(hosts.values()), Counter(hosts[device.node] for device in kept)
    return tuple(_view(name, engine, nodes[name], devices[name]) for name, engine in app.engines.items())


def _view(name: str, engine: Engine, nodes: int, devices: int) -> EngineView:
    """`nodes` and `devices` of the fleet count where the engine names no hosts of its own."""
    try:
        found = engine.capacity()
    except Refused as error:
        first = error.refusals[0]
        return EngineView(name=name, code=first.code, problem=first.message, remedy=first.remedy)
    except Fault as error:
        return EngineView(
            name=name, code="engine_away", problem=str(error), remedy="it is asked again; nothing is lost"
        )
    return EngineView(
        name=name,
        version=found.version,
        nodes=len(found.nodes) or nodes,
        devices=sum(len(one.devices) for one in found.nodes) if found.nodes else devices,
        foreign_devices=sum(one.foreign for one in found.nodes),
        remarks=found.remarks,
        foreign_work=tuple(dict.fromkeys(work for one in found.nodes for work in one.foreign_work)),
    )


def _take_up(app: App, engine: str, found: Capacity) -> None:
    with app.database.read() as tx:
        if not (_hosts(tx, engine, found) or _changes(tx, engine, found)):
            return
    now = app.now()
    with app.database.write() as tx:
        for node in _hosts(tx, engine, found):
            fleet.save_node(tx, node)
        for device, reason in _changes(tx, engine, found):
            if device.accepted_at is None and found.accepted and device.state is DeviceState.PLANNED:
                fleet.save_device(tx, fleet.accept(device, now), now, "accepted on the operator's word")
            else:
                fleet.save_device(tx, device, now, reason)


def _hosts(tx: Tx, engine: str, found: Capacity) -> list[Node]:
    """Its hosts that are new, or of which it now says something else."""
    known = {node.id: node for node in fleet.nodes(tx)}
    here = [one.node for one in found.nodes] or [node for node in known.values() if node.engine == engine]
    can = {"shares_devices": found.shares_devices, "runs_images": found.images is not None}
    said = [msgspec.structs.replace(node, **can) for node in here]
    return [node for node in said if known.get(node.id, node).engine == engine and known.get(node.id) != node]


def _changes(tx: Tx, engine: str, found: Capacity) -> list[tuple[Device, str]]:
    """Devices that are new or must change their state, with the reason; none where a probe finds them."""
    if not found.nodes:
        return []
    known = {device.id: device for device in fleet.devices(tx)}
    taken = {node.id: node.engine for node in fleet.nodes(tx)}
    occupied = {device for attempt in jobs.live_attempts(tx) for device in attempt.devices}
    changes: list[tuple[Device, str]] = []
    gone = {
        node: NodeView(node=one, devices=(), state=DeviceState.DOWN, reason="gone from the engine")
        for one in fleet.nodes(tx)
        if (node := one.id) not in {view.node.id for view in found.nodes} and one.engine == engine
    }
    for one in (*found.nodes, *gone.values()):
        if taken.get(one.node.id, engine) != engine:
            continue  # another engine's host of the same name: two centres' clusters need names of their own
        changes += [(device, "discovered") for device in one.devices if device.id not in known]
        here = [device for device in known.values() if device.node == one.node.id]
        wanted = _wanted(one, here, occupied)
        if found.accepted:
            changes += [(device, "") for device in here if device.state is DeviceState.PLANNED]
        for device in here:
            state = wanted[device.id]
            if device.state != state and device.state not in _OURS and _is_ours(tx, device, engine):
                why = one.reason or ", ".join(one.foreign_work) if state is not DeviceState.AVAILABLE else ""
                changes.append((msgspec.structs.replace(device, state=state), f"{engine}: {why or state}"))
    return changes


def _is_ours(tx: Tx, device: Device, engine: str) -> bool:
    """Whether the present state is not an operator's: available, or set by the engine itself."""
    if device.state is DeviceState.AVAILABLE:
        return True
    last = fleet.intervals(tx, device.id)[-1:]
    return bool(last) and last[0].reason.startswith(f"{engine}: ")


def _wanted(one: NodeView, devices: Iterable[Device], occupied: set[str]) -> dict[str, DeviceState]:
    """The state of each device: the host's own, or of those that we do not use as many as are foreign.

    The engine says how many devices others use, not which: those that are foreign already stay so first.
    """
    here = list(devices)
    if one.state is not DeviceState.AVAILABLE:
        return {device.id: one.state for device in here}
    free = [device for device in here if device.id not in occupied]
    free.sort(key=lambda device: (device.state is not DeviceState.FOREIGN, -device.index))
    foreign = {device.id for device in free[: one.foreign]}
    return {d.id: DeviceState.FOREIGN if d.id in foreign else DeviceState.AVAILABLE for d in here}


def _kept(app: App, engine: str) -> tuple[Kept, ...]:
    """The leases that hold devices of this engine, now or later."""
    with app.database.read() as tx:
        hosts = {node.id for node in fleet.nodes(tx) if node.engine == engine}
        nodes = {device.id: device.node for device in fleet.devices(tx) if device.node in hosts}
        live = leases.live_leases(tx)
    return tuple(kept for lease in live if (kept := _kept_of(lease, nodes)) is not None)


def _kept_of(lease: Lease, nodes: dict[str, str]) -> Kept | None:
    devices = Counter(nodes[device] for device in lease.devices if device in nodes)
    if not devices or lease.state is LeaseState.ENDING:
        return None
    return Kept(lease=lease.id, tenant=lease.tenant, start=lease.start, end=lease.end, devices=dict(devices))
