"""An invoice as PDF: figures and words are made here, the page is set by Typst from data alone."""

import json
from datetime import UTC, tzinfo
from functools import cache
from importlib.resources import files
from importlib.util import find_spec

import typst

from penstock.base.money import format_amount
from penstock.billing.model import Invoice, InvoiceLine
from penstock.web.documents.figures import card_hours_text, plain_text, price_text, time_text, zone_text
from penstock.web.documents.words import INVOICE_WORDS, Language

_FONT_PACKAGE = "manimgx_fonts_cjk"


def render_invoice_pdf(invoice: Invoice, language: Language, centre_name: str, zone: tzinfo = UTC) -> bytes:
    """An A4 PDF/A-2 of the invoice; the same invoice gives the same bytes. Times are told in `zone`."""
    compiler = typst.Compiler(_template(), font_paths=_fonts(), sys_inputs={})
    data = json.dumps(_data(invoice, language, centre_name, zone), ensure_ascii=False)
    document = compiler.compile(
        format="pdf", sys_inputs={"data": data}, timestamp=invoice.issued_at, pdf_standards="a-2b"
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
        "words": words,
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
        "totals": [
            (words["total"], format_amount(invoice.total_micros)),
            (words["paid"], format_amount(-invoice.paid_micros)),
        ],
        "due": format_amount(invoice.due_micros),
        "notes": _notes(invoice, words),
    }


def _customer(invoice: Invoice, words: dict[str, str]) -> list[str]:
    rows = [plain_text(row) for row in invoice.tenant_address.splitlines()]
    if invoice.tenant_tax_number:
        rows.append(f"{words['tax_number']}: {plain_text(invoice.tenant_tax_number)}")
    return [*filter(None, rows), f"{words['tenant']}: {invoice.tenant}"]


def _line(line: InvoiceLine, words: dict[str, str], zone: tzinfo) -> dict[str, str]:
    kind, subject = words.get(line.subject_kind, line.subject_kind), plain_text(line.subject)
    name = plain_text(line.description) or subject
    return {
        "name": name,
        "detail": kind if name == subject else f"{kind} · {subject}",
        "model": plain_text(line.model),
        "start": time_text(line.start, zone),
        "end": time_text(line.end, zone),
        "card_hours": card_hours_text(line.quantity),
        "price": price_text(line.price_micros_per_card_hour),
        "amount": format_amount(line.amount_micros),
    }


def _notes(invoice: Invoice, words: dict[str, str]) -> list[str]:
    rounding = f"{words['rounding']} {invoice.currency} {format_amount(invoice.rounding_micros, 6)}."
    return [
        words["units"],
        *([rounding] if invoice.rounding_micros else []),
        *filter(None, [words["status"]]),
    ]
