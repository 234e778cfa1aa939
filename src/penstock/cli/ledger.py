"""`penstock ledger`: accounts and transfers, and the check of both books."""

from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.billing.metering.closing import PeriodClosing
from penstock.billing.pricing.contract import Party
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.language import _
from penstock.cli.options import Id, Output, Tenant
from penstock.cli.output import print_fields, print_table, write_bytes
from penstock.ledger.model import Account, Transfer

app = tree("ledger")


class CheckReport(msgspec.Struct, frozen=True):
    """What is wrong with the books; nothing, when `ok`. `checked` counts what was looked at."""

    ok: bool
    money: tuple[str, ...]
    card_hours: tuple[str, ...]
    audit: tuple[str, ...]
    checked: dict[str, int]


class Share(msgspec.Struct, frozen=True):
    """What a party has earned, what of it was paid, and what is left."""

    party: str
    earned_micros: int
    paid_micros: int
    left_micros: int
    currency: str


@app.command
def accounts(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List accounts with their balances."""
    with call.client() as client:
        call.show_list(client.items("ledger", "accounts", tenant=tenant), Account, _accounts)


@app.command
def transfers(
    account: Annotated[str, Parameter(help="Account, such as tenant/acme/prepaid.")], /, *, call: Call = CALL
) -> None:
    """List the transfers of an account, oldest first."""
    with call.client() as client:
        items = client.items("ledger", "transfers", account=account)
        call.show_list(items, Transfer, lambda found: _transfers(found, call))


@app.command
def check(*, call: Call = CALL) -> int:
    """Verify every invariant of both books and of the audit log.

    Ends with status 1 where something is wrong.
    """
    with call.client() as client:
        answer = client.get("ledger", "check")
    call.show(answer, CheckReport, _report)
    return 0 if answer["ok"] else 1


@app.command
def beancount(*, output: Output = None, call: Call = CALL) -> None:
    """Write the ledger as text for beancount."""
    with call.client() as client:
        write_bytes(client.download("ledger", "beancount"), output)


@app.command
def close(
    end: Annotated[str, Parameter(help="Up to when, such as 2026-11-01.")], /, *, call: Call = CALL
) -> None:
    """Close the books up to a time: nothing is dated before it any more, and what was measured is sealed."""
    with call.client() as client:
        answer = client.post("closings", body={"end": parse.instant(end, "END", utc=call.utc)})
    call.show(answer, PeriodClosing, lambda found: _closing(found, call))


@app.command
def shares(*, call: Call = CALL) -> None:
    """Show what the centre's owner and the broker have earned by contracts, and what is left to pay out."""
    with call.client() as client:
        call.show_list(client.items("shares"), Share, _shares)


@app.command
def payout(
    party: Annotated[Party, Parameter(help="Whose share.")],
    amount: Annotated[str | None, Parameter(help="How much of it; by default all that is left.")] = None,
    /,
    *,
    note: Annotated[str, Parameter(help="Reference of the bank.")] = "",
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Pay out a share of revenue, at most what is left of it."""
    micros = None if amount is None else parse.payment(amount, "AMOUNT")
    body = {"id": new_id(own_id, "payout"), "party": party, "note": note, "amount_micros": micros}
    with call.client() as client:
        answer = client.post("shares", "payouts", body=body)
    call.show(answer, Transfer, lambda found: _paid_out(found, call))


@app.command
def closings(*, call: Call = CALL) -> None:
    """List closed periods."""
    with call.client() as client:
        call.show_list(client.items("closings"), PeriodClosing, lambda found: _closings(found, call))


def _shares(found: list[Share]) -> None:
    rows = [
        (
            one.party,
            *(
                formats.money(amount, one.currency, 6)
                for amount in (one.earned_micros, one.paid_micros, one.left_micros)
            ),
        )
        for one in found
    ]
    print_table(("PARTY", "EARNED", "PAID OUT", "LEFT"), rows, right=(1, 2, 3))


def _paid_out(transfer: Transfer, call: Call) -> None:
    print_fields(
        [
            ("payout", transfer.id),
            ("amount", formats.money(transfer.amount_micros, transfer.currency, 6)),
            ("account", transfer.debit),
            ("at", call.time(transfer.at)),
        ]
    )


def _closing(closing: PeriodClosing, call: Call) -> None:
    print_fields(
        [
            ("from", call.time(closing.start)),
            ("to", call.time(closing.end)),
            ("closed", call.time(closing.closed_at)),
            ("transfers", str(closing.transfers)),
            ("metered quantities", str(closing.quantities)),
            ("content hash", closing.transfers_hash),
        ]
    )


def _closings(found: list[PeriodClosing], call: Call) -> None:
    rows = [
        (
            call.time(one.start),
            call.time(one.end),
            str(one.number),
            call.time(one.closed_at),
            str(one.transfers),
            str(one.quantities),
        )
        for one in found
    ]
    print_table(("FROM", "TO", "NUMBER", "CLOSED", "TRANSFERS", "QUANTITIES"), rows, right=(2, 4, 5))


def _accounts(accounts: list[Account]) -> None:
    rows = [
        (
            account.id,
            formats.money(account.balance_micros, account.currency, 6),
            formats.money(account.held_micros, account.currency, 6),
            formats.NONE
            if account.floor_micros is None
            else formats.money(account.floor_micros, account.currency),
        )
        for account in accounts
    ]
    print_table(("ACCOUNT", "BALANCE", "SET ASIDE", "LOWEST ALLOWED"), rows, right=(1, 2, 3))


def _transfers(transfers: list[Transfer], call: Call) -> None:
    rows = [
        (
            call.time(one.at),
            one.kind,
            one.debit,
            one.credit,
            formats.money(one.amount_micros, one.currency, 6),
            one.id,
        )
        for one in transfers
    ]
    print_table(("AT", "KIND", "DEBIT", "CREDIT", "AMOUNT", "TRANSFER"), rows, right=(4,))


def _report(report: CheckReport) -> None:
    books = ((_("money"), report.money), (_("card-hours"), report.card_hours), (_("audit log"), report.audit))
    for name, findings in books:
        print(
            f"{name}: " + (_("holds") if not findings else _("{count} findings").format(count=len(findings)))
        )
        for finding in findings:
            print(f"  {finding}")
    checked = ", ".join(f"{count} {formats.word(noun)}" for noun, count in report.checked.items())
    print(_("checked: {counts}").format(counts=checked))
