"""Accounts, transfers and holds: loaded, given to the pure book, and what it changed saved."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from penstock.base.window import Window
from penstock.ledger.book import Outcome, apply
from penstock.ledger.entry import Entry, needs
from penstock.ledger.model import Account, Hold, HoldState, Transfer
from penstock.store import closings, rows
from penstock.store.prepared import Prepared
from penstock.store.tables import ACCOUNTS, HOLDS, TRANSFERS

_ENDING_HOLDS = Prepared(
    select(HOLDS)
    .where(HOLDS.c.state == HoldState.OPEN, HOLDS.c.expires_at <= bindparam("until"))
    .order_by(HOLDS.c.id)
)


def post(tx: Connection, entries: Sequence[Entry], now: datetime, *, linked: bool = True) -> Outcome:
    """Apply a batch and save what it changed; `linked`, all entries take effect, or none."""
    wanted = needs(entries)
    holds = {hold.id: hold for hold in rows.with_ids(tx, HOLDS, wanted.holds)}
    names = wanted.accounts | {hold.account for hold in holds.values()}
    accounts = {account.id: account for account in rows.with_ids(tx, ACCOUNTS, names)}
    known = {t.id: t for t in rows.with_ids(tx, TRANSFERS, wanted.transfers | wanted.reversed)}
    if wanted.reversed:
        earlier = rows.many(tx, TRANSFERS, TRANSFERS.c.reverses.in_(sorted(wanted.reversed)))
        known |= {transfer.id: transfer for transfer in earlier}
    closed_until = closings.closed_until(tx)
    outcome = apply(
        accounts, holds, entries, now, known=known.values(), closed_until=closed_until, linked=linked
    )
    rows.put_all(tx, ACCOUNTS, outcome.accounts.values())
    rows.put_all(tx, HOLDS, (hold for name, hold in outcome.holds.items() if name in holds))
    rows.add(tx, HOLDS, (hold for name, hold in outcome.holds.items() if name not in holds))
    rows.add(tx, TRANSFERS, outcome.transfers)
    return outcome


class Desk:
    """Many batches in one transaction: what they touch is loaded once, and saved once at the end."""

    def __init__(self, tx: Connection, accounts: set[str], holds: set[str]) -> None:
        self._tx = tx
        self._closed_until = closings.closed_until(tx)
        self.holds = {hold.id: hold for hold in rows.with_ids(tx, HOLDS, holds)}
        names = accounts | {hold.account for hold in self.holds.values()}
        self.accounts = {account.id: account for account in rows.with_ids(tx, ACCOUNTS, names)}
        self._transfers: list[Transfer] = []
        self._changed: tuple[set[str], set[str]] = (set(), set())

    def post(self, entries: Sequence[Entry], now: datetime) -> None:
        """Apply new entries; that the ledger takes them is the caller's promise."""
        closed_until = self._closed_until
        outcome = apply(self.accounts, self.holds, entries, now, closed_until=closed_until, linked=True)
        assert not outcome.refusals, outcome.refusals
        self.accounts |= outcome.accounts
        self.holds |= outcome.holds
        self._transfers += outcome.transfers
        self._changed[0].update(outcome.accounts)
        self._changed[1].update(outcome.holds)

    def save(self) -> None:
        """Write what has changed."""
        rows.put_all(self._tx, ACCOUNTS, (self.accounts[name] for name in sorted(self._changed[0])))
        rows.put_all(self._tx, HOLDS, (self.holds[name] for name in sorted(self._changed[1])))
        rows.add(self._tx, TRANSFERS, self._transfers)


def open_account(tx: Connection, account: Account) -> None:
    """Make an account that is not there yet. Safe to repeat."""
    if rows.get(tx, ACCOUNTS, id=account.id) is None:
        rows.add(tx, ACCOUNTS, [account])


def put_account(tx: Connection, account: Account) -> None:
    """Write a changed account."""
    rows.put(tx, ACCOUNTS, account)


def account(tx: Connection, name: str) -> Account | None:
    """One account."""
    return rows.get(tx, ACCOUNTS, id=name)


