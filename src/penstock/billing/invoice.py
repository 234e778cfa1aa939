"""Charge lines to an invoice, and what is given back of one.

Charges were posted when they were rated. The invoice is the document over them: it sums them per subject
and price, rounds each of its lines half-up to fen, adds taxes, and posts what rounding changed, the taxes and
what vouchers pay. What it says is
paid follows from the accounts: money settles the oldest charges first, so the newest are what is open.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from penstock.base.ids import derived_id
from penstock.base.money import MICROS_PER_FEN, Micros, format_amount, round_to_fen
from penstock.base.refusal import Refusal, invalid
from penstock.base.seal import seal
from penstock.base.window import Window
from penstock.billing.model import ChargeLine, CreditNote, Invoice, InvoiceLine
from penstock.billing.payment import clear, owed
from penstock.billing.pricing.bill import (
    contract_invoice_lines,
    credit_split,
    invoice_taxes,
    tax_transfers,
    voucher_transfers,
)
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.posting import ContractLine
from penstock.billing.pricing.voucher import Voucher, redeemable
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
    contract_lines: Iterable[ContractLine] = (),
    book: PriceBook | None = None,
    vouchers: Iterable[Voucher] = (),
    earlier: Iterable[Invoice] = (),
) -> tuple[Invoice, tuple[Transfer, ...]] | None:
    """The invoice over a tenant's charges, with the transfers that it brings about; None if there is nothing.

    `charges`, `contract_lines`: the lines that end or are due in the period and are on no invoice, also late
    ones of earlier periods. `later_micros`: what was already charged for after the period. `names`: subject ->
    how to call it. `book`: whose taxes apply; `vouchers`: what may pay for a part. `earlier`: the tenant's
    invoices, which lines about their time adjust. The transfers are rounding, taxes and vouchers, in this order.
    """
    found = (*invoice_lines(charges, tenant, period, names or {}), *contract_invoice_lines(contract_lines))
    lines = tuple(adjusting(found, earlier))
    if not lines:
        return None
    name = f"inv-{number:06d}"
    taxes = invoice_taxes(book, lines)
    before_tax = sum(line.amount_micros for line in lines)
    total = before_tax + sum(tax.amount_micros for tax in taxes if not tax.inclusive)
    redeemed = redeemable(vouchers, total)
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
        rounding_micros=before_tax - sum(line.exact_micros for line in lines),
        paid_micros=0,
        tenant_address=tenant.address,
        tenant_tax_number=tenant.tax_number,
        taxes=taxes,
        voucher_micros=sum(amount for _, amount in redeemed),
    )
    transfers, debt = _settled(issued, prepaid, receivable, redeemed, issued_at)
    due = round_to_fen(min(max(debt - later_micros, 0), max(issued.due_micros, 0)))
    issued = replace(issued, paid_micros=issued.due_micros - due)
    return replace(issued, content_hash=content_hash(issued)), tuple(transfers)


def _settled(
    issued: Invoice,
    prepaid: Account,
    receivable: Account,
    redeemed: Sequence[tuple[Voucher, Micros]],
    at: datetime,
) -> tuple[list[Transfer], Micros]:
    """The transfers of an invoice, and what the tenant owes once they, and the clearing after them, are booked."""
    rounding = issued.rounding_micros
    covered = prepaid.floor_micros is None or rounding <= max(prepaid.available_micros, 0)
    payer = prepaid if covered else receivable
    found = [
        transfer
        for transfer in [_rounding_transfer(issued.id, rounding, payer.id, issued.currency, at)]
        if transfer
    ]
    accounts = _after(found, prepaid, receivable)
    found += tax_transfers(issued, accounts[0], receivable.id, at)
    found += voucher_transfers(issued, redeemed, prepaid.id, at)
    prepaid, receivable = _after(found, prepaid, receivable)
    cleared = clear(prepaid, receivable, issued.id, at) if redeemed else None
    after = _after([cleared], prepaid, receivable) if cleared else (prepaid, receivable)
    return found, _debt(*after)


def _after(transfers: Iterable[Transfer], *accounts: Account) -> tuple[Account, Account]:
    """The two accounts after the transfers."""
    changed = {account.id: account.balance_micros for account in accounts}
    for transfer in transfers:
        for name, amount in (
            (transfer.debit, -transfer.amount_micros),
            (transfer.credit, transfer.amount_micros),
        ):
            if name in changed:
                changed[name] += amount
    first, second = (replace(account, balance_micros=changed[account.id]) for account in accounts)
    return first, second


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


def adjusting(lines: Iterable[InvoiceLine], earlier: Iterable[Invoice]) -> Iterator[InvoiceLine]:
    """The lines, each with the earlier invoice in whose time all of it lies, if any."""
    known = [(Window(one.start, one.end), one.id) for one in earlier]
    for line in lines:
        inside = [name for window, name in known if window.start <= line.start and line.end <= window.end]
        yield replace(line, adjusts=inside[0]) if inside else line


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
) -> tuple[CreditNote, tuple[Transfer, ...]] | Refusal:
    """Give back part of an invoice: its revenue and tax go down, the tenant's balance up (then `payment.clear`).

    `earlier`: the notes already issued. All notes of an invoice together never exceed its total. The first
    transfer is the whole note, the others spread it over modes and tax.
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
    ), (transfer, *credit_split(issued, note, amount_micros, issued_at))
