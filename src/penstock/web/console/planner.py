"""The planner: plans that are checked as they are typed, rehearsed in many futures, and set side by side."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any

import anyio
import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, ServerSentEvent, ServerSentEventMessage

from penstock.app import plans, tokens
from penstock.app.access import require_audit
from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.base.refusal import Refusal, Refused, invalid
from penstock.insight.economics.kept import PlanRun
from penstock.web.console.fields import whole
from penstock.web.console.pages import Fields, page
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.documents.alternatives_view import compared
from penstock.web.documents.outlook_view import OutlookView
from penstock.web.given import GivenApp
from penstock.web.rehearsing import rehearse

FUTURES_CHOICES = (20, 100, 200, 500)
TOLD_EVERY_S = 0.3
EXAMPLE = """\
name: A planned centre
start: 2027-01-01
months: 6 years
tranches:
  - name: first half
    model: h800
    servers: 32
    price_per_server: 2.83 M
    budget: 95 M
    ordered: 2027-01-05
    delivered: 2027-05-15
    accepted: 2027-06-30
    watts_per_server: 10.2 kW
    rent: {per_server_month: 60k}
    occupancy: 70 %
costs:
  - {name: racks and cooling, kind: colocation, share: 5 %, of: full_rent}
  - {name: operations team, kind: staff, amount: 1.5 M}
power:
  pue: 1.15
  tariff:
    - {from_hour: 8, to_hour: 23, per_kwh: 0.42}
    - {from_hour: 23, to_hour: 8, per_kwh: 0.26}
  idle: 30 %
loans:
  - {name: bank, principal: 70 M, rate: 6 %, drawn: 2027-01-01, term: 5 years, repayment: equal_principal}
income_tax: 15 %
cash_at_start: 40 M
rehearse:
  slip: {low: 0 months, likely: 1 month, high: 7 months}
  rent_decline: {low: -5 %, likely: 10 %, high: 35 %}
"""
"""What stands in the form at first; its figures are base values of `penstock plan parameters`."""


@get("/planner", sync_to_thread=True)
def show_all(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Plans, and what was rehearsed of them."""
    return page(
        "planner",
        visitor,
        plans=plans.list_plans(centre, visitor.principal),
        runs=plans.list_runs(centre, visitor.principal),
        now=centre.now(),
    )


