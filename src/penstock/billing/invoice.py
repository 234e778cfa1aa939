"""Charge lines to an invoice, and what is given back of one.

Charges were posted when they were rated. The invoice is the document over them: it sums them per subject
and price, rounds each of its lines half-up to fen, and posts only what rounding changed. What it says is
paid follows from the accounts: money settles the oldest charges first, so the newest are what is open.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from penstock.base.ids import derived_id
from penstock.base.money import MICROS_PER_FEN, Micros, format_amount, round_to_fen
from penstock.base.refusal import Refusal, invalid
from penstock.base.seal import seal
from penstock.base.window import Window
from penstock.billing.model import ChargeLine, CreditNote, Invoice, InvoiceLine
from penstock.billing.payment import owed
from penstock.lease.tenant import Tenant
from penstock.ledger.chart import (
    CREDIT_NOTE,
    INVOICE_ROUNDING,
    PREPAID,
    REVENUE_HOURLY,
    ROUNDING,
    centre_account,
    tenant_account,
)
from penstock.ledger.model import Account, Transfer

replace = msgspec.structs.replace


def invoice(
    charges: Iterable[ChargeLine],
    tenant: Tenant,
    period: Window,
    number: int,
    issued_at: datetime,
    prepaid: Account,
    receivable: Account,
    *,
    later_micros: Micros = 0,
    names: Mapping[str, str] | None = None,
) -> tuple[Invoice, Transfer | None] | None:
    """The invoice over a tenant's charge lines, with the transfer of its rounding; None if there is nothing.

    `charges`: the lines that end in the period and are on no invoice, also late ones of earlier periods.
    `later_micros`: what was already charged for after the period. `names`: subject -> how to call it.
    """
    lines = invoice_lines(charges, tenant, period, names or {})
    if not lines:
        return None
    name = f"inv-{number:06d}"
    total = sum(line.amount_micros for line in lines)
    rounding = total - sum(line.exact_micros for line in lines)
    covered = prepaid.floor_micros is None or rounding <= max(prepaid.available_micros, 0)
    payer = prepaid if covered else receivable
    transfer = _rounding_transfer(name, rounding, payer.id, tenant.currency, issued_at)
    charged = replace(payer, balance_micros=payer.balance_micros - rounding)
    debt = _debt(charged, receivable) if covered else _debt(prepaid, charged)
    due = round_to_fen(min(max(debt - later_micros, 0), total))
    issued = Invoice(
        id=name,
        number=number,
        tenant=tenant.id,
        tenant_name=tenant.name,
        currency=tenant.currency,
        start=period.start,
        end=period.end,
        issued_at=issued_at,
        lines=lines,
        total_micros=total,
        rounding_micros=rounding,
        paid_micros=total - due,
        tenant_address=tenant.address,
        tenant_tax_number=tenant.tax_number,
    )
    return replace(issued, content_hash=content_hash(issued)), transfer


def invoice_lines(
    charges: Iterable[ChargeLine], tenant: Tenant, period: Window, names: Mapping[str, str]
) -> tuple[InvoiceLine, ...]:
    """One line per subject, model and price, in order of time."""
    groups: defaultdict[tuple[str, str, str, Micros], list[ChargeLine]] = defaultdict(list)
    for charge in charges:
        assert (charge.tenant, charge.currency) == (tenant.id, tenant.currency), charge.id
        assert charge.end <= period.end and charge.invoice is None, charge.id
        key = (charge.subject_kind, charge.subject, charge.model, charge.price_micros_per_card_hour)
        groups[key].append(charge)
    lines = (_invoice_line(group, names) for group in groups.values())
    billed = (line for line in lines if line.quantity or line.exact_micros)
    return tuple(sorted(billed, key=lambda line: (line.start, line.subject_kind, line.subject, line.end)))


def _invoice_line(group: Sequence[ChargeLine], names: Mapping[str, str]) -> InvoiceLine:
    one = group[0]
    exact = sum(charge.amount_micros for charge in group)
    return InvoiceLine(
        subject_kind=one.subject_kind,
        subject=one.subject,
        description=names.get(one.subject, one.job or ""),
        model=one.model,
        start=min(charge.start for charge in group),
        end=max(charge.end for charge in group),
        quantity=sum(charge.quantity for charge in group),
        price_micros_per_card_hour=one.price_micros_per_card_hour,
        exact_micros=exact,
        amount_micros=round_to_fen(exact),
    )


def _debt(prepaid: Account, receivable: Account) -> Micros:
    """What a tenant owes: its receivable, and the credit used on its balance."""
    return owed(receivable) + max(-prepaid.balance_micros, 0)


def _rounding_transfer(
    name: str, rounding: Micros, payer: str, currency: str, at: datetime
) -> Transfer | None:
    """Rounding up is paid by the tenant's account, rounding down is given back to it."""
    if rounding == 0:
        return None
    sides = (payer, centre_account(ROUNDING, currency))
    debit, credit = sides if rounding > 0 else reversed(sides)
    return Transfer(
        id=derived_id(INVOICE_ROUNDING, name),
        debit=debit,
        credit=credit,
        amount_micros=abs(rounding),
        currency=currency,
        at=at,
        kind=INVOICE_ROUNDING,
        key=name,
    )


def content_hash(issued: Invoice) -> str:
    """SHA-256 over the canonical JSON (`base.seal`) of every other field."""
    return seal(replace(issued, content_hash=""))


def credit(
    issued: Invoice,
    earlier: Iterable[CreditNote],
    amount_micros: Micros,
    reason: str,
    number: int,
    issued_at: datetime,
    *,
    name: str = "",
) -> tuple[CreditNote, Transfer] | Refusal:
    """Give back part of an invoice: its revenue goes down, the tenant's balance up (then `payment.clear`).

    `earlier`: the notes already issued. All notes of an invoice together never exceed its total.
    """
    if amount_micros <= 0 or amount_micros % MICROS_PER_FEN:
        return invalid(
            "amount_not_fen", "a credit note is a positive amount in whole fen", "round it", "amount"
        )
    if not reason.strip():
        return invalid("reason_missing", "a credit note says why", "give a reason", "reason")
    left = issued.total_micros - sum(note.amount_micros for note in earlier if note.invoice == issued.id)
    if amount_micros > left:
        return Refusal(
            "credit_exceeds_invoice",
            f"{format_amount(left)} {issued.currency} of {issued.id} is left to credit",
            "credit at most that",
            "amount",
        )
    note = name or f"cn-{number:06d}"
    transfer = Transfer(
        id=derived_id(CREDIT_NOTE, note),
        debit=centre_account(REVENUE_HOURLY, issued.currency),
        credit=tenant_account(issued.tenant, PREPAID),
        amount_micros=amount_micros,
        currency=issued.currency,
        at=issued_at,
        kind=CREDIT_NOTE,
        key=issued.id,
    )
    return CreditNote(
        id=note,
        number=number,
        invoice=issued.id,
        tenant=issued.tenant,
        amount_micros=amount_micros,
        currency=issued.currency,
        reason=reason.strip(),
        issued_at=issued_at,
        transfer=transfer.id,
    ), transfer
