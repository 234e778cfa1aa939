"""Values as people write them: durations, sizes, accelerators, ports. Each reader gives None if it cannot."""

import re
from decimal import Decimal

import msgspec

from penstock.base.quantity import WHOLE

_UNITS_S = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(
    "".join(rf"(?:(\d{{1,9}}){unit})?" for unit in ("w", "d", "h", "m(?:in)?", "s")), re.ASCII
)
_CLOCK = re.compile(r"(?:(\d{1,4})-)?(\d{1,4}):(\d\d):(\d\d)", re.ASCII)
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)([kmgtp]?)(i?b)?(?:\+|\.\.)?", re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_COUNT = re.compile(r"\d{1,9}\+?", re.ASCII)
_SHARE = re.compile(r"0?\.(\d{1,3})0*", re.ASCII)
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def duration_s(text: str) -> int | None:
    """Whole seconds of `2h30m`, `90m`, `1d`, `45s`, `3600` (seconds), `1:30:00` or `2-12:00:00` (days)."""
    text = text.replace(" ", "").lower()
    if text.isdecimal() and text.isascii():
        return int(text) if len(text) < 12 else None
    clock = _CLOCK.fullmatch(text)
    if clock:
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    parts = _DURATION.fullmatch(text)
    if not text or parts is None:
        return None
    return sum(int(part or 0) * unit for part, unit in zip(parts.groups(), _UNITS_S.values(), strict=True))


def size_bytes(text: str, unit: str = "") -> int | None:
    """Bytes of `16GB`, `16GiB`, `512MB`, `1.5TB`; units are powers of 1024, as in SkyPilot and dstack.

    A trailing `+` or `..` (at least) changes nothing. A bare number is in `unit`, and refused without one.
    """
    match = _SIZE.fullmatch(text.replace(" ", "").lower())
    if match is None:
        return None
    number, prefix, suffix = match.groups()
    if not prefix and not suffix:
        prefix = unit
        if not prefix:
            return None
    return int(Decimal(number) * 1024 ** _POWERS[prefix])


class Wanted(msgspec.Struct, frozen=True):
    """One alternative of `accelerators`: a model ('' for any), how many of it, and with how much memory.

    `share` is in thousandths of one device.
    """

    model: str
    count: int = 1
    memory: str = ""
    share: int = WHOLE


def wanted(text: str) -> Wanted | None:
    """`A100:8`, `A100`, `A100:80GB:8`, `24GB:2`, or `8` for any model; `A100:0.5` is half of one."""
    model, memory, count, share = "", "", None, WHOLE
    for position, token in enumerate(token.strip() for token in text.split(":")):
        if _COUNT.fullmatch(token) and count is None:
            count = int(token.rstrip("+"))
        elif count is None and (part := share_of_one(token)) is not None:
            count, share = 1, part
        elif token[:1].isdigit() and not memory and size_bytes(token):
            memory = token
        elif token[:1].isalpha() and position == 0:
            model = token.lower()
        else:
            return None
    return Wanted(model, 1 if count is None else count, memory, share)


def share_of_one(text: str) -> int | None:
    """Thousandths of `0.5`, `.25` or `0.125`; None for anything else, nothing and a whole included."""
    match = _SHARE.fullmatch(text)
    return int(match.group(1).ljust(3, "0")) or None if match else None


def port_range(text: str) -> tuple[int, int] | None:
    """First and last port of `8080` or `8000-8010`."""
    match = _PORT.fullmatch(text.strip())
    if match is None:
        return None
    first = int(match.group(1))
    last = int(match.group(2) or first)
    return (first, last) if 1 <= first <= last <= 65_535 else None


def format_s(seconds: int) -> str:
    """`2h30m` of 9000; days are the largest unit."""
    if seconds == 0:
        return "0s"
    text = ""
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, _UNITS_S[unit])
        text += f"{count}{unit}" if count else ""
    return text


def format_bytes(size: int) -> str:
    """`16GB` of 2**34; the largest unit that is exact."""
    power = 0
    while power < 5 and size and size % 1024 == 0:
        size, power = size // 1024, power + 1
    return f"{size}{'KMGTP'[power - 1] if power else ''}B"
