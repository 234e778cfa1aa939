"""The batch processor: entries in, changed accounts and holds and one status per entry out.

It is pure. The caller loads what `needs` names, applies, and saves the outcome in one transaction; the
same batch applied again finds its ids known and changes nothing. Entries take effect in order, each on
what the ones before it left. The instant at which something is booked is not part of its content: a
retry may come later than the first try, whose instant stays.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from penstock.base.ids import id_conflict
from penstock.base.money import Micros
from penstock.base.refusal import Refusal, invalid, not_found
from penstock.ledger.entry import Entry, ExpireHold, ExtendHold, OpenHold, VoidHold
from penstock.ledger.model import Account, Hold, HoldState, Transfer
from penstock.ledger.rules import (
    check_amount,
    check_capture,
    check_currency,
    check_funds,
    check_lasting,
    check_open,
    check_range,
    check_reversal,
    check_time,
    first,
)

type Status = Literal["ok", "duplicate"] | Refusal

replace = msgspec.structs.replace


class Outcome(msgspec.Struct, frozen=True):
    """What a batch did: one status per entry, in order, and only what changed."""

    statuses: tuple[Status, ...]
    accounts: dict[str, Account]
    holds: dict[str, Hold]
    transfers: tuple[Transfer, ...]

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every refusal, in order."""
        return tuple(status for status in self.statuses if isinstance(status, Refusal))


def apply(
    accounts: Mapping[str, Account],
    holds: Mapping[str, Hold],
    entries: Sequence[Entry],
    now: datetime,
    *,
    known: Iterable[Transfer] = (),
    closed_until: datetime | None = None,
    linked: bool = False,
) -> Outcome:
    """Apply entries in order. `known`: stored transfers that the batch repeats or reverses, see `needs`.

    Nothing dated before `closed_until` is taken. `linked`: all succeed, or none changes anything.
    """
    book = _Book(accounts, holds, known, now, closed_until)
    statuses = tuple(book.take(entry) for entry in entries)
    if linked and any(isinstance(status, Refusal) for status in statuses):
        return Outcome(tuple(map(_linked_failure, statuses)), {}, {}, ())
    return Outcome(
        statuses, dict(book.accounts.maps[0]), dict(book.holds.maps[0]), tuple(book.transfers.values())
    )


def _linked_failure(status: Status) -> Refusal:
    if isinstance(status, Refusal):
        return status
    return Refusal("linked_failed", "another entry of the same act was refused", "mend that one")


