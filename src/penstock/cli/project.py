"""`penstock project`: names under which a tenant's jobs are grouped."""

from typing import Annotated

from cyclopts import Parameter

from penstock.cli import formats
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.options import Tenant
from penstock.cli.output import print_table
from penstock.lease.tenant import Project

app = tree("project")


@app.command(name="list")
def list_projects(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List projects."""
    with call.client() as client:
        call.show_list(client.items("projects", tenant=tenant), Project, _table)


@app.command(name="open")
def open_project(
    project: Annotated[str, Parameter(help="Project id.")],
    /,
    *,
    name: Annotated[str, Parameter(help="Name for people; by default the id.")] = "",
    device_quota: Annotated[int | None, Parameter(help="Most devices at once.")] = None,
    tenant: Tenant = None,
    call: Call = CALL,
) -> None:
    """Open a project."""
    body = {"id": project, "name": name, "tenant": tenant, "device_quota": device_quota}
    with call.client() as client:
        call.show(client.post("projects", body=body), Project, lambda found: _table([found]))


def _table(projects: list[Project]) -> None:
    rows = [
        (
            project.id,
            project.tenant,
            project.name,
            formats.NONE if project.device_quota is None else str(project.device_quota),
        )
        for project in projects
    ]
    print_table(("PROJECT", "TENANT", "NAME", "DEVICE QUOTA"), rows, right=(3,))
