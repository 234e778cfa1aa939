"""`penstock voucher`: compute vouchers and the programmes that grant them."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.billing.pricing.signed import PublishedProgramme
from penstock.billing.pricing.voucher import Voucher
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.options import Id, Tenant
from penstock.cli.output import print_fields, print_table
from penstock.cli.price import read_text
from penstock.lease.jobfile.document import SIZE_MAX_BYTES
from penstock.ledger.model import Transfer

app = tree("voucher")


@app.command
def programme(
    file: Annotated[Path, Parameter(help="Voucher programme in YAML or JSON.")], /, *, call: Call = CALL
) -> None:
    """Publish a voucher programme: shares by class of chip, and a cap per company and year."""
    content = read_text(file, SIZE_MAX_BYTES).encode()
    with call.client() as client:
        answer = client.post("voucher-programmes", content=content, filename=str(file))
    call.show(
        answer,
        PublishedProgramme,
        lambda found: print_fields([("programme", found.id), ("issuer", found.issuer)]),
    )


@app.command
def grant(
    programme_id: Annotated[str, Parameter(name="PROGRAMME", help="Voucher programme id.")],
    contract: Annotated[str, Parameter(name="CONTRACT", help="Contract id.")],
    amount: Annotated[str, Parameter(help="Amount of the contract, up to two decimals.")],
    /,
    *,
    model: Annotated[str, Parameter(help="Accelerator model that the contract is on.")],
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Grant what a programme allows for a contract now."""
    body = {
        "id": new_id(own_id, "voucher"),
        "programme": programme_id,
        "contract": contract,
        "model": model,
        "contract_micros": parse.payment(amount, "AMOUNT"),
    }
    with call.client() as client:
        call.show(client.post("vouchers", body=body), Voucher, lambda found: _table([found]))


@app.command(name="list")
def list_vouchers(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List vouchers and what is left of them."""
    with call.client() as client:
        call.show_list(client.items("vouchers", tenant=tenant), Voucher, _table)


@app.command
def paid(
    amount: Annotated[str, Parameter(help="Amount paid, up to two decimals.")],
    /,
    *,
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Record that an issuer paid for vouchers."""
    body = {"id": new_id(own_id, "issuer"), "amount_micros": parse.payment(amount, "AMOUNT")}
    with call.client() as client:
        answer = client.post("voucher-payments", body=body)
    call.show(
        answer,
        Transfer,
        lambda found: print_fields(
            [("payment", found.key), ("amount", formats.money(found.amount_micros, found.currency))]
        ),
    )


def _table(vouchers: list[Voucher]) -> None:
    rows = [
        (
            one.id,
            one.programme,
            one.contract,
            one.chip_class,
            formats.money(one.amount_micros, one.currency),
            formats.money(one.left_micros, one.currency),
        )
        for one in vouchers
    ]
    print_table(("VOUCHER", "PROGRAMME", "CONTRACT", "CHIPS", "GRANTED", "LEFT"), rows, right=(4, 5))
