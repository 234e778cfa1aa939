"""An invoice as PDF: figures and words are made here, the page is set by Typst from data alone."""

import json
from datetime import UTC, tzinfo
from fractions import Fraction
from functools import cache
from importlib.resources import files
from importlib.util import find_spec

import typst

from penstock.base.money import format_amount
from penstock.billing.model import Invoice, InvoiceLine
from penstock.billing.pricing.bill import CONTRACT
from penstock.billing.pricing.exact import decimal_text
from penstock.billing.pricing.posting import exact
from penstock.web.documents.invoice_figures import (
    card_hours_text,
    plain_text,
    price_text,
    time_text,
    zone_text,
)
from penstock.web.documents.invoice_words import INVOICE_WORDS, Language

_FONT_PACKAGE = "manimgx_fonts_cjk"
MINUS = "\N{MINUS SIGN}"


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
        "lines": [_line(line, words, zone, mixed=_is_mixed(invoice)) for line in invoice.lines],
        "quantity_title": words["quantity" if _is_mixed(invoice) else "card_hours"],
        "price_title": words["unit_price" if _is_mixed(invoice) else "price"],
        "card_hours": ""
        if _is_mixed(invoice)
        else card_hours_text(sum(line.quantity for line in invoice.lines)),
        "before": _before_total(invoice, words),
        "total": format_amount(invoice.total_micros),
        "after": _after_total(invoice, words),
        "due": format_amount(invoice.due_micros),
        "notes": _notes(invoice, words),
    }


def _customer(invoice: Invoice, words: dict[str, str]) -> list[str]:
    rows = [plain_text(row) for row in invoice.tenant_address.splitlines()]
    if invoice.tenant_tax_number:
        rows.append(f"{words['tax_number']}: {plain_text(invoice.tenant_tax_number)}")
    return [*filter(None, rows), f"{words['tenant']}: {invoice.tenant}"]


def _is_mixed(invoice: Invoice) -> bool:
    """Whether anything but card time by the hour is on it."""
    return any(line.subject_kind == CONTRACT for line in invoice.lines)


def _before_total(invoice: Invoice, words: dict[str, str]) -> list[tuple[str, str]]:
    """What the lines sum to, and each tax."""
    rows = [(words["before_tax"], format_amount(invoice.before_tax_micros))] if invoice.taxes else []
    for tax in invoice.taxes:
        rate = f"{decimal_text(exact(tax.rate) * 100, 2)}%"
        how = words["tax_inside" if tax.inclusive else "tax_on_top"]
        base = words["tax_base"].format(amount=_signed(tax.base_micros, 2))
        named = plain_text(tax.name) or tax.rule
        label = named if rate in named else f"{named} {rate}"
        rows.append((f"{label} ({how}, {base})", _signed(tax.amount_micros, 2)))
    return rows


def _after_total(invoice: Invoice, words: dict[str, str]) -> list[tuple[str, str]]:
    """What of the total is paid already, and by whom."""
    voucher = [(words["voucher"], _signed(-invoice.voucher_micros, 2))] if invoice.voucher_micros else []
    net = [(words["net"], format_amount(invoice.total_micros - invoice.voucher_micros))] if voucher else []
    return [*voucher, *net, (words["paid"], _signed(-invoice.paid_micros, 2))]


def _line(line: InvoiceLine, words: dict[str, str], zone: tzinfo, *, mixed: bool) -> dict[str, str]:
    subject = plain_text(line.subject)
    is_contract = line.subject_kind == CONTRACT
    name = plain_text(line.description) or (words[line.kind] if is_contract else subject)
    adjusts = words["adjusts"].format(invoice=line.adjusts) if line.adjusts else ""
    shown = {
        "name": name,
        "subject": " · ".join(filter(None, ("" if name == subject else subject, adjusts))),
        "kind": words.get(line.subject_kind, line.subject_kind),
        "model": plain_text(line.model),
        "start": time_text(line.start, zone, seconds=True),
        "end": time_text(line.end, zone, seconds=True),
        "quantity": card_hours_text(line.quantity),
        "unit": words["unit_card_hour"] if mixed else "",
        "price": price_text(line.price_micros_per_card_hour),
        "amount": _signed(line.amount_micros, 2),
    }
    if not is_contract:
        return shown
    tier = words["tier"].format(number=line.tier) if line.tier else ""
    return shown | {
        "subject": " · ".join(filter(None, (subject, plain_text(line.item), adjusts))),
        "model": words[line.mode],
        "kind": " ".join(filter(None, (words.get(line.kind, line.kind), tier))),
        "quantity": decimal_text(exact(line.measure)).replace("-", MINUS) if line.unit else "",
        "unit": unit_text(line.unit, words),
        "price": _price(exact(line.unit_price)) if line.unit else "",
    }


def _price(price: Fraction) -> str:
    """At least two decimals, and as many as it needs up to twelve."""
    whole, _, decimals = decimal_text(price, 12).partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def unit_text(unit: str, words: dict[str, str]) -> str:
    """A unit in the reader's language where it is one of ours; a meter's own unit as it is."""
    if unit == "card-hour":
        return words["unit_card_hour"]
    what, dash, term = unit.rpartition("-")
    if not dash or term not in ("month", "year"):
        return words.get(f"unit_{unit}", unit)
    return f"{words.get(f'unit_{what}', what)}{words[f'unit_per_{term}']}"


def _notes(invoice: Invoice, words: dict[str, str]) -> list[str]:
    amount = f"{invoice.currency} {_signed(invoice.rounding_micros, 6)}"
    rounding = words["rounding"].format(amount=amount) if invoice.rounding_micros else ""
    return [note for note in (words["units"], rounding, words["status"]) if note]


def _signed(amount_micros: int, decimals: int) -> str:
    return format_amount(amount_micros, decimals).replace("-", MINUS)
