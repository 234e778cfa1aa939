"""`penstock tenant`: customers, their payments and balances."""

from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from penstock.base.money import Micros
from penstock.base.refusal import Refused, invalid
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.options import Id
from penstock.cli.output import print_fields, print_table
from penstock.lease.tenant import Tenant
from penstock.ledger.model import Transfer
from penstock.sdk.client import Client

app = tree("tenant")
TenantId = Annotated[str, Parameter(name="TENANT", help="Tenant id.")]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant has, what is set aside of it, and what can be spent."""

    tenant: str
    balance_micros: Micros
    held_micros: Micros
    available_micros: Micros
    owed_micros: Micros
    credit_limit_micros: Micros
    currency: str
    state: str


@app.command(name="list")
def list_tenants(*, call: Call = CALL) -> None:
    """List tenants."""
    with call.client() as client:
        call.show_list(client.items("tenants"), Tenant, lambda tenants: _table(tenants, call))


@app.command(name="open")
def open_tenant(
    tenant: TenantId,
    /,
    *,
    name: Annotated[str, Parameter(help="Name on invoices; by default the id.")] = "",
    credit_limit: Annotated[str, Parameter(help="How far the balance may go below zero.")] = "0",
    device_quota: Annotated[int | None, Parameter(help="Most devices at once.")] = None,
    language: Annotated[Literal["en", "zh"], Parameter(help="Language of invoices.")] = "en",
    address: Annotated[str, Parameter(help="Address on invoices.")] = "",
    tax_number: Annotated[str, Parameter(help="Tax number on invoices.")] = "",
    call: Call = CALL,
) -> None:
    """Open a customer's account."""
    body = {
        "id": tenant,
        "name": name,
        "credit_limit_micros": parse.payment(credit_limit, "--credit-limit"),
        "device_quota": device_quota,
        "language": language,
        "address": address,
        "tax_number": tax_number,
    }
    with call.client() as client:
        call.show(client.post("tenants", body=body), Tenant, lambda found: _fields(found, call))


@app.command
def show(tenant: TenantId, /, *, call: Call = CALL) -> None:
    """Show a tenant."""
    with call.client() as client:
        call.show(client.get("tenants", tenant), Tenant, lambda found: _fields(found, call))


@app.command
def change(
    tenant: TenantId,
    /,
    *,
    credit_limit: Annotated[str | None, Parameter(help="How far the balance may go below zero.")] = None,
    device_quota: Annotated[int | None, Parameter(help="Most devices at once.")] = None,
    call: Call = CALL,
) -> None:
    """Change a customer's credit limit or device quota."""
    limit = None if credit_limit is None else parse.payment(credit_limit, "--credit-limit")
    body = {"credit_limit_micros": limit, "device_quota": device_quota}
    with call.client() as client:
        answer = client.post("tenants", tenant, "change", body=body)
    call.show(answer, Tenant, lambda found: _fields(found, call))


@app.command
def pay(
    tenant: TenantId,
    amount: Annotated[str, Parameter(help="Amount paid, up to two decimals.")],
    /,
    *,
    note: Annotated[str, Parameter(help="What the payment is known by.")] = "",
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Record a payment of a tenant."""
    body = {"id": new_id(own_id, "payment"), "amount_micros": parse.payment(amount, "AMOUNT"), "note": note}
    with call.client() as client:
        answer = client.post("tenants", tenant, "payments", body=body)
    call.show(answer, Transfer, lambda transfer: _payment(transfer, call))


@app.command
def refund(
    tenant: TenantId,
    payment: Annotated[str, Parameter(help="Id of the payment to give back.")],
    amount: Annotated[str | None, Parameter(help="How much of it; by default all.")] = None,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; kept in the audit log.")] = "",
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Pay back a payment of a tenant, as far as its balance allows."""
    amount_micros = None if amount is None else parse.payment(amount, "AMOUNT")
    body = {
        "id": new_id(own_id, "refund"),
        "payment": payment,
        "amount_micros": amount_micros,
        "reason": reason,
    }
    with call.client() as client:
        answer = client.post("tenants", tenant, "refunds", body=body)
    call.show(answer, Transfer, lambda transfer: _refund(transfer, call))


@app.command
def balance(
    tenant: Annotated[
        str | None, Parameter(name="TENANT", help="Tenant id; by default the token's own.")
    ] = None,
    /,
    *,
    call: Call = CALL,
) -> None:
    """Show what a tenant has, what is set aside, and what can be spent."""
    with call.client() as client:
        answer = client.get("tenants", tenant or own_tenant(client), "balance")
    call.show(answer, Balance, _balance)


def own_tenant(client: Client) -> str:
    """The one tenant that the token can see."""
    seen = [str(item["id"]) for item in client.items("tenants")]
    if len(seen) != 1:
        raise Refused(
            invalid("tenant_missing", "no tenant was named", "name one; see `penstock tenant list`", "TENANT")
        )
    return seen[0]


def _table(tenants: list[Tenant], call: Call) -> None:
    rows = [
        (
            tenant.id,
            tenant.name,
            formats.word(tenant.state),
            formats.money(tenant.credit_limit_micros, tenant.currency),
            formats.NONE if tenant.device_quota is None else str(tenant.device_quota),
            call.time(tenant.created_at),
        )
        for tenant in tenants
    ]
    print_table(("TENANT", "NAME", "STATE", "CREDIT LIMIT", "DEVICE QUOTA", "OPENED"), rows, right=(3, 4))


def _fields(tenant: Tenant, call: Call) -> None:
    print_fields(
        [
            ("tenant", tenant.id),
            ("name", tenant.name),
            ("state", formats.word(tenant.state)),
            ("credit limit", formats.money(tenant.credit_limit_micros, tenant.currency)),
            ("device quota", "" if tenant.device_quota is None else str(tenant.device_quota)),
            ("language", tenant.language),
            ("address", tenant.address),
            ("tax number", tenant.tax_number),
            ("opened", call.time(tenant.created_at)),
        ]
    )


def _refund(transfer: Transfer, call: Call) -> None:
    print_fields(
        [
            ("refund", transfer.id),
            ("payment", transfer.reverses or ""),
            ("amount", formats.money(transfer.amount_micros, transfer.currency)),
            ("at", call.time(transfer.at)),
        ]
    )


def _payment(transfer: Transfer, call: Call) -> None:
    print_fields(
        [
            ("payment", transfer.id),
            ("amount", formats.money(transfer.amount_micros, transfer.currency)),
            ("account", transfer.credit),
            ("at", call.time(transfer.at)),
        ]
    )


def _balance(balance: Balance) -> None:
    def shown(amount_micros: Micros) -> str:
        return formats.money(amount_micros, balance.currency)

    print_fields(
        [
            ("tenant", balance.tenant),
            ("state", formats.word(balance.state)),
            ("balance", shown(balance.balance_micros)),
            ("set aside", shown(balance.held_micros)),
            ("owed", shown(balance.owed_micros)),
            ("credit limit", shown(balance.credit_limit_micros)),
            ("can be spent", shown(balance.available_micros)),
        ]
    )
