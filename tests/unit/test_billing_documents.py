"""An invoice as people get it: the PDF is read back, the CSV is parsed again."""

import csv
import io
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from pypdf import PdfReader

from penstock.base.window import US_PER_HOUR
from penstock.billing.model import Invoice, InvoiceLine, TaxLine
from penstock.web.documents.invoice_csv import COLUMNS, render_invoice_csv
from penstock.web.documents.invoice_figures import (
    card_hours_text,
    plain_text,
    price_text,
    time_text,
    zone_text,
)
from penstock.web.documents.invoice_pdf import render_invoice_pdf
from penstock.web.documents.invoice_words import Language

START = datetime(2026, 11, 1, tzinfo=UTC)
CENTRE = "Hongsheng AI Computing Centre"
BEIJING = timezone(timedelta(hours=8))
LONG_ID = "42650644781f9c58d6645fa9e8a8529f"


def line(number: int = 0, **fields: object) -> InvoiceLine:
    start = START + timedelta(hours=number)
    plain = {
        "subject_kind": "attempt",
        "subject": f"attempt-{number}",
        "description": "train-resnet50",
        "model": "H100",
        "start": start,
        "end": start + timedelta(hours=1),
        "quantity": 8 * US_PER_HOUR,
        "price_micros_per_card_hour": 12_500_000,
        "exact_micros": 100_000_000,
        "amount_micros": 100_000_000,
    }
    return InvoiceLine(**(plain | fields))


def invoice(*lines: InvoiceLine, **fields: object) -> Invoice:
    total = sum(one.amount_micros for one in lines)
    plain = {
        "id": "inv-000042",
        "number": 42,
        "tenant": "acme",
        "tenant_name": "Acme Ltd. 极智科技",
        "currency": "CNY",
        "start": START,
        "end": START + timedelta(days=30),
        "issued_at": START + timedelta(days=30, hours=1),
        "lines": lines,
        "total_micros": total,
        "rounding_micros": total - sum(one.exact_micros for one in lines),
        "paid_micros": 0,
        "tenant_address": "88 Century Avenue\n上海市浦东新区",
        "tenant_tax_number": "91310115MA1K4",
        "content_hash": "9f" * 32,
    }
    return Invoice(**(plain | fields))


def pages(document: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(document)).pages]


def test_the_english_pdf_says_all_that_an_invoice_must() -> None:
    issued = invoice(line(), line(1, exact_micros=1_234_568, amount_micros=1_230_000), paid_micros=40_000_000)
    (text,) = pages(render_invoice_pdf(issued, "en", CENTRE))
    for part in (
        CENTRE,
        "Invoice",
        "000042",
        "Acme Ltd. 极智科技",
        "88 Century Avenue",
        "上海市浦东新区",
        "91310115MA1K4",
        "2026-11-01 00:00 to",
        "2026-12-01 01:00",
        "train-resnet50",
        "On demand",
        "8.0000",
        "16.0000",
        "12.50",
        "100.00",
        "101.23",
        "\N{MINUS SIGN}40.00",
        "CNY 61.23",
        "CNY \N{MINUS SIGN}0.004568",
        "9f" * 32,
        "Page 1 of 1",
    ):
        assert part in text, part


def test_the_chinese_pdf_is_set_in_a_chinese_font_and_on_the_clocks_of_its_zone() -> None:
    document = render_invoice_pdf(invoice(line(subject_kind="lease")), "zh", "宏晟智算中心", BEIJING)
    (text,) = pages(document)
    for part in (
        "账单",
        "宏晟智算中心",
        "卡时",
        "租约",
        "应付金额",
        "UTC+08:00",
        "2026-11-01 08:00",
        "第 1 页，共 1 页",
    ):
        assert part in text, part
    assert "不作为税务发票" in text
    fonts = PdfReader(io.BytesIO(document)).pages[0]["/Resources"]["/Font"].values()
    names = {str(font.get_object()["/BaseFont"]) for font in fonts}
    assert all("NotoSansCJKsc" in name for name in names), names


