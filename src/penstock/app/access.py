"""Who may do what. A foreign object and a missing one look the same from outside."""

from typing import Protocol

from penstock.base.ids import check_id
from penstock.base.refusal import Refused, ensure, forbidden, invalid, not_found
from penstock.lease.tenant import Principal, Scope

SYSTEM = Principal("system", (Scope.OPERATOR,))
"""The loop itself."""


class Owned(Protocol):
    """A row that belongs to a tenant."""

    @property
    def tenant(self) -> str:
        """The owner."""
        ...


def require_operator(principal: Principal) -> None:
    """Refuse everyone but the centre's operator."""
    if not principal.may(Scope.OPERATOR):
        raise Refused(forbidden("this needs the operator scope", "use the centre's admin token"))


def require_audit(principal: Principal) -> None:
    """Refuse everyone but operators and auditors."""
    if not principal.may(Scope.AUDIT):
        raise Refused(
            forbidden("this needs the operator or audit scope", "use an operator's or auditor's token")
        )


def require_metering(principal: Principal) -> None:
    """Refuse everyone but operators and the centre's own services that report usage."""
    if not (principal.may(Scope.OPERATOR) or (principal.tenant is None and Scope.METER in principal.scopes)):
        raise Refused(
            forbidden("this needs the meter scope", "use a staff token that was issued with --scope meter")
        )


def require(principal: Principal, scope: Scope, tenant: str) -> None:
    """Refuse unless the principal has the scope over this tenant; a foreign tenant does not exist."""
    if not principal.may(Scope.READ, tenant) and principal.tenant != tenant:
        raise Refused(not_found("tenant", tenant))
    if not principal.may(scope, tenant):
        raise Refused(
            forbidden(f"this needs the {scope} scope", "ask an owner of the tenant for a token with it")
        )


def visible[T: Owned](
    principal: Principal, noun: str, name: str, found: T | None, scope: Scope = Scope.READ
) -> T:
    """The object if the principal may have it, judged by the object's own tenant."""
    if found is None or not (principal.may(Scope.READ, found.tenant) or principal.tenant == found.tenant):
        raise Refused(not_found(noun, name))
    require(principal, scope, found.tenant)
    return found


def own_tenant(principal: Principal, tenant: str | None) -> str:
    """The tenant a request speaks of: named by staff, or else the caller's own."""
    chosen = tenant or principal.tenant
    if chosen is None:
        raise Refused(invalid("tenant_missing", "no tenant was named", "name one with --tenant", "tenant"))
    return chosen


def qualified(tenant: str, name: str) -> str:
    """A caller's id inside its tenant's own name space, `tenant.name`, so that tenants never collide."""
    local = name.removeprefix(f"{tenant}.")
    return f"{tenant}.{ensure(check_id(local))}"


def known_as(principal: Principal, name: str) -> str:
    """The full id of what a tenant's caller calls by its short name; staff say the full one."""
    if principal.tenant is None or name.startswith(f"{principal.tenant}."):
        return name
    return f"{principal.tenant}.{name}"


def readable_tenant(principal: Principal, tenant: str | None) -> str | None:
    """The tenant to list for; None (all) only for those who may read every tenant."""
    chosen = tenant or principal.tenant
    if chosen is not None:
        require(principal, Scope.READ, chosen)
    elif not principal.may(Scope.AUDIT):
        require_operator(principal)
    return chosen
