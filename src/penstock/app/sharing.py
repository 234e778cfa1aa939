"""Shares of revenue: what owner and broker have earned, and paying it out."""

from datetime import datetime

import msgspec

from penstock.app import asking, books
from penstock.app.access import require_audit, require_operator
from penstock.app.context import App
from penstock.base.ids import check_id, derived_id
from penstock.base.money import AMOUNT_MAX_MICROS, Micros, format_amount
from penstock.base.refusal import Refusal, Refused, ensure, invalid
from penstock.billing.pricing.contract import Party
from penstock.lease.tenant import Principal
from penstock.ledger.chart import CASH, SHARE_PAID, SHARES, centre_account
from penstock.ledger.model import Transfer
from penstock.store import audit, ledger
from penstock.store.database import Tx


class NewPayout(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A share to pay out; `id` is the payer's reference, no amount means all that is left."""

    id: str
    party: Party
    amount_micros: Micros | None = None
    note: str = ""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a party has earned by contracts so far, what of it was paid, and what is left."""

    party: Party
    earned_micros: Micros
    paid_micros: Micros
    left_micros: Micros
    currency: str


def list_shares(app: App, principal: Principal) -> tuple[Share, ...]:
    """The shares of owner and broker."""
    require_audit(principal)
    with app.database.read() as tx:
        return tuple(_share(tx, party, app.policy.currency) for party in ("owner", "broker"))


def _share(tx: Tx, party: Party, currency: str) -> Share:
    account = ledger.account(tx, centre_account(SHARES[party], currency))
    assert account is not None, "the centre has its accounts"
    paid = ledger.sum_of(tx, account.id, SHARE_PAID)
    return Share(
        party=party,
        earned_micros=account.balance_micros + paid,
        paid_micros=paid,
        left_micros=account.balance_micros,
        currency=currency,
    )


def pay_share(app: App, principal: Principal, request: NewPayout) -> Transfer:
    """Pay out a party's share, at most what is left of it. Safe to repeat."""
    require_operator(principal)
    asking.text(request.note, "note")
    name, now = derived_id(SHARE_PAID, ensure(check_id(request.id))), app.now()
    with app.database.write() as tx:
        share = _share(tx, request.party, app.policy.currency)
        known = ledger.transfer(tx, name)
        asked = known.amount_micros if known and request.amount_micros is None else request.amount_micros
        amount = share.left_micros if asked is None else asked
        if known is None:
            _check(share, amount)
        payout = _payout(name, request, amount, share.currency, now)
        books.book(tx, [payout], now)
        if known is None:
            audit.record(tx, now, principal.token, "pay_share", request.party, f"{amount} micros")
        return known or payout


def _check(share: Share, amount: Micros) -> None:
    if 0 < amount <= min(share.left_micros, AMOUNT_MAX_MICROS):
        return
    if share.left_micros > 0 and amount <= 0:
        raise Refused(
            invalid("amount_absurd", "that cannot be paid", "give a positive amount", "amount_micros")
        )
    raise Refused(
        Refusal(
            "share_exceeded",
            f"{format_amount(max(share.left_micros, 0), 6)} {share.currency} of the {share.party}'s share is left",
            "pay at most that",
            "amount_micros",
        )
    )


def _payout(name: str, request: NewPayout, amount: Micros, currency: str, at: datetime) -> Transfer:
    return Transfer(
        id=name,
        debit=centre_account(SHARES[request.party], currency),
        credit=centre_account(CASH, currency),
        amount_micros=amount,
        currency=currency,
        at=at,
        kind=SHARE_PAID,
        key=request.note or request.id,
    )
