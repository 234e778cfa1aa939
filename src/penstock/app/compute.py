"""What the fleet delivers: measured beside nominal, drift alarms, links among devices and nodes."""

import msgspec

from penstock.app import asking
from penstock.app.access import require_operator
from penstock.app.context import App
from penstock.app.ports import Probe
from penstock.base.ids import derived_id
from penstock.base.refusal import Refusal, Refused, invalid
from penstock.fleet.calibration import Drift, drifts
from penstock.fleet.compute import ModelCompute, fleet_compute
from penstock.fleet.device import Device, DeviceState, LinkMeasurement
from penstock.lease.tenant import Principal
from penstock.store import audit, fleet, jobs, leases
from penstock.store.database import Tx

MEMBERS_MAX = 4096


class NewLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An all-reduce that a job has measured among nodes, as `link_bench.py` prints it, with the nodes' ids."""

    members: tuple[str, ...]
    backend: str
    message_bytes: int
    bus_bytes_per_s: float
    spread: float
    software: dict[str, str] = {}
    findings: tuple[str, ...] = ()
    world: int = 0


def compute(app: App) -> tuple[ModelCompute, ...]:
    """Every model of the fleet at every precision: nominal, measured, and what a PFLOPS·h costs by each."""
    with app.database.read() as tx:
        prices = leases.lowest_prices(tx, app.now())
        return fleet_compute(fleet.devices(tx), fleet.calibrations(tx), prices)


def alarms(app: App, principal: Principal) -> tuple[Drift, ...]:
    """Devices in service that now deliver less than what they were accepted with."""
    require_operator(principal)
    with app.database.read() as tx:
        gone = {d.id for d in fleet.devices(tx) if d.state is DeviceState.RETIRED}
        history = fleet.calibration_history(tx)
    return tuple(alarm for device, runs in history.items() if device not in gone for alarm in drifts(runs))


def links(app: App) -> tuple[LinkMeasurement, ...]:
    """Measured links, newest first."""
    with app.database.read() as tx:
        return fleet.links(tx)


def measure_links(app: App, principal: Principal, probe: Probe, node: str) -> LinkMeasurement:
    """Measure an all-reduce among the free devices of a node of this host now, and keep the result."""
    require_operator(principal)
    with app.database.read() as tx:
        members = _free_of(tx, node)
    result = probe.links(members, app.now())
    now = app.now()
    with app.database.write() as tx:
        fleet.add_link(tx, result)
        audit.record(tx, now, principal.token, "measure_links", node, result.id)
    return result


def _free_of(tx: Tx, node: str) -> list[Device]:
    """The devices of one stack of a node, all free; at least two."""
    taken = {device for attempt in jobs.live_attempts(tx) for device in attempt.devices}
    here = [d for d in fleet.devices(tx) if d.node == node and d.state is not DeviceState.RETIRED]
    if len(here) < 2:
        raise Refused(Refusal("too_few_devices", f"{node} has {len(here)} devices", "a link needs two"))
    busy = [device.id for device in here if device.id in taken]
    if busy:
        raise Refused(Refusal("device_busy", f"{busy[0]} is used by a job", "drain the node first"))
    return [device for device in here if device.stack == here[0].stack]


def record_link(app: App, principal: Principal, given: NewLink) -> LinkMeasurement:
    """Keep an all-reduce among nodes that a job has measured. Safe to repeat."""
    require_operator(principal)
    if not 2 <= len(given.members) <= MEMBERS_MAX or not given.bus_bytes_per_s > 0:
        raise Refused(
            invalid(
                "link_malformed", "a link has at least two members and a bandwidth", "send what was printed"
            )
        )
    now = app.now()
    with app.database.write() as tx:
        known = {node.id for node in fleet.nodes(tx)}
        foreign = next((name for name in given.members if name not in known), None)
        if foreign is not None:
            raise Refused(
                invalid("node_not_found", f"there is no node {foreign!r}", "see `penstock fleet list`")
            )
        link = LinkMeasurement(
            id=derived_id("links", *given.members, str(given.bus_bytes_per_s), str(given.message_bytes)),
            at=now,
            kind="node",
            members=given.members,
            backend=asking.text(given.backend, "backend"),
            message_bytes=given.message_bytes,
            bus_bytes_per_s=given.bus_bytes_per_s,
            spread=given.spread,
            software=given.software,
            findings=given.findings,
        )
        fleet.add_link(tx, link)
        audit.record(tx, now, principal.token, "record_link", link.id)
        return link
