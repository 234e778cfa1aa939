"""The centre's opening: its own accounts, its name, and the first admin token."""

import secrets

import msgspec

from penstock.app import asking
from penstock.app.access import SYSTEM, require_operator
from penstock.app.context import App
from penstock.app.tokens import NewToken, issue_token
from penstock.base.refusal import Refused, invalid
from penstock.lease.tenant import Principal, Scope
from penstock.ledger.chart import centre_accounts
from penstock.store import audit, ledger, settings, tenants

DEFAULT_NAME = "Penstock"
_NAME, _OPENED, _UNSEEN = "centre_name", "opened", "unseen_admin_token"


def open_books(app: App) -> None:
    """Make the centre's accounts. Safe to repeat."""
    now = app.now()
    with app.database.write() as tx:
        for account in centre_accounts(app.policy.currency, now):
            ledger.open_account(tx, account)


def first_admin_token(app: App) -> str | None:
    """The secret of the first admin token until `token_was_shown`; one that nobody saw is revoked."""
    now = app.now()
    with app.database.write() as tx:
        if settings.get(tx, _OPENED):
            return None
        unseen = tenants.token(tx, settings.get(tx, _UNSEEN))
        if unseen is not None and unseen.revoked_at is None:
            tenants.put_token(tx, msgspec.structs.replace(unseen, revoked_at=now))
        name = f"admin-{secrets.token_hex(4)}"
        settings.put(tx, _UNSEEN, name)
    return issue_token(app, SYSTEM, NewToken(id=name, scopes=(Scope.OPERATOR,))).secret


def token_was_shown(app: App) -> None:
    """The admin token was printed: it is not printed again."""
    with app.database.write() as tx:
        settings.put(tx, _OPENED, app.now().isoformat())


def new_admin_token(app: App) -> str:
    """Another operator token, for somebody at the host itself."""
    request = NewToken(id=f"admin-{secrets.token_hex(4)}", scopes=(Scope.OPERATOR,))
    return issue_token(app, SYSTEM, request).secret


def centre_name(app: App) -> str:
    """What the centre is called."""
    with app.database.read() as tx:
        return settings.get(tx, _NAME, DEFAULT_NAME)


def set_centre_name(app: App, name: str) -> None:
    """Call the centre something else."""
    with app.database.write() as tx:
        settings.put(tx, _NAME, name)


def rename_centre(app: App, principal: Principal, name: str) -> None:
    """Call the centre something else, as an operator's act. Safe to repeat."""
    require_operator(principal)
    if not asking.text(name, "name").strip():
        raise Refused(invalid("name_missing", "a centre has a name", "give one", "name"))
    with app.database.write() as tx:
        settings.put(tx, _NAME, name.strip())
        audit.record(tx, app.now(), principal.token, "rename_centre", name.strip())
