"""Endpoints of what the fleet delivers: measured compute, drift alarms, links."""

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from penstock.app import compute
from penstock.fleet.calibration import Drift
from penstock.fleet.compute import ModelCompute
from penstock.fleet.device import LinkMeasurement
from penstock.web.edge import Page
from penstock.web.given import GivenApp, GivenPrincipal, GivenProbe


@get("/compute", sync_to_thread=True)
def show(centre: GivenApp, principal: GivenPrincipal) -> Page[ModelCompute]:  # noqa: ARG001
    """Nominal and measured PFLOPS of each model, with prices per PFLOPS·h by both."""
    return Page(compute.compute(centre))


@get("/alarms", sync_to_thread=True)
def alarms(centre: GivenApp, principal: GivenPrincipal) -> Page[Drift]:
    """Devices that deliver less than what they were accepted with."""
    return Page(compute.alarms(centre, principal))


@get("/links", sync_to_thread=True)
def links(centre: GivenApp, principal: GivenPrincipal) -> Page[LinkMeasurement]:  # noqa: ARG001
    """Measured links, newest first."""
    return Page(compute.links(centre))


@post("/links", sync_to_thread=True)
def record_link(
    centre: GivenApp, principal: GivenPrincipal, data: JSONBody[compute.NewLink]
) -> LinkMeasurement:
    """Keep an all-reduce among nodes that a job has measured."""
    return compute.record_link(centre, principal, data)


@post("/nodes/{name:str}/links", sync_to_thread=True, status_code=200)
def measure_links(
    centre: GivenApp, principal: GivenPrincipal, probe: GivenProbe, name: FromPath[str]
) -> LinkMeasurement:
    """Measure an all-reduce among the devices of a node now."""
    return compute.measure_links(centre, principal, probe, name)


ROUTER = Router("/fleet", route_handlers=[show, alarms, links, record_link, measure_links])
"""Beside the fleet's own."""
