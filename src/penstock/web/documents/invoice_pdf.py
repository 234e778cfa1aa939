"""An invoice as PDF: figures and words are made here, the page is set by Typst from data alone."""

import json
from datetime import UTC, tzinfo
from functools import cache
from importlib.resources import files
from importlib.util import find_spec

import typst

from penstock.base.money import format_amount
from penstock.billing.model import Invoice, InvoiceLine
from penstock.web.documents.invoice_figures import (
    card_hours_text,
    plain_text,
    price_text,
    time_text,
    zone_text,
)
from penstock.web.documents.invoice_words import INVOICE_WORDS, Language

_FONT_PACKAGE = "manimgx_fonts_cjk"


def render_invoice_pdf(invoice: Invoice, language: Language, centre_name: str, zone: tzinfo = UTC) -> bytes:
    """An A4 page or more; the same invoice gives the same bytes. Times are told in `zone`.

    It is PDF/A-2 for the archive, unless somebody's name has a character that no font here can show:
    that standard allows none, and an invoice must never fail for a name.
    """
    data = json.dumps(_data(invoice, language, centre_name, zone), ensure_ascii=False)
    try:
        return _compile(data, invoice, archival=True)
    except typst.TypstError:
        return _compile(data, invoice, archival=False)


def _compile(data: str, invoice: Invoice, *, archival: bool) -> bytes:
    compiler = typst.Compiler(_template(), font_paths=_fonts(), sys_inputs={"data": data})
    standards = "a-2b" if archival else []
    document = compiler.compile(
        format="pdf", pdf_standards=standards, timestamp=invoice.issued_at.replace(microsecond=0)
    )
    assert isinstance(document, bytes)
    return document


@cache
def _template() -> bytes:
    return files("penstock.web.documents").joinpath("invoice.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    """The CJK font that we depend on, or where a distribution left it out, the host's own fonts."""
    spec = find_spec(_FONT_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return typst.Fonts(include_system_fonts=not folders, font_paths=folders)


def _data(invoice: Invoice, language: Language, centre_name: str, zone: tzinfo) -> dict[str, object]:
    """Everything that stands on the page, as text."""
    words = INVOICE_WORDS[language]
    number = f"{invoice.number:06d}"
    return {
        "lang": language,
        "words": words | {"amount": words["amount"].format(currency=invoice.currency)},
        "title": f"{words['title']} {number} – {plain_text(centre_name)}",
        "centre": plain_text(centre_name),
        "number": number,
        "hash": invoice.content_hash,
        "currency": invoice.currency,
        "customer": {"name": plain_text(invoice.tenant_name), "rows": _customer(invoice, words)},
        "meta": [
            (words["number"], number),
            (words["issued"], time_text(invoice.issued_at, zone)),
            (words["period"], f"{time_text(invoice.start, zone)} {words['to']}"),
            ("", time_text(invoice.end, zone)),
            (words["times"], zone_text(zone, invoice.issued_at)),
            (words["currency"], invoice.currency),
        ],
        "lines": [_line(line, words, zone) for line in invoice.lines],
        "card_hours": card_hours_text(sum(line.quantity for line in invoice.lines)),
        "total": format_amount(invoice.total_micros),
        "paid": _signed(-invoice.paid_micros, 2),
        "due": format_amount(invoice.due_micros),
        "notes": _notes(invoice, words),
    }


def _customer(invoice: Invoice, words: dict[str, str]) -> list[str]:
    rows = [plain_text(row) for row in invoice.tenant_address.splitlines()]
    if invoice.tenant_tax_number:
        rows.append(f"{words['tax_number']}: {plain_text(invoice.tenant_tax_number)}")
    return [*filter(None, rows), f"{words['tenant']}: {invoice.tenant}"]


def _line(line: InvoiceLine, words: dict[str, str], zone: tzinfo) -> dict[str, str]:
    subject = plain_text(line.subject)
    name = plain_text(line.description) or subject
    return {
        "name": name,
        "subject": "" if name == subject else subject,
        "kind": words.get(line.subject_kind, line.subject_kind),
        "model": plain_text(line.model),
        "start": time_text(line.start, zone, seconds=True),
        "end": time_text(line.end, zone, seconds=True),
        "card_hours": card_hours_text(line.quantity),
        "price": price_text(line.price_micros_per_card_hour),
        "amount": format_amount(line.amount_micros),
    }


def _notes(invoice: Invoice, words: dict[str, str]) -> list[str]:
    amount = f"{invoice.currency} {_signed(invoice.rounding_micros, 6)}"
    rounding = words["rounding"].format(amount=amount) if invoice.rounding_micros else ""
    return [note for note in (words["units"], rounding, words["status"]) if note]


def _signed(amount_micros: int, decimals: int) -> str:
    return format_amount(amount_micros, decimals).replace("-", "\N{MINUS SIGN}")