def accounts(tx: Connection, prefix: str = "") -> tuple[Account, ...]:
    """Accounts whose id begins so."""
    where = [ACCOUNTS.c.id.startswith(prefix, autoescape=True)] if prefix else []
    return rows.many(tx, ACCOUNTS, *where, order=[ACCOUNTS.c.id])


def hold(tx: Connection, name: str) -> Hold | None:
    """One hold."""
    return rows.get(tx, HOLDS, id=name)


def holds(tx: Connection) -> tuple[Hold, ...]:
    """Every hold."""
    return rows.many(tx, HOLDS, order=[HOLDS.c.id])


def holds_by_id(tx: Connection, names: set[str]) -> dict[str, Hold]:
    """The holds of these ids."""
    return {hold.id: hold for hold in rows.with_ids(tx, HOLDS, names)}


def ending_holds(tx: Connection, until: datetime) -> tuple[Hold, ...]:
    """Open holds that end by then."""
    return rows.fetch(tx, _ENDING_HOLDS, Hold, until=until)


def transfers(tx: Connection, account: str | None = None) -> tuple[Transfer, ...]:
    """Every transfer, or those of one account, oldest first."""
    where = [] if account is None else [or_(TRANSFERS.c.debit == account, TRANSFERS.c.credit == account)]
    return rows.many(tx, TRANSFERS, *where, order=[TRANSFERS.c.at, TRANSFERS.c.id])


def recent_transfers(
    tx: Connection, account: str, before: tuple[datetime, str] | None, limit: int
) -> tuple[Transfer, ...]:
    """Transfers of one account, newest first, so many; `before` is (at, id) of the last one seen."""
    found: dict[str, Transfer] = {}
    for side in (TRANSFERS.c.debit, TRANSFERS.c.credit):
        where = [side == account]
        if before is not None:
            at, name = before
            earlier = and_(TRANSFERS.c.at == at, TRANSFERS.c.id < name)
            where += [TRANSFERS.c.at <= at, or_(TRANSFERS.c.at < at, earlier)]
        order = [TRANSFERS.c.at.desc(), TRANSFERS.c.id.desc()]
        found |= {one.id: one for one in rows.many(tx, TRANSFERS, *where, order=order, limit=limit)}
    return tuple(sorted(found.values(), key=lambda one: (one.at, one.id), reverse=True)[:limit])


def moved(tx: Connection, accounts: Collection[str], window: Window) -> int:
    """Credits less debits of these accounts within a window, in micros."""
    total = 0
    for side, sign in ((TRANSFERS.c.credit, 1), (TRANSFERS.c.debit, -1)):
        where = (side.in_(sorted(accounts)), TRANSFERS.c.at >= window.start, TRANSFERS.c.at < window.end)
        query = select(func.coalesce(func.sum(TRANSFERS.c.amount_micros), 0)).where(*where)
        total += sign * int(tx.execute(query).scalar_one())
    return total


def transfers_of_kind(tx: Connection, kind: str, window: Window) -> tuple[Transfer, ...]:
    """Transfers of a kind within a window, oldest first."""
    where = (TRANSFERS.c.kind == kind, TRANSFERS.c.at >= window.start, TRANSFERS.c.at < window.end)
    return rows.many(tx, TRANSFERS, *where, order=[TRANSFERS.c.at, TRANSFERS.c.id])


def transfer(tx: Connection, name: str) -> Transfer | None:
    """One transfer."""
    return rows.get(tx, TRANSFERS, id=name)


def with_keys(tx: Connection, keys: Collection[str]) -> tuple[Transfer, ...]:
    """The transfers of these keys, oldest first."""
    where = TRANSFERS.c.key.in_(sorted(keys))
    return rows.many(tx, TRANSFERS, where, order=[TRANSFERS.c.at, TRANSFERS.c.id]) if keys else ()


def sum_of(tx: Connection, debit: str, kind: str) -> int:
    """Micros that transfers of a kind took from an account."""
    total = func.coalesce(func.sum(TRANSFERS.c.amount_micros), 0)
    return int(
        tx.execute(select(total).where(TRANSFERS.c.debit == debit, TRANSFERS.c.kind == kind)).scalar_one()
    )


def opened_at(tx: Connection, default: datetime) -> datetime:
    """When the books were opened."""
    return tx.execute(select(func.min(ACCOUNTS.c.created_at))).scalar_one() or default
