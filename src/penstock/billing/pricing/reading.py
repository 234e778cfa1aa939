"""A tree of YAML as structs: exact numbers, every mistake with its place, and the nearest known field.

The structs are the vocabulary: field names, types and defaults say what may be written, here and in the
JSON Schema (`schema.py`). JSON is YAML too, so one reader serves files and requests.
"""

import difflib
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.billing.pricing.exact import read_exact
from penstock.lease.jobfile.document import Fields, Items, Scalar, Value, decoded, read
from penstock.lease.jobfile.values import duration_s

REFUSALS_MAX = 100
_MISSING: Any = object()


class Places(dict[str, str]):
    """Path of a value such as `items[2].price` -> its place in the text."""

    def of(self, path: str) -> str:
        """The place of the value, or of the nearest one around it."""
        while path and path not in self:
            path = max(path.rpartition(".")[0], path.rpartition("[")[0], key=len)
        return self.get(path, self.get("", ""))


class Read[T](msgspec.Struct, frozen=True):
    """What was read, with the place of every value."""

    value: T
    places: Places


def read_document[T](
    content: str | bytes, kind: type[T], name: str, *, zone_default: str = "Asia/Shanghai"
) -> Read[T] | tuple[Refusal, ...]:
    """A document of that struct, or every mistake in it at `name:line:column`."""
    text = decoded(content, name)
    if isinstance(text, Refusal):
        return (text,)
    root, malformed = read(text, name)
    if root is None:
        return tuple(malformed)
    reader = _Reader(malformed, _zone(root, zone_default))
    value = reader.struct(root, kind, "")
    if reader.refusals or value is _MISSING:
        return tuple(reader.refusals[:REFUSALS_MAX])
    return Read(value, reader.places)


