"""`penstock lease`: guaranteed devices over a time."""

from typing import Annotated, Literal

from cyclopts import Parameter

from penstock.cli import formats
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.options import Id, Tenant
from penstock.cli.output import print_fields, print_table
from penstock.lease.offer import Lease

app = tree("lease")
LeaseId = Annotated[str, Parameter(name="LEASE", help="Lease id.")]


@app.command(name="list")
def list_leases(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List leases."""
    with call.client() as client:
        call.show_list(client.items("leases", tenant=tenant), Lease, lambda leases: _table(leases, call))


@app.command
def accept(
    quote: Annotated[str, Parameter(help="Quote to accept.")],
    /,
    *,
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Accept a quote: book the devices and set the money aside."""
    body = {"id": new_id(own_id, "lease"), "quote": quote}
    with call.client() as client:
        call.show(client.post("leases", body=body), Lease, lambda lease: _fields(lease, call))


@app.command
def show(lease: LeaseId, /, *, call: Call = CALL) -> None:
    """Show a lease and its devices."""
    with call.client() as client:
        call.show(client.get("leases", lease), Lease, lambda found: _fields(found, call))


@app.command
def cancel(lease: LeaseId, /, *, call: Call = CALL) -> None:
    """Give back a lease that has not begun; the money set aside is free again."""
    with call.client() as client:
        call.show(client.delete("leases", lease), Lease, lambda found: _fields(found, call))


@app.command
def lend(
    lease: LeaseId,
    /,
    *,
    stop: Annotated[bool, Parameter(help="Lend no longer.", negative="")] = False,
    call: Call = CALL,
) -> None:
    """Let spot work of others use the devices of a lease while its own jobs do not need them."""
    with call.client() as client:
        answer = client.post("leases", lease, "lend", body={"lends_idle": not stop})
        call.show(answer, Lease, lambda found: _fields(found, call))


@app.command(name="set")
def set_state(
    lease: LeaseId,
    state: Annotated[
        Literal["suspended", "active", "breached"], Parameter(name="STATE", help="State to put it in.")
    ],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; kept in the audit log.")] = "",
    call: Call = CALL,
) -> None:
    """Suspend a lease, let it go on, or end it for a breach of its terms."""
    with call.client() as client:
        answer = client.post("leases", lease, "state", body={"state": state, "reason": reason})
        call.show(answer, Lease, lambda found: _fields(found, call))


def _table(leases: list[Lease], call: Call) -> None:
    rows = [
        (
            lease.id,
            lease.tenant,
            f"{lease.model}:{len(lease.devices)}",
            formats.word(lease.state),
            call.time(lease.start),
            call.time(lease.end),
            formats.price(lease.price_micros_per_card_hour),
            formats.unit(lease.currency),
        )
        for lease in leases
    ]
    print_table(
        ("LEASE", "TENANT", "DEVICES", "STATE", "FROM", "TO", "PER CARD-HOUR", "UNIT"), rows, right=(6,)
    )


def _fields(lease: Lease, call: Call) -> None:
    price = f"{formats.price(lease.price_micros_per_card_hour)} {formats.unit(lease.currency)}"
    print_fields(
        [
            ("lease", lease.id),
            ("tenant", lease.tenant),
            ("quote", lease.quote),
            ("state", formats.word(lease.state)),
            ("model", lease.model),
            ("devices", " ".join(lease.devices)),
            ("from", call.time(lease.start)),
            ("to", call.time(lease.end)),
            ("length", formats.duration(lease.end - lease.start)),
            ("price per card-hour", price),
            ("lends what is idle", formats.yes(lease.lends_idle)),
            ("metered until", call.time(lease.metered_until)),
            ("ended", call.time(lease.ended_at)),
        ]
    )
