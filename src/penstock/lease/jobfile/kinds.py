"""Readers for the kinds of single values."""

import re

from penstock.base.quantity import PRECISION_ORDER
from penstock.lease.job import Flops
from penstock.lease.jobfile.document import Items, Scalar, Value
from penstock.lease.jobfile.reading import Reading
from penstock.lease.jobfile.values import duration_s, port_range, size_bytes

_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_POSITIVE = re.compile(r"\+?\d{1,18}(?:\.\d{0,18})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_FLOPS = re.compile(r"(\d{1,30}(?:\.\d{1,10})?(?:e\+?\d{1,2})?) +([a-z0-9]{2,5})", re.ASCII)
FLOPS_MAX = 1e30
_NAMES = {Scalar: "a value", Items: "a list"}


def text(reading: Reading, value: Value, path: str) -> None:
    """Text; a number or true and false count as what is written."""
    if isinstance(value, Scalar):
        reading.put(path, value.text, value.where)
    else:
        refuse_kind(reading, value, path, "text", "write one line, or several lines after |")


def script(reading: Reading, value: Value, path: str) -> None:
    """A shell script, or a list of commands that become its lines."""
    if isinstance(value, Scalar) and value.kind == "str":
        reading.put(path, value.text, value.where)
    elif isinstance(value, Items) and all(isinstance(one, Scalar) for one in value.values):
        lines = [one.text for one in value.values if isinstance(one, Scalar)]
        reading.put(path, "\n".join(lines) + "\n", value.where)
    else:
        refuse_kind(reading, value, path, "a command", "write one line, or several lines after |")


def whole(reading: Reading, value: Value, path: str) -> None:
    """A whole number in decimal digits."""
    number = whole_number(value)
    if number is None:
        refuse_kind(reading, value, path, "a whole number", "write digits, without quotes")
    else:
        reading.put(path, number, value.where)


def whole_number(value: Value) -> int | None:
    """The whole number that a value stands for; not YAML's octal, hexadecimal and sexagesimal ones."""
    if isinstance(value, Scalar) and value.kind == "int" and _WHOLE.fullmatch(value.text):
        digits = value.text.lstrip("+-")
        return int(value.text) if digits == "0" or not digits.startswith("0") else None
    return None


def positive(value: Value) -> float | None:
    """The number greater than 0 that a value stands for."""
    if isinstance(value, Scalar) and _POSITIVE.fullmatch(value.text):
        number = float(value.text)
        return number if 0 < number < float("inf") else None
    return None


def yes_or_no(reading: Reading, value: Value, path: str) -> None:
    """True or false."""
    if isinstance(value, Scalar) and value.text.lower() in ("true", "false"):
        reading.put(path, value.text.lower() == "true", value.where)
    else:
        refuse_kind(reading, value, path, "true or false", "write true, or leave it out")


def duration(reading: Reading, value: Value, path: str) -> None:
    """A duration in whole seconds; `off` is none."""
    if isinstance(value, Scalar) and value.text.lower() in ("off", "false", "none", "unlimited"):
        reading.put(path, None, value.where)
        return
    seconds = duration_s(value.text) if isinstance(value, Scalar) else None
    if seconds is None:
        reading.refuse(
            value.where,
            "duration_malformed",
            f"{shown(value)} is no duration",
            "write 2h30m, 90m, 45s, 1d or 1:30:00",
            path,
        )
    else:
        reading.put(path, seconds, value.where)


def memory(reading: Reading, value: Value, path: str) -> None:
    """Bytes; a bare number is in GB."""
    _size(reading, value, path, "g", "write 16GB, or 512MB")


def size(reading: Reading, value: Value, path: str) -> None:
    """Bytes; the unit must be given."""
    _size(reading, value, path, "", "write a unit too, such as 64MB")


def _size(reading: Reading, value: Value, path: str, unit: str, remedy: str) -> None:
    found = size_bytes(value.text, unit) if isinstance(value, Scalar) else None
    if not found:
        reading.refuse(
            value.where, "size_malformed", f"{shown(value)} is no size greater than 0", remedy, path
        )
    else:
        reading.put(path, found, value.where)


def ports(reading: Reading, value: Value, path: str) -> None:
    """Port numbers and ranges. They are checked, but a job's ports are not published."""
    for one in value.values if isinstance(value, Items) else [value]:
        if not isinstance(one, Scalar) or port_range(one.text) is None:
            reading.refuse(
                one.where, "port_malformed", f"{shown(one)} is no port", "write 8080, or 8000-8010", path
            )
            return
    reading.note(value.where, "ports are not published: a job is reached from its own host only")


def flops(reading: Reading, value: Value, path: str) -> None:
    """FLOPs with their precision, such as 3.2e21 bf16."""
    match = _FLOPS.fullmatch(value.text) if isinstance(value, Scalar) else None
    if match is None or match.group(2) not in PRECISION_ORDER or not 0 < float(match.group(1)) <= FLOPS_MAX:
        reading.refuse(
            value.where,
            "flops_malformed",
            f"{shown(value)} is no number of FLOPs with a precision",
            "write 3.2e21 bf16: forward and backward of the model, without recomputation",
            path,
        )
    else:
        precision = next(one for one in PRECISION_ORDER if one == match.group(2))
        reading.put(path, Flops(float(match.group(1)), precision), value.where)


def refuse_kind(reading: Reading, value: Value, path: str, wanted: str, remedy: str) -> None:
    """The value is of another kind than wanted."""
    reading.refuse(value.where, "field_malformed", f"{wanted} belongs here, not {shown(value)}", remedy, path)


def shown(value: Value) -> str:
    """The value in a message: the text, or what it is."""
    if isinstance(value, Scalar):
        return repr(value.text[:40])
    return _NAMES.get(type(value), "a mapping")
