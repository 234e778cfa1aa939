"""CloudEvents 1.0 in the three forms of its HTTP binding, each event checked for itself.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md, with its JSON format (structured and
batch) and HTTP binding (binary: attributes as `ce-` headers). What we ask beyond it: a `time`, since usage without
one belongs to no period; `subject`, which names the tenant; and `data` that is a JSON object.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.base.window import UTC, YEAR_MAX, YEAR_MIN, check_instant
from penstock.billing.metering.model import MeterEvent

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
BATCH_MAX = 10_000
ATTRIBUTE_LENGTH_MAX = 256
DATA_LENGTH_MAX = 16_384
DIGITS_MAX = 100


class _Wire(msgspec.Struct, frozen=True):
    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    subject: str = ""
    datacontenttype: str = ""
    data: dict[str, Any] = {}
    data_base64: str | None = None


type Attribute = Annotated[str, msgspec.Meta(min_length=1, max_length=ATTRIBUTE_LENGTH_MAX)]


class Usual(msgspec.Struct, frozen=True, gc=False):
    """What nearly every event is beside its data, checked while it is decoded."""

    specversion: Literal["1.0"]
    id: Attribute
    source: Attribute
    type: Attribute
    subject: Attribute
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    datacontenttype: Literal["", "application/json"] = ""
    data_base64: None = None


class _Read(Usual, frozen=True, gc=False):
    data: dict[str, Any] = {}


def exact(text: str) -> Decimal:
    """A fraction as it was sent; ValueError where it has more digits than anything has."""
    if len(text) > DIGITS_MAX:
        raise ValueError(text)
    return Decimal(text)


_USUAL = msgspec.json.Decoder(list[_Read], float_hook=exact)
_DATA = msgspec.json.Decoder(dict[str, Any], float_hook=exact)
_TEXT = msgspec.json.Encoder(decimal_format="number", order="sorted")

type Reading = MeterEvent | Refusal
"""An event that can be used, or why it cannot."""


def data_text(event: MeterEvent) -> str | Refusal:
    """The data as canonical JSON (keys sorted, decimals as they came), if it can be kept."""
    try:
        text = _TEXT.encode(event.data).decode()
    except (ValueError, OverflowError, RecursionError):
        return invalid("data_not_json", "the data is no JSON that can be kept", "see CloudEvents 1.0", "data")
    if len(text) > DATA_LENGTH_MAX:
        return invalid(
            "data_too_large",
            f"the data has {len(text):,} characters",
            f"send what is measured, at most {DATA_LENGTH_MAX:,}",
            "data",
        )
    return text


def canonical(text: str) -> str:
    """Data that was kept, with its keys in order and no spaces; itself where it cannot be read."""
    try:
        return _TEXT.encode(_DATA.decode(text)).decode()
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return text


def read_batch(body: bytes, tenant: str = "") -> list[Reading] | Refusal:
    """The events of a batch, one outcome each; `tenant` is whom an event without subject is about."""
    usual = _usual(body)
    found = _lenient(body) if usual is None else usual
    if isinstance(found, Refusal):
        return found
    if len(found) > BATCH_MAX:
        return invalid("batch_too_large", f"{len(found):,} events", f"send at most {BATCH_MAX:,} at once")
    return [_event(one, tenant) for one in found] if usual is None else usual


def read_one(body: bytes, tenant: str = "") -> Reading:
    """One event in structured mode."""
    found = read_batch(b"[" + body + b"]", tenant)
    if isinstance(found, Refusal):
        return found
    if len(found) != 1:
        return invalid("event_malformed", "this is not one event", f"send several as {BATCH}")
    return found[0]


def read_binary(headers: Mapping[str, str], body: bytes, tenant: str = "") -> Reading:
    """One event in binary mode: attributes in `ce-` headers (lower case, percent-encoded), data in the body."""
    item: dict[str, Any] = {
        name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")
    }
    item["datacontenttype"] = headers.get("content-type", "")
    if body:
        data = _lenient(b"[" + body + b"]")
        if isinstance(data, Refusal):
            return data
        item["data"] = data[0] if len(data) == 1 else data
    return _event(item, tenant)


def read_lines(lines: Iterable[str], tenant: str = "") -> list[Reading]:
    """A file of one structured event a line, empty lines left out."""
    return [read_one(line.encode(), tenant) for line in lines if line.strip()]


def _usual(body: bytes) -> list[Reading] | None:
    """The events of a batch that is in order throughout, quickly; None for any other."""
    try:
        found = _USUAL.decode(body)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return None
    texts = [text for one in found for text in (one.id, one.source, one.type, one.subject)]
    if not "".join(texts).isprintable() or not all(YEAR_MIN < one.time.year < YEAR_MAX for one in found):
        return None
    return [
        MeterEvent(
            source=one.source,
            id=one.id,
            type=one.type,
            tenant=one.subject,
            time=one.time if one.time.tzinfo is UTC else one.time.astimezone(UTC),
            data=one.data,
        )
        for one in found
    ]


class _NoNumber:
    """NaN or an infinity, which JSON does not have but programs write, or more digits than anything has."""

    def __init__(self, text: str) -> None:
        self.text = text[:20]


def _whole(text: str) -> int | _NoNumber:
    return int(text) if len(text) <= DIGITS_MAX else _NoNumber(text)


def _fraction(text: str) -> Decimal | _NoNumber:
    try:
        return exact(text)
    except (ValueError, ArithmeticError):
        return _NoNumber(text)


def _lenient(body: bytes) -> list[Any] | Refusal:
    """The items of a JSON array, also where some hold what no JSON may hold."""
    try:
        found = json.loads(body, parse_int=_whole, parse_float=_fraction, parse_constant=_NoNumber)
    except (ValueError, RecursionError):
        return invalid("malformed", "the body is not JSON", "send one JSON document in UTF-8")
    if not isinstance(found, list):
        return invalid("batch_malformed", "a batch is a JSON array of events", f"send one as {STRUCTURED}")
    return found


def _event(found: Any, tenant: str) -> Reading:
    if bad := _no_number(found):
        return invalid("value_not_finite", f"{bad.text} is no number we know", "send a finite number", "data")
    try:
        wire = msgspec.convert(found, _Wire)
    except msgspec.ValidationError as error:
        return _unreadable(found, str(error))
    except RecursionError:
        return invalid("data_not_json", "the data is too deep to be read", "send what is measured", "data")
    if refusal := _refuse(wire):
        return refusal
    time = check_instant(wire.time, "time")
    if isinstance(time, Refusal):
        return time
    subject = wire.subject or tenant
    if not subject:
        return invalid(
            "tenant_missing", "the event has no subject", "name the tenant in `subject`", "subject"
        )
    return MeterEvent(
        source=wire.source, id=wire.id, type=wire.type, tenant=subject, time=time, data=wire.data
    )


def _refuse(wire: _Wire) -> Refusal | None:
    if wire.specversion != "1.0":
        return invalid(
            "specversion_unknown", f"CloudEvents {wire.specversion[:20]!r}", "send 1.0", "specversion"
        )
    for name, text in (
        ("id", wire.id),
        ("source", wire.source),
        ("type", wire.type),
        ("subject", wire.subject),
    ):
        if len(text) > ATTRIBUTE_LENGTH_MAX or not text.isprintable():
            return invalid(
                "attribute_malformed",
                f"{name} is longer than {ATTRIBUTE_LENGTH_MAX} characters or cannot be shown",
                "shorten it",
                name,
            )
    if not (wire.id and wire.source and wire.type):
        return invalid("attribute_missing", "id, source or type is empty", "fill them")
    if wire.data_base64 is not None or (wire.datacontenttype and not _is_json(wire.datacontenttype)):
        return invalid("data_not_json", "the data is not JSON", "send a JSON object as `data`", "data")
    return None


def media_type(content_type: str) -> str:
    """The type that a content type names, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _is_json(content_type: str) -> bool:
    essence = media_type(content_type)
    return essence == "application/json" or essence.endswith("+json")


def _unreadable(found: Any, message: str) -> Refusal:
    """What is wrong with an item that is no event, by the first attribute that shows it."""
    if not isinstance(found, dict):
        return invalid("event_malformed", "an event is a JSON object", "see CloudEvents 1.0")
    for name in ("specversion", "id", "source", "type", "time"):
        if found.get(name) is None:
            code = "time_missing" if name == "time" else "attribute_missing"
            return invalid(code, f"the event has no {name}", "every event has one", name)
    said, _, path = message.partition(" - at `$.")
    where = path.strip("`").partition("[")[0]
    code = {"time": "time_malformed", "data": "data_not_object"}.get(where, "attribute_malformed")
    return invalid(code, said, "see CloudEvents 1.0", where)


def _no_number(found: Any) -> _NoNumber | None:
    """What stands for a number inside a document and is none."""
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _NoNumber):
            return one
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return None
