"""An invoice opened, line by line: what was rated, which devices were held, and what was posted to the ledger."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from penstock.app.access import visible
from penstock.app.context import App
from penstock.base.money import Micros
from penstock.base.refusal import Refused, invalid
from penstock.billing.meter import ATTEMPT
from penstock.billing.model import ChargeLine, CreditNote, Invoice, InvoiceLine
from penstock.billing.pricing.bill import CONTRACT
from penstock.billing.pricing.posting import ContractLine
from penstock.lease.job import Attempt
from penstock.lease.offer import Lease
from penstock.lease.tenant import Principal
from penstock.ledger.model import Transfer
from penstock.store import billing, contracts, jobs, leases, ledger
from penstock.store.database import Tx


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as its page shows it: some of its lines, and the credit notes that came after."""

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]
    notes: tuple[CreditNote, ...]


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """Transfers from one account to another, summed."""

    debit: str
    credit: str
    count: int
    amount_micros: Micros


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind one line: some of its windows, how many there are, and what these posted.

    `attempt` or `lease` is what held the devices; for a contract's line its positions as they were charged.
    """

    invoice: Invoice
    line: InvoiceLine
    charges: tuple[ChargeLine, ...]
    count: int
    positions: tuple[ContractLine, ...]
    attempt: Attempt | None
    lease: Lease | None
    posted: tuple[Posted, ...]


def open_invoice(app: App, principal: Principal, name: str, start: int, limit: int) -> Opened:
    """One invoice with so many of its lines from the one numbered `start` (from 0)."""
    with app.database.read() as tx:
        found = visible(principal, "invoice", name, billing.invoice(tx, name))
        notes = billing.credit_notes(tx, name)
    return Opened(invoice=found, lines=found.lines[start : start + limit], notes=notes)


def open_line(app: App, principal: Principal, name: str, number: int, start: int, limit: int) -> Behind:
    """What is behind the line of a number (from 1), with so many of its windows from the one numbered `start`."""
    with app.database.read() as tx:
        found = visible(principal, "invoice", name, billing.invoice(tx, name))
        if not 1 <= number <= len(found.lines):
            raise Refused(
                invalid("line_unknown", f"the invoice has no line {number}", "choose one of its lines")
            )
        line = found.lines[number - 1]
        charges, positions = _charges(tx, name, line), _positions(tx, name, line)
        some = charges[start : start + limit]
        keys = {one.id for one in (*some, *positions)}
        return Behind(
            invoice=found,
            line=line,
            charges=some,
            count=len(charges),
            positions=positions,
            attempt=jobs.attempt(tx, line.subject) if line.subject_kind == ATTEMPT else None,
            lease=leases.lease(tx, line.subject) if line.subject_kind not in (ATTEMPT, CONTRACT) else None,
            posted=_posted(ledger.with_keys(tx, keys)),
        )


def _posted(transfers: Iterable[Transfer]) -> tuple[Posted, ...]:
    sides: defaultdict[tuple[str, str], list[Micros]] = defaultdict(list)
    for one in transfers:
        sides[one.debit, one.credit].append(one.amount_micros)
    return tuple(
        Posted(debit=debit, credit=credit, count=len(own), amount_micros=sum(own))
        for (debit, credit), own in sorted(sides.items())
    )


def _charges(tx: Tx, invoice: str, line: InvoiceLine) -> tuple[ChargeLine, ...]:
    """The windows of the line's subject at the line's model and price."""
    if line.subject_kind == CONTRACT:
        return ()
    wanted = (line.model, line.price_micros_per_card_hour)
    return tuple(
        one
        for one in billing.lines_on(tx, invoice, line.subject)
        if (one.model, one.price_micros_per_card_hour) == wanted
    )


def _positions(tx: Tx, invoice: str, line: InvoiceLine) -> tuple[ContractLine, ...]:
    if line.subject_kind != CONTRACT:
        return ()
    wanted = (line.item, line.kind, line.tier, line.start, line.end)
    return tuple(
        one
        for one in contracts.lines_on(tx, invoice, line.subject)
        if (one.item, one.kind, one.tier, one.start, one.end) == wanted
    )