def mixed() -> Invoice:
    """All four modes, an adjustment, a credit, both kinds of tax, and a voucher."""
    positions = [
        (
            "compute",
            "unit",
            "scale",
            "算力 P·月 / compute by scale",
            "pflops-month",
            "50",
            "30000",
            1_500_000_000_000,
            "",
        ),
        (
            "compute",
            "shortfall",
            "scale",
            "算力 P·月 / compute by scale",
            "pflops-month",
            "-1/3",
            "30000",
            -10_000_000_000,
            "",
        ),
        ("usage", "unit", "out", "出网流量", "TB", "1", "800", 800_000_000, ""),
        ("usage", "unit", "out", "出网流量", "TB", "0.5", "500", 250_000_000, "inv-000041"),
        ("package", "fee", "pack", "套餐 1,000 卡时", "package", "1", "10000", 10_000_000_000, ""),
        ("package", "covered", "pack", "", "card-hour", "-8", "12.5", -100_000_000, ""),
    ]
    lines = [
        line(
            number, subject_kind="contract", subject="acme.year", description=name, model="", quantity=0,
            price_micros_per_card_hour=0, exact_micros=amount, amount_micros=amount, mode=mode, kind=kind,
            item=item, unit=unit, measure=measure, unit_price=price, tier=number % 3, adjusts=adjusts,
        )
        for number, (mode, kind, item, name, unit, measure, price, amount, adjusts) in enumerate(positions, 1)
    ]  # fmt: skip
    taxes = (
        TaxLine(
            rule="vat6", name="增值税 6%", rate="3/50", inclusive=False, base_micros=1_491_150_000_000,
            amount_micros=89_469_000_000, modes=("compute", "usage", "hourly"),
        ),
        TaxLine(
            rule="vat13", name="增值税", rate="13/100", inclusive=True, base_micros=8_761_060_000,
            amount_micros=1_138_940_000, modes=("package",),
        ),
    )  # fmt: skip
    plain = invoice(line(), *lines)
    total = plain.total_micros + 89_469_000_000
    return msgspec.structs.replace(
        plain, total_micros=total, taxes=taxes, voucher_micros=2_000_000_000, paid_micros=500_000_000_000
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("By compute scale", "By usage", "Package", "On demand", "shortfall credit", "adjusts inv-000041",
             "on top", "inside the prices", "Paid by compute vouchers"),
        ),
        ("zh", ("按算力", "按用量", "套餐", "调整 inv-000041", "增值税 6%", "算力券")),
    ],
)  # fmt: skip
def test_an_invoice_of_all_four_modes_says_each(language: Language, words: tuple[str, ...]) -> None:
    document = render_invoice_pdf(mixed(), language, "宏升智算中心 Hongsheng", BEIJING)
    if folder := os.environ.get("PENSTOCK_PDF"):
        Path(folder, f"mixed-{language}.pdf").write_bytes(document)
    text = " ".join("".join(pages(document)).split())
    for part in (*words, "1,500,000.00", "\N{MINUS SIGN}10,000.00", "89,469.00", "1,138.94"):
        assert part in text, part


def test_many_lines_run_over_pages_with_the_header_again_and_no_row_torn() -> None:
    issued = invoice(*(line(number, subject=f"{LONG_ID[:-3]}{number:03d}") for number in range(70)))
    found = pages(render_invoice_pdf(issued, "en", CENTRE))
    assert len(found) > 2
    for number, text in enumerate(found, 1):
        assert f"Page {number} of {len(found)}" in text
        assert "9f" * 32 in text
        assert "Card-hours" in text
        assert text.count("train-resnet50") == text.count(LONG_ID[:-3])
    assert sum(text.count("train-resnet50") for text in found) == 70
    assert "CNY 7,000.00" in found[-1]


def test_the_same_invoice_gives_the_same_bytes() -> None:
    issued = invoice(line())
    assert render_invoice_pdf(issued, "zh", CENTRE) == render_invoice_pdf(issued, "zh", CENTRE)


