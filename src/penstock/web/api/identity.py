"""Endpoints of tenants, projects, members, tokens and volumes."""

from datetime import datetime

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from penstock.app import identity, money, tokens
from penstock.lease.tenant import Member, Project, Tenant, Token
from penstock.ledger.model import Transfer
from penstock.store.tables import Volume
from penstock.web.edge import Page
from penstock.web.given import GivenApp, GivenPrincipal


class NewVolume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A volume to make."""

    name: str
    tenant: str | None = None


@get("/tenants", sync_to_thread=True)
def list_tenants(centre: GivenApp, principal: GivenPrincipal) -> Page[Tenant]:
    """Tenants the caller may see."""
    return Page(identity.list_tenants(centre, principal))


@post("/tenants", sync_to_thread=True)
def open_tenant(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[identity.NewTenant]) -> Tenant:
    """Open a tenant."""
    return identity.open_tenant(centre, principal, data)


@get("/tenants/{name:str}", sync_to_thread=True)
def show_tenant(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Tenant:
    """One tenant."""
    return identity.show_tenant(centre, principal, name)


@post("/tenants/{name:str}/change", sync_to_thread=True, status_code=200)
def change_tenant(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], data: JSONBody[identity.TenantChange]
) -> Tenant:
    """Change a tenant's credit limit or device quota."""
    return identity.change_tenant(centre, principal, name, data)


@post("/tenants/{name:str}/payments", sync_to_thread=True)
def pay(
    centre: GivenApp, principal: GivenPrincipal, name: FromPath[str], data: JSONBody[money.NewPayment]
) -> Transfer:
    """Record a payment."""
    return money.pay(centre, principal, name, data)


@get("/tenants/{name:str}/balance", sync_to_thread=True)
def balance(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> money.Balance:
    """What a tenant has, what is set aside, and what can be spent."""
    return money.balance(centre, principal, name)


@get("/projects", sync_to_thread=True)
def list_projects(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[Project]:
    """A tenant's projects."""
    return Page(identity.list_projects(centre, principal, tenant))


@post("/projects", sync_to_thread=True)
def open_project(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[identity.NewProject]) -> Project:
    """Open a project."""
    return identity.open_project(centre, principal, data)


@get("/members", sync_to_thread=True)
def list_members(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[Member]:
    """A tenant's members."""
    return Page(identity.list_members(centre, principal, tenant))


@post("/members", sync_to_thread=True)
def add_member(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[identity.NewMember]) -> Member:
    """Add a member."""
    return identity.add_member(centre, principal, data)


class ShownToken(msgspec.Struct, frozen=True):
    """A token without anything that could be used in its place."""

    id: str
    tenant: str | None
    member: str | None
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def _shown(token: Token) -> ShownToken:
    fields = {name: getattr(token, name) for name in ShownToken.__struct_fields__}
    return ShownToken(**fields)


@get("/tokens", sync_to_thread=True)
def list_tokens(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[ShownToken]:
    """Tokens of a tenant, or of the centre's staff."""
    return Page(tuple(map(_shown, tokens.list_tokens(centre, principal, tenant))))


class Issued(msgspec.Struct, frozen=True):
    """A new token with its secret, shown this once."""

    token: ShownToken
    secret: str


@post("/tokens", sync_to_thread=True)
def issue_token(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[tokens.NewToken]) -> Issued:
    """Issue a token."""
    issued = tokens.issue_token(centre, principal, data)
    return Issued(_shown(issued.token), issued.secret)


@delete("/tokens/{name:str}", sync_to_thread=True, status_code=200)
def revoke_token(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> ShownToken:
    """Revoke a token."""
    return _shown(tokens.revoke_token(centre, principal, name))


@get("/volumes", sync_to_thread=True)
def list_volumes(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[Volume]:
    """A tenant's volumes."""
    return Page(identity.list_volumes(centre, principal, tenant))


@post("/volumes", sync_to_thread=True)
def add_volume(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[NewVolume]) -> Volume:
    """Make a volume."""
    return identity.add_volume(centre, principal, data.name, data.tenant)


ROUTER = Router(
    "/",
    route_handlers=[
        list_tenants,
        open_tenant,
        change_tenant,
        show_tenant,
        pay,
        balance,
        list_projects,
        open_project,
        list_members,
        add_member,
        list_tokens,
        issue_token,
        revoke_token,
        list_volumes,
        add_volume,
    ],
)
