"""Tenants, projects, members, tokens, and the audit log."""

import secrets
from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from penstock.app import browsing, identity, opening, reports, tokens
from penstock.app.access import require_audit
from penstock.app.context import App
from penstock.base.money import parse_amount
from penstock.base.refusal import Refusal, Refused, ensure
from penstock.lease.tenant import ROLE_SCOPES, Scope
from penstock.web.console.book_checks import BOOK_CHECKS
from penstock.web.console.pages import Fields, page
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.given import GivenApp

ACTS_SHOWN = 100
STAFF_ROLES: dict[str, tuple[Scope, ...]] = {
    "operator": (Scope.OPERATOR,),
    "auditor": (Scope.AUDIT, Scope.READ),
}


@get("/admin", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor, tenant: FromQuery[str | None] = None) -> Response[Any]:
    """A tenant's people for its own members; for staff the tenants, or one of them."""
    return _admin(centre, visitor, tenant, (), {})


def _admin(
    centre: App,
    visitor: Visitor,
    tenant: str | None,
    refused: tuple[Refusal, ...],
    fields: dict[str, str],
    issued: tokens.IssuedToken | None = None,
) -> Response[Any]:
    principal = visitor.principal
    chosen = principal.tenant or tenant
    status = refused[0].status if refused else 200
    shared: dict[str, Any] = {
        "refused": refused,
        "fields": Fields(fields),
        "issued": issued,
        "fresh": secrets.token_hex(4),
    }
    if chosen is None:
        return page(
            "admin",
            visitor,
            status=status,
            name=opening.centre_name(centre),
            tenants=identity.list_tenants(centre, principal),
            tokens=tokens.list_tokens(centre, principal) if visitor.operator else (),
            roles=tuple(STAFF_ROLES),
            **shared,
        )
    may_manage = principal.may(Scope.MANAGE, chosen)
    return page(
        "admin.tenant",
        visitor,
        status=status,
        tenant=identity.show_tenant(centre, principal, chosen),
        projects=identity.list_projects(centre, principal, chosen),
        members=identity.list_members(centre, principal, chosen),
        tokens=tokens.list_tokens(centre, principal, chosen) if may_manage else (),
        roles=tuple(ROLE_SCOPES),
        may_manage=may_manage,
        **shared,
    )


@post("/admin/tenants", sync_to_thread=True)
def open_tenant(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Open a customer's account."""
    try:
        limit = ensure(parse_amount(form.get("credit_limit") or "0", "credit_limit"))
        request = identity.NewTenant(
            id=form.get("id", ""),
            name=form.get("name", ""),
            credit_limit_micros=limit,
            language=form.get("language", "en"),
        )
        opened = identity.open_tenant(centre, visitor.principal, request)
    except Refused as refused:
        return _admin(centre, visitor, None, refused.refusals, form)
    return Redirect(f"/admin?tenant={opened.id}", status_code=303)


@post("/admin/{tenant:str}/change", sync_to_thread=True)
def change_tenant(
    centre: GivenApp, visitor: GivenVisitor, form: GivenForm, tenant: FromPath[str]
) -> Response[Any]:
    """Change a customer's credit limit."""
    try:
        limit = ensure(parse_amount(form.get("credit_limit", ""), "credit_limit"))
        request = identity.TenantChange(credit_limit_micros=limit)
        identity.change_tenant(centre, visitor.principal, tenant, request)
    except Refused as refused:
        return _admin(centre, visitor, tenant, refused.refusals, form)
    return Redirect(f"/admin?tenant={tenant}", status_code=303)


@post("/admin/{tenant:str}/members", sync_to_thread=True)
def add_member(
    centre: GivenApp, visitor: GivenVisitor, form: GivenForm, tenant: FromPath[str]
) -> Response[Any]:
    """Add a person to a tenant."""
    request = identity.NewMember(
        id=form.get("id", ""), tenant=tenant, name=form.get("name", ""), role=form.get("role", "")
    )
    try:
        identity.add_member(centre, visitor.principal, request)
    except Refused as refused:
        return _admin(centre, visitor, tenant, refused.refusals, form)
    return Redirect(f"/admin?tenant={tenant}", status_code=303)


@post("/admin/{tenant:str}/projects", sync_to_thread=True)
def open_project(
    centre: GivenApp, visitor: GivenVisitor, form: GivenForm, tenant: FromPath[str]
) -> Response[Any]:
    """Open a project in a tenant."""
    request = identity.NewProject(id=form.get("id", ""), tenant=tenant, name=form.get("name", ""))
    try:
        identity.open_project(centre, visitor.principal, request)
    except Refused as refused:
        return _admin(centre, visitor, tenant, refused.refusals, form)
    return Redirect(f"/admin?tenant={tenant}", status_code=303)


@post("/admin/{tenant:str}/tokens", sync_to_thread=True)
def issue_token(
    centre: GivenApp, visitor: GivenVisitor, form: GivenForm, tenant: FromPath[str]
) -> Response[Any]:
    """Issue a token to a member; its secret is shown on the page that answers, and never again."""
    request = tokens.NewToken(id=form.get("id", ""), tenant=tenant, member=form.get("member") or None)
    try:
        issued = tokens.issue_token(centre, visitor.principal, request)
    except Refused as refused:
        return _admin(centre, visitor, tenant, refused.refusals, form)
    return _admin(centre, visitor, tenant, (), {}, issued)


@post("/admin/tokens", sync_to_thread=True)
def issue_staff_token(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Issue a token to the centre's own staff."""
    scopes = STAFF_ROLES.get(form.get("role", ""), STAFF_ROLES["auditor"])
    try:
        issued = tokens.issue_token(
            centre, visitor.principal, tokens.NewToken(id=form.get("id", ""), scopes=scopes)
        )
    except Refused as refused:
        return _admin(centre, visitor, None, refused.refusals, form)
    return _admin(centre, visitor, None, (), {}, issued)


@post("/admin/tokens/{name:str}/revoke", sync_to_thread=True)
def revoke(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:  # noqa: ARG001
    """End a token at once."""
    token = tokens.revoke_token(centre, visitor.principal, name)
    back = f"/admin?tenant={token.tenant}" if token.tenant and visitor.staff else "/admin"
    return Redirect(back, status_code=303)


@get("/admin/audit", sync_to_thread=True)
def audit(centre: GivenApp, visitor: GivenVisitor, before: FromQuery[int] = 0) -> Response[Any]:
    """What was done, by whom, newest first."""
    found = browsing.acts(centre, visitor.principal, before, ACTS_SHOWN)
    more = found[-1].sequence if len(found) == ACTS_SHOWN and found[-1].sequence > 1 else 0
    return page("admin.audit", visitor, entries=found, more=more, currency=centre.policy.currency)


@get("/admin/check", sync_to_thread=True)
def check(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """What the last check of both books found, and whether one is under way."""
    require_audit(visitor.principal)
    report, at, checking = BOOK_CHECKS.last(centre)
    return page("admin.check", visitor, report=report, at=at, checking=checking)


@post("/admin/check", sync_to_thread=True)
def check_now(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Redirect:  # noqa: ARG001
    """Verify every invariant of both books, beside whatever else goes on."""
    require_audit(visitor.principal)
    BOOK_CHECKS.begin(centre, lambda: reports.check_books(centre, visitor.principal))
    return Redirect("/admin/check", status_code=303)


ROUTER = Router(
    "/",
    route_handlers=[
        show,
        open_tenant,
        change_tenant,
        add_member,
        open_project,
        issue_token,
        issue_staff_token,
        revoke,
        audit,
        check,
        check_now,
    ],
    include_in_schema=False,
)
