"""A batch judged column by column comes to what its events come to one by one, or is left to that."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from penstock.base.refusal import Refusal
from penstock.billing.metering.cloudevents import read_batch
from penstock.billing.metering.extract import Meters
from penstock.billing.metering.judging import Judged, judge, judge_plain, plain, same_event
from penstock.billing.metering.model import Aggregation, Meter, Series

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
METERS = Meters(
    [
        Meter(
            id="tokens",
            aggregation=Aggregation.SUM,
            unit="token",
            event_type="chat",
            value="n",
            dimensions=("model",),
        ),
        Meter(id="peak", aggregation=Aggregation.MAX, unit="x", event_type="chat", value="size", decimals=0),
        Meter(id="calls", aggregation=Aggregation.COUNT, unit="call", event_type="chat"),
        Meter(id="users", aggregation=Aggregation.UNIQUE, unit="user", event_type="login", value="user"),
        Meter(
            id="stored",
            aggregation=Aggregation.TIME_WEIGHTED_AVERAGE,
            unit="GB",
            event_type="level",
            value="gb",
            negative=True,
        ),
    ]
)
KNOWN = frozenset({"acme", "beta"})

good = st.fixed_dictionaries(
    {
        "n": st.integers(0, 10**6) | st.decimals(0, 1_000, places=3).map(float),
        "size": st.integers(0, 9),
        "model": st.sampled_from(["a", "模型", "a/b"]),
        "user": st.text("xyz", min_size=1),
        "gb": st.integers(-5, 5),
    }
)
usual = st.lists(
    st.fixed_dictionaries(
        {
            "specversion": st.just("1.0"),
            "source": st.just("//gateway"),
            "type": st.sampled_from(["chat", "chat", "login", "level"]),
            "subject": st.sampled_from(["acme", "beta"]),
            "time": st.sampled_from([NOW, NOW - timedelta(hours=5)]).map(datetime.isoformat),
            "data": good,
        }
    ),
    min_size=1,
    max_size=5,
)
ODD: list[tuple[str, Any]] = [
    ("id", "0"), ("id", ""), ("id", "a\tb"), ("id", 7), ("source", "x" * 257),
    ("source", "Ünïcode"), ("source", "a\x1b"),
    ("type", "else"), ("subject", "gamma"), ("subject", ""), ("subject", None), ("specversion", "0.3"),
    ("time", (NOW - timedelta(days=400)).isoformat()), ("time", (NOW + timedelta(minutes=6)).isoformat()),
    ("time", NOW.replace(tzinfo=None).isoformat()), ("time", "0001-01-01T00:00:00Z"),
    ("data", [1]), ("data", None), ("data", {}),
    ("datacontenttype", "text/plain"), ("data_base64", "e30="), ("extra", 1),
]  # fmt: skip
ODD_VALUES: list[Any] = [
    None, True, -1, 10**20, 10**13, 1.5, 1e-7, 1e300, float("nan"), float("inf"), "text", "x" * 129,
    "x" * 17_000, "\ud800", "\ud800abcdefgh", "\udc00\ud800", "\ud83d\ude00",
    "\u0000", "a\tb", "a\\b", 10**101, {"a": [1, 2.50]}, [1],
]  # fmt: skip


def event(**fields: Any) -> dict[str, Any]:
    """One that is in order."""
    head = {"specversion": "1.0", "source": "s", "type": "chat", "subject": "acme", "time": NOW.isoformat()}
    return head | fields


def body_of(
    found: list[dict], oddities: list[tuple[str, Any]], *, ascii_only: bool, indent: int | None
) -> bytes:
    """The JSON of a batch, each oddity in the next of its events."""
    for number, one in enumerate(found):
        one["id"] = str(number)
    for number, (name, value) in enumerate(oddities):
        one = found[number % len(found)]
        if name.startswith("data.") and isinstance(one["data"], dict):
            one["data"] = one["data"] | {name[5:]: value}
        else:
            one[name] = value
    return json.dumps(found, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")


def read_of(judged: Judged) -> set[tuple[tuple[str, str], Series, int]]:
    return {
        (judged.rows[place][:2], series, value)
        for part in judged.readings
        for place, series, value in zip(part.places, part.series, part.values, strict=True)
    }


def check(body: bytes) -> bool:
    """Whether the batch was judged by columns; either way the two agree."""
    columns = plain(body)
    quick = None if columns is None else judge_plain(columns, METERS, KNOWN, NOW)
    found = read_batch(body)
    if quick is None:
        return False
    assert not isinstance(found, Refusal)
    slow = judge(found, METERS, KNOWN, NOW)
    assert not slow.refused and not quick.refused
    assert list(quick.places) == list(slow.places)
    assert all(same_event(*pair) for pair in zip(quick.rows, slow.rows, strict=True))
    assert read_of(quick) == read_of(slow)
    assert all(part.meter.id == one.meter for part in quick.readings for one in part.series)
    return True


@pytest.mark.parametrize("kind", ["chat", "login", "level"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_columns_and_single_events_agree_on_each_oddity(kind: str, ascii_only: bool) -> None:
    inside = [
        (f"data.{name}", value)
        for name in ("n", "size", "model", "user", "gb", "note")
        for value in ODD_VALUES
    ]
    for oddity in [*ODD, *inside]:
        plain_data = {"n": 1, "size": 2, "model": "a", "user": "u", "gb": 3}
        found = [event(type=kind, data=dict(plain_data)), event(data=dict(plain_data))]
        check(body_of(found, [(oddity[0], oddity[1])], ascii_only=ascii_only, indent=None))


@given(usual, st.booleans(), st.sampled_from([None, 1]))
def test_columns_and_single_events_agree(found: list, ascii_only: bool, indent: int | None) -> None:
    body = body_of(found, [], ascii_only=ascii_only, indent=indent)
    assert check(body)


@given(st.lists(good, min_size=1, max_size=30), st.sampled_from(["chat", "login", "level"]))
def test_what_is_usual_is_judged_by_columns(found: list[dict], kind: str) -> None:
    head = {"specversion": "1.0", "source": "s", "type": kind, "subject": "acme", "time": NOW.isoformat()}
    body = json.dumps([head | {"id": str(n), "data": one} for n, one in enumerate(found)]).encode()
    assert check(body)


def test_the_same_data_in_another_order_is_the_same_event() -> None:
    one = ("s", "1", "chat", "acme", 0, '{"n": 1.50, "model": "m"}')
    assert same_event(one, (*one[:5], '{"model":"m","n":1.50}'))
    assert not same_event(one, (*one[:5], '{"model":"m","n":1.5}'))
    assert not same_event(one, ("s", "1", "chat", "beta", 0, one[5]))
