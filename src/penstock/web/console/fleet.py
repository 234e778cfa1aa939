"""The fleet: a map of all devices, nodes, and one device with what it was measured at and its history."""

import heapq
from collections import Counter
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect

from penstock.app import browsing, fleet
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
    nodes, devices = browsing.devices(centre, visitor.principal)
    chosen = [device for device in devices if _is_in(device, wanted)]
    rows = heapq.nsmallest(PAGE_DEVICES, (d for d in chosen if d.id > after), key=lambda d: d.id)
    states = Counter(device.state for device in devices)
    return page(
        "fleet",
        visitor,
        devices=rows,
        total=len(chosen),
        all_devices=len(devices),
        nodes=len(nodes),
        calibrations=browsing.calibrations(centre, [device.id for device in rows]),
        occupants=browsing.occupants(centre),
        states={one: states[one] for one in DeviceState},
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
    every, devices = browsing.devices(centre, visitor.principal)
    occupants = browsing.occupants(centre)
    names: dict[str, int] = {}

    def of(device: Device) -> int:
        holder = occupants.get(device.id)
        name = {
            "state": str(device.state) if holder is None else "occupied",
            "tenant": holder.tenant if holder else "",
            "model": device.model,
        }[colour if colour in COLOURS else "state"]
        return names.setdefault(name, len(names))

    nodes: dict[str, list[tuple[str, int]]] = {node.id: [] for node in every}
    for device in devices:
        nodes[device.node].append((device.id, of(device)))
    return {"names": list(names), "nodes": list(nodes.items())}


@get("/fleet/devices/{name:str}", sync_to_thread=True)
def show_device(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One device: measured beside nominal, who is on it, its states over time."""
    _, devices = browsing.devices(centre, visitor.principal)
    device = next((d for d in devices if d.id == name), None)
    if device is None:
        raise Refused(not_found("device", name))
    calibration = browsing.calibrations(centre, [name]).get(name)
    measured = {rate.precision: rate for rate in calibration.measured} if calibration else {}
    nominal = {rate.precision: rate for rate in device.nominal}
    return page(
        "fleet.device",
        visitor,
        device=device,
        calibration=calibration,
        rates=[(p, nominal.get(p), measured.get(p)) for p in dict.fromkeys([*nominal, *measured])],
        holder=browsing.occupants(centre).get(name),
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
    nodes, devices = browsing.devices(centre, visitor.principal)
    node = next((n for n in nodes if n.id == name), None)
    if node is None:
        raise Refused(not_found("node", name))
    own = [device for device in devices if device.node == name]
    return page(
        "fleet.node",
        visitor,
        node=node,
        devices=own,
        calibrations=browsing.calibrations(centre, [device.id for device in own]),
        occupants=browsing.occupants(centre),
    )


ROUTER = Router(
    "/",
    route_handlers=[show, device_map, show_device, set_state, calibrate, show_node],
    include_in_schema=False,
)
