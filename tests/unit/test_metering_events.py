"""Usage events are CloudEvents; each bad one is refused with its code, and the others of its batch stand."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from penstock.base.refusal import Refusal
from penstock.billing.metering.cloudevents import BATCH_MAX, read_batch, read_binary, read_lines, read_one
from penstock.billing.metering.extract import Meters, readings
from penstock.billing.metering.judging import judge
from penstock.billing.metering.model import Aggregation, Meter, MeterEvent, Series, check_meter

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
METERS = Meters(
    [
        Meter(id="tokens", aggregation=Aggregation.SUM, unit="token", event_type="chat", value="tokens", dimensions=("model", "kind")),
        Meter(id="calls", aggregation=Aggregation.COUNT, unit="call", event_type="chat", dimensions=("model",)),
        Meter(id="users", aggregation=Aggregation.UNIQUE, unit="user", event_type="login", value="user"),
        Meter(id="drift", aggregation=Aggregation.SUM, unit="GB", value="gb", negative=True, decimals=3),
    ]
)  # fmt: skip
GOOD = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "//gateway",
    "type": "chat",
    "subject": "acme",
    "time": "2026-11-03T11:59:00+08:00",
    "data": {"tokens": 1200.5, "model": "m", "kind": "in"},
}


def outcome(item: object) -> str | list[tuple[Series, int]]:
    """What becomes of one event of a batch: the code of its refusal, or its readings."""
    found = read_batch(json.dumps([GOOD, item, GOOD]).encode())
    assert isinstance(found, list)
    assert isinstance(found[0], MeterEvent)
    assert found[2] == found[0], "the others stand"
    read = found[1] if isinstance(found[1], Refusal) else readings(found[1], METERS)
    return read.code if isinstance(read, Refusal) else read


def test_an_event_feeds_every_meter_of_its_type() -> None:
    assert outcome(GOOD) == [
        (Series("tokens", "acme", ("m", "in")), 1_200_500_000),
        (Series("calls", "acme", ("m",)), 1),
    ]


NAN, INFINITY = float("nan"), float("inf")
BAD = [
    ({"type": "unheard-of"}, "meter_unknown"),
    ({"type": ""}, "attribute_missing"),
    ({"id": ""}, "attribute_missing"),
    ({"id": None}, "attribute_missing"),
    ({"id": 7}, "attribute_malformed"),
    ({"id": "x" * 257}, "attribute_malformed"),
    ({"source": "a\x1b[2J"}, "attribute_malformed"),
    ({"specversion": "0.3"}, "specversion_unknown"),
    ({"subject": ""}, "tenant_missing"),
    ({"time": None}, "time_missing"),
    ({"time": "2026-11-03T12:00:00"}, "time_without_zone"),
    ({"time": "yesterday"}, "time_malformed"),
    ({"time": 1762128000}, "time_malformed"),
    ({"time": "0001-01-01T00:00:00Z"}, "time_absurd"),
    ({"datacontenttype": "text/xml"}, "data_not_json"),
    ({"data_base64": "AAAA"}, "data_not_json"),
    ({"data": [1]}, "data_not_object"),
    ({"data": "12"}, "data_not_object"),
    ({"data": {}}, "value_missing"),
    ({"data": {"tokens": None}}, "value_missing"),
    ({"data": {"tokens": "12"}}, "value_not_number"),
    ({"data": {"tokens": True}}, "value_not_number"),
    ({"data": {"tokens": [12]}}, "value_not_number"),
    ({"data": {"tokens": NAN}}, "value_not_finite"),
    ({"data": {"tokens": INFINITY}}, "value_not_finite"),
    ({"data": {"tokens": 1, "deep": [{"x": -INFINITY}]}}, "value_not_finite"),
    ({"data": {"tokens": 1e300}}, "value_too_large"),
    ({"data": {"tokens": 10**13}}, "value_too_large"),
    ({"data": {"tokens": 10**40}}, "value_too_large"),
    ({"data": {"tokens": -1}}, "value_negative"),
    ({"data": {"tokens": -0.5}}, "value_negative"),
    ({"data": {"tokens": 0.0000001}}, "value_too_precise"),
    ({"data": {"tokens": 1e-300}}, "value_too_precise"),
    ({"data": {"tokens": 1, "model": "m" * 129}}, "value_too_long"),
    ({"data": {"tokens": 1, "model": ["m"]}}, "value_not_text"),
    ({"data": {"tokens": 1, "model": "m\u202e"}}, "value_not_text"),
    ({"type": "login", "data": {}}, "value_missing"),
    ({"type": "login", "data": {"user": {"a": 1}}}, "value_not_text"),
    ({"type": "drift", "data": {"gb": 0.0001}}, "value_too_precise"),
]


@pytest.mark.parametrize(("changes", "code"), BAD, ids=[f"{code}-{n}" for n, (_, code) in enumerate(BAD)])
def test_a_bad_event_is_refused_with_its_code(changes: dict, code: str) -> None:
    item = {**GOOD, **changes}
    assert outcome({name: value for name, value in item.items() if value is not None}) == code


@pytest.mark.parametrize("item", [None, 7, "event", [GOOD]])
def test_what_is_no_object_is_no_event(item: object) -> None:
    assert outcome(item) == "event_malformed"


VALUES = [
    ("12", 12_000),
    ("-3.5", -3_500),
    ("0.0", 0),
    ("-0", 0),
    ("1e3", 1_000_000),
    ("1.5E+2", 150_000),
    ("12.3450", 12_345),
    ("0e999999", 0),
]


@pytest.mark.parametrize(("text", "scaled"), VALUES)
def test_numbers_are_kept_exactly(text: str, scaled: int) -> None:
    body = json.dumps({**GOOD, "type": "drift", "data": {"gb": "?"}}).replace('"?"', text).encode()
    event = read_one(body)
    assert isinstance(event, MeterEvent)
    assert readings(event, METERS) == [(Series("drift", "acme"), scaled)]


def test_three_forms_say_the_same() -> None:
    single = read_one(json.dumps(GOOD).encode())
    (batched,) = read_lines([json.dumps(GOOD), "  "])
    headers = {f"ce-{name}": value for name, value in GOOD.items() if isinstance(value, str)}
    headers |= {"ce-subject": "a%63me", "content-type": "application/json; charset=utf-8", "host": "x"}
    assert read_binary(headers, json.dumps(GOOD["data"]).encode()) == single == batched
    assert isinstance(single, MeterEvent)
    assert single.time == datetime(2026, 11, 3, 3, 59, tzinfo=UTC)


def test_a_token_of_a_tenant_need_not_name_it() -> None:
    found = read_one(json.dumps({**GOOD, "subject": ""}).encode(), "acme")
    assert isinstance(found, MeterEvent)
    assert found.tenant == "acme"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed"),
        (b"[", "malformed"),
        (b"\xff", "malformed"),
        (b"{}", "batch_malformed"),
        (b"[" * 200_000, "malformed"),
        (b"[" + b"1," * BATCH_MAX + b"1]", "batch_too_large"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_as_a_whole(body: bytes, code: str) -> None:
    found = read_batch(body)
    assert isinstance(found, Refusal)
    assert found.code == code


@pytest.mark.parametrize("body", [b"", b"{},{}", b"nonsense"])
def test_a_body_that_is_no_one_event_is_refused(body: bytes) -> None:
    found = read_one(body)
    assert isinstance(found, Refusal)


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (timedelta(minutes=5), None),
        (timedelta(minutes=6), "event_in_future"),
        (timedelta(days=-366), None),
        (timedelta(days=-366, seconds=-1), "event_too_old"),
    ],
)
def test_clocks_may_differ_a_little(ahead: timedelta, code: str | None) -> None:
    event = MeterEvent(source="s", id="1", type="login", tenant="acme", time=NOW + ahead, data={"user": "a"})
    refused = judge([event], METERS, {"acme"}, NOW).refused
    assert [one.code for _, one in refused] == ([code] if code else [])


DECLARATIONS = [
    ({}, None),
    ({"id": "No"}, "id_malformed"),
    ({"unit": ""}, "meter_without_unit"),
    ({"value": ""}, "meter_value"),
    ({"aggregation": Aggregation.COUNT}, "meter_value"),
    ({"aggregation": Aggregation.COUNT, "value": ""}, None),
    ({"dimensions": ("a", "a")}, "meter_dimensions"),
    ({"dimensions": tuple("abcdefghi")}, "meter_dimensions"),
    ({"decimals": 10}, "meter_decimals"),
    ({"late_window": timedelta(days=36)}, "meter_late_window"),
    ({"event_type": "com.example.chat/v1"}, None),
    ({"event_type": "a\nb"}, "text_malformed"),
]


@pytest.mark.parametrize(("changes", "code"), DECLARATIONS)
def test_a_meter_is_declared_or_refused(changes: dict, code: str | None) -> None:
    meter = Meter(**{"id": "gb", "aggregation": Aggregation.SUM, "unit": "GB", "value": "gb", **changes})
    found = check_meter(meter)
    assert (found.code if isinstance(found, Refusal) else None) == code
