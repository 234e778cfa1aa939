"""The fleet: a map of all devices, nodes, and one device with what it was measured at and its history."""

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect

from penstock.app import browsing, fleet, sampling
from penstock.app.access import require_operator
from penstock.app.context import App
from penstock.app.overview import WINDOWS, window_named
from penstock.app.ports import Probe
from penstock.base.refusal import Refused, invalid, not_found
from penstock.fleet.device import DEVICE_MOVES, Device, DeviceState
from penstock.web.console.language import sentence, translate
from penstock.web.console.measuring import MEASURING
from penstock.web.console.pages import page
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.given import GivenApp, GivenProbe

PAGE_DEVICES = 100
COLOURS = ("state", "activity", "tenant", "model")
IDLE_UNDER = 0.05
UNACCEPTED = "unaccepted"
"""A filter beside the states."""
STEPS = {
    "not_measured": sentence("not measured"),
    "idle": sentence("idle, under 5 %"),
    "quarter_1": sentence("up to 25 %"),
    "quarter_2": sentence("up to 50 %"),
    "quarter_3": sentence("up to 75 %"),
    "quarter_4": sentence("up to 100 %"),
}


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
    chosen = [device for device in devices if _is_in(device, wanted)] if wanted else devices
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
        occupants=browsing.occupants(centre, [device.id for device in rows]),
        states={one: states[one] for one in DeviceState},
        state=wanted,
        colour=colour if colour in COLOURS else "state",
        colours=COLOURS,
        more=rows[-1].id if len(rows) == PAGE_DEVICES else "",
        names=_words(visitor),
        unaccepted=sum(_is_in(device, UNACCEPTED) for device in devices),
        measuring=MEASURING.is_running(centre),
    )


def _words(visitor: Visitor) -> dict[str, str]:
    """What the map's legend says for a colour's name; models and tenants stand for themselves."""
    known = {str(name): str(name) for name in (*DeviceState, "occupied")} | {"": "nobody"} | STEPS
    return {name: translate(text, visitor.taste.language) for name, text in known.items()}


def _is_in(device: Device, state: str) -> bool:
    if state == UNACCEPTED:
        return device.accepted_at is None and device.state is not DeviceState.RETIRED
    return not state or device.state == state


@get("/fleet/map", sync_to_thread=True)
def device_map(
    centre: GivenApp, visitor: GivenVisitor, colour: FromQuery[str] = "state", known: FromQuery[str] = ""
) -> dict[str, Any]:
    """For the canvas: each device's colour as the index of its name, in the order of the layout.

    The layout, nodes with their devices, is left out where it is still the `known` one.
    """
    layout, nodes, devices = browsing.layout(centre, visitor.principal)
    of = _colouring(centre, visitor, colour)
    names: dict[str, int] = {}
    kinds = [names.setdefault(of(device), len(names)) for device in devices]
    told = {"layout": layout, "names": list(names), "kinds": kinds}
    if known == layout:
        return told
    places: dict[str, list[str]] = {node.id: [] for node in nodes}
    for device in devices:
        places[device.node].append(device.id)
    return told | {"nodes": list(places.items())}


def _colouring(centre: App, visitor: Visitor, colour: str) -> Callable[[Device], str]:
    """What a device is coloured by."""
    if colour == "model":
        return lambda device: device.model
    if colour == "activity":
        seen = sampling.now_seen(centre, visitor.principal)
        return lambda device: activity_step(seen[device.id][0] if device.id in seen else None)
    occupants = browsing.occupants(centre)
    if colour == "tenant":
        return lambda device: occupants[device.id].tenant if device.id in occupants else ""
    return lambda device: "occupied" if device.id in occupants else str(device.state)


def activity_step(activity: float | None) -> str:
    """A code for how busy a device is: idle, or in which quarter."""
    if activity is None:
        return "not_measured"
    if activity < IDLE_UNDER:
        return "idle"
    return ("quarter_1", "quarter_2", "quarter_3", "quarter_4")[min(int(activity * 4), 3)]


@get("/fleet/devices/{name:str}", sync_to_thread=True)
def show_device(
    centre: GivenApp, visitor: GivenVisitor, name: FromPath[str], window: FromQuery[str] = "24h"
) -> Response[Any]:
    """One device: measured beside nominal, who is on it, what it did, its states over time."""
    window_named(window)
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
        currency=centre.policy.currency,
        holder=browsing.occupants(centre, [name]).get(name),
        intervals=fleet.intervals(centre, name)[::-1],
        moves=DEVICE_MOVES[device.state],
        window=window,
        windows=tuple(WINDOWS)[:-1],
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


@post("/fleet/measure", sync_to_thread=True)
def measure(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, probe: GivenProbe) -> Redirect:  # noqa: ARG001
    """Measure every device of this host that was not accepted yet, beside whatever else goes on."""
    require_operator(visitor.principal)
    MEASURING.begin(centre, visitor.principal, probe)
    return Redirect("/fleet?state=unaccepted", status_code=303)


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
        occupants=browsing.occupants(centre, [device.id for device in own]),
    )


ROUTER = Router(
    "/",
    route_handlers=[show, device_map, show_device, set_state, calibrate, measure, show_node],
    include_in_schema=False,
)