def _zone(root: Value, default: str) -> ZoneInfo:
    """The zone that dates without an offset are in; a wrong one is refused where it is read."""
    entry = root.entries.get("zone") if isinstance(root, Fields) else None
    named = entry.value.text if entry is not None and isinstance(entry.value, Scalar) else default
    return zone_of(named) or ZoneInfo(default)


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class _Reader:
    def __init__(self, refusals: list[Refusal], zone: ZoneInfo) -> None:
        self.refusals = list(refusals)
        self.zone = zone
        self.places = Places()

    def refuse(self, where: str, code: str, message: str, remedy: str) -> Any:
        """Gather a mistake, so that it does not hide the next."""
        self.refusals.append(invalid(code, message, remedy, where))
        return _MISSING

    def value(self, value: Value, kind: Any, path: str) -> Any:
        """The value as its type; `_MISSING` after a refusal."""
        self.places[path] = value.where
        if isinstance(kind, TypeAliasType):
            return self.value(value, kind.__value__, path)
        origin, inner = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            return self._union(value, inner, path)
        if origin is Literal:
            return self._choice(value, inner)
        if origin is tuple:
            return self._list(value, inner[0], path)
        if origin is dict:
            return self._mapping(value, inner[1], path)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.struct(value, kind, path)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            named = self._choice(value, tuple(kind))
            return named if named is _MISSING else kind(named)
        return self._scalar(value, kind)

    def _union(self, value: Value, kinds: tuple[Any, ...], path: str) -> Any:
        """Either nothing or something, or one of several structs told apart by the field that is their tag."""
        structs = [k for k in kinds if isinstance(k, type) and issubclass(k, msgspec.Struct)]
        if len(structs) < 2:
            return self.value(value, next(k for k in kinds if k is not type(None)), path)
        tag_field = structs[0].__struct_config__.tag_field or "type"
        by_tag = {str(struct.__struct_config__.tag): struct for struct in structs}
        if not isinstance(value, Fields):
            return self.refuse(
                value.where, "field_malformed", "fields with values belong here", "write key: value"
            )
        entry = value.entries.get(tag_field)
        if entry is None:
            return self.refuse(
                value.where, "field_missing", f"{tag_field} is missing", f"choose from {', '.join(by_tag)}"
            )
        named = self._choice(entry.value, tuple(by_tag))
        return _MISSING if named is _MISSING else self.struct(value, by_tag[named], path)

    def struct(self, value: Value, kind: type[Any], path: str) -> Any:
        """A struct from its fields."""
        if not isinstance(value, Fields):
            return self.refuse(
                value.where, "field_malformed", "fields with values belong here", "write key: value"
            )
        self.places[path] = value.where
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        hints = get_type_hints(kind)
        tag = kind.__struct_config__.tag_field
        found: dict[str, Any] = {}
        failed = self._unknown(value, (*fields, *filter(None, [tag])))
        for name, field in fields.items():
            entry = value.entries.get(name)
            if entry is None:
                if field.required:
                    self.refuse(value.where, "field_missing", f"{name} is missing", f"give {name}")
                    failed = True
                continue
            read_value = self.value(entry.value, hints[field.name], f"{path}.{name}" if path else name)
            failed |= read_value is _MISSING
            found[field.name] = read_value
        return _MISSING if failed else kind(**found)

    def _unknown(self, value: Fields, known: tuple[str, ...]) -> bool:
        failed = False
        for name, entry in value.entries.items():
            if name in known:
                continue
            close = difflib.get_close_matches(name[:40], known, n=1)
            remedy = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            self.refuse(entry.where, "field_unknown", f"there is no field {name[:40]!r}", remedy)
            failed = True
        return failed

    def _list(self, value: Value, kind: Any, path: str) -> Any:
        if not isinstance(value, Items):
            return self.refuse(value.where, "field_malformed", "a list belongs here", "write - before each")
        found = [self.value(child, kind, f"{path}[{number}]") for number, child in enumerate(value.values)]
        return _MISSING if any(one is _MISSING for one in found) else tuple(found)

    def _mapping(self, value: Value, kind: Any, path: str) -> Any:
        if not isinstance(value, Fields):
            return self.refuse(
                value.where, "field_malformed", "names with values belong here", "write name: value"
            )
        found = {
            name: self.value(entry.value, kind, f"{path}.{name}") for name, entry in value.entries.items()
        }
        return _MISSING if any(one is _MISSING for one in found.values()) else found

    def _choice(self, value: Value, choices: tuple[str, ...]) -> Any:
        text = value.text if isinstance(value, Scalar) else ""
        if text in choices:
            return text
        close = difflib.get_close_matches(text[:40], choices, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(choices)}"
        return self.refuse(value.where, "value_unknown", f"{text[:40]!r} is none of the choices", remedy)

    def _scalar(self, value: Value, kind: Any) -> Any:
        if not isinstance(value, Scalar):
            return self.refuse(value.where, "field_malformed", "one value belongs here", "write one value")
        read_one, remedy = _SCALARS[kind]
        found = read_one(value.text, self.zone)
        if found is None:
            shown = value.text[:40]
            return self.refuse(value.where, "value_malformed", f"{shown!r} cannot be read here", remedy)
        return found


def _whole(text: str) -> int | None:
    digits = text.lstrip("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) <= 15 else None


def _text(text: str) -> str | None:
    return text if 0 < len(text) <= 200 and text.isprintable() else None


def _truth(text: str) -> bool | None:
    return {"true": True, "false": False, "yes": True, "no": False}.get(text.lower())


def _instant(text: str, zone: ZoneInfo) -> datetime | None:
    """A time with offset, or a date or time on the clocks of the document's zone."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _clock(text: str) -> time | None:
    """A time of day to the minute; `24:00` is the end of the day and read as 00:00."""
    try:
        found = time.fromisoformat("00:00" if text == "24:00" else text)
    except ValueError:
        return None
    return found if found.second == 0 and found.tzinfo is None else None


def _duration(text: str) -> timedelta | None:
    seconds = duration_s(text)
    return None if seconds is None or seconds > 100 * 366 * 86_400 else timedelta(seconds=seconds)


type _ReadScalar = Callable[[str, ZoneInfo], Any]

_SCALARS: Mapping[Any, tuple[_ReadScalar, str]] = {
    str: (lambda text, _: _text(text), "write up to 200 characters that can be shown"),
    int: (lambda text, _: _whole(text), "write a whole number in digits"),
    bool: (lambda text, _: _truth(text), "write true or false"),
    Fraction: (lambda text, _: read_exact(text), "write 12.50, 6% or 1/3, with at most 12 decimals"),
    datetime: (_instant, "write 2026-11-01 or 2026-11-01T08:00+08:00"),
    time: (lambda text, _: _clock(text), "write 08:00"),
    timedelta: (lambda text, _: _duration(text), "write 90s, 1m, 12h or 7d"),
}
