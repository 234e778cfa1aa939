"""Tokens: issued to members and staff, shown once, kept as hashes, revoked at once."""

import hashlib
import secrets
from datetime import datetime, timedelta

import msgspec

from penstock.app import asking
from penstock.app.access import known_as, own_tenant, qualified, require, require_operator
from penstock.app.context import App
from penstock.app.identity import existing, no_more_than_own
from penstock.base.ids import check_id
from penstock.base.refusal import Refusal, Refused, ensure, forbidden, invalid, not_found
from penstock.lease.tenant import ROLE_SCOPES, Principal, Scope, Token
from penstock.store import audit, tenants
from penstock.store.database import Tx

SESSION = timedelta(hours=12)
"""How long a sign-in lasts."""


class NewToken(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A token to issue: for a member with the scopes of the role, or for staff (no tenant)."""

    id: str
    tenant: str | None = None
    member: str | None = None
    scopes: tuple[Scope, ...] = ()
    expires_at: datetime | None = None


class IssuedToken(msgspec.Struct, frozen=True):
    """A token with its secret, which is shown this once."""

    token: Token
    secret: str


def issue_token(app: App, principal: Principal, request: NewToken) -> IssuedToken:
    """Make a token and show its secret once; a repeat under the same id is refused, not shown again."""
    now = app.now()
    expires_at = asking.instant(request.expires_at, "expires_at")
    if expires_at is not None and expires_at <= now:
        raise Refused(
            invalid("expiry_past", "the token would be expired already", "give a later time", "expires_at")
        )
    with app.database.write() as tx:
        tenant, scopes = _scopes_for(tx, principal, request)
        no_more_than_own(principal, scopes)
        name = ensure(check_id(request.id)) if tenant is None else qualified(tenant, request.id)
        if tenants.token(tx, name) is not None:
            raise Refused(
                Refusal("token_exists", f"token {name!r} was issued", "revoke it, or use a new id", "id")
            )
        secret = f"pst_{secrets.token_urlsafe(32)}"
        token = Token(
            id=name,
            secret_hash=_hash(secret),
            scopes=scopes,
            created_at=now,
            tenant=tenant,
            member=request.member,
            expires_at=expires_at,
        )
        tenants.add_token(tx, token)
        audit.record(tx, now, principal.token, "issue_token", name, " ".join(scopes))
    return IssuedToken(token, secret)


def _scopes_for(tx: Tx, principal: Principal, request: NewToken) -> tuple[str | None, tuple[Scope, ...]]:
    if request.tenant is None and principal.tenant is None:
        require_operator(principal)
        return None, request.scopes or (Scope.AUDIT, Scope.READ)
    tenant = own_tenant(principal, request.tenant)
    require(principal, Scope.MANAGE, tenant)
    existing(tenants.tenant(tx, tenant), tenant)
    member = None if request.member is None else tenants.member(tx, tenant, request.member)
    if member is None:
        raise Refused(not_found("member", str(request.member)))
    allowed = ROLE_SCOPES[member.role]
    if not set(request.scopes) <= set(allowed):
        raise Refused(forbidden(f"a {member.role} has only {', '.join(allowed)}", "ask for fewer scopes"))
    return tenant, request.scopes or allowed


def revoke_token(app: App, principal: Principal, name: str) -> Token:
    """End a token at once. Safe to repeat."""
    name = known_as(principal, name)
    now = app.now()
    with app.database.write() as tx:
        token = tenants.token(tx, name)
        if token is None or (token.tenant != principal.tenant and not principal.may(Scope.AUDIT)):
            raise Refused(not_found("token", name))
        if token.tenant is None:
            require_operator(principal)
        else:
            require(principal, Scope.MANAGE, token.tenant)
        if token.revoked_at is None:
            token = msgspec.structs.replace(token, revoked_at=now)
            tenants.put_token(tx, token)
            audit.record(tx, now, principal.token, "revoke_token", name)
        return token


def open_session(app: App, secret: str) -> IssuedToken:
    """Trade a token for a short-lived one with the same rights, so that a browser never keeps the lasting one.

    The session ends with the token it came from, whichever ends first.
    """
    now = app.now()
    with app.database.read() as tx:
        held = _valid(tx, tenants.token_by_hash(tx, _hash(secret)), now)
    session = f"pst_{secrets.token_urlsafe(32)}"
    name = f"session-{secrets.token_hex(8)}"
    token = Token(
        id=name if held.tenant is None else qualified(held.tenant, name),
        secret_hash=_hash(session),
        scopes=held.scopes,
        created_at=now,
        tenant=held.tenant,
        member=held.member,
        expires_at=now + SESSION,
        parent=held.id,
    )
    with app.database.write() as tx:
        tenants.add_token(tx, token)
        audit.record(tx, now, held.id, "sign_in", token.id)
    return IssuedToken(token, session)


def end_session(app: App, principal: Principal) -> None:
    """Sign out: the token that the caller itself holds ends, if it is a session's. Safe to repeat."""
    now = app.now()
    with app.database.write() as tx:
        token = tenants.token(tx, principal.token)
        if token is not None and token.revoked_at is None and _is_session(token):
            tenants.put_token(tx, msgspec.structs.replace(token, revoked_at=now))
            audit.record(tx, now, principal.token, "sign_out", token.id)


def _is_session(token: Token) -> bool:
    return token.id.removeprefix(f"{token.tenant}.").startswith("session-")


def _has_ended(token: Token, now: datetime) -> bool:
    return token.revoked_at is not None or (token.expires_at or now) < now


def authenticate(app: App, secret: str) -> Principal:
    """Who holds this secret; one answer for unknown, revoked and expired tokens."""
    with app.database.read() as tx:
        token = _valid(tx, tenants.token_by_hash(tx, _hash(secret)), app.now())
    return Principal(token.id, token.scopes, token.tenant, token.member)


def require_valid(app: App, principal: Principal) -> None:
    """Refuse whose token has ended since it was shown: for answers that go on."""
    with app.database.read() as tx:
        _valid(tx, tenants.token(tx, principal.token), app.now())


def still_valid(app: App, principal: Principal) -> bool:
    """Whether the token that was shown has not ended since."""
    try:
        require_valid(app, principal)
    except Refused:
        return False
    return True


def _valid(tx: Tx, token: Token | None, now: datetime) -> Token:
    """The token, if neither it nor any that it was traded for has ended."""
    if token is None or _has_ended(token, now):
        said = "the token is unknown, revoked or expired"
        raise Refused(Refusal("token_invalid", said, "ask for a new one", "authorization", 401))
    if token.parent is not None:
        _valid(tx, tenants.token(tx, token.parent), now)
    return token


def list_tokens(app: App, principal: Principal, tenant: str | None = None) -> tuple[Token, ...]:
    """A tenant's tokens, or for operators the centre's own."""
    owner = tenant or principal.tenant
    if owner is None:
        require_operator(principal)
    else:
        require(principal, Scope.MANAGE, owner)
    with app.database.read() as tx:
        return tenants.tokens(tx, owner)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
