"""Price books, contracts and their lines, voucher programmes and vouchers."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, or_, select, update

from penstock.base.window import Window
from penstock.billing.pricing.posting import ContractLine
from penstock.billing.pricing.signed import PublishedBook, PublishedProgramme, SignedContract
from penstock.billing.pricing.voucher import Voucher
from penstock.store import rows
from penstock.store.prepared import Prepared
from penstock.store.tables import (
    CONTRACT_LINES,
    CONTRACTS,
    PRICE_BOOKS,
    TRANSFERS,
    VOUCHER_PROGRAMMES,
    VOUCHERS,
)

_ACCRUED_BEFORE = Prepared(
    select(CONTRACTS)
    .where(
        CONTRACTS.c.start <= bindparam("instant"),
        or_(CONTRACTS.c.accrued_until.is_(None), CONTRACTS.c.accrued_until < bindparam("instant")),
    )
    .order_by(CONTRACTS.c.id)
)
_AHEAD = Prepared(
    select(CONTRACTS.c.tenant, func.sum(CONTRACTS.c.ahead_micros))
    .where(CONTRACTS.c.ahead_micros.is_not(None))
    .group_by(CONTRACTS.c.tenant)
)


def books(tx: Connection) -> tuple[PublishedBook, ...]:
    """All price books, newest first."""
    return rows.many(tx, PRICE_BOOKS, order=[PRICE_BOOKS.c.published_at.desc(), PRICE_BOOKS.c.id])


def book(tx: Connection, name: str) -> PublishedBook | None:
    """One price book."""
    return rows.get(tx, PRICE_BOOKS, id=name)


def add_book(tx: Connection, book: PublishedBook) -> None:
    """Keep a price book for good."""
    rows.add(tx, PRICE_BOOKS, [book])


def contracts(tx: Connection, tenant: str | None = None) -> tuple[SignedContract, ...]:
    """A tenant's contracts, or all, oldest first."""
    where = [] if tenant is None else [CONTRACTS.c.tenant == tenant]
    return rows.many(tx, CONTRACTS, *where, order=[CONTRACTS.c.signed_at, CONTRACTS.c.id])


def contract(tx: Connection, name: str) -> SignedContract | None:
    """One contract."""
    return rows.get(tx, CONTRACTS, id=name)


def add_contract(tx: Connection, signed: SignedContract) -> None:
    """Keep a new contract."""
    rows.add(tx, CONTRACTS, [signed])


def put_contract(tx: Connection, signed: SignedContract) -> None:
    """Write a changed contract."""
    rows.put(tx, CONTRACTS, signed)


def accrued_before(tx: Connection, instant: datetime) -> tuple[SignedContract, ...]:
    """Contracts that have begun and were last charged before the instant, or never."""
    return rows.fetch(tx, _ACCRUED_BEFORE, SignedContract, instant=instant)


def ahead(tx: Connection) -> dict[str, int]:
    """Tenant -> micros that its running contracts will soon come to."""
    return {tenant: int(total) for tenant, total in _AHEAD.all(tx)}


def lines(tx: Connection, contract: str) -> tuple[ContractLine, ...]:
    """All lines of a contract, in the order in which they were charged."""
    table = CONTRACT_LINES
    return rows.many(tx, table, table.c.contract == contract, order=[table.c.key, table.c.sequence])


def tenant_lines(tx: Connection, tenant: str | None = None) -> tuple[ContractLine, ...]:
    """All contract lines of one tenant, or of all."""
    table = CONTRACT_LINES
    where = [] if tenant is None else [table.c.tenant == tenant]
    return rows.many(tx, table, *where, order=[table.c.due, table.c.key, table.c.sequence])


def lines_in(tx: Connection, window: Window) -> tuple[ContractLine, ...]:
    """Contract lines about a time that touches the window."""
    table = CONTRACT_LINES
    where = (table.c.start < window.end, or_(table.c.end > window.start, table.c.start >= window.start))
    return rows.many(tx, table, *where, order=[table.c.start, table.c.id])


