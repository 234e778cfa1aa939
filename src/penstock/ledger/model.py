"""Accounts, transfers and holds as values.

An account's balance is the sum of its credits less the sum of its debits, so the balances of all
accounts of one currency sum to zero. `floor_micros` is how far it may fall; None means freely (revenue,
cash and the rest of the centre's own accounts). What is held counts as gone for that limit.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from penstock.base.money import Micros


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is a path such as `tenant/acme/prepaid` or `centre/revenue/hourly`."""

    id: str
    currency: str
    created_at: datetime
    floor_micros: Micros | None = None
    balance_micros: Micros = 0
    held_micros: Micros = 0

    @property
    def available_micros(self) -> Micros:
        """What can still be taken before the limit: balance less holds less floor (floor None: balance)."""
        return self.balance_micros - self.held_micros - (self.floor_micros or 0)


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Moves `amount_micros` > 0 from `debit` to `credit`. Posted once, never changed.

    `hold`: the amount is captured from that hold. `reverses`: the transfer that this one undoes.
    `key` groups what belongs together (a line, an invoice).
    """

    id: str
    debit: str
    credit: str
    amount_micros: Micros
    currency: str
    at: datetime
    kind: str
    key: str = ""
    hold: str | None = None
    reverses: str | None = None


class HoldState(StrEnum):
    """An open hold keeps the rest of its amount out of the account's available balance."""

    OPEN = "open"
    VOIDED = "voided"
    EXPIRED = "expired"
    CAPTURED = "captured"


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Money set aside on one account; captured in parts by transfers, then voided or expired."""

    id: str
    account: str
    amount_micros: Micros
    currency: str
    created_at: datetime
    expires_at: datetime | None = None
    captured_micros: Micros = 0
    state: HoldState = HoldState.OPEN

    @property
    def remaining_micros(self) -> Micros:
        """What is still set aside; nothing once it is closed."""
        return self.amount_micros - self.captured_micros if self.state is HoldState.OPEN else 0
