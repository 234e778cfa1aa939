"""The auditor of bills: usage, lines, transfers, invoices and credit notes tell the same story."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from penstock.base.money import round_to_fen
from penstock.billing.invoice import content_hash
from penstock.billing.meter import observed
from penstock.billing.model import ChargeLine, CreditNote, Invoice, UsageEvent
from penstock.billing.pricing.posting import ContractLine
from penstock.billing.rate import amount_of
from penstock.ledger.chart import (
    CHARGE,
    CREDIT_NOTE,
    GIVEN_BACK,
    INVOICE_ROUNDING,
    ROUNDING,
    TAX,
    VAT,
    VOUCHER,
    centre_account,
)
from penstock.ledger.check import Finding
from penstock.ledger.model import Transfer


def check(
    events: Sequence[UsageEvent],
    lines: Sequence[ChargeLine],
    transfers: Sequence[Transfer],
    invoices: Sequence[Invoice],
    notes: Sequence[CreditNote],
    contract_lines: Sequence[ContractLine] = (),
) -> list[Finding]:
    """All findings from usage to credit notes; none if every card-microsecond is charged once."""
    findings = [*_windows(events), *_rated(events, lines)]
    findings += _amounts(lines, {event.subject for event in events if not event.rated})
    findings += _posted([*lines, *contract_lines], transfers)
    findings += _sequences(contract_lines)
    findings += _numbers("invoice", [invoice.number for invoice in invoices])
    findings += _numbers("credit note", [note.number for note in notes])
    findings += _invoices(invoices, [*lines, *contract_lines], transfers)
    findings += _notes(invoices, notes, transfers)
    return findings


def _windows(events: Iterable[UsageEvent]) -> Iterator[Finding]:
    """The windows of a subject follow each other without gap or overlap from its beginning; one at most is final."""
    subjects: defaultdict[tuple[str, str, str], list[UsageEvent]] = defaultdict(list)
    for event in events:
        subjects[event.meter, event.subject_kind, event.subject].append(event)
        if event.quantity != observed(event.devices, event.share, event.began_at, event.window):
            yield Finding("quantity_wrong", f"{event.quantity} over {event.devices} devices", event.id)
    for (_, _, name), windows in subjects.items():
        windows.sort(key=lambda event: (event.start, event.end))
        if windows[0].start != windows[0].began_at:
            yield Finding("usage_gap", "the first window does not begin with the subject", name)
        for earlier, later in pairwise(windows):
            if earlier.end != later.start:
                code = "usage_gap" if earlier.end < later.start else "usage_overlap"
                yield Finding(code, f"{earlier.end.isoformat()} to {later.start.isoformat()}", name)
        if any(event.final for event in windows[:-1]):
            yield Finding("usage_after_final", "windows follow the final one", name)


def _rated(events: Iterable[UsageEvent], lines: Iterable[ChargeLine]) -> Iterator[Finding]:
    """Each rated event has exactly one line over the same window, and each line its event."""
    rated = Counter((e.subject, e.meter, e.start, e.end) for e in events if e.rated)
    charged = Counter((line.subject, line.meter, line.start, line.end) for line in lines)
    for subject, meter, start, _ in rated - charged:
        yield Finding("charge_missing", f"{meter} from {start.isoformat()} is rated, without a line", subject)
    for subject, meter, start, _ in charged - rated:
        yield Finding("charge_unfounded", f"{meter} from {start.isoformat()} has a line too many", subject)


def _amounts(lines: Iterable[ChargeLine], pending: set[str]) -> Iterator[Finding]:
    """A line is its charged time at its price, within the micro that a window's ends can round; all lines of
    a subject together are so to the micro, unless one is still pending.
    """
    sums: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        total = sums[line.subject, line.price_micros_per_card_hour]
        total[0] += line.quantity
        total[1] += line.amount_micros
        if abs(line.amount_micros - amount_of(line.quantity, line.price_micros_per_card_hour)) > 1:
            yield Finding("amount_wrong", f"{line.amount_micros} for {line.quantity} card-us", line.id)
    for (subject, price), (quantity, amount) in sums.items():
        if subject not in pending and amount != amount_of(quantity, price):
            yield Finding(
                "amount_wrong", f"charged {amount}, price says {amount_of(quantity, price)}", subject
            )


def _posted(lines: Iterable[ChargeLine | ContractLine], transfers: Iterable[Transfer]) -> Iterator[Finding]:
    """The charges of the ledger, less what was given back, are the amounts of the lines."""
    posted: defaultdict[str, int] = defaultdict(int)
    ids = set()
    for transfer in transfers:
        if transfer.kind in (CHARGE, GIVEN_BACK):
            given_back = transfer.kind == GIVEN_BACK
            posted[transfer.key] += -transfer.amount_micros if given_back else transfer.amount_micros
            ids.add(transfer.id)
    for line in lines:
        amount = posted.pop(line.id, 0)
        if amount != line.amount_micros:
            yield Finding("charge_not_posted", f"line {line.amount_micros}, ledger {amount}", line.id)
        if (line.transfer is None) != (line.amount_micros == 0) or line.transfer not in {None, *ids}:
            yield Finding("charge_not_posted", f"transfer {line.transfer} is not its own", line.id)
    for key in posted:
        yield Finding("charge_unfounded", "the ledger has a charge without a line", key)


def _sequences(lines: Iterable[ContractLine]) -> Iterator[Finding]:
    """The lines of a position are numbered from 0 without gap or double."""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for line in lines:
        found[line.contract, line.key].append(line.sequence)
    for (contract, key), numbers in found.items():
        if sorted(numbers) != list(range(len(numbers))):
            yield Finding("line_gap", f"the lines of {key} are numbered {sorted(numbers)}", contract)


def _numbers(noun: str, numbers: Sequence[int]) -> Iterator[Finding]:
    """Numbers run from their first without gap or double."""
    for earlier, later in pairwise(sorted(numbers)):
        if later != earlier + 1:
            yield Finding("number_gap", f"{noun} {later} follows {earlier}", str(later))


def _invoices(
    invoices: Iterable[Invoice], lines: Iterable[ChargeLine | ContractLine], transfers: Sequence[Transfer]
) -> Iterator[Finding]:
    """Invoices are as issued, sum their charges, and their rounding, tax and vouchers are in the ledger."""
    charged: defaultdict[str | None, int] = defaultdict(int)
    for line in lines:
        charged[line.invoice] += line.amount_micros
    rounded: defaultdict[str, int] = defaultdict(int)
    for transfer in transfers:
        if transfer.kind == INVOICE_ROUNDING:
            gained = transfer.credit == centre_account(ROUNDING, transfer.currency)
            rounded[transfer.key] += transfer.amount_micros if gained else -transfer.amount_micros
    periods: set[tuple[str, object, object]] = set()
    vat, vouchers = _taxes_and_vouchers(transfers)
    for invoice in invoices:
        tax = sum(line.amount_micros for line in invoice.taxes)
        if vat.get(invoice.id, 0) != tax:
            yield Finding("tax_not_posted", f"{tax}, ledger {vat.get(invoice.id, 0)}", invoice.id)
        if vouchers.get(invoice.id, 0) != invoice.voucher_micros:
            paid = vouchers.get(invoice.id, 0)
            yield Finding("voucher_not_posted", f"{invoice.voucher_micros}, ledger {paid}", invoice.id)
        yield from _invoice(invoice, charged.pop(invoice.id, 0), rounded.pop(invoice.id, 0))
        period = (invoice.tenant, invoice.start, invoice.end)
        if period in periods:
            yield Finding("invoice_duplicated", f"{invoice.tenant} has another for this period", invoice.id)
        periods.add(period)
    charged.pop(None, None)
    for name in {*charged, *rounded}:
        yield Finding("invoice_missing", "charges or rounding name an invoice that does not exist", str(name))


def _taxes_and_vouchers(transfers: Iterable[Transfer]) -> tuple[dict[str, int], dict[str, int]]:
    """What the ledger has as tax and as paid by vouchers, by invoice."""
    vat: defaultdict[str, int] = defaultdict(int)
    vouchers: defaultdict[str, int] = defaultdict(int)
    for transfer in transfers:
        if transfer.kind == TAX:
            gained = transfer.credit == centre_account(VAT, transfer.currency)
            vat[transfer.key] += transfer.amount_micros if gained else -transfer.amount_micros
        elif transfer.kind == VOUCHER:
            vouchers[transfer.key] += transfer.amount_micros
    return vat, vouchers


def _invoice(invoice: Invoice, charged: int, rounded: int) -> Iterator[Finding]:
    exact = sum(line.exact_micros for line in invoice.lines)
    total = sum(line.amount_micros for line in invoice.lines)
    if content_hash(invoice) != invoice.content_hash:
        yield Finding("invoice_changed", "its content is not what was issued", invoice.id)
    if exact != charged:
        yield Finding("invoice_wrong", f"charges are {charged}, its lines {exact}", invoice.id)
    if any(line.amount_micros != round_to_fen(line.exact_micros) for line in invoice.lines):
        yield Finding("invoice_wrong", "a line is not rounded half-up to fen", invoice.id)
    if (invoice.total_micros, invoice.rounding_micros) != (total + invoice.tax_on_top_micros, total - exact):
        yield Finding("invoice_wrong", f"total {invoice.total_micros}, lines sum to {total}", invoice.id)
    if invoice.rounding_micros != rounded:
        yield Finding("rounding_not_posted", f"{invoice.rounding_micros}, ledger {rounded}", invoice.id)


def _notes(
    invoices: Iterable[Invoice], notes: Iterable[CreditNote], transfers: Iterable[Transfer]
) -> Iterator[Finding]:
    """The notes of an invoice do not exceed it, and each is in the ledger once."""
    totals = {invoice.id: invoice.total_micros for invoice in invoices}
    posted = {t.id: t for t in transfers if t.kind == CREDIT_NOTE}
    credited: defaultdict[str, int] = defaultdict(int)
    for note in notes:
        credited[note.invoice] += note.amount_micros
        transfer = posted.pop(note.transfer, None)
        if transfer is None or (transfer.amount_micros, transfer.key) != (note.amount_micros, note.invoice):
            yield Finding("credit_not_posted", f"the ledger does not give back {note.amount_micros}", note.id)
    for name in posted:
        yield Finding("credit_unfounded", "the ledger has a credit without a note", name)
    for name, amount in credited.items():
        if amount > totals.get(name, 0):
            yield Finding("credit_exceeds_invoice", f"{amount} of {totals.get(name, 0)} credited", name)
