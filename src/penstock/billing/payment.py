"""Money that comes in: always into the prepaid balance first, from where debts are cleared."""

from datetime import datetime

from penstock.base.ids import derived_id
from penstock.base.money import Micros
from penstock.ledger.chart import (
    CASH,
    CLEARING,
    PREPAID,
    TOP_UP,
    centre_account,
    tenant_account,
)
from penstock.ledger.model import Account, Transfer


def top_up(
    name: str, tenant: str, amount_micros: Micros, currency: str, at: datetime, key: str = ""
) -> Transfer:
    """A payment under the caller's id; `key` is the bank's reference. A refund is its reversal."""
    return Transfer(
        id=name,
        debit=centre_account(CASH, currency),
        credit=tenant_account(tenant, PREPAID),
        amount_micros=amount_micros,
        currency=currency,
        at=at,
        kind=TOP_UP,
        key=key,
    )


def owed(receivable: Account) -> Micros:
    """What a tenant owes."""
    return max(-receivable.balance_micros, 0)


def clear(prepaid: Account, receivable: Account, cause: str, at: datetime) -> Transfer | None:
    """Pay what is owed from what is available, as far as it goes; due after anything that brings money.

    Money on credit clears no debt. `cause` is the id of what brought the money, so that it clears once.
    """
    own = min(prepaid.balance_micros - prepaid.held_micros, prepaid.available_micros)
    amount = min(owed(receivable), own)
    if amount <= 0:
        return None
    return Transfer(
        id=derived_id(CLEARING, cause),
        debit=prepaid.id,
        credit=receivable.id,
        amount_micros=amount,
        currency=prepaid.currency,
        at=at,
        kind=CLEARING,
        key=cause,
    )
