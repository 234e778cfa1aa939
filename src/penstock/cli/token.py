"""`penstock token`: credentials of people and programs."""

from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.clock import now
from penstock.cli.language import _
from penstock.cli.options import Id, Tenant
from penstock.cli.output import note, print_fields, print_table
from penstock.lease.tenant import Scope

app = tree("token")


class ShownToken(msgspec.Struct, frozen=True):
    """A token without its secret."""

    id: str
    tenant: str | None
    member: str | None
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class Issued(msgspec.Struct, frozen=True):
    """A new token with its secret."""

    token: ShownToken
    secret: str


@app.command(name="list")
def list_tokens(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List tokens of a tenant, or of the centre's staff."""
    with call.client() as client:
        call.show_list(client.items("tokens", tenant=tenant), ShownToken, lambda tokens: _table(tokens, call))


@app.command
def issue(
    *,
    member: Annotated[str | None, Parameter(help="Member that the token speaks for.")] = None,
    scope: Annotated[
        list[Scope] | None,
        Parameter(help="What it may do; by default what the member's role may.", negative=""),
    ] = None,
    expires: Annotated[
        str | None, Parameter(help="How long it is valid, such as 30d, or until when.")
    ] = None,
    tenant: Tenant = None,
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Issue a token; its secret is shown this once."""
    body = {
        "id": new_id(own_id, "token"),
        "tenant": tenant,
        "member": member,
        "scopes": scope or [],
        "expires_at": _expiry(expires, utc=call.utc),
    }
    with call.client() as client:
        call.show(
            client.post("tokens", body=body, repeatable=False), Issued, lambda issued: _issued(issued, call)
        )


@app.command
def revoke(token: Annotated[str, Parameter(help="Token id.")], /, *, call: Call = CALL) -> None:
    """End a token at once."""
    with call.client() as client:
        call.show(client.delete("tokens", token), ShownToken, lambda found: _table([found], call))


def _expiry(text: str | None, *, utc: bool) -> datetime | None:
    if text is None or "-" in text:
        return parse.instant(text, "--expires", utc=utc)
    return now() + parse.duration(text, "--expires")


def _table(tokens: list[ShownToken], call: Call) -> None:
    rows = [
        (
            token.id,
            token.tenant or formats.NONE,
            token.member or formats.NONE,
            " ".join(token.scopes),
            call.time(token.expires_at),
            call.time(token.revoked_at),
        )
        for token in tokens
    ]
    print_table(("TOKEN", "TENANT", "MEMBER", "SCOPES", "EXPIRES", "REVOKED"), rows)


def _issued(issued: Issued, call: Call) -> None:
    token = issued.token
    print_fields(
        [
            ("token", token.id),
            ("tenant", token.tenant or ""),
            ("member", token.member or ""),
            ("scopes", " ".join(token.scopes)),
            ("expires", call.time(token.expires_at)),
            ("secret", issued.secret),
        ]
    )
    note(_("Keep the secret: it is not shown again."))
