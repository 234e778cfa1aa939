"""Settings of the centre: its name, the admin password, how it places, and its engines."""

from collections.abc import Callable
from typing import Any

from litestar import Response, Router, get, post
from litestar.response import Redirect

from penstock.app import following, opening, passwords, placing
from penstock.app.access import require_operator
from penstock.app.context import App
from penstock.base.refusal import Refusal, Refused
from penstock.placement.answers import Rules
from penstock.web.console.fields import whole
from penstock.web.console.pages import page
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.given import GivenApp


@get("/admin/settings", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """What can be set, as it is."""
    return _settings(centre, visitor, ())


def _settings(centre: App, visitor: Visitor, refused: tuple[Refusal, ...]) -> Response[Any]:
    require_operator(visitor.principal)
    return page(
        "admin.settings",
        visitor,
        status=refused[0].status if refused else 200,
        name=opening.centre_name(centre),
        has_password=passwords.has_password(centre),
        rules=placing.show_rules(centre),
        policies=placing.POLICIES,
        orders=placing.ORDERS,
        engines=following.view(centre, visitor.principal),
        database=centre.database.described,
        policy=centre.policy,
        refused=refused,
    )


def _done(centre: App, visitor: Visitor, act: Callable[[], object]) -> Response[Any]:
    try:
        act()
    except Refused as refused:
        return _settings(centre, visitor, refused.refusals)
    return Redirect("/admin/settings", status_code=303)


@post("/admin/settings/name", sync_to_thread=True)
def rename(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Call the centre something else."""
    return _done(
        centre, visitor, lambda: opening.rename_centre(centre, visitor.principal, form.get("name", ""))
    )


@post("/admin/settings/password", sync_to_thread=True)
def set_password(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Set the admin password."""
    return _done(
        centre,
        visitor,
        lambda: passwords.change_password(centre, visitor.principal, form.get("password", "")),
    )


@post("/admin/settings/placement", sync_to_thread=True)
def set_placement(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Change how the centre places jobs."""

    def act() -> None:
        rules = Rules(
            policy=form.get("policy", ""),
            order=form.get("order", ""),
            promises=whole(form.get("promises", ""), "promises"),
            spot_notice_s=whole(form.get("spot_notice_s", ""), "spot_notice_s"),
        )
        placing.set_rules(centre, visitor.principal, rules)

    return _done(centre, visitor, act)


ROUTER = Router("/", route_handlers=[show, rename, set_password, set_placement], include_in_schema=False)
