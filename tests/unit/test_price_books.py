"""Price books: the example in the docs, its schema, and every mistake with its code and place."""

import json
from pathlib import Path

import pytest

from penstock.base.refusal import Refusal
from penstock.billing.metering.cloudevents import read_lines
from penstock.billing.metering.model import MeterEvent
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.check import parse_book
from penstock.billing.pricing.rating import RatedFile, rate_events
from penstock.billing.pricing.schema import DOCUMENTS, document_schema
from penstock.fleet.accelerators import catalogue

DOCS = Path(__file__).parents[2] / "docs"
BOOK = (DOCS / "examples/price-book.yaml").read_text("utf-8")
EVENTS = (DOCS / "examples/events.jsonl").read_text("utf-8")


def book(text: str = BOOK) -> PriceBook:
    found = parse_book(text, "book.yaml", catalogue())
    assert isinstance(found, PriceBook), found
    return found


def rated(lines: list[str], text: str = BOOK) -> RatedFile:
    return rate_events(book(text), [one for one in read_lines(lines) if isinstance(one, MeterEvent)])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_schema_is_current(name: str) -> None:
    committed = (DOCS / f"reference/{name}.schema.json").read_text("utf-8")
    assert committed == schema(name), "run: python tests/unit/test_price_books.py"


def schema(name: str) -> str:
    return json.dumps(document_schema(name), indent=2, ensure_ascii=False) + "\n"