class _Book:
    """What was loaded, overlaid with what has changed so far."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        holds: Mapping[str, Hold],
        known: Iterable[Transfer],
        now: datetime,
        closed_until: datetime | None,
    ) -> None:
        self.accounts = ChainMap[str, Account]({}, dict(accounts))
        self.holds = ChainMap[str, Hold]({}, dict(holds))
        self.known = {transfer.id: transfer for transfer in known}
        self.transfers: dict[str, Transfer] = {}
        self.now, self.closed_until = now, closed_until
        self.reversed: dict[str, Micros] = {}
        for transfer in self.known.values():
            self._count_reversal(transfer)

    def take(self, entry: Entry) -> Status:
        """Apply one entry, or say why not."""
        match entry:
            case Transfer():
                return self._transfer(entry)
            case OpenHold(hold):
                return self._open(hold)
            case VoidHold(name):
                return self._close(name, HoldState.VOIDED)
            case ExpireHold(name):
                return self._close(name, HoldState.EXPIRED)
            case ExtendHold(name, expires_at):
                return self._extend(name, expires_at)

    def _transfer(self, transfer: Transfer) -> Status:
        earlier = self.known.get(transfer.id) or self.transfers.get(transfer.id)
        if earlier is not None:
            same = replace(transfer, at=earlier.at) == earlier
            return "duplicate" if same else id_conflict("transfer", transfer.id)
        if refusal := self._refuse(transfer):
            return refusal
        hold = self.holds[transfer.hold] if transfer.hold is not None else None
        debit = _debited(self.accounts[transfer.debit], transfer.amount_micros, captured=hold is not None)
        credit = _credited(self.accounts[transfer.credit], transfer.amount_micros)
        if refusal := first(check_range(debit), check_range(credit)):
            return refusal
        self.accounts.update({debit.id: debit, credit.id: credit})
        if hold is not None:
            self.holds[hold.id] = _captured(hold, transfer.amount_micros)
        self.transfers[transfer.id] = transfer
        self._count_reversal(transfer)
        return "ok"

    def _refuse(self, transfer: Transfer) -> Refusal | None:
        refusal = first(
            check_amount(transfer.amount_micros), check_time(transfer.at, self.now, self.closed_until)
        )
        if refusal:
            return refusal
        if transfer.debit == transfer.credit:
            return invalid("accounts_equal", f"{transfer.debit} cannot pay itself", "name another", "credit")
        debit, credit = self.accounts.get(transfer.debit), self.accounts.get(transfer.credit)
        if debit is None or credit is None:
            return not_found("account", transfer.debit if debit is None else transfer.credit)
        return first(
            check_currency(transfer.currency, (debit, credit)),
            self._refuse_reversal(transfer),
            check_funds(debit, transfer.amount_micros)
            if transfer.hold is None
            else self._refuse_capture(transfer),
        )

    def _refuse_capture(self, transfer: Transfer) -> Refusal | None:
        assert transfer.hold is not None
        hold = self.holds.get(transfer.hold)
        return not_found("hold", transfer.hold) if hold is None else check_capture(hold, transfer, self.now)

    def _refuse_reversal(self, transfer: Transfer) -> Refusal | None:
        if transfer.reverses is None:
            return None
        original = self.known.get(transfer.reverses) or self.transfers.get(transfer.reverses)
        return check_reversal(transfer, original, self.reversed.get(transfer.reverses, 0))

    def _count_reversal(self, transfer: Transfer) -> None:
        if transfer.reverses is not None:
            so_far = self.reversed.get(transfer.reverses, 0)
            self.reversed[transfer.reverses] = so_far + transfer.amount_micros

    def _open(self, hold: Hold) -> Status:
        if (earlier := self.holds.get(hold.id)) is not None:
            same = _as_opened(earlier) == replace(
                hold, created_at=earlier.created_at, expires_at=_later_end(hold, earlier)
            )
            return "duplicate" if same else id_conflict("hold", hold.id)
        if (account := self.accounts.get(hold.account)) is None:
            return not_found("account", hold.account)
        refusal = first(
            check_amount(hold.amount_micros),
            check_time(hold.created_at, self.now, None),
            _check_new(hold, self.now),
            check_currency(hold.currency, (account,)),
            check_funds(account, hold.amount_micros),
        )
        held = replace(account, held_micros=account.held_micros + hold.amount_micros)
        if refusal := refusal or check_range(held):
            return refusal
        self.accounts[account.id] = held
        self.holds[hold.id] = hold
        return "ok"

    def _extend(self, name: str, expires_at: datetime) -> Status:
        if (hold := self.holds.get(name)) is None:
            return not_found("hold", name)
        if hold.expires_at is None or hold.expires_at >= expires_at:
            return "duplicate"
        if refusal := first(check_open(hold), check_lasting(hold, self.now)):
            return refusal
        self.holds[name] = replace(hold, expires_at=expires_at)
        return "ok"

    def _close(self, name: str, state: HoldState) -> Status:
        if (hold := self.holds.get(name)) is None:
            return not_found("hold", name)
        if hold.state is state:
            return "duplicate"
        if refusal := first(check_open(hold), _check_due(hold, state, self.now)):
            return refusal
        account = self.accounts[hold.account]
        self.accounts[account.id] = replace(account, held_micros=account.held_micros - hold.remaining_micros)
        self.holds[name] = replace(hold, state=state)
        return "ok"


def _debited(account: Account, amount_micros: Micros, *, captured: bool) -> Account:
    return replace(
        account,
        balance_micros=account.balance_micros - amount_micros,
        held_micros=account.held_micros - (amount_micros if captured else 0),
    )


def _credited(account: Account, amount_micros: Micros) -> Account:
    return replace(account, balance_micros=account.balance_micros + amount_micros)


def _captured(hold: Hold, amount_micros: Micros) -> Hold:
    captured = hold.captured_micros + amount_micros
    state = HoldState.CAPTURED if captured == hold.amount_micros else HoldState.OPEN
    return replace(hold, captured_micros=captured, state=state)


def _later_end(hold: Hold, earlier: Hold) -> datetime | None:
    """The end of a hold that is asked for again: that it has been extended since is no other content."""
    if hold.expires_at is None or earlier.expires_at is None:
        return hold.expires_at
    return max(hold.expires_at, earlier.expires_at)


def _as_opened(hold: Hold) -> Hold:
    return replace(hold, captured_micros=0, state=HoldState.OPEN)


def _check_new(hold: Hold, now: datetime) -> Refusal | None:
    assert hold == _as_opened(hold), "a hold begins open, with nothing captured"
    if hold.expires_at is None or hold.expires_at > now:
        return None
    return invalid("hold_in_past", "the hold would have ended already", "give a later end", "expires_at")


def _check_due(hold: Hold, state: HoldState, now: datetime) -> Refusal | None:
    if state is not HoldState.EXPIRED or (hold.expires_at is not None and hold.expires_at <= now):
        return None
    return Refusal("hold_not_due", f"hold {hold.id!r} has not ended", "void it instead", "hold")
