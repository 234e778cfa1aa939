"""The money book as verbs use it: entries take effect, or the verb is refused and nothing is written."""

from collections.abc import Sequence
from datetime import datetime

from penstock.base.money import Micros
from penstock.base.refusal import Refused
from penstock.billing.prepay import check_cover
from penstock.ledger.chart import PREPAID, tenant_account
from penstock.ledger.entry import Entry, OpenHold, VoidHold
from penstock.ledger.model import Hold, HoldState
from penstock.store import ledger
from penstock.store.database import Tx


def book(tx: Tx, entries: Sequence[Entry], now: datetime) -> None:
    """Apply all entries or refuse; entries that are known already change nothing."""
    refusals = ledger.post(tx, entries, now).refusals
    if refusals:
        raise Refused(*(r for r in refusals if r.code != "linked_failed"))


def set_aside(tx: Tx, tenant: str, name: str, amount_micros: Micros, currency: str, now: datetime) -> None:
    """Hold money on a tenant's prepaid balance; refused where the balance does not allow it."""
    account = ledger.account(tx, tenant_account(tenant, PREPAID))
    assert account is not None, "a tenant has its accounts"
    refusal = check_cover(account, amount_micros)
    if refusal:
        raise Refused(refusal)
    hold = Hold(id=name, account=account.id, amount_micros=amount_micros, currency=currency, created_at=now)
    book(tx, [OpenHold(hold)], now)


def give_back(tx: Tx, names: set[str], now: datetime) -> None:
    """Free what is left of holds. Safe to repeat."""
    held = ledger.holds_by_id(tx, names).values()
    if left := [VoidHold(hold.id) for hold in held if hold.state is HoldState.OPEN]:
        book(tx, left, now)
