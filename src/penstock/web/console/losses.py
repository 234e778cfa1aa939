"""What costs money now, and the demand that was not served, by what would have let it in."""

from typing import Any

from litestar import Response, Router, get
from litestar.params import FromQuery

from penstock.app import alarms, software
from penstock.app.access import require, require_audit
from penstock.app.overview import WINDOWS, shown_window, window_named
from penstock.insight.alarms import Alarm
from penstock.lease.tenant import Scope
from penstock.web.console.pages import page
from penstock.web.console.snapshots import SNAPSHOTS
from penstock.web.console.visitor import GivenVisitor, Language
from penstock.web.documents.alarm_words import SENTENCES
from penstock.web.given import GivenApp


@get("/alarms", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor, window: FromQuery[str] = "24h") -> Response[Any]:
    """Alarms of a window with their figures; a tenant sees those about itself."""
    (start, end), principal = shown_window(centre, window), visitor.principal
    if principal.tenant is None:
        require_audit(principal)
    else:
        require(principal, Scope.READ, principal.tenant)
    figures = SNAPSHOTS.of(
        centre,
        ("alarms", principal.tenant, window),
        lambda: alarms.show_alarms(centre, principal, start, end),
    )
    said = [(alarm, *sentences(alarm, visitor.taste.language)) for alarm in figures.value or ()]
    return page("alarms", visitor, alarms=said, figures=figures, window=window, windows=tuple(WINDOWS))


def sentences(alarm: Alarm, language: Language) -> tuple[str, str]:
    """What an alarm says and what to do."""
    if language == "en":
        return alarm.message, alarm.remedy
    message, remedy = SENTENCES[alarm.code]
    return message.format(about=alarm.about), remedy


@get("/alarms/lost", sync_to_thread=True)
def lost(centre: GivenApp, visitor: GivenVisitor, window: FromQuery[str] = "7d") -> Response[Any]:
    """Refused and delayed demand, the dearest first, and what to port first."""
    principal, now = visitor.principal, centre.now()
    start = now - window_named(window)
    require_audit(principal)
    figures = SNAPSHOTS.of(
        centre,
        ("lost", window),
        lambda: (
            alarms.show_lost(centre, principal, start, now),
            software.port_first(centre, principal, start, now),
        ),
    )
    return page(
        "alarms.lost",
        visitor,
        lost=figures.value and figures.value[0],
        ports=figures.value and figures.value[1],
        figures=figures,
        window=window,
        windows=tuple(WINDOWS),
    )


ROUTER = Router("/", route_handlers=[show, lost], include_in_schema=False)
