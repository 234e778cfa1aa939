"""What leaves the house as a table: columns with a kind each, and rows of exact values."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import msgspec

from penstock.base.money import Micros
from penstock.base.window import US_PER_HOUR
from penstock.billing.metering.model import MeteredQuantity
from penstock.billing.model import ChargeLine
from penstock.ledger.model import Transfer

type Kind = Literal["text", "amount", "quantity", "instant", "number"]
type Cell = str | int | Decimal | datetime | None

QUANTITY_PLACES = 12


class Tabular(msgspec.Struct, frozen=True):
    """A table: column -> kind, and rows in that order. Amounts are in currency units, to the micro."""

    columns: dict[str, Kind]
    rows: Sequence[tuple[Cell, ...]]


def amount(micros: Micros) -> Decimal:
    """Micros in units of the currency."""
    return Decimal(micros).scaleb(-6)


def quantity(exact: Fraction) -> Decimal:
    """An exact quantity to twelve places, half-even."""
    return Decimal(round(exact * 10**QUANTITY_PLACES)).scaleb(-QUANTITY_PLACES)


def card_hours(line: ChargeLine) -> Decimal:
    """The card time charged."""
    return quantity(Fraction(line.quantity, US_PER_HOUR))


def charges(lines: Iterable[ChargeLine]) -> Tabular:
    """Charge lines as they were rated."""
    columns: dict[str, Kind] = {
        "id": "text", "tenant": "text", "project": "text", "kind": "text", "subject": "text", "job": "text",
        "meter": "text", "model": "text", "start": "instant", "end": "instant", "card_hours": "quantity",
        "price_per_card_hour": "amount", "amount": "amount", "currency": "text", "invoice": "text",
    }  # fmt: skip
    return Tabular(
        columns,
        [
            (
                one.id, one.tenant, one.project, one.subject_kind, one.subject, one.job,
                one.meter, one.model, one.start, one.end, card_hours(one),
                amount(one.price_micros_per_card_hour), amount(one.amount_micros), one.currency, one.invoice,
            )
            for one in lines
        ],
    )  # fmt: skip


def transfers(found: Iterable[Transfer]) -> Tabular:
    """The ledger's transfers."""
    columns: dict[str, Kind] = {
        "id": "text", "at": "instant", "kind": "text", "debit": "text", "credit": "text",
        "amount": "amount", "currency": "text", "key": "text", "hold": "text", "reverses": "text",
    }  # fmt: skip
    rows = [
        (
            t.id,
            t.at,
            t.kind,
            t.debit,
            t.credit,
            amount(t.amount_micros),
            t.currency,
            t.key,
            t.hold,
            t.reverses,
        )
        for t in found
    ]
    return Tabular(columns, rows)


def quantities(found: Iterable[MeteredQuantity]) -> Tabular:
    """What declared meters measured."""
    columns: dict[str, Kind] = {
        "tenant": "text", "meter": "text", "dimensions": "text", "start": "instant", "end": "instant",
        "quantity": "quantity", "events": "number",
    }  # fmt: skip
    return Tabular(
        columns,
        [
            (
                one.tenant, one.meter, msgspec.json.encode(one.dimensions, order="sorted").decode(),
                one.start, one.end, quantity(one.quantity), one.events,
            )
            for one in found
        ],
    )  # fmt: skip
