"""Tenants and what hangs on them: projects, members, tokens, volumes."""

from sqlalchemy import Connection, select

from penstock.lease.tenant import Member, Project, Tenant, Token
from penstock.store import rows, settings
from penstock.store.prepared import Prepared
from penstock.store.remembered import Remembered
from penstock.store.tables import MEMBERS, PROJECTS, TENANTS, TOKENS, VOLUMES, Volume

_TENANTS = Prepared(select(TENANTS).order_by(TENANTS.c.id))
_PROJECTS = select(PROJECTS).order_by(PROJECTS.c.tenant, PROJECTS.c.id)
_ALL_PROJECTS = Prepared(_PROJECTS)
_tenants = Remembered(settings.SELDOM, lambda tx: rows.fetch(tx, _TENANTS, Tenant))
_projects = Remembered(settings.SELDOM, lambda tx: rows.fetch(tx, _ALL_PROJECTS, Project))


def tenants(tx: Connection) -> tuple[Tenant, ...]:
    """All tenants, by id."""
    return _tenants(tx)


def tenant(tx: Connection, name: str) -> Tenant | None:
    """One tenant."""
    return rows.get(tx, TENANTS, id=name)


def projects(tx: Connection, tenant: str | None = None) -> tuple[Project, ...]:
    """A tenant's projects, or all."""
    if tenant is None:
        return _projects(tx)
    return rows.found(tx, _PROJECTS.where(PROJECTS.c.tenant == tenant), Project)


def project(tx: Connection, tenant: str, name: str) -> Project | None:
    """One project of a tenant."""
    return rows.get(tx, PROJECTS, tenant=tenant, id=name)


def members(tx: Connection, tenant: str) -> tuple[Member, ...]:
    """A tenant's members."""
    return rows.many(tx, MEMBERS, MEMBERS.c.tenant == tenant, order=[MEMBERS.c.id])


def member(tx: Connection, tenant: str, name: str) -> Member | None:
    """One member of a tenant."""
    return rows.get(tx, MEMBERS, tenant=tenant, id=name)


def add_tenant(tx: Connection, tenant: Tenant) -> None:
    """Keep a new tenant."""
    rows.add(tx, TENANTS, [tenant])
    _changed(tx)


def put_tenant(tx: Connection, tenant: Tenant) -> None:
    """Write a changed tenant."""
    rows.put(tx, TENANTS, tenant)
    _changed(tx)


def _changed(tx: Connection) -> None:
    settings.bump(tx, settings.SELDOM)
    settings.bump(tx)


def add_project(tx: Connection, project: Project) -> None:
    """Keep a new project."""
    rows.add(tx, PROJECTS, [project])
    _changed(tx)


def add_member(tx: Connection, member: Member) -> None:
    """Keep a new member."""
    rows.add(tx, MEMBERS, [member])


def add_token(tx: Connection, token: Token) -> None:
    """Keep a new token."""
    rows.add(tx, TOKENS, [token])


def put_token(tx: Connection, token: Token) -> None:
    """Write a changed token."""
    rows.put(tx, TOKENS, token)


def token(tx: Connection, name: str) -> Token | None:
    """One token by its id."""
    return rows.get(tx, TOKENS, id=name)


def tokens(tx: Connection, tenant: str | None) -> tuple[Token, ...]:
    """A tenant's tokens, or with None the centre's own."""
    return rows.many(tx, TOKENS, TOKENS.c.tenant == tenant, order=[TOKENS.c.id])


def token_by_hash(tx: Connection, secret_hash: str) -> Token | None:
    """The token whose secret has this hash."""
    return rows.get(tx, TOKENS, secret_hash=secret_hash)


def volume(tx: Connection, tenant: str, name: str) -> Volume | None:
    """A tenant's volume."""
    return rows.get(tx, VOLUMES, tenant=tenant, name=name)


def volumes(tx: Connection, tenant: str | None) -> tuple[Volume, ...]:
    """A tenant's volumes, or all."""
    where = [] if tenant is None else [VOLUMES.c.tenant == tenant]
    return rows.many(tx, VOLUMES, *where, order=[VOLUMES.c.tenant, VOLUMES.c.name])


def add_volume(tx: Connection, volume: Volume) -> None:
    """Keep a new volume."""
    rows.add(tx, VOLUMES, [volume])
