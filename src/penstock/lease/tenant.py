"""Who may ask: tenants with projects and members, and the tokens that speak for them."""

from datetime import datetime
from enum import StrEnum

import msgspec

from penstock.base.money import Micros


class Scope(StrEnum):
    """What a token may do. A tenant's token acts inside its tenant only."""

    OPERATOR = "operator"
    AUDIT = "audit"
    READ = "read"
    SUBMIT = "submit"
    BUY = "buy"
    MANAGE = "manage"
    METER = "meter"
    """Of the centre's own services: send usage events, and nothing else."""


TENANT_SCOPES = (Scope.READ, Scope.SUBMIT, Scope.BUY, Scope.MANAGE)
ROLE_SCOPES: dict[str, tuple[Scope, ...]] = {
    "owner": TENANT_SCOPES,
    "developer": (Scope.READ, Scope.SUBMIT),
    "buyer": (Scope.READ, Scope.BUY),
    "viewer": (Scope.READ,),
}


class TenantState(StrEnum):
    """`notice`: money is short and the grace period runs; `suspended`: only what is paid ahead, on leases, runs."""

    ACTIVE = "active"
    NOTICE = "notice"
    SUSPENDED = "suspended"


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A customer. `credit_limit_micros` is how far the prepaid balance may go below zero."""

    id: str
    name: str
    created_at: datetime
    currency: str = "CNY"
    credit_limit_micros: Micros = 0
    device_quota: int | None = None
    state: TenantState = TenantState.ACTIVE
    notice_at: datetime | None = None
    language: str = "en"
    address: str = ""
    tax_number: str = ""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A name under which a tenant's jobs are grouped, with an optional cap on devices at once."""

    id: str
    tenant: str
    name: str
    device_quota: int | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a tenant; the role is a key of `ROLE_SCOPES`."""

    id: str
    tenant: str
    name: str
    role: str = "developer"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A credential, kept as the SHA-256 of its secret. No tenant: the centre's own staff."""

    id: str
    secret_hash: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    tenant: str | None = None
    member: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    parent: str | None = None
    """The token that was traded for this one; it ends with it."""


class Principal(msgspec.Struct, frozen=True):
    """Who a request comes from, as far as authorisation needs to know."""

    token: str
    scopes: tuple[Scope, ...]
    tenant: str | None = None
    member: str | None = None

    def may(self, scope: Scope, tenant: str | None = None) -> bool:
        """Whether this principal has the scope over an object of `tenant` (the object's own tenant)."""
        if Scope.OPERATOR in self.scopes:
            return True
        if Scope.AUDIT in self.scopes and scope in (Scope.READ, Scope.AUDIT):
            return True
        return scope in self.scopes and tenant is not None and tenant == self.tenant
