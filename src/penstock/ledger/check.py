"""The auditor: every invariant of the ledger, verified from the transfers up, and not from any outcome."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from penstock.base.window import Window
from penstock.ledger.closing import Closing, close
from penstock.ledger.model import Account, Hold, HoldState, Transfer

EXPIRY_MAX = timedelta(hours=1)
"""How long after its end a hold may still be found open: the loop that expires it turns every few seconds."""


class Finding(msgspec.Struct, frozen=True):
    """One broken invariant: a stable code, what is wrong, and the id it concerns."""

    code: str
    message: str
    where: str


def check(
    accounts: Sequence[Account],
    transfers: Sequence[Transfer],
    holds: Sequence[Hold],
    closings: Sequence[Closing] = (),
    now: datetime | None = None,
) -> list[Finding]:
    """All findings over the whole ledger; none if the books are in order.

    `now`: holds that are still open `EXPIRY_MAX` after their end are found too.
    """
    findings = [*_unique(accounts, transfers, holds), *_transfers(accounts, transfers)]
    findings += _balances(accounts, transfers)
    findings += _sums(accounts)
    findings += _held(accounts, holds)
    findings += _captures(holds, transfers)
    findings += _outlived(holds, now) if now is not None else ()
    findings += _reversals(transfers)
    findings += _closed(transfers, closings)
    return findings


def _unique(*tables: Sequence[Account] | Sequence[Transfer] | Sequence[Hold]) -> Iterator[Finding]:
    for rows in tables:
        for name, count in Counter(row.id for row in rows).items():
            if count > 1:
                yield Finding("id_duplicated", f"{count} rows have this id", name)


def _transfers(accounts: Iterable[Account], transfers: Iterable[Transfer]) -> Iterator[Finding]:
    """Each transfer has a positive amount and moves it between two accounts of its currency."""
    currencies = {account.id: account.currency for account in accounts}
    for t in transfers:
        if t.amount_micros <= 0:
            yield Finding("amount_not_positive", f"{t.amount_micros} micros", t.id)
        if t.debit == t.credit:
            yield Finding("accounts_equal", f"debit and credit are both {t.debit}", t.id)
        for account in (t.debit, t.credit):
            if currencies.get(account) != t.currency:
                found = currencies.get(account, "no account")
                yield Finding("currency_mismatch", f"{account} is {found}, not {t.currency}", t.id)


def _balances(accounts: Iterable[Account], transfers: Iterable[Transfer]) -> Iterator[Finding]:
    """Each balance is its credits less its debits; none is below its floor by what it has available."""
    sums: defaultdict[str, int] = defaultdict(int)
    for t in transfers:
        sums[t.debit] -= t.amount_micros
        sums[t.credit] += t.amount_micros
    for a in accounts:
        if a.balance_micros != sums[a.id]:
            yield Finding("balance_wrong", f"balance {a.balance_micros}, transfers sum to {sums[a.id]}", a.id)
        if a.floor_micros is not None and a.available_micros < 0:
            yield Finding("floor_passed", f"{-a.available_micros} micros below the limit", a.id)


def _sums(accounts: Iterable[Account]) -> Iterator[Finding]:
    """The balances of each currency sum to zero."""
    sums: defaultdict[str, int] = defaultdict(int)
    for account in accounts:
        sums[account.currency] += account.balance_micros
    for currency, total in sums.items():
        if total != 0:
            yield Finding("sum_not_zero", f"all accounts sum to {total} micros", currency)


def _held(accounts: Iterable[Account], holds: Iterable[Hold]) -> Iterator[Finding]:
    """What an account counts as held is what its open holds have left."""
    sums: defaultdict[str, int] = defaultdict(int)
    currencies: dict[str, str] = {}
    for hold in holds:
        sums[hold.account] += hold.remaining_micros
        currencies[hold.account] = hold.currency
    for account in accounts:
        held, currency = sums.pop(account.id, 0), currencies.get(account.id, account.currency)
        if account.held_micros != held:
            yield Finding("held_wrong", f"held {account.held_micros}, open holds have {held}", account.id)
        if currency != account.currency:
            yield Finding("currency_mismatch", f"a hold in {currency}", account.id)
    for name in sums:
        yield Finding("account_missing", "a hold is on an account that does not exist", name)


def _outlived(holds: Iterable[Hold], now: datetime) -> Iterator[Finding]:
    """No hold stays open after its end."""
    for hold in holds:
        if (
            hold.state is HoldState.OPEN
            and hold.expires_at is not None
            and hold.expires_at + EXPIRY_MAX < now
        ):
            yield Finding("hold_outlived", f"it ended at {hold.expires_at.isoformat()} and is open", hold.id)


def _captures(holds: Iterable[Hold], transfers: Iterable[Transfer]) -> Iterator[Finding]:
    """What a hold counts as captured is what transfers took from it, in time and within its amount."""
    by_id = {hold.id: hold for hold in holds}
    sums: defaultdict[str, int] = defaultdict(int)
    for t in transfers:
        if t.hold is None:
            continue
        sums[t.hold] += t.amount_micros
        hold = by_id.get(t.hold)
        if hold is None or hold.account != t.debit:
            yield Finding("capture_astray", f"hold {t.hold} is not on {t.debit}", t.id)
        elif hold.expires_at is not None and t.at >= hold.expires_at:
            yield Finding("capture_late", f"taken from hold {t.hold} after its end", t.id)
    for hold in by_id.values():
        if hold.captured_micros != sums[hold.id]:
            yield Finding(
                "captured_wrong", f"{hold.captured_micros}, transfers took {sums[hold.id]}", hold.id
            )
        if not 0 <= hold.captured_micros <= hold.amount_micros:
            yield Finding("hold_exceeded", f"{hold.captured_micros} of {hold.amount_micros} taken", hold.id)
        if (hold.state is HoldState.CAPTURED) != (hold.captured_micros == hold.amount_micros):
            yield Finding("hold_state_wrong", f"{hold.state} with {hold.captured_micros} taken", hold.id)


def _reversals(transfers: Iterable[Transfer]) -> Iterator[Finding]:
    """Reversals mirror their original, and all of one do not exceed it."""
    by_id = {t.id: t for t in transfers}
    sums: defaultdict[str, int] = defaultdict(int)
    for t in by_id.values():
        if t.reverses is None:
            continue
        sums[t.reverses] += t.amount_micros
        original = by_id.get(t.reverses)
        if original is None or original.reverses is not None:
            yield Finding("reversal_astray", f"it undoes {t.reverses}, which cannot be undone", t.id)
        elif (t.debit, t.credit, t.currency) != (original.credit, original.debit, original.currency):
            yield Finding("reversal_mismatch", f"it does not mirror {t.reverses}", t.id)
    for name, total in sums.items():
        if name in by_id and total > by_id[name].amount_micros:
            yield Finding("reversal_exceeds", f"{total} of {by_id[name].amount_micros} undone", name)


def _closed(transfers: Sequence[Transfer], closings: Iterable[Closing]) -> Iterator[Finding]:
    """Closed periods hold exactly what they held when they were closed."""
    for closing in closings:
        found = close(transfers, Window(closing.start, closing.end))
        if found != closing:
            yield Finding(
                "closed_period_changed",
                f"{closing.transfers} transfers were sealed, {found.transfers} are there or their content differs",
                closing.end.isoformat(),
            )
