"""The first page: for staff the centre's card-hours, for a tenant its money and its jobs."""

from typing import Any

from litestar import Response, Router, get
from litestar.params import FromQuery
from litestar.response import Redirect

from penstock.app import overview
from penstock.app.access import require_audit
from penstock.insight.model import LadderLine, Line
from penstock.web.console.ladder_pictures import sankey, strip
from penstock.web.console.pages import page
from penstock.web.console.snapshots import SNAPSHOTS
from penstock.web.console.visitor import GivenVisitor
from penstock.web.documents.ladder_view import lines_with_time
from penstock.web.given import GivenApp


@get("/", sync_to_thread=False, name="home")
def home(visitor: GivenVisitor) -> Redirect:  # noqa: ARG001
    """Where the console begins."""
    return Redirect("/overview", status_code=303)


@get("/overview", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor, window: FromQuery[str] = "24h") -> Response[Any]:
    """How the centre is doing, or the tenant that is signed in."""
    chosen: dict[str, Any] = {"window": window, "windows": tuple(overview.WINDOWS)}
    tenant = visitor.principal.tenant
    if tenant is not None:
        seen = overview.tenant_overview(centre, visitor.principal, tenant, window, visitor.taste.zone)
        return page(
            "overview.tenant", visitor, seen=seen, largest_charge=_largest_charge(seen.charged), **chosen
        )
    require_audit(visitor.principal)
    overview.window_named(window)
    figures = SNAPSHOTS.of(
        centre,
        ("overview", window, visitor.taste.zone.key),
        lambda: overview.centre_overview(centre, visitor.principal, window, visitor.taste.zone),
    )
    if figures.value is None:
        return page("overview.centre", visitor, figures=figures, seen=None, **chosen)
    found = figures.value
    return page(
        "overview.centre",
        visitor,
        figures=figures,
        seen=found,
        sankey=sankey(found.whole),
        strip=strip(found.parts),
        lines=lines_with_time(found.whole),
        largest=_largest(lines_with_time(found.whole)),
        largest_charge=_largest_charge(found.charged),
        **chosen,
    )


def _largest(lines: tuple[LadderLine, ...]) -> LadderLine | None:
    """The line that took most of what was not productive."""
    lost = [line for line in lines if line.line is not Line.PRODUCTIVE]
    return max(lost, key=lambda line: line.card_us, default=None)


def _largest_charge(charged: tuple[overview.Charged, ...]) -> int:
    return max((day.amount_micros for day in charged), default=0)


ROUTER = Router("/", route_handlers=[home, show], include_in_schema=False)
