"""`penstock contract`: what a tenant agreed to buy, and what it comes to."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.billing.pricing.shown import Statement
from penstock.billing.pricing.signed import SignedContract
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.options import Id, Tenant
from penstock.cli.output import print_fields, print_table
from penstock.cli.price import read_text
from penstock.cli.rateview import number
from penstock.lease.jobfile.document import SIZE_MAX_BYTES

app = tree("contract")
ContractId = Annotated[str, Parameter(name="CONTRACT", help="Contract id.")]


@app.command
def sign(file: Annotated[Path, Parameter(help="Contract in YAML or JSON.")], /, *, call: Call = CALL) -> None:
    """Sign a contract with a tenant; the same file again changes nothing."""
    content = read_text(file, SIZE_MAX_BYTES).encode()
    with call.client() as client:
        answer = client.post("contracts", content=content, filename=str(file))
    call.show(answer, SignedContract, lambda found: _fields(found, call))


@app.command(name="list")
def list_contracts(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List contracts."""
    with call.client() as client:
        call.show_list(
            client.items("contracts", tenant=tenant), SignedContract, lambda found: _table(found, call)
        )


@app.command
def show(contract: ContractId, /, *, call: Call = CALL) -> None:
    """Show a contract and its changes."""
    with call.client() as client:
        call.show(client.get("contracts", contract), SignedContract, lambda found: _shown(found, call))


@app.command
def statement(
    contract: ContractId,
    /,
    *,
    until: Annotated[str | None, Parameter(help="Up to when; by default now.")] = None,
    call: Call = CALL,
) -> None:
    """Show what a contract comes to, position by position; nothing is charged."""
    with call.client() as client:
        answer = client.get(
            "contracts", contract, "statement", until=parse.instant(until, "--until", utc=call.utc)
        )
    call.show(answer, Statement, lambda found: _statement(found, call))


@app.command
def change(
    contract: ContractId,
    item: Annotated[str, Parameter(name="ITEM", help="Item of the price book.")],
    quantity: Annotated[str, Parameter(name="QUANTITY", help="How many from then on; 0 ends it.")],
    /,
    *,
    at: Annotated[str | None, Parameter(help="From when on; by default now.")] = None,
    device: Annotated[
        tuple[str, ...], Parameter(help="Devices that deliver a compute item.", negative="")
    ] = (),
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Change how many of an item are agreed from a time on, prorated to the second."""
    body = {
        "id": new_id(own_id, "change"),
        "item": item,
        "quantity": quantity,
        "at": parse.instant(at, "--at", utc=call.utc),
        "devices": device,
    }
    with call.client() as client:
        answer = client.post("contracts", contract, "changes", body=body)
    call.show(answer, SignedContract, lambda found: _shown(found, call))


@app.command
def terminate(
    contract: ContractId,
    /,
    *,
    at: Annotated[str | None, Parameter(help="When it ends; by default now.")] = None,
    call: Call = CALL,
) -> None:
    """End a contract early, by its own conditions."""
    body = {"at": parse.instant(at, "--at", utc=call.utc)}
    with call.client() as client:
        answer = client.post("contracts", contract, "termination", body=body)
    call.show(answer, SignedContract, lambda found: _fields(found, call))


def _table(contracts: list[SignedContract], call: Call) -> None:
    rows = [
        (
            one.id,
            one.tenant,
            one.price_book,
            call.time(one.start),
            call.time(one.terminated_at or one.end),
            call.time(one.accrued_until),
        )
        for one in contracts
    ]
    print_table(("CONTRACT", "TENANT", "BOOK", "FROM", "TO", "CHARGED UNTIL"), rows)


def _fields(one: SignedContract, call: Call) -> None:
    print_fields(
        [
            ("contract", one.id),
            ("tenant", one.tenant),
            ("price book", one.price_book),
            ("from", call.time(one.start)),
            ("to", call.time(one.end)),
            ("ended early", call.time(one.terminated_at)),
            ("charged until", call.time(one.accrued_until)),
        ]
    )


def _shown(one: SignedContract, call: Call) -> None:
    _fields(one, call)
    if one.changes:
        print()
        rows = [(call.time(change.at), change.item, change.quantity) for change in one.changes]
        print_table(("FROM", "ITEM", "QUANTITY"), rows, right=(2,))
    print()
    print(one.document.rstrip("\n"))


def _statement(found: Statement, call: Call) -> None:
    rows = [
        (
            one.name or one.item or formats.word(one.kind),
            formats.word(one.mode),
            formats.word(one.kind),
            call.time(one.window.start)[:10],
            number(one.quantity) if one.unit else "",
            one.unit,
            number(one.unit_price) if one.unit else "",
            formats.money(one.amount_micros, found.currency),
        )
        for one in found.positions
    ]
    titles = ("FOR", "MODE", "KIND", "FROM", "QUANTITY", "UNIT", "UNIT PRICE", "AMOUNT")
    print_table(titles, rows, right=(4, 6, 7))
    print()
    print_fields(
        [
            ("total", formats.money(found.total_micros, found.currency)),
            ("not earned yet", formats.money(found.deferred_micros, found.currency)),
        ]
    )