def add_lines(tx: Connection, lines: Iterable[ContractLine]) -> None:
    """Keep new lines."""
    rows.add(tx, CONTRACT_LINES, lines)


def uninvoiced(tx: Connection, tenant: str, until: datetime) -> tuple[ContractLine, ...]:
    """A tenant's contract lines that are due by then and stand on no invoice."""
    table = CONTRACT_LINES
    where = (table.c.tenant == tenant, table.c.invoice.is_(None), table.c.due <= until)
    return rows.many(tx, table, *where, order=[table.c.contract, table.c.key, table.c.sequence])


def charged_after(tx: Connection, tenant: str, instant: datetime) -> int:
    """Micros that a tenant was charged in contract lines that are due after the instant."""
    table = CONTRACT_LINES
    where = (table.c.tenant == tenant, table.c.due > instant)
    total = select(func.coalesce(func.sum(table.c.amount_micros), 0)).where(*where)
    return int(tx.execute(total).scalar_one())


def lines_on(tx: Connection, invoice: str, contract: str) -> tuple[ContractLine, ...]:
    """The lines of one contract on one invoice."""
    table = CONTRACT_LINES
    where = (table.c.invoice == invoice, table.c.contract == contract)
    return rows.many(tx, table, *where, order=[table.c.key, table.c.sequence])


def assign(tx: Connection, lines: Iterable[ContractLine], invoice: str) -> None:
    """Put lines on an invoice; no line stands on two."""
    table = CONTRACT_LINES
    for line in lines:
        where = (table.c.id == line.id, table.c.invoice.is_(None))
        result = tx.execute(update(table).where(*where).values(invoice=invoice))
        assert result.rowcount == 1, f"line {line.id} is on another invoice"


def streams(tx: Connection, keys: Sequence[str], forward: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Key -> what its transfers sum to, and how many they are; those out of an account in `forward` count up."""
    accounts = frozenset(forward)
    found: dict[str, tuple[int, int]] = {}
    query = select(TRANSFERS.c.key, TRANSFERS.c.debit, TRANSFERS.c.amount_micros).where(
        TRANSFERS.c.key.in_(keys)
    )
    for key, debit, amount in tx.execute(query):
        total, count = found.get(key, (0, 0))
        found[key] = (total + (amount if debit in accounts else -amount), count + 1)
    return found


def programmes(tx: Connection) -> tuple[PublishedProgramme, ...]:
    """All voucher programmes."""
    return rows.many(tx, VOUCHER_PROGRAMMES, order=[VOUCHER_PROGRAMMES.c.id])


def programme(tx: Connection, name: str) -> PublishedProgramme | None:
    """One voucher programme."""
    return rows.get(tx, VOUCHER_PROGRAMMES, id=name)


def add_programme(tx: Connection, programme: PublishedProgramme) -> None:
    """Keep a voucher programme."""
    rows.add(tx, VOUCHER_PROGRAMMES, [programme])


def vouchers(tx: Connection, tenant: str | None = None) -> tuple[Voucher, ...]:
    """A tenant's vouchers, or all, oldest first."""
    where = [] if tenant is None else [VOUCHERS.c.tenant == tenant]
    return rows.many(tx, VOUCHERS, *where, order=[VOUCHERS.c.granted_at, VOUCHERS.c.id])


def voucher(tx: Connection, name: str) -> Voucher | None:
    """One voucher."""
    return rows.get(tx, VOUCHERS, id=name)


def add_voucher(tx: Connection, voucher: Voucher) -> None:
    """Keep a new voucher."""
    rows.add(tx, VOUCHERS, [voucher])


def put_voucher(tx: Connection, voucher: Voucher) -> None:
    """Write what is used of a voucher."""
    rows.put(tx, VOUCHERS, voucher)
