"""What can be asked of the ledger: a transfer, or a hold to open, extend, void or expire."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from penstock.base.money import Micros
from penstock.ledger.model import Hold, Transfer


class OpenHold(msgspec.Struct, frozen=True):
    """Set money aside. The hold comes as it will be stored: open, nothing captured."""

    hold: Hold


class VoidHold(msgspec.Struct, frozen=True):
    """Give back what is left of a hold."""

    hold: str


class ExpireHold(msgspec.Struct, frozen=True):
    """Give back what is left of a hold whose time is over."""

    hold: str


class ExtendHold(msgspec.Struct, frozen=True):
    """Let an open hold last longer, because what it is for goes on."""

    hold: str
    expires_at: datetime


type Entry = Transfer | OpenHold | VoidHold | ExpireHold | ExtendHold


class Needs(msgspec.Struct, frozen=True):
    """What must be loaded before entries can be applied, so far as it exists.

    `reversed`: transfers that are about to be reversed; they are needed together with every earlier
    transfer that reverses them.
    """

    accounts: frozenset[str]
    holds: frozenset[str]
    transfers: frozenset[str]
    reversed: frozenset[str]


def needs(entries: Iterable[Entry]) -> Needs:
    """The ids that a batch touches."""
    accounts, holds, transfers, originals = set[str](), set[str](), set[str](), set[str]()
    for entry in entries:
        match entry:
            case Transfer():
                transfers.add(entry.id)
                accounts.update((entry.debit, entry.credit))
                holds.update(filter(None, (entry.hold,)))
                originals.update(filter(None, (entry.reverses,)))
            case OpenHold(hold):
                holds.add(hold.id)
                accounts.add(hold.account)
            case VoidHold(hold) | ExpireHold(hold) | ExtendHold(hold):
                holds.add(hold)
    return Needs(frozenset(accounts), frozenset(holds), frozenset(transfers), frozenset(originals))


def reversal(original: Transfer, name: str, at: datetime, amount_micros: Micros | None = None) -> Transfer:
    """The transfer `name` that undoes `original`, in whole or in part."""
    return Transfer(
        id=name,
        debit=original.credit,
        credit=original.debit,
        amount_micros=original.amount_micros if amount_micros is None else amount_micros,
        currency=original.currency,
        at=at,
        kind=f"{original.kind}_reversal",
        key=original.key,
        reverses=original.id,
    )