def test_the_example_is_rated_as_its_figures_say() -> None:
    result = rated(EVENTS.splitlines())
    (bill,) = result.bills
    amounts = {line.item: line.amount_micros // 10_000 for line in bill.lines}
    assert amounts == {
        "h100-hour": 24933,  # 8 cards: 1 h at 12.50, then 2 h 20 min at 8.00 from 22:00 on: 100 + 149.33
        "egress": 106033,  # 100 free, 1,000 at 0.80, 400.5 at 0.65: 800 + 260.325 = 1,060.325 -> .33
        "processing": 45000,
        "storage": 52500,  # 2,000 GB for half of November, 1,000 for the other: 1,500 at 0.35
        "tokens-large": 1200,  # three started packages
    }
    assert bill.net_micros == 229_666 * 10_000
    (vat,) = bill.taxes
    assert (vat.rule, vat.amount_micros) == ("vat6", 13_780 * 10_000)  # 6 % of 2,296.66 = 137.7996
    assert bill.total_micros == bill.net_micros + vat.amount_micros
    assert result.refused == ()


def test_order_and_repeats_change_nothing() -> None:
    lines = EVENTS.splitlines()
    assert rated([*lines[::-1], *lines]) == rated(lines)


def test_the_same_id_with_other_content_is_refused() -> None:
    lines = EVENTS.splitlines()
    clash = lines[0].replace("1500.5", "1.5")
    result = rated([*lines, clash])
    assert {one.refusal.code for one in result.refused} == {"id_conflict"}
    assert result == rated([clash, *lines])


MISTAKES = [
    # code, what is replaced, by what, text of the line that is named
    (
        "tiers_overlap",
        "{up_to: 10000, price: 0.65}",
        "{up_to: 1000, price: 0.65}",
        "{up_to: 1000, price: 0.65}",
    ),
    ("tiers_gap", "- {price: 0.50}", "- {up_to: 20000, price: 0.50}", "- {up_to: 20000, price: 0.50}"),
    ("tiers_overlap", "{up_to: 1000, price: 0.80}", "{price: 0.80}", "{price: 0.80}"),
    (
        "hours_gap",
        'from: "08:00", until: "22:00"',
        'from: "09:00", until: "22:00"',
        'from: "09:00", until: "22:00"',
    ),
    ("hours_overlap", 'from: "08:00", until: "22:00"', 'from: "08:00", until: "23:00"', 'from: "22:00"'),
    (
        "hours_too_fine",
        'from: "08:00", until: "22:00"',
        'from: "08:30", until: "22:00"',
        'from: "08:30", until: "22:00"',
    ),
    ("currency_unknown", "currency: CNY", "currency: XYZ", "currency: XYZ"),
    ("zone_unknown", "zone: Asia/Shanghai", "zone: Asia/Nowhere", "zone: Asia/Nowhere"),
    ("meter_unknown", "meter: traffic_out", "meter: trafic_out", "meter: trafic_out"),
    ("item_unknown", "egress: 5000", "egres: 5000", "egres: 5000"),
    ("item_not_includable", "egress: 5000", "pflops-month: 5000", "pflops-month: 5000"),
    ("field_unknown", "minimum_time: 10m", "minimal_time: 10m", "minimal_time: 10m"),
    ("field_missing", "precision: fp16, price: 30000, ", "precision: fp16, ", "precision: fp16,"),
    (
        "field_misplaced",
        "charge: flat, price: 45",
        "charge: flat, price: 45, package: 5",
        "charge: flat, price: 45, package: 5",
    ),
    (
        "field_misplaced",
        "charge: flat, price: 45",
        "charge: flat, price: 45, rate: 5%",
        "charge: flat, price: 45, rate: 5%",
    ),
    ("value_unknown", "charge: graduated", "charge: gradual", "charge: gradual"),
    ("value_malformed", "price: 12.50\n    spot", "price: twelve\n    spot", "price: twelve"),
    ("value_malformed", "rate: 6%", "rate: 6%%", "rate: 6%%"),
    ("amount_negative", "price: 45", "price: -45", "price: -45"),
    ("amount_out_of_range", "fee: 10000", "fee: 999999999999999", "fee: 999999999999999"),
    ("price_too_precise", "price: 6.80", "price: 6.8000001", "price: 6.8000001"),
    ("model_unknown", "model: ascend910b3", "model: ascend910x", "model: ascend910x"),
    ("id_duplicate", "id: ascend-hour", "id: h100-hour", "id: h100-hour"),
    ("id_malformed", "id: ascend-hour", "id: Ascend Hour", "id: Ascend Hour"),
    ("unit_missing", "precision: fp16, price: 30000", "price: 30000", "price: 30000"),
    ("taxes_overlap", "modes: [package]", "modes: [package, usage]", "modes: [package, usage]"),
    ("rate_absurd", "rate: 13%", "rate: 130%", "rate: 130%"),
    ("rollover_absurd", "rollover_share: 50%", "rollover_share: 150%", "rollover_share: 150%"),
    ("duration_absurd", "granularity: 1m", "granularity: 2d", "granularity: 2d"),
    (
        "window_reversed",
        "valid_from: 2026-01-01 ",
        "valid_from: 2026-01-01\nvalid_until: 2025-01-01 ",
        "valid_until",
    ),
    ("meter_value", "aggregation: count", "aggregation: sum", "aggregation: sum"),
    ("yaml_malformed", "fee: 10000", "fee: [10000", "per: month"),
]


@pytest.mark.parametrize(("code", "old", "new", "line"), MISTAKES)
def test_a_mistake_has_its_code_and_place(code: str, old: str, new: str, line: str) -> None:
    assert BOOK.count(old) == 1, "the row names one place"
    text = BOOK.replace(old, new)
    found = parse_book(text, "book.yaml", catalogue())
    assert isinstance(found, tuple), "it was taken"
    assert all(isinstance(one, Refusal) and one.remedy and one.where.startswith("book.yaml") for one in found)
    assert found[0].code == code
    assert line in text.splitlines()[int(found[0].where.split(":")[1]) - 1]


def test_an_unknown_field_names_the_nearest_one() -> None:
    found = parse_book(BOOK.replace("up_to: 1000,", "upto: 1000,"), "book.yaml")
    assert isinstance(found, tuple)
    assert found[0].remedy == "did you mean 'up_to'?"


BAD_EVENTS = [
    # code, data, or the time of the event
    ("model_unknown", {"type": "card_time", "data": {"model": "abacus", "seconds": 1}}),
    ("cards_absurd", {"type": "card_time", "data": {"model": "h100", "cards": 10**9, "seconds": 1}}),
    ("seconds_absurd", {"type": "card_time", "data": {"model": "h100", "seconds": 1e300}}),
    ("seconds_absurd", {"type": "card_time", "data": {"model": "h100", "seconds": -1}}),
    ("seconds_absurd", {"type": "card_time", "data": {"model": "h100"}}),
    ("meter_unknown", {"type": "telepathy", "data": {}}),
    ("value_negative", {"type": "traffic_out", "data": {"gb": -5}}),
    ("value_too_large", {"type": "traffic_out", "data": {"gb": 10**30}}),
    ("book_not_valid", {"type": "traffic_out", "data": {"gb": 5}, "time": "2025-11-03T00:00:00Z"}),
]


@pytest.mark.parametrize(("code", "changes"), BAD_EVENTS)
def test_a_bad_event_is_refused_and_the_others_stand(code: str, changes: dict[str, object]) -> None:
    plain = {
        "specversion": "1.0",
        "id": "bad",
        "source": "s",
        "subject": "acme",
        "time": "2026-11-03T00:00:00Z",
    }
    lines = EVENTS.splitlines()
    result = rated([*lines, json.dumps(plain | changes)])
    assert [(one.id, one.refusal.code) for one in result.refused] == [("bad", code)]
    assert result.bills == rated(lines).bills


if __name__ == "__main__":
    for one in DOCUMENTS:
        (DOCS / f"reference/{one}.schema.json").write_text(schema(one), "utf-8")