HOSTILE = [
    "#panic()",
    "$x$ *bold* _it_ @ref <label>",
    '#read("/etc/passwd")',
    '")]}; #eval("1+1")',
    "\\u{41} \\ // comment",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_text_of_users_is_shown_as_it_is_and_never_run(name: str) -> None:
    issued = invoice(line(description=name), tenant_name=name)
    (text,) = pages(render_invoice_pdf(issued, "en", name))
    squeezed = name.replace(" ", "")
    assert "".join(text.split()).count(squeezed) == 3


def test_a_long_id_can_be_copied_whole() -> None:
    """It may break at any character, and the break leaves nothing in the text."""
    issued = invoice(line(description="x" * 90, subject=LONG_ID, model="y" * 40))
    (text,) = pages(render_invoice_pdf(issued, "en", CENTRE))
    assert "x" * 90 in text.replace("\n", "")
    assert "y" * 40 in text.replace("\n", "")
    assert "\u200b" not in text
    assert LONG_ID in text


def test_no_name_stops_an_invoice() -> None:
    odd = "\U0001f680 \u202eexe.txt\u2066 \x07\x00 \ue000 \U000e0001 العربية"
    plain = render_invoice_pdf(invoice(line()), "en", CENTRE)
    document = render_invoice_pdf(invoice(line(description=odd), tenant_name=odd), "en", odd)
    assert b"pdfaid:part" in plain
    assert b"pdfaid:part" not in document
    (text,) = pages(document)
    assert "exe.txt" in text
    assert "CNY 100.00" in text


@pytest.mark.parametrize(
    ("quantity", "text"), [(0, "0.0000"), (US_PER_HOUR, "1.0000"), (180_000, "0.0001"), (179_999, "0.0000")]
)
def test_card_hours_have_four_decimals(quantity, text) -> None:
    assert card_hours_text(quantity) == text


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (0, "0.00"),
        (12_500_000, "12.50"),
        (1, "0.000001"),
        (25_123_400, "25.1234"),
        (1_234_000_000, "1,234.00"),
    ],
)
def test_prices_lose_no_digit(price, text) -> None:
    assert price_text(price) == text


def test_times_are_told_with_their_zone() -> None:
    nepal = timezone(-timedelta(hours=3, minutes=30))
    assert [zone_text(zone, START) for zone in (UTC, BEIJING, nepal)] == ["UTC", "UTC+08:00", "UTC-03:30"]
    assert time_text(START, BEIJING, seconds=True) == "2026-11-01 08:00:00"


def test_plain_text_has_no_controls() -> None:
    assert plain_text(" a\tb\r\nc\x00\u202ed\u2069 ") == "a b c d"


def rows(document: str) -> list[dict[str, str]]:
    assert document.startswith("\ufeff")
    return [*csv.DictReader(io.StringIO(document.removeprefix("\ufeff"), newline=""))]


def test_the_csv_has_one_row_per_line_with_plain_numbers() -> None:
    issued = invoice(line(), line(1, exact_micros=1_234_567_890_123, amount_micros=1_234_567_890_000))
    first, second = rows(render_invoice_csv(issued))
    assert tuple(first) == COLUMNS
    assert (first["invoice"], first["number"], first["line"], second["line"]) == (
        "inv-000042",
        "42",
        "1",
        "2",
    )
    assert (first["card_hours"], first["card_microseconds"]) == ("8.000000", str(8 * US_PER_HOUR))
    assert first["price_per_card_hour"] == "12.500000"
    assert (second["amount_exact"], second["amount"]) == ("1234567.890123", "1234567.89")
    assert first["start"] == "2026-11-01T00:00:00+00:00"
    assert first["tenant_name"] == "Acme Ltd. 极智科技"
    assert render_invoice_csv(issued).count("\r\n") == 3


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "＋", "－", "＠", " =", "\t=", "\r=", "\u202e="])
def test_no_text_of_users_is_a_formula(start: str) -> None:
    issued = invoice(line(description=f"{start}1+1", model=f'{start}HYPERLINK("x")'))
    (row,) = rows(render_invoice_csv(msgspec.structs.replace(issued, tenant_name=f"{start}cmd")))
    for column in ("description", "model", "tenant_name"):
        assert row[column].startswith("'"), row[column]


def test_delimiters_and_line_breaks_stay_inside_their_cell() -> None:
    (row,) = rows(render_invoice_csv(invoice(line(description='a,"b";c\nd'))))
    assert row["description"] == 'a,"b";c d'
    assert row["model"] == "H100"