@get("/planner/new", sync_to_thread=True)
def new(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Where a plan is written."""
    return _form(centre, visitor, {"name": "", "text": EXAMPLE}, ())


def _form(centre: App, visitor: Visitor, fields: dict[str, str], refused: Sequence[Refusal]) -> Response[Any]:
    require_audit(visitor.principal)
    runs = plans.list_runs(centre, visitor.principal, fields["name"]) if fields["name"] else ()
    return page(
        "planner.plan",
        visitor,
        status=refused[0].status if refused else 200,
        fields=Fields(fields),
        known=any(one.id == fields["name"] for one in plans.list_plans(centre, visitor.principal)),
        runs=runs,
        now=centre.now(),
        choices=FUTURES_CHOICES,
        run=f"run-{secrets.token_hex(4)}",
        refused=tuple(refused),
        checked=None,
    )


@post("/planner/check", sync_to_thread=True, status_code=200)
def check(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """What is wrong with a plan, each with its line, or what it is."""
    require_audit(visitor.principal)
    found = plans.check(form.get("text", ""), known_accelerators(centre))
    refused = found if isinstance(found, tuple) else ()
    return page(
        "planner.checked", visitor, refused=refused, checked=None if isinstance(found, tuple) else found
    )


@post("/planner", sync_to_thread=True)
def save(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Keep a plan under its name."""
    name = form.get("name", "").strip()
    try:
        kept = plans.save_plan(centre, visitor.principal, name, form.get("text", ""))
    except Refused as refused:
        return _form(centre, visitor, {"name": name, "text": form.get("text", "")}, refused.refusals)
    return Redirect(f"/planner/plans/{kept.id}", status_code=303)


@get("/planner/plans/{name:str}", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One plan to edit and to rehearse."""
    kept = plans.show_plan(centre, visitor.principal, name)
    return _form(centre, visitor, {"name": kept.id, "text": kept.document}, ())


@post("/planner/plans/{name:str}/remove", sync_to_thread=True)
def remove(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Forget a plan."""
    plans.remove_plan(centre, visitor.principal, name)
    return Redirect("/planner", status_code=303)


@post("/planner/plans/{name:str}/runs", sync_to_thread=True)
def begin(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:
    """Rehearse a plan; the same form sent twice is one rehearsal."""
    request = plans.NewRun(
        id=form.get("id", ""),
        plan=name,
        futures=whole(form.get("futures", ""), "futures"),
        seed=whole(form.get("seed", ""), "seed"),
    )
    run, is_new = plans.begin_run(centre, visitor.principal, request)
    if is_new:
        rehearse(centre, run)
    return Redirect(f"/planner/runs/{run.id}", status_code=303)


@get("/planner/runs/{name:str}", sync_to_thread=True)
def show_run(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One rehearsal: how far it is, then what it came to as distributions."""
    run = plans.show_run(centre, visitor.principal, name)
    view = OutlookView(run.outlook, visitor.taste.language) if run.outlook else None
    others = [
        one
        for one in plans.list_runs(centre, visitor.principal)
        if one.id != run.id and one.ended_at is not None and not one.refused
    ]
    return page(
        "planner.run",
        visitor,
        run=run,
        state=run.state(centre.now()),
        sections=view.sections() if view else (),
        pictures=view.pictures() if view else {},
        others=others,
        fresh=f"run-{secrets.token_hex(4)}",
    )


@get("/planner/runs/{name:str}/progress")
async def progress(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> ServerSentEvent:
    """How far a rehearsal is, until it ends."""
    run = await anyio.to_thread.run_sync(plans.show_run, centre, visitor.principal, name)

    async def told() -> AsyncGenerator[ServerSentEventMessage]:
        seen: PlanRun = run
        while True:
            data = msgspec.json.encode({"done": seen.done, "of": seen.futures}).decode()
            state = seen.state(centre.now())
            yield ServerSentEventMessage(event="progress" if state == "running" else "end", data=data)
            if state != "running":
                return
            await asyncio.sleep(TOLD_EVERY_S)
            if not await anyio.to_thread.run_sync(tokens.still_valid, centre, visitor.principal):
                return
            seen = await anyio.to_thread.run_sync(plans.show_run, centre, visitor.principal, name)

    return ServerSentEvent(told())


@get("/planner/compare", sync_to_thread=True)
def compare(
    centre: GivenApp,
    visitor: GivenVisitor,
    chosen: Annotated[list[str] | None, QueryParameter(name="run")] = None,
) -> Response[Any]:
    """Rehearsals side by side."""
    names = list(dict.fromkeys(chosen or []))
    if len(names) < 2:
        raise Refused(invalid("plan_missing", "there is nothing to compare with", "choose two rehearsals"))
    runs = [plans.show_run(centre, visitor.principal, name) for name in names[:4]]
    unfinished = next((run for run in runs if run.outlook is None), None)
    if unfinished is not None:
        raise Refused(
            Refusal("run_unfinished", f"{unfinished.id} has no result", "choose one that has succeeded")
        )
    language = visitor.taste.language
    outlooks = [
        msgspec.structs.replace(run.outlook, name=run.plan) for run in runs if run.outlook is not None
    ]
    views = [OutlookView(one, language) for one in outlooks]
    pictures = [
        (run, view.pictures().get(view.word("spreads"), [])) for run, view in zip(runs, views, strict=True)
    ]
    return page(
        "planner.compare", visitor, runs=runs, sections=compared(outlooks, language), pictures=pictures
    )


ROUTER = Router(
    "/",
    route_handlers=[
        show_all,
        new,
        check,
        save,
        show,
        remove,
        begin,
        show_run,
        progress,
        compare,
    ],
    include_in_schema=False,
)
