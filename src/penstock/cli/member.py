"""`penstock member`: people of a tenant."""

from typing import Annotated, Literal

from cyclopts import Parameter

from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.options import Tenant
from penstock.cli.output import print_table
from penstock.lease.tenant import Member

app = tree("member")


@app.command(name="list")
def list_members(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List a tenant's members."""
    with call.client() as client:
        call.show_list(client.items("members", tenant=tenant), Member, _table)


@app.command
def add(
    member: Annotated[str, Parameter(help="Member id.")],
    /,
    *,
    name: Annotated[str, Parameter(help="Name for people; by default the id.")] = "",
    role: Annotated[
        Literal["owner", "developer", "buyer", "viewer"], Parameter(help="What the member may do.")
    ] = "developer",
    tenant: Tenant = None,
    call: Call = CALL,
) -> None:
    """Add a person to a tenant."""
    body = {"id": member, "name": name, "role": role, "tenant": tenant}
    with call.client() as client:
        call.show(client.post("members", body=body), Member, lambda found: _table([found]))


def _table(members: list[Member]) -> None:
    rows = [(member.id, member.tenant, member.name, member.role) for member in members]
    print_table(("MEMBER", "TENANT", "NAME", "ROLE"), rows)
