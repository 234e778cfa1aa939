"""Contract lines, taxes and vouchers on an invoice, and the transfers that they bring about."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction

from penstock.base.ids import derived_id
from penstock.base.money import Micros, round_half_up, round_to_fen
from penstock.billing.model import Invoice, InvoiceLine, TaxLine
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.exact import exact_text
from penstock.billing.pricing.posting import ContractLine, exact
from penstock.billing.pricing.tax import Taxed, tax_lines
from penstock.billing.pricing.voucher import Voucher
from penstock.ledger.chart import (
    CREDIT_SPLIT,
    REVENUE,
    REVENUE_HOURLY,
    TAX,
    VAT,
    VOUCHER,
    VOUCHER_RECEIVABLE,
    centre_account,
)
from penstock.ledger.model import Account, Transfer

CONTRACT = "contract"


def contract_invoice_lines(lines: Iterable[ContractLine]) -> tuple[InvoiceLine, ...]:
    """One line per position of a contract, what changed of it summed; positions that came to nothing are left out."""
    groups: defaultdict[tuple[str, str], list[ContractLine]] = defaultdict(list)
    for line in lines:
        groups[line.contract, line.key].append(line)
    found = (_invoice_line(group) for group in groups.values())
    return tuple(line for line in found if line.exact_micros or line.measure != "0")


def _invoice_line(group: Sequence[ContractLine]) -> InvoiceLine:
    one = group[-1]
    micros = sum(line.amount_micros for line in group)
    return InvoiceLine(
        subject_kind=CONTRACT,
        subject=one.contract,
        description=one.name or one.item,
        model="",
        start=one.start,
        end=one.end,
        quantity=0,
        price_micros_per_card_hour=0,
        exact_micros=micros,
        amount_micros=round_to_fen(micros),
        mode=one.mode,
        kind=one.kind,
        item=one.item,
        unit=one.unit,
        measure=exact_text(sum((exact(line.quantity) for line in group), Fraction(0))),
        unit_price=one.unit_price,
        tier=one.tier,
    )


def invoice_taxes(book: PriceBook | None, lines: Iterable[InvoiceLine]) -> tuple[TaxLine, ...]:
    """The taxes on an invoice's lines by the rules of the book: those of the time at which each was supplied."""
    if book is None:
        return ()
    return tax_lines(book, [Taxed(line.mode, line.start, line.amount_micros) for line in lines])


def tax_transfers(issued: Invoice, prepaid: Account, receivable: str, at: datetime) -> Iterator[Transfer]:
    """The invoice's tax to the VAT account: on top, paid by the tenant; inside the price, out of revenue."""
    on_top = issued.tax_on_top_micros
    available = on_top if prepaid.floor_micros is None else max(prepaid.available_micros, 0)
    from_balance = min(max(on_top, 0), available)
    parts = [(prepaid.id, from_balance), (receivable, on_top - from_balance)] if on_top > 0 else []
    parts += [(prepaid.id, on_top)] if on_top < 0 else []
    for mode, amount in inclusive_by_mode(issued).items():
        parts.append((centre_account(REVENUE[mode], issued.currency), amount))
    vat = centre_account(VAT, issued.currency)
    for number, (payer, amount) in enumerate(part for part in parts if part[1]):
        sides = (payer, vat) if amount > 0 else (vat, payer)
        yield _transfer(TAX, issued, number, sides, abs(amount), at)


def inclusive_by_mode(issued: Invoice) -> dict[str, Micros]:
    """The tax that is inside the prices, split over the modes it is inside of, to the micro."""
    found: defaultdict[str, Micros] = defaultdict(int)
    for tax in issued.taxes:
        if not tax.inclusive:
            continue
        sums = {mode: _sum_of(issued.lines, mode) for mode in tax.modes}
        whole = tax.base_micros + tax.amount_micros
        before = 0
        for mode, amount in sums.items():
            after = before + amount
            found[mode] += _part(tax.amount_micros, after, whole) - _part(tax.amount_micros, before, whole)
            before = after
    return {mode: amount for mode, amount in found.items() if amount}


def _part(amount: Micros, numerator: Micros, whole: Micros) -> Micros:
    if not whole:
        return 0
    return round_half_up(amount * numerator * (1 if whole > 0 else -1), abs(whole))


def _sum_of(lines: Iterable[InvoiceLine], mode: str) -> Micros:
    return sum(line.amount_micros for line in lines if line.mode == mode)


def voucher_transfers(
    issued: Invoice, redeemed: Iterable[tuple[Voucher, Micros]], payee: str, at: datetime
) -> Iterator[Transfer]:
    """What vouchers pay, into the tenant's balance; the issuer owes it."""
    for number, (_, amount) in enumerate(redeemed):
        sides = (centre_account(VOUCHER_RECEIVABLE, issued.currency), payee)
        yield _transfer(VOUCHER, issued, number, sides, amount, at)


def credit_split(issued: Invoice, note: str, amount_micros: Micros, at: datetime) -> list[Transfer]:
    """What a credit note takes from other accounts than revenue by the hour, which it was booked on as a whole.

    The note lowers every mode's revenue and the tax by their shares of the invoice's total, to the micro.
    """
    hourly = centre_account(REVENUE_HOURLY, issued.currency)
    weights: dict[str, Micros] = {}
    inside = inclusive_by_mode(issued)
    for mode, name in REVENUE.items():
        part = _sum_of(issued.lines, mode) - inside.get(mode, 0)
        if part > 0:
            weights[centre_account(name, issued.currency)] = part
    tax = sum(line.amount_micros for line in issued.taxes)
    if tax > 0:
        weights[centre_account(VAT, issued.currency)] = tax
    whole, before, found = sum(weights.values()), 0, []
    for number, (account, weight) in enumerate(weights.items()):
        after = before + weight
        part = _part(amount_micros, after, whole) - _part(amount_micros, before, whole)
        before = after
        if account != hourly and part:
            found.append(
                Transfer(
                    id=derived_id(CREDIT_SPLIT, note, number),
                    debit=account,
                    credit=hourly,
                    amount_micros=part,
                    currency=issued.currency,
                    at=at,
                    kind=CREDIT_SPLIT,
                    key=issued.id,
                )
            )
    return found


def _transfer(
    kind: str, issued: Invoice, number: int, sides: tuple[str, str], amount: Micros, at: datetime
) -> Transfer:
    return Transfer(
        id=derived_id(kind, issued.id, number),
        debit=sides[0],
        credit=sides[1],
        amount_micros=amount,
        currency=issued.currency,
        at=at,
        kind=kind,
        key=issued.id,
    )
