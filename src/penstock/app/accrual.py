"""What contracts come to is charged as it falls due: each time the difference to what was charged before."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

import msgspec

from penstock.app.access import known_as, visible
from penstock.app.context import App
from penstock.app.facts import facts_of
from penstock.app.money import settle_debt
from penstock.base.ids import derived_id
from penstock.base.money import MICROS_PER_UNIT, Micros
from penstock.base.refusal import Refusal, Refused, ensure
from penstock.base.window import Window, check_instant
from penstock.billing.metering.model import MeteredQuantity
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.contract import Contract
from penstock.billing.pricing.exact import amount_out_of_range, check_range, to_micros
from penstock.billing.pricing.facts import Entry, Facts
from penstock.billing.pricing.posting import (
    ContractLine,
    earned_by_mode,
    lines_due,
    recognised,
    share_targets,
)
from penstock.billing.pricing.settling import (
    account_of,
    first_transfer,
    recognition_key,
    settle_line,
    share_key,
    streams_due,
)
from penstock.billing.pricing.shown import Statement, position
from penstock.billing.pricing.signed import SignedContract, book_of, contract_of, runs_until
from penstock.billing.pricing.statement import fixed, statement
from penstock.lease.tenant import Principal
from penstock.ledger.chart import DEFERRED, PREPAID, REVENUE, SHARES, centre_account, tenant_account
from penstock.ledger.chart import RECEIVABLE as OWED
from penstock.ledger.rules import BALANCE_MAX_MICROS
from penstock.store import contracts, ledger
from penstock.store.database import Tx

replace = msgspec.structs.replace
AT_ONCE = 50
"""How many contracts are charged in one transaction."""
AFTERMATH = timedelta(days=36)
"""How long after its end a contract is still looked at: as long as late usage may come."""


def accrue(app: App) -> None:
    """Charge every contract that has not been charged for a while, and each once after its end.

    What a contract comes to may pass the ledger's range, by absurd usage: it is refused when all others are charged.
    """
    now = app.now()
    due = now - app.policy.accrual_step
    with app.database.read() as tx:
        names = [signed.id for signed in contracts.accrued_before(tx, now) if _is_due(signed, due, now)]
    refused: list[Refusal] = []
    for start in range(0, len(names), AT_ONCE):
        with app.database.write() as tx:
            for name in names[start : start + AT_ONCE]:
                try:
                    _accrue(app, tx, name, now)
                except Refused as error:  # before anything of this contract was written
                    refused += error.refusals
    if refused:
        raise Refused(*refused)


def _is_due(signed: SignedContract, due: datetime, now: datetime) -> bool:
    until, end = signed.accrued_until, runs_until(signed, now)
    if until is None:
        return True
    if now >= end > until:
        return True
    return until <= due and until < end + AFTERMATH


def accrue_tenant(app: App, tenant: str) -> None:
    """Charge every contract of a tenant up to now."""
    now = app.now()
    with app.database.read() as tx:
        names = [signed.id for signed in contracts.contracts(tx, tenant) if signed.start <= now]
    for name in names:
        accrue_contract(app, name)


def book_in_force(tx: Tx, tenant: str, period: Window) -> PriceBook | None:
    """The book whose taxes apply to a tenant's invoice: its contract's, else the newest that is valid then."""
    for signed in reversed(contracts.contracts(tx, tenant)):
        if signed.start < period.end and period.start < runs_until(signed, period.end):
            return book_of(_document(tx, signed))
    for published in contracts.books(tx):
        if published.start < period.end and (published.end is None or period.start < published.end):
            return book_of(published.document)
    return None


def accrue_contract(app: App, name: str) -> None:
    """Charge one contract up to now. Asking again changes nothing."""
    now = app.now()
    with app.database.write() as tx:
        _accrue(app, tx, name, now)


def _accrue(app: App, tx: Tx, name: str, now: datetime) -> None:
    signed = contracts.contract(tx, name)
    assert signed is not None, "contracts are never removed"

    def measured(window: Window) -> Iterable[MeteredQuantity]:
        return app.totals.of(tx, window).get(signed.tenant, ())

    stated = _stated(tx, signed, now, measured)
    currency = stated.book.currency
    lines = lines_due(stated.contract, currency, stated.entries, contracts.lines(tx, name), now)
    desk = ledger.Desk(tx, _accounts(signed.tenant, currency, lines), set())
    _check_range(desk, lines, name)
    kept = []
    for line in lines:
        transfers = _post(desk, line, now)
        kept.append(replace(line, transfer=first_transfer(line)))
        assert bool(transfers) == bool(line.amount_micros)
    _earn(tx, desk, stated, now)
    desk.save()
    contracts.add_lines(tx, kept)
    ahead_micros = _ahead(app, signed, stated.book, now)
    contracts.put_contract(tx, replace(signed, accrued_until=now, ahead_micros=ahead_micros))
    if any(line.amount_micros < 0 for line in lines):
        settle_debt(tx, signed.tenant, derived_id("accrual", name, now.isoformat()), now)


def _check_range(desk: ledger.Desk, lines: Iterable[ContractLine], name: str) -> None:
    """Refuse lines that the ledger cannot take: each is booked once, and earned once at most."""
    moved = sum(abs(line.amount_micros) for line in lines)
    check_range(Fraction(moved, MICROS_PER_UNIT), name)
    most = max(abs(account.balance_micros) for account in desk.accounts.values())
    if most + 2 * moved > BALANCE_MAX_MICROS:
        raise Refused(amount_out_of_range(Fraction(most + moved, MICROS_PER_UNIT), name))


def _ahead(app: App, signed: SignedContract, book: PriceBook, now: datetime) -> Micros | None:
    """What falls due whatever is used until the next time it is charged, and the notice that funds need before."""
    if now >= runs_until(signed, now):
        return None
    until = now + app.policy.accrual_step + app.policy.funds_grace
    contract = contract_of(signed, until)
    later, before = (fixed(contract, book, at, signed.terminated_at) for at in (until, now))
    return to_micros(later - before)


def _document(tx: Tx, signed: SignedContract) -> str:
    published = contracts.book(tx, signed.price_book)
    assert published is not None, "a contract's book is never removed"
    return published.document


class _Stated(NamedTuple):
    contract: Contract
    book: PriceBook
    facts: Facts
    entries: tuple[Entry, ...]


def _stated(
    tx: Tx,
    signed: SignedContract,
    until: datetime,
    measured: Callable[[Window], Iterable[MeteredQuantity]] | None = None,
) -> _Stated:
    contract, book = contract_of(signed, until), book_of(_document(tx, signed))
    facts = facts_of(tx, contract, book, until, measured)
    return _Stated(contract, book, facts, statement(contract, book, facts, until, signed.terminated_at))


def _accounts(tenant: str, currency: str, lines: list[ContractLine]) -> set[str]:
    names = (DEFERRED, *REVENUE.values(), *SHARES.values())
    return {
        *(centre_account(name, currency) for name in names),
        *(account_of(line) for line in lines),
        tenant_account(tenant, PREPAID),
        tenant_account(tenant, OWED),
    }


def _post(desk: ledger.Desk, line: ContractLine, now: datetime) -> bool:
    if not line.amount_micros:
        return False
    desk.post(settle_line(line, desk.accounts[tenant_account(line.tenant, PREPAID)], now), now)
    return True


def _earn(tx: Tx, desk: ledger.Desk, stated: _Stated, now: datetime) -> None:
    """Move what was earned out of deferred revenue, and the parties' shares out of revenue."""
    contract, book, facts, entries = stated
    hourly = [(use.start, use.amount_micros) for use in facts.card_uses if use.end <= now]
    earned = earned_by_mode(book, entries, hourly, now)
    targets = share_targets(contract.shares, earned) if contract.shares else {}
    keys = [recognition_key(contract.id), *(share_key(contract.id, *party) for party in targets)]
    forward = [centre_account(name, book.currency) for name in (DEFERRED, *REVENUE.values())]
    posted = _streams(tx, keys, contract.id, forward, book.currency)
    moves = streams_due(contract.id, book.currency, recognised(entries, now), targets, posted, now)
    if moves:
        desk.post(moves, now)


def _streams(
    tx: Tx, keys: list[str], contract: str, forward: list[str], currency: str
) -> dict[str, tuple[Micros, int]]:
    """What was moved so far; of deferred revenue, what left it counts up, though it went into revenue."""
    found = contracts.streams(tx, keys, forward)
    key = recognition_key(contract)
    found |= contracts.streams(tx, [key], [centre_account(DEFERRED, currency)])
    return found


def show_statement(app: App, principal: Principal, name: str, until: datetime | None = None) -> Statement:
    """The statement of a contract up to an instant (none: now); nothing is charged."""
    name = known_as(principal, name)
    now = app.now() if until is None else ensure(check_instant(until, "until"))
    with app.database.read() as tx:
        signed = visible(principal, "contract", name, contracts.contract(tx, name))
        contract, book, _, entries = _stated(tx, signed, now)
    positions = tuple(map(position, entries))
    deferred = sum(one.amount_micros for one in positions if one.kind == "fee") - recognised(entries, now)
    return Statement(
        contract=contract.id,
        tenant=contract.tenant,
        currency=book.currency,
        until=now,
        positions=positions,
        total_micros=sum(one.amount_micros for one in positions),
        deferred_micros=max(deferred, 0),
    )
