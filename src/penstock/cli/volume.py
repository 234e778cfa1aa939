"""`penstock volume`: named directories that jobs can mount."""

from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.options import Tenant
from penstock.cli.output import print_table

app = tree("volume")


class Volume(msgspec.Struct, frozen=True):
    """A named directory of a tenant."""

    id: str
    tenant: str
    name: str
    created_at: datetime


@app.command(name="list")
def list_volumes(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List volumes."""
    with call.client() as client:
        call.show_list(client.items("volumes", tenant=tenant), Volume, lambda volumes: _table(volumes, call))


@app.command
def add(
    name: Annotated[str, Parameter(help="Name by which jobs mount it.")],
    /,
    *,
    tenant: Tenant = None,
    call: Call = CALL,
) -> None:
    """Make a volume."""
    body = {"name": name, "tenant": tenant}
    with call.client() as client:
        call.show(client.post("volumes", body=body), Volume, lambda found: _table([found], call))


def _table(volumes: list[Volume], call: Call) -> None:
    rows = [(volume.name, volume.tenant, call.time(volume.created_at)) for volume in volumes]
    print_table(("VOLUME", "TENANT", "MADE"), rows)
