"""Usage events, charge lines, invoices and credit notes as values."""

from datetime import datetime

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import WHOLE, CardMicroseconds
from penstock.base.window import Window


class UsageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What was observed of one subject over one window; unique by (source, id).

    Meter `card_time`: `quantity` is in card-microseconds. `subject` is an attempt id or a lease id, and
    `began_at` is when the subject's charged time began, so that started units are counted once.
    """

    source: str
    id: str
    tenant: str
    meter: str
    subject_kind: str
    subject: str
    start: datetime
    end: datetime
    began_at: datetime
    devices: int
    model: str
    quantity: CardMicroseconds
    rated: bool = False
    final: bool = False
    """The last window of its subject: minimum time and started units are settled here."""
    share: int = WHOLE
    """Thousandths of each device that were taken."""

    @property
    def window(self) -> Window:
        """The time observed."""
        return Window(self.start, self.end)


class ChargeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One rated window; unique by (subject, meter, start). `amount_micros` is exact, not rounded to fen.

    `quantity` is the card time charged: with started units and minimum time, unlike the event's, which is
    what was observed. `transfer` is the first that posted it, None where nothing is charged; all of them
    have the line's id as their `key`.
    """

    id: str
    tenant: str
    project: str | None
    subject_kind: str
    subject: str
    job: str | None
    meter: str
    model: str
    start: datetime
    end: datetime
    quantity: CardMicroseconds
    price_micros_per_card_hour: Micros
    amount_micros: Micros
    currency: str
    transfer: str | None = None
    invoice: str | None = None


class TaxLine(msgspec.Struct, frozen=True, kw_only=True):
    """One tax of an invoice: `amount_micros` on `base_micros`; the amount is whole fen, `rate` is exact text.

    Inclusive: the amount is inside the lines' prices; otherwise it comes on top.
    """

    rule: str
    rate: str
    inclusive: bool
    base_micros: Micros
    amount_micros: Micros
    modes: tuple[str, ...] = ()
    name: str = ""


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """Charge lines of one subject and price, or lines of one position of a contract, summed.

    `amount_micros` is whole fen; `exact_micros` is the sum before rounding; the difference goes to the rounding
    account. For other modes than `hourly`, `measure` and `unit_price` are exact text (`12.5` or `1/3`) in
    `unit`s, `quantity` and the price per card-hour are 0, and `kind` says what the line is for.
    """

    subject_kind: str
    subject: str
    description: str
    model: str
    start: datetime
    end: datetime
    quantity: CardMicroseconds
    price_micros_per_card_hour: Micros
    exact_micros: Micros
    amount_micros: Micros
    mode: str = "hourly"
    kind: str = ""
    item: str = ""
    unit: str = ""
    measure: str = ""
    unit_price: str = ""
    tier: int = 0
    adjusts: str = ""
    """The earlier invoice of the time that the line is about: it became known when that was issued."""


class InvoiceHead(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as a list shows it, without its lines."""

    id: str
    number: int
    tenant: str
    currency: str
    start: datetime
    end: datetime
    total_micros: Micros
    paid_micros: Micros
    voucher_micros: Micros

    @property
    def due_micros(self) -> Micros:
        """What is left to pay of it."""
        return self.total_micros - self.paid_micros - self.voucher_micros


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """Immutable; unique by (tenant, period start, period end). `content_hash` covers all other fields."""

    id: str
    number: int
    tenant: str
    tenant_name: str
    currency: str
    start: datetime
    end: datetime
    issued_at: datetime
    lines: tuple[InvoiceLine, ...]
    total_micros: Micros
    rounding_micros: Micros
    paid_micros: Micros
    """Covered by money that had come in when it was issued, oldest charges first; the rest is due."""
    tenant_address: str = ""
    tenant_tax_number: str = ""
    content_hash: str = ""
    taxes: tuple[TaxLine, ...] = ()
    voucher_micros: Micros = 0
    """What vouchers pay of the total; the issuer owes it."""

    @property
    def before_tax_micros(self) -> Micros:
        """What the lines sum to; tax inside prices is part of it."""
        return sum(line.amount_micros for line in self.lines)

    @property
    def tax_on_top_micros(self) -> Micros:
        """What taxes add to the lines."""
        return sum(tax.amount_micros for tax in self.taxes if not tax.inclusive)

    @property
    def due_micros(self) -> Micros:
        """What is still to be paid."""
        return self.total_micros - self.voucher_micros - self.paid_micros


class CreditNote(msgspec.Struct, frozen=True, kw_only=True):
    """Gives back part of an invoice; all notes of one invoice never exceed its total."""

    id: str
    number: int
    invoice: str
    tenant: str
    amount_micros: Micros
    currency: str
    reason: str
    issued_at: datetime
    transfer: str
