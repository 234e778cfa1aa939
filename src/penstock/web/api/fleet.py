"""Endpoints of the fleet."""

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, RawBody

from penstock.app import catalogue, fleet, placing
from penstock.app.access import require_operator
from penstock.base.refusal import Refusal, Refused
from penstock.fleet.accelerators import Accelerator
from penstock.fleet.device import Calibration, Device, DeviceInterval, DeviceState
from penstock.fleet.importfile import FleetFile, parse_fleet
from penstock.fleet.sitecatalogue import parse_site_catalogue
from penstock.placement.answers import Defragmentation, Rules
from penstock.web.edge import Page, text_of
from penstock.web.given import GivenApp, GivenPrincipal, GivenProbe


class NewState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state to put a device in, and why."""

    state: DeviceState
    reason: str = ""


@get("/", sync_to_thread=True)
def show(centre: GivenApp, principal: GivenPrincipal) -> fleet.FleetView:  # noqa: ARG001
    """Nodes, devices and latest calibrations."""
    return fleet.view(centre)


@post("/import", sync_to_thread=True)
def import_file(
    centre: GivenApp, principal: GivenPrincipal, body: RawBody, filename: FromQuery[str]
) -> fleet.FleetView:
    """Add nodes and devices from a CSV or YAML text."""
    require_operator(principal)
    text = text_of(body, filename)
    form = "yaml" if filename.endswith((".yaml", ".yml")) else "csv"
    found = parse_fleet(text, form, catalogue.known_accelerators(centre), filename)
    if not isinstance(found, FleetFile):
        raise Refused(*found)
    return fleet.import_fleet(centre, principal, found)


@get("/catalogue", sync_to_thread=True)
def show_catalogue(centre: GivenApp, principal: GivenPrincipal) -> catalogue.CatalogueView:  # noqa: ARG001
    """Every accelerator that is known here."""
    return catalogue.view(centre)


@get("/catalogue/{name:str}", sync_to_thread=True)
def show_accelerator(
    centre: GivenApp,
    principal: GivenPrincipal,  # noqa: ARG001
    name: FromPath[str],
) -> Page[Accelerator]:
    """The accelerators that an id or a family names, with all that is claimed of them."""
    return Page(catalogue.show(centre, name))


@post("/catalogue", sync_to_thread=True)
def import_catalogue(
    centre: GivenApp, principal: GivenPrincipal, body: RawBody, filename: FromQuery[str]
) -> catalogue.Imported:
    """Add accelerators of the site from a CSV text, or put them in place of built-in ones."""
    require_operator(principal)
    found = parse_site_catalogue(text_of(body, filename), filename)
    entries = tuple(one for one in found if isinstance(one, Accelerator))
    if not entries:
        raise Refused(*(one for one in found if isinstance(one, Refusal)))
    return catalogue.import_catalogue(centre, principal, entries)


@delete("/catalogue/{name:str}", sync_to_thread=True, status_code=200)
def remove_from_catalogue(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> dict[str, str]:
    """Take out an entry of the site."""
    return {"id": catalogue.remove(centre, principal, name)}


@post("/devices/{name:str}/calibrate", sync_to_thread=True, status_code=200)
def calibrate(
    centre: GivenApp, principal: GivenPrincipal, probe: GivenProbe, name: FromPath[str]
) -> Calibration:
    """Measure one device now."""
    return fleet.calibrate(centre, principal, probe, name)


@post("/devices/{name:str}/state", sync_to_thread=True, status_code=200)
def set_state(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], data: JSONBody[NewState]
) -> Device:
    """Change a device's state."""
    return fleet.set_state(centre, principal, name, data.state, data.reason)


@post("/devices/{name:str}/cost", sync_to_thread=True, status_code=200)
def set_cost(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], data: JSONBody[fleet.NewCost]
) -> Device:
    """Enter what a device cost."""
    return fleet.set_cost(centre, principal, name, data)


@get("/devices/{name:str}/intervals", sync_to_thread=True)
def intervals(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Page[DeviceInterval]:  # noqa: ARG001
    """A device's states over time."""
    return Page(fleet.intervals(centre, name))


class WaitingJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job that waits and is to be admitted."""

    job: str


@get("/placement", sync_to_thread=True)
def show_rules(centre: GivenApp, principal: GivenPrincipal) -> Rules:  # noqa: ARG001
    """How the centre places jobs."""
    return placing.show_rules(centre)


@post("/placement", sync_to_thread=True, status_code=200)
def set_rules(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[Rules]) -> Rules:
    """Change how the centre places jobs."""
    return placing.set_rules(centre, principal, data)


@get("/defragmentation", sync_to_thread=True)
def plan_moves(centre: GivenApp, principal: GivenPrincipal, job: FromQuery[str]) -> Defragmentation:
    """Which running jobs to move so that a waiting one is admitted; nothing is done."""
    return placing.plan_moves(centre, principal, job)


@post("/defragmentation", sync_to_thread=True, status_code=200)
def move(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[WaitingJob]) -> Defragmentation:
    """Move running jobs so that a waiting one is admitted."""
    return placing.move(centre, principal, data.job)


ROUTER = Router(
    "/fleet",
    route_handlers=[
        show,
        import_file,
        show_catalogue,
        show_accelerator,
        import_catalogue,
        remove_from_catalogue,
        calibrate,
        set_state,
        set_cost,
        intervals,
        show_rules,
        set_rules,
        plan_moves,
        move,
    ],
)
