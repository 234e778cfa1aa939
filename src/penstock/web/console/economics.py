"""What the centre earns and costs, from its own books or as planned: accounts, break-even, tranches, what matters."""

import heapq
from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromQuery
from litestar.response import Redirect

from penstock.app import economics, plans
from penstock.app.access import require_audit
from penstock.app.context import App
from penstock.app.overview import WINDOWS, shown_window
from penstock.base.refusal import Refusal, Refused
from penstock.insight.earned import LiveAccounts
from penstock.web.console.pages import Fields, page
from penstock.web.console.snapshots import SNAPSHOTS
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.documents import economics_html, economics_live, economics_view
from penstock.web.given import GivenApp

COSTS_FILE, GROUPS_SHOWN = "costs.yaml", 200
COSTS_EXAMPLE = """\
costs:
  - {name: racks and cooling, kind: colocation, share: 5 %}
  - {name: operations team, kind: staff, amount: 2.25 M}
power:
  pue: 1.15
  tariff:
    - {from_hour: 8, to_hour: 23, per_kwh: 0.42}
    - {from_hour: 23, to_hour: 8, per_kwh: 0.26}
  idle: 30 %
"""


@get("/economics", sync_to_thread=True)
def show(
    centre: GivenApp,
    visitor: GivenVisitor,
    window: FromQuery[str] = "24h",
    by: FromQuery[str] = "",
) -> Response[Any]:
    """Profit and loss of a window from both books, whole or by a group."""
    return _economics(centre, visitor, window, by, (), None)


def _economics(
    centre: App, visitor: Visitor, window: str, by: str, refused: tuple[Refusal, ...], text: str | None
) -> Response[Any]:
    (start, end), principal = shown_window(centre, window), visitor.principal
    kept = economics.show_costs(centre, principal)
    figures = SNAPSHOTS.of(
        centre,
        ("economics", window, by, kept),
        lambda: economics.show_economics(centre, principal, start, end, by or None),
    )
    found = figures.value or {}
    shown = dict(heapq.nlargest(GROUPS_SHOWN, found.items(), key=_revenue))
    return page(
        "economics",
        visitor,
        status=refused[0].status if refused else 200,
        figures=figures,
        whole=None if by else found.get(""),
        sections=economics_live.sections(dict(sorted(shown.items())), visitor.taste.language)
        if found
        else (),
        shown=len(shown),
        total=len(found),
        window=window,
        windows=tuple(WINDOWS),
        by=by,
        axes=("", *economics.AXES),
        costs=kept if text is None else text,
        example=COSTS_EXAMPLE,
        kept=bool(kept),
        fields=Fields({}),
        refused=refused,
        plans=plans.list_plans(centre, principal),
    )


def _revenue(group: tuple[str, LiveAccounts]) -> float:
    return group[1].profit["revenue"].value or 0


@post("/economics/costs", sync_to_thread=True)
def set_costs(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Keep what the centre costs beside its devices."""
    text = form.get("costs", "")
    try:
        economics.set_costs(centre, visitor.principal, text.encode(), COSTS_FILE)
    except Refused as refused:
        require_audit(visitor.principal)
        return _economics(centre, visitor, "24h", "", refused.refusals, text)
    return Redirect("/economics", status_code=303)


@get("/economics/plans", sync_to_thread=True)
def show_plan(centre: GivenApp, visitor: GivenVisitor, plan: FromQuery[str]) -> Response[Any]:
    """A planned centre's accounts: profit and loss, cash, break-even, tranches, and what matters most."""
    kept = plans.show_plan(centre, visitor.principal, plan)
    report = plans.economics_of(centre, kept)
    language = visitor.taste.language
    return page(
        "economics.plan",
        visitor,
        plan=kept,
        report=report,
        sections=economics_view.sections(report, language),
        pictures=economics_html.pictures(report, language),
        plans=plans.list_plans(centre, visitor.principal),
    )


ROUTER = Router("/", route_handlers=[show, set_costs, show_plan], include_in_schema=False)
