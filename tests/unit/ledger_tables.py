"""Ledger tests as text tables: one event a row, the last column the expected status.

    account  NAME [CURRENCY] [floor=N]               an account, opened before anything else
    transfer ID DEBIT CREDIT AMOUNT [k=v ...]  STATUS   k: currency, hold, reverses, at, key
    hold     ID ACCOUNT AMOUNT [k=v ...]       STATUS   k: currency, expires
    void     HOLD                              STATUS
    expire   HOLD                              STATUS
    linked ... end                             the rows between are one batch: all or none
    clock    N                                 the time is now N seconds
    closed   N                                 the books are closed until second N
    balance  ACCOUNT BALANCE HELD              what must be true now

Amounts are micros; times are seconds since an epoch. Each event is applied twice, the second time in a
batch of its own, to show that a retry changes nothing. At the end the auditor must find nothing.
"""

from datetime import UTC, datetime, timedelta

from penstock.base.refusal import Refusal
from penstock.ledger.book import Outcome, apply
from penstock.ledger.check import check
from penstock.ledger.entry import Entry, ExpireHold, OpenHold, VoidHold, needs
from penstock.ledger.model import Account, Hold, Transfer

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


def second(number: str | int) -> datetime:
    return EPOCH + timedelta(seconds=int(number))


class Ledger:
    """A store in memory: loads what a batch needs, applies it, keeps the outcome."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.holds: dict[str, Hold] = {}
        self.transfers: dict[str, Transfer] = {}
        self.now = EPOCH
        self.closed_until: datetime | None = None

    def apply(self, *entries: Entry, linked: bool = False) -> Outcome:
        needed = needs(entries)
        holds = {name: self.holds[name] for name in needed.holds if name in self.holds}
        names = needed.accounts | {hold.account for hold in holds.values()}
        known = [
            t
            for t in self.transfers.values()
            if t.id in needed.transfers | needed.reversed or t.reverses in needed.reversed
        ]
        outcome = apply(
            {name: self.accounts[name] for name in names if name in self.accounts},
            holds,
            entries,
            self.now,
            known=known,
            closed_until=self.closed_until,
            linked=linked,
        )
        self.accounts |= outcome.accounts
        self.holds |= outcome.holds
        self.transfers |= {t.id: t for t in outcome.transfers}
        return outcome

    def audit(self) -> list:
        return check([*self.accounts.values()], [*self.transfers.values()], [*self.holds.values()])


def run(table: str) -> Ledger:
    """Run a table and compare every status; returns the ledger that it leaves."""
    ledger, batch = Ledger(), None
    for row in filter(None, map(str.split, table.splitlines())):
        match row:
            case ["account", name, *rest]:
                _open_account(ledger, name, *rest)
            case ["clock", at]:
                ledger.now = second(at)
            case ["closed", at]:
                ledger.closed_until = second(at)
            case ["linked"]:
                batch = []
            case ["end"]:
                assert batch is not None
                outcome = ledger.apply(*(entry for entry, _ in batch), linked=True)
                assert [_code(s) for s in outcome.statuses] == [status for _, status in batch]
                batch = None
            case ["balance", name, balance, held]:
                account = ledger.accounts[name]
                assert (account.balance_micros, account.held_micros) == (int(balance), int(held)), row
            case [*event, status] if batch is not None:
                batch.append((_entry(event, ledger.now), status))
            case [*event, status]:
                _take(ledger, _entry(event, ledger.now), status, row)
    assert ledger.audit() == []
    return ledger


def _take(ledger: Ledger, entry: Entry, status: str, row: list[str]) -> None:
    outcome = ledger.apply(entry)
    assert _code(outcome.statuses[0]) == status, row
    again = ledger.apply(entry)
    assert (again.accounts, again.holds, again.transfers) == ({}, {}, ()), row
    assert _code(again.statuses[0]) == ("duplicate" if status == "ok" else status), row


def _open_account(ledger: Ledger, name: str, *rest: str) -> None:
    options = dict(part.split("=") for part in rest if "=" in part)
    currency = next((part for part in rest if "=" not in part), "CNY")
    floor = int(options["floor"]) if "floor" in options else None
    ledger.accounts[name] = Account(id=name, currency=currency, created_at=EPOCH, floor_micros=floor)


def _entry(event: list[str], now: datetime) -> Entry:
    plain = [part for part in event if "=" not in part]
    options = dict(part.split("=") for part in event if "=" in part)
    currency = options.get("currency", "CNY")
    match plain:
        case ["transfer", name, debit, credit, amount]:
            return Transfer(
                id=name,
                debit=debit,
                credit=credit,
                amount_micros=int(amount),
                currency=currency,
                at=second(options["at"]) if "at" in options else now,
                kind="test",
                key=options.get("key", ""),
                hold=options.get("hold"),
                reverses=options.get("reverses"),
            )
        case ["hold", name, account, amount]:
            expires_at = second(options["expires"]) if "expires" in options else None
            return OpenHold(
                Hold(
                    id=name,
                    account=account,
                    amount_micros=int(amount),
                    currency=currency,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
        case ["void", name]:
            return VoidHold(name)
        case ["expire", name]:
            return ExpireHold(name)
    raise AssertionError(event)


def _code(status: str | Refusal) -> str:
    return status.code if isinstance(status, Refusal) else status
