"""The admin password: set on the host itself, traded for a short-lived operator token."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from penstock.app.access import SYSTEM, require_operator
from penstock.app.context import App
from penstock.app.tokens import SESSION, IssuedToken, NewToken, issue_token
from penstock.base.refusal import Refusal, Refused, invalid
from penstock.lease.tenant import Principal, Scope
from penstock.store import audit, settings

_KEY = "admin_password"
_LENGTH_MIN = 12


def change_password(app: App, principal: Principal, password: str) -> None:
    """Another admin password, as an operator's act."""
    require_operator(principal)
    set_password(app, password, principal.token)


def set_password(app: App, password: str, by: str = SYSTEM.token) -> None:
    """Keep the argon2id hash of a password of at least twelve characters."""
    if len(password) < _LENGTH_MIN:
        raise Refused(
            invalid(
                "password_short",
                f"the password has {len(password)} characters",
                f"use {_LENGTH_MIN} or more",
                "password",
            )
        )
    hashed = PasswordHasher().hash(password)
    with app.database.write() as tx:
        settings.put(tx, _KEY, hashed)
        audit.record(tx, app.now(), by, "set_admin_password", "admin")


def has_password(app: App) -> bool:
    """Whether an admin password is set."""
    with app.database.read() as tx:
        return settings.get(tx, _KEY) != ""


def sign_in(app: App, password: str) -> IssuedToken:
    """An operator token for the right password; one answer for a wrong one and for none set."""
    with app.database.read() as tx:
        hashed = settings.get(tx, _KEY)
    try:
        if not hashed:
            raise VerifyMismatchError
        PasswordHasher().verify(hashed, password)
    except VerifyMismatchError as error:
        raise Refused(
            Refusal("password_wrong", "that is not the admin password", "try again", "password", 401)
        ) from error
    request = NewToken(
        id=f"session-{secrets.token_hex(8)}", scopes=(Scope.OPERATOR,), expires_at=app.now() + SESSION
    )
    return issue_token(app, SYSTEM, request)
