"""Tenants and what hangs on them: projects, members, volumes."""

import re

import msgspec

from penstock.app import asking
from penstock.app.access import own_tenant, qualified, readable_tenant, require, require_operator
from penstock.app.context import App
from penstock.base.ids import check_id
from penstock.base.money import AMOUNT_MAX_MICROS, Micros
from penstock.base.refusal import Refusal, Refused, ensure, forbidden, invalid, not_found
from penstock.lease.tenant import ROLE_SCOPES, Member, Principal, Project, Scope, Tenant
from penstock.ledger.chart import PREPAID, tenant_account, tenant_accounts, with_credit_limit
from penstock.store import audit, ledger, settings, tenants
from penstock.store.tables import Volume

ADDRESS_LENGTH_MAX = 1_000
QUOTA_MAX = 1_000_000
_TENANT_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


class NewTenant(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A customer to open. Amounts in micros."""

    id: str
    name: str = ""
    credit_limit_micros: int = 0
    device_quota: int | None = None
    language: str = "en"
    address: str = ""
    tax_number: str = ""


class TenantChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to change of a customer; what is not named stays."""

    credit_limit_micros: int | None = None
    device_quota: int | None = None


class NewProject(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A project to open in a tenant."""

    id: str
    tenant: str | None = None
    name: str = ""
    device_quota: int | None = None


class NewMember(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A person to add to a tenant; `role` is owner, developer, buyer or viewer."""

    id: str
    tenant: str | None = None
    name: str = ""
    role: str = "developer"


def open_tenant(app: App, principal: Principal, request: NewTenant) -> Tenant:
    """Open a customer's account; its ledger accounts are made with it."""
    require_operator(principal)
    problem = _tenant_problem(request)
    if problem:
        raise Refused(problem)
    for where in ("name", "tax_number"):
        asking.text(getattr(request, where), where)
    asking.text(request.address, "address", ADDRESS_LENGTH_MAX, lines=True)
    asking.whole_number(request.device_quota, 0, QUOTA_MAX, "device_quota")
    now = app.now()
    tenant = Tenant(
        id=request.id,
        name=request.name or request.id,
        created_at=now,
        currency=app.policy.currency,
        credit_limit_micros=request.credit_limit_micros,
        device_quota=request.device_quota,
        language=request.language,
        address=request.address,
        tax_number=request.tax_number,
    )
    with app.database.write() as tx:
        if settings.first_time(tx, "tenant", tenant.id, request):
            tenants.add_tenant(tx, tenant)
            for account in tenant_accounts(tenant.id, tenant.currency, tenant.credit_limit_micros, now):
                ledger.open_account(tx, account)
            audit.record(tx, now, principal.token, "open_tenant", tenant.id)
        return _known(tenants.tenant(tx, tenant.id))


def change_tenant(app: App, principal: Principal, name: str, request: TenantChange) -> Tenant:
    """Change how far a customer's balance may go below zero, or how many devices it may use. Safe to repeat.

    A limit is not set below what is used or held of it. Whoever was suspended for want of money goes on with the
    loop's next turn where the new limit leaves some.
    """
    require_operator(principal)
    limit = request.credit_limit_micros
    problem = None if limit is None else _limit_problem(limit)
    if problem:
        raise Refused(problem)
    asking.whole_number(request.device_quota, 0, QUOTA_MAX, "device_quota")
    now = app.now()
    with app.database.write() as tx:
        tenant = existing(tenants.tenant(tx, name), name)
        asked = {
            field: value for field, value in msgspec.structs.asdict(request).items() if value is not None
        }
        changed = msgspec.structs.replace(tenant, **asked)
        if changed == tenant:
            return tenant
        if limit is not None:
            prepaid = ledger.account(tx, tenant_account(name, PREPAID))
            assert prepaid is not None, "a tenant has its accounts"
            ledger.put_account(tx, ensure(with_credit_limit(prepaid, limit)))
        tenants.put_tenant(tx, changed)
        settings.bump(tx)
        said = ", ".join(f"{field} {value}" for field, value in asked.items())
        audit.record(tx, now, principal.token, "change_tenant", name, said)
        return changed


def _tenant_problem(request: NewTenant) -> Refusal | None:
    if not _TENANT_ID.fullmatch(request.id):
        return invalid(
            "id_malformed", f"{request.id[:80]!r} is no tenant id", "use a-z, 0-9 and '-', at most 32", "id"
        )
    if request.language not in ("en", "zh"):
        return invalid("language_unknown", f"{request.language!r} is not offered", "use en or zh", "language")
    return _limit_problem(request.credit_limit_micros)


def _limit_problem(limit_micros: Micros) -> Refusal | None:
    if limit_micros < 0:
        return invalid(
            "amount_negative", "a credit limit is not negative", "give 0 or more", "credit_limit_micros"
        )
    if limit_micros > AMOUNT_MAX_MICROS:
        return invalid(
            "amount_absurd", "the credit limit is past the ledger's range", "give less", "credit_limit_micros"
        )
    return None


def open_project(app: App, principal: Principal, request: NewProject) -> Project:
    """Open a project in a tenant."""
    tenant = own_tenant(principal, request.tenant)
    require(principal, Scope.MANAGE, tenant)
    asking.text(request.name, "name")
    asking.whole_number(request.device_quota, 0, QUOTA_MAX, "device_quota")
    project = Project(
        id=ensure(check_id(request.id)),
        tenant=tenant,
        name=request.name or request.id,
        device_quota=request.device_quota,
    )
    with app.database.write() as tx:
        existing(tenants.tenant(tx, tenant), tenant)
        if settings.first_time(tx, "project", qualified(tenant, project.id), request):
            tenants.add_project(tx, project)
        return _known(tenants.project(tx, tenant, project.id))


def add_member(app: App, principal: Principal, request: NewMember) -> Member:
    """Add a person to a tenant; nobody gives a role with scopes beyond their own."""
    tenant = own_tenant(principal, request.tenant)
    require(principal, Scope.MANAGE, tenant)
    if request.role not in ROLE_SCOPES:
        raise Refused(
            invalid(
                "role_unknown", f"there is no role {request.role!r}", f"use {', '.join(ROLE_SCOPES)}", "role"
            )
        )
    no_more_than_own(principal, ROLE_SCOPES[request.role])
    asking.text(request.name, "name")
    member = Member(
        id=ensure(check_id(request.id)), tenant=tenant, name=request.name or request.id, role=request.role
    )
    with app.database.write() as tx:
        existing(tenants.tenant(tx, tenant), tenant)
        if settings.first_time(tx, "member", qualified(tenant, member.id), request):
            tenants.add_member(tx, member)
            audit.record(tx, app.now(), principal.token, "add_member", f"{tenant}/{member.id}", member.role)
        return _known(tenants.member(tx, tenant, member.id))


def add_volume(app: App, principal: Principal, name: str, tenant: str | None = None) -> Volume:
    """Make a named directory that a tenant's jobs can mount. Safe to repeat."""
    owner = own_tenant(principal, tenant)
    require(principal, Scope.SUBMIT, owner)
    full = qualified(owner, name)
    volume = Volume(id=full, tenant=owner, name=full.removeprefix(f"{owner}."), created_at=app.now())
    with app.database.write() as tx:
        existing(tenants.tenant(tx, owner), owner)
        known = tenants.volume(tx, owner, volume.name)
        if known is None:
            tenants.add_volume(tx, volume)
    app.files.volume(volume.id)
    return known or volume


def list_projects(app: App, principal: Principal, tenant: str | None = None) -> tuple[Project, ...]:
    """Projects of one tenant, or for staff of all."""
    with app.database.read() as tx:
        return tenants.projects(tx, readable_tenant(principal, tenant))


def list_members(app: App, principal: Principal, tenant: str | None = None) -> tuple[Member, ...]:
    """A tenant's members."""
    owner = own_tenant(principal, tenant)
    require(principal, Scope.READ, owner)
    with app.database.read() as tx:
        return tenants.members(tx, owner)


def list_volumes(app: App, principal: Principal, tenant: str | None = None) -> tuple[Volume, ...]:
    """Volumes of one tenant, or for staff of all."""
    with app.database.read() as tx:
        return tenants.volumes(tx, readable_tenant(principal, tenant))


def list_tenants(app: App, principal: Principal) -> tuple[Tenant, ...]:
    """All tenants for staff, one's own otherwise."""
    with app.database.read() as tx:
        return tuple(t for t in tenants.tenants(tx) if principal.may(Scope.READ, t.id))


def show_tenant(app: App, principal: Principal, name: str) -> Tenant:
    """One tenant."""
    require(principal, Scope.READ, name)
    with app.database.read() as tx:
        return existing(tenants.tenant(tx, name), name)


def no_more_than_own(principal: Principal, scopes: tuple[Scope, ...]) -> None:
    """Refuse to give scopes that the giver does not have."""
    if Scope.OPERATOR not in principal.scopes and not set(scopes) <= set(principal.scopes):
        raise Refused(forbidden("nobody gives scopes beyond their own", "ask for fewer scopes"))


def existing(tenant: Tenant | None, name: str) -> Tenant:
    """The tenant, or refuse where there is none."""
    if tenant is None:
        raise Refused(not_found("tenant", name))
    return tenant


def _known[T](row: T | None) -> T:
    assert row is not None, "a row just written is there"
    return row
