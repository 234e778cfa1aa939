"""What else it could cost: one need under every mode, and a past period under another price book."""

import statistics
from datetime import datetime
from fractions import Fraction
from typing import get_args

import msgspec

from penstock.app.access import own_tenant, require
from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.app.facts import facts_of
from penstock.base.quantity import Precision
from penstock.base.refusal import Refusal, Refused, ensure, invalid
from penstock.base.window import check_window
from penstock.billing.pricing.agreement import QUANTITY_MAX
from penstock.billing.pricing.check import parse_book, unknown
from penstock.billing.pricing.compare import Comparison, Need, Rate, compare
from penstock.billing.pricing.exact import read_exact
from penstock.billing.pricing.signed import book_of, contract_of
from penstock.billing.pricing.simulate import (
    DifferenceDocument,
    difference_document,
    hourly_differences,
    statement_differences,
)
from penstock.billing.pricing.statement import statement
from penstock.fleet.accelerators import Catalogue
from penstock.lease.tenant import Principal, Scope
from penstock.store import billing, contracts, fleet
from penstock.store.database import Tx

PRECISIONS: tuple[Precision, ...] = get_args(Precision.__value__)
HOURS_MAX = 744
CARDS_MAX = 1_000_000


class NewComparison(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Cards of a model for hours a month; `work`: usage item -> quantity as exact text; no book: the newest valid."""

    model: str
    cards: int
    hours: str = "730"
    price_book: str | None = None
    work: dict[str, str] = {}


def compare_modes(app: App, principal: Principal, request: NewComparison) -> Comparison:
    """Price one need under every mode that can serve it, with the hours at which each begins to beat hourly."""
    del principal
    hours = read_exact(request.hours)
    if hours is None or not 0 <= hours <= HOURS_MAX:
        raise Refused(invalid("duration_absurd", "a month has at most 744 hours", "give 0 to 744", "hours"))
    if not 1 <= request.cards <= CARDS_MAX:
        raise Refused(
            invalid("devices_absurd", f"{request.cards} cards", f"give 1 to {CARDS_MAX:,}", "cards")
        )
    known = known_accelerators(app)
    with app.database.read() as tx:
        published = contracts.books(tx)
        now = app.now()
        valid = [b for b in published if b.start <= now and (b.end is None or now < b.end)]
        chosen = [b for b in published if b.id == request.price_book] if request.price_book else valid
        if not chosen:
            if request.price_book:
                raise Refused(
                    unknown("price_book", request.price_book, [b.id for b in published], "price_book")
                )
            raise Refused(
                Refusal(
                    "no_price_book", "no price book is valid now", "publish one with `penstock price publish`"
                )
            )
        book = book_of(chosen[0].document)
        rates = rates_of(tx, request.model, known)
    need = Need(
        model=request.model,
        cards=request.cards,
        hours=hours,
        rates=rates,
        work={name: _quantity(text, name) for name, text in request.work.items()},
    )
    for name in need.work:
        if book.item(name) is None:
            raise Refused(unknown("item", name, [item.id for item in book.items], "work"))
    return compare(book, need)


def _quantity(text: str, name: str) -> Fraction:
    found = read_exact(text)
    if found is None or not 0 <= found <= QUANTITY_MAX:
        raise Refused(
            invalid("quantity_absurd", f"{text[:40]!r} of {name}", "give 0 to 1,000,000,000", "work")
        )
    return found


def rates_of(tx: Tx, model: str, known: Catalogue) -> tuple[Rate, ...]:
    """What a card of a model does: the median of what was measured here, else what its sheet claims."""
    measured: dict[Precision, list[float]] = {}
    latest = fleet.calibrations(tx)
    for device in fleet.devices(tx):
        calibration = latest.get(device.id)
        if device.model == model and calibration is not None and calibration.accepted:
            for rate in calibration.measured:
                measured.setdefault(rate.precision, []).append(rate.tflops)
    found = {
        name: Rate(name, Fraction(str(statistics.median(rates))), "measured")
        for name, rates in measured.items()
    }
    accelerator = known.get(model)
    for rate in () if accelerator is None else accelerator.rates:
        found.setdefault(rate.precision, Rate(rate.precision, Fraction(str(rate.tflops)), rate.status))
    return tuple(found[name] for name in PRECISIONS if name in found)


def simulate_book(
    app: App,
    principal: Principal,
    document: str,
    tenant: str | None,
    start: datetime,
    end: datetime,
    filename: str = "book.yaml",
) -> DifferenceDocument:
    """Rate a tenant's period again under another book, as a document of differences; nothing is charged."""
    name = own_tenant(principal, tenant)
    require(principal, Scope.READ, name)
    window = ensure(check_window(start, end, "start"))
    found = parse_book(document, filename, known_accelerators(app))
    if isinstance(found, tuple):
        raise Refused(*found)
    if found.currency != app.policy.currency:
        raise Refused(
            Refusal(
                "currency_mismatch",
                f"the book is in {found.currency}",
                f"use {app.policy.currency}",
                "currency",
            )
        )
    with app.database.read() as tx:
        events = [event for event in billing.usage(tx, name, window.start, window.end) if event.rated]
        lines = billing.lines(tx, name, window.start, window.end)
        differences = hourly_differences(found, events, lines)
        for signed in contracts.contracts(tx, name):
            contract, until = contract_of(signed, window.end), window.end
            own = book_of(_document_of(tx, signed.price_book))
            entries = [
                statement(contract, book, facts_of(tx, contract, book, until), until, signed.terminated_at)
                for book in (own, found)
            ]
            differences += statement_differences(entries[0], entries[1], window)
    return difference_document(name, window, found, differences)


def _document_of(tx: Tx, name: str) -> str:
    published = contracts.book(tx, name)
    assert published is not None, "a contract's book is never removed"
    return published.document
