"""Usage events, charge lines, invoices and credit notes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select, update

from penstock.billing.model import ChargeLine, CreditNote, Invoice, InvoiceHead, UsageEvent
from penstock.store import charged, rows
from penstock.store.prepared import Prepared
from penstock.store.tables import CHARGE_LINES, CREDIT_NOTES, INVOICES, USAGE_EVENTS

RATE_BATCH = 500
_UNRATED = Prepared(
    select(USAGE_EVENTS)
    .where(USAGE_EVENTS.c.rated.is_(False))
    .order_by(USAGE_EVENTS.c.start, USAGE_EVENTS.c.id)
    .limit(bindparam("most"))
)
_OWING = Prepared(select(USAGE_EVENTS.c.subject).where(USAGE_EVENTS.c.rated.is_(False)).distinct())
_MARK_RATED = Prepared(
    update(USAGE_EVENTS)
    .where(USAGE_EVENTS.c.source == bindparam("of"), USAGE_EVENTS.c.id == bindparam("name"))
    .values(rated=True)
)


def add_usage(tx: Connection, events: list[UsageEvent]) -> None:
    """Keep new usage events; a window that is there already is a broken invariant."""
    rows.add(tx, USAGE_EVENTS, events)


def unrated(tx: Connection, limit: int = RATE_BATCH) -> tuple[UsageEvent, ...]:
    """Events that have no charge line yet, oldest first."""
    return rows.fetch(tx, _UNRATED, UsageEvent, most=limit)


def mark_rated(tx: Connection, events: Sequence[UsageEvent]) -> None:
    """Remember that these events have their lines."""
    if events:
        _MARK_RATED.change(tx, [{"of": event.source, "name": event.id} for event in events])


def usage(
    tx: Connection, tenant: str | None = None, start: datetime | None = None, end: datetime | None = None
) -> tuple[UsageEvent, ...]:
    """Usage events that touch the window, of one tenant or all."""
    return _touching(tx, USAGE_EVENTS, tenant, start, end)


def lines(
    tx: Connection, tenant: str | None = None, start: datetime | None = None, end: datetime | None = None
) -> tuple[ChargeLine, ...]:
    """Charge lines that touch the window, of one tenant or all."""
    return _touching(tx, CHARGE_LINES, tenant, start, end)


def lines_across(tx: Connection, instant: datetime, currency: str) -> tuple[ChargeLine, ...]:
    """Charge lines that begin before an instant and end after it."""
    table = CHARGE_LINES
    return rows.many(
        tx,
        table,
        table.c.start < instant,
        table.c.end > instant,
        table.c.currency == currency,
        order=[table.c.id],
    )


def _touching(
    tx: Connection, table: Table, tenant: str | None, start: datetime | None, end: datetime | None
) -> Any:
    where = []
    if tenant is not None:
        where.append(table.c.tenant == tenant)
    if start is not None:
        where.append(table.c.end > start)
    if end is not None:
        where.append(table.c.start < end)
    return rows.many(tx, table, *where, order=[table.c.start, table.c.id])


def add_lines(tx: Connection, lines: list[ChargeLine]) -> None:
    """Keep new charge lines, and count them into the sums of their hours."""
    rows.add(tx, CHARGE_LINES, lines)
    charged.add(tx, lines)


def uninvoiced(tx: Connection, tenant: str, until: datetime) -> tuple[ChargeLine, ...]:
    """A tenant's lines that end by then and stand on no invoice."""
    table = CHARGE_LINES
    where = (table.c.tenant == tenant, table.c.invoice.is_(None), table.c.end <= until)
    return rows.many(tx, table, *where, order=[table.c.start, table.c.id])


def recent_lines(tx: Connection, tenant: str, since: datetime, limit: int) -> tuple[ChargeLine, ...]:
    """A tenant's lines that end after an instant, newest first, so many."""
    table = CHARGE_LINES
    where = (table.c.tenant == tenant, table.c.end > since)
    return rows.many(tx, table, *where, order=[table.c.end.desc(), table.c.id.desc()], limit=limit)


def lines_on(tx: Connection, invoice: str, subject: str) -> tuple[ChargeLine, ...]:
    """The lines of one subject on one invoice."""
    table = CHARGE_LINES
    where = (table.c.invoice == invoice, table.c.subject == subject)
    return rows.many(tx, table, *where, order=[table.c.start, table.c.id])


def charged_after(tx: Connection, tenant: str, instant: datetime) -> int:
    """Micros that a tenant was charged for windows that end after the instant."""
    table = CHARGE_LINES
    where = (table.c.tenant == tenant, table.c.end > instant)
    total = select(func.coalesce(func.sum(table.c.amount_micros), 0)).where(*where)
    return int(tx.execute(total).scalar_one())  # PostgreSQL sums 64-bit integers as decimals


def assign(tx: Connection, lines: tuple[ChargeLine, ...], invoice: str) -> None:
    """Put lines on an invoice; no line stands on two."""
    table = CHARGE_LINES
    for line in lines:
        where = (table.c.id == line.id, table.c.invoice.is_(None))
        result = tx.execute(update(table).where(*where).values(invoice=invoice))
        assert result.rowcount == 1, f"line {line.id} is on another invoice"


def add_invoice(tx: Connection, invoice: Invoice) -> None:
    """Keep an invoice for good."""
    rows.add(tx, INVOICES, [invoice])


def invoice(tx: Connection, name: str) -> Invoice | None:
    """One invoice."""
    return rows.get(tx, INVOICES, id=name)


def invoices(tx: Connection, tenant: str | None = None) -> tuple[Invoice, ...]:
    """A tenant's invoices, or all, newest first."""
    where = [] if tenant is None else [INVOICES.c.tenant == tenant]
    return rows.many(tx, INVOICES, *where, order=[INVOICES.c.number.desc()])


def invoice_heads(tx: Connection, tenant: str | None, limit: int) -> tuple[InvoiceHead, ...]:
    """What a list of invoices shows, newest first; the lines stay in the store."""
    where = [] if tenant is None else [INVOICES.c.tenant == tenant]
    columns: list[Any] = [INVOICES.c[name] for name in InvoiceHead.__struct_fields__]
    query: Any = select(*columns).where(*where).order_by(INVOICES.c.number.desc()).limit(limit)
    return rows.found(tx, query, InvoiceHead)


def add_credit_note(tx: Connection, note: CreditNote) -> None:
    """Keep a credit note."""
    rows.add(tx, CREDIT_NOTES, [note])


def credit_notes(tx: Connection, invoice: str) -> tuple[CreditNote, ...]:
    """The credit notes of one invoice."""
    return rows.many(tx, CREDIT_NOTES, CREDIT_NOTES.c.invoice == invoice, order=[CREDIT_NOTES.c.number])


def all_credit_notes(tx: Connection) -> tuple[CreditNote, ...]:
    """Every credit note, by number."""
    return rows.many(tx, CREDIT_NOTES, order=[CREDIT_NOTES.c.number])


def credit_note(tx: Connection, name: str) -> CreditNote | None:
    """One credit note."""
    return rows.get(tx, CREDIT_NOTES, id=name)


def owing(tx: Connection) -> set[str]:
    """Subjects that have usage without a line yet."""
    return {row[0] for row in _OWING.all(tx)}
