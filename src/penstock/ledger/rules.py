"""Why the ledger declines: each rule is a function of values that gives a refusal or None."""

from collections.abc import Iterable
from datetime import datetime

from penstock.base.money import AMOUNT_MAX_MICROS, Micros, format_amount
from penstock.base.refusal import Refusal, invalid
from penstock.ledger.model import Account, Hold, HoldState, Transfer

BALANCE_MAX_MICROS = 2**63 - 1
"""What a signed 64-bit column holds; ten times the largest amount of one transfer."""


def first(*refusals: Refusal | None) -> Refusal | None:
    """The first refusal of several, if any."""
    return next((refusal for refusal in refusals if refusal is not None), None)


def check_amount(amount_micros: Micros) -> Refusal | None:
    """An amount is a positive integer within the ledger's range."""
    if 0 < amount_micros <= AMOUNT_MAX_MICROS:
        return None
    return invalid(
        "amount_out_of_range",
        f"{amount_micros} is not between 1 and {AMOUNT_MAX_MICROS} micros",
        "swap debit and credit for the other direction; split what is too large",
        "amount_micros",
    )


def check_time(at: datetime, now: datetime, closed_until: datetime | None) -> Refusal | None:
    """An entry carries a zone, is not from the future and not in a closed period."""
    if at.tzinfo is None:
        return invalid("time_without_zone", "the time has no zone", "end it with Z or +08:00", "at")
    if at > now:
        return Refusal("entry_in_future", f"{at.isoformat()} has not come yet", "book it then", "at")
    if closed_until is not None and at < closed_until:
        return Refusal(
            "period_closed",
            f"the books are closed until {closed_until.isoformat()}",
            "book it today; a correction of the past is a new entry",
            "at",
        )
    return None


def check_currency(currency: str, accounts: Iterable[Account]) -> Refusal | None:
    """An entry and its accounts are in one currency."""
    for account in accounts:
        if account.currency != currency:
            return Refusal(
                "currency_mismatch",
                f"{account.id} is kept in {account.currency}, not in {currency}",
                f"use an account in {currency}",
                "currency",
            )
    return None


def check_funds(account: Account, amount_micros: Micros) -> Refusal | None:
    """Taking or setting aside an amount does not pass the account's floor."""
    if account.floor_micros is None or amount_micros <= account.available_micros:
        return None
    missing = format_amount(amount_micros - max(account.available_micros, 0), 6)
    return Refusal(
        "insufficient_funds",
        f"{account.id} has {format_amount(account.available_micros, 6)} available,"
        f" {format_amount(amount_micros, 6)} {account.currency} is asked for",
        f"top up at least {missing} {account.currency} or raise the credit limit",
        account.id,
        402,
    )


def check_range(account: Account) -> Refusal | None:
    """Balance and holds stay inside 64 bits."""
    if max(abs(account.balance_micros), account.held_micros) <= BALANCE_MAX_MICROS:
        return None
    return Refusal(
        "balance_out_of_range",
        f"{account.id} would pass the ledger's range",
        "use another account",
        account.id,
    )


def check_open(hold: Hold) -> Refusal | None:
    """A closed hold takes nothing more."""
    if hold.state is HoldState.OPEN:
        return None
    return Refusal("hold_closed", f"hold {hold.id!r} is {hold.state}", "open a new hold", "hold")


def check_lasting(hold: Hold, now: datetime) -> Refusal | None:
    """A hold ends at its time, whether or not it was already said to be expired."""
    if hold.expires_at is None or hold.expires_at > now:
        return None
    return Refusal(
        "hold_expired", f"hold {hold.id!r} ended at {hold.expires_at.isoformat()}", "open a new hold", "hold"
    )


def check_capture(hold: Hold, transfer: Transfer, now: datetime) -> Refusal | None:
    """A capture takes from the hold's own account, in time, and no more than is left."""
    if refusal := check_open(hold):
        return refusal
    if hold.account != transfer.debit or hold.currency != transfer.currency:
        return Refusal(
            "hold_mismatch",
            f"hold {hold.id!r} is on {hold.account} in {hold.currency}",
            "debit the account that the hold is on",
            "hold",
        )
    if refusal := check_lasting(hold, now):
        return refusal
    if transfer.amount_micros > hold.remaining_micros:
        return Refusal(
            "hold_exhausted",
            f"hold {hold.id!r} has {format_amount(hold.remaining_micros, 6)} left",
            "take the rest from the balance",
            "hold",
        )
    return None


def check_reversal(transfer: Transfer, original: Transfer | None, reversed_micros: Micros) -> Refusal | None:
    """A reversal mirrors a transfer; all reversals of one never exceed it, and none is itself reversed."""
    name = transfer.reverses
    if original is None:
        return Refusal(
            "original_not_found", f"there is no transfer {name!r}", "name the one to undo", "reverses", 404
        )
    mirrored = (original.credit, original.debit, original.currency)
    if original.reverses is not None or mirrored != (transfer.debit, transfer.credit, transfer.currency):
        return Refusal(
            "reversal_mismatch",
            f"this does not undo {name!r}",
            "swap its accounts, keep its currency; a reversal is not reversed but booked anew",
            "reverses",
        )
    left = original.amount_micros - reversed_micros
    if transfer.amount_micros > left:
        return Refusal(
            "reversal_exceeds",
            f"{format_amount(left, 6)} of {name!r} is left to undo",
            "undo at most that",
            "reverses",
        )
    return None
