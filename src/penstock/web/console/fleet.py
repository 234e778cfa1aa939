"""The fleet: a map of all devices, nodes, and one device with what it was measured at and its history."""

from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect

from penstock.app import fleet
from penstock.app.access import require_audit
from penstock.app.ports import Probe
from penstock.base.refusal import Refused, invalid, not_found
from penstock.fleet.device import DEVICE_MOVES, Device, DeviceState
from penstock.web.console.language import translate
from penstock.web.console.pages import page
from penstock.web.console.visitor import GivenForm, GivenVisitor
from penstock.web.given import GivenApp, GivenProbe

PAGE_DEVICES = 100
COLOURS = ("state", "tenant", "model")


@get("/fleet", sync_to_thread=True)
def show(
    centre: GivenApp,
    visitor: GivenVisitor,
    wanted: Annotated[str, QueryParameter(name="state")] = "",
    colour: FromQuery[str] = "state",
    after: FromQuery[str] = "",
) -> Response[Any]:
    """All devices at a glance, then as a table."""
    require_audit(visitor.principal)
    seen = fleet.view(centre)
    chosen = [device for device in seen.devices if _is_in(device, wanted)]
    rows = [device for device in sorted(chosen, key=lambda d: d.id) if device.id > after][:PAGE_DEVICES]
    return page(
        "fleet",
        visitor,
        devices=rows,
        total=len(chosen),
        all_devices=len(seen.devices),
        nodes=len(seen.nodes),
        calibrations=seen.calibrations,
        occupants=fleet.occupants(centre),
        states={one: sum(d.state is one for d in seen.devices) for one in DeviceState},
        state=wanted,
        colour=colour if colour in COLOURS else "state",
        colours=COLOURS,
        more=rows[-1].id if len(rows) == PAGE_DEVICES else "",
        names={name: translate(name, visitor.taste.language) for name in (*DeviceState, "occupied")}
        | {"": translate("nobody", visitor.taste.language)},
    )


def _is_in(device: Device, state: str) -> bool:
    if state == "unaccepted":
        return device.accepted_at is None and device.state is not DeviceState.RETIRED
    return not state or device.state == state


@get("/fleet/map", sync_to_thread=True)
def device_map(centre: GivenApp, visitor: GivenVisitor, colour: FromQuery[str] = "state") -> dict[str, Any]:
    """Node by node, each device with the index of its colour's name; for the canvas."""
    require_audit(visitor.principal)
    seen, occupants = fleet.view(centre), fleet.occupants(centre)
    names: dict[str, int] = {}

    def of(device: Device) -> int:
        holder = occupants.get(device.id)
        name = {
            "state": str(device.state) if holder is None else "occupied",
            "tenant": holder.tenant if holder else "",
            "model": device.model,
        }[colour if colour in COLOURS else "state"]
        return names.setdefault(name, len(names))

    nodes: dict[str, list[tuple[str, int]]] = {node.id: [] for node in seen.nodes}
    for device in sorted(seen.devices, key=lambda d: (d.node, d.index)):
        nodes[device.node].append((device.id, of(device)))
    return {"names": list(names), "nodes": list(nodes.items())}


@get("/fleet/devices/{name:str}", sync_to_thread=True)
def show_device(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One device: measured beside nominal, who is on it, its states over time."""
    require_audit(visitor.principal)
    seen = fleet.view(centre)
    device = next((d for d in seen.devices if d.id == name), None)
    if device is None:
        raise Refused(not_found("device", name))
    calibration = seen.calibrations.get(name)
    measured = {rate.precision: rate for rate in calibration.measured} if calibration else {}
    nominal = {rate.precision: rate for rate in device.nominal}
    return page(
        "fleet.device",
        visitor,
        device=device,
        calibration=calibration,
        rates=[(p, nominal.get(p), measured.get(p)) for p in dict.fromkeys([*nominal, *measured])],
        holder=fleet.occupants(centre).get(name),
        intervals=fleet.intervals(centre, name)[::-1],
        moves=DEVICE_MOVES[device.state],
    )


@post("/fleet/devices/{name:str}/state", sync_to_thread=True)
def set_state(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:
    """Cordon, drain, take down, bring back or retire."""
    wanted = next((one for one in DeviceState if one == form.get("state")), None)
    if wanted is None:
        raise Refused(
            invalid("state_unknown", f"there is no state {form.get('state')!r}", "choose one", "state")
        )
    fleet.set_state(centre, visitor.principal, name, wanted, form.get("reason", ""))
    return Redirect(f"/fleet/devices/{name}", status_code=303)


@post("/fleet/devices/{name:str}/calibrate", sync_to_thread=True)
def calibrate(
    centre: GivenApp,
    visitor: GivenVisitor,
    form: GivenForm,  # noqa: ARG001
    probe: GivenProbe,
    name: FromPath[str],
) -> Redirect:
    """Measure a device now."""
    measured: Probe = probe
    fleet.calibrate(centre, visitor.principal, measured, name)
    return Redirect(f"/fleet/devices/{name}", status_code=303)


@get("/fleet/nodes/{name:str}", sync_to_thread=True)
def show_node(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One node and its devices."""
    require_audit(visitor.principal)
    seen = fleet.view(centre)
    node = next((n for n in seen.nodes if n.id == name), None)
    if node is None:
        raise Refused(not_found("node", name))
    return page(
        "fleet.node",
        visitor,
        node=node,
        devices=[d for d in seen.devices if d.node == name],
        calibrations=seen.calibrations,
        occupants=fleet.occupants(centre),
    )


ROUTER = Router(
    "/",
    route_handlers=[show, device_map, show_device, set_state, calibrate, show_node],
    include_in_schema=False,
)
