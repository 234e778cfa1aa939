"""The money book as verbs use it: entries take effect, or the verb is refused and nothing is written."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from penstock.app.context import App
from penstock.base.money import Micros
from penstock.base.refusal import Refused
from penstock.billing.prepay import check_cover
from penstock.ledger.chart import PREPAID, tenant_account
from penstock.ledger.entry import Entry, ExpireHold, ExtendHold, OpenHold, VoidHold
from penstock.ledger.model import Hold, HoldState
from penstock.store import jobs, ledger
from penstock.store.database import Tx


def book(tx: Tx, entries: Sequence[Entry], now: datetime) -> None:
    """Apply all entries or refuse; entries that are known already change nothing."""
    refusals = ledger.post(tx, entries, now).refusals
    if refusals:
        raise Refused(*(r for r in refusals if r.code != "linked_failed"))


def set_aside(
    tx: Tx,
    tenant: str,
    name: str,
    amount_micros: Micros,
    currency: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Hold money on a tenant's prepaid balance up to a time; refused where the balance does not allow it."""
    account = ledger.account(tx, tenant_account(tenant, PREPAID))
    assert account is not None, "a tenant has its accounts"
    refusal = check_cover(account, amount_micros)
    if refusal:
        raise Refused(refusal)
    hold = Hold(
        id=name,
        account=account.id,
        amount_micros=amount_micros,
        currency=currency,
        created_at=now,
        expires_at=expires_at,
    )
    book(tx, [OpenHold(hold)], now)


def keep_holds(app: App) -> None:
    """Holds of jobs that are not over are extended in time; every hold that has ended is free again."""
    now, lasting = app.now(), app.policy.hold_validity
    with app.database.read() as tx:
        due = _holds_due(tx, now, lasting)
    if not due:
        return
    with app.database.write() as tx:
        book(tx, _holds_due(tx, now, lasting), now)


def _holds_due(tx: Tx, now: datetime, lasting: timedelta) -> list[Entry]:
    ending = ledger.ending_holds(tx, now + lasting / 2)
    over = [hold.id for hold in ending if hold.expires_at is not None and hold.expires_at <= now]
    needed = jobs.holding(tx, {hold.id for hold in ending} - set(over))
    return [
        *(ExpireHold(name) for name in over),
        *(ExtendHold(name, now + lasting) for name in sorted(needed)),
    ]


def give_back(tx: Tx, names: set[str], now: datetime) -> None:
    """Free what is left of holds. Safe to repeat."""
    held = ledger.holds_by_id(tx, names).values()
    if left := [VoidHold(hold.id) for hold in held if hold.state is HoldState.OPEN]:
        book(tx, left, now)
