"""Values as people read them: money, times, durations, sizes, shares."""

from datetime import UTC, datetime, timedelta

from penstock.base.money import Micros, format_amount
from penstock.base.quantity import CardMicroseconds, card_hours
from penstock.cli.language import _, language
from penstock.cli.output import NONE

ANY = "*"
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def money(amount_micros: Micros, currency: str, decimals: int = 2) -> str:
    """An amount with thousands separators and its unit."""
    return f"{format_amount(amount_micros, decimals)} {unit(currency)}"


def unit(currency: str) -> str:
    """How a currency is written after an amount."""
    return "元" if currency == "CNY" and language() == "zh" else currency


def price(micros_per_card_hour: Micros) -> str:
    """A price with at least two decimals and as many as it needs, without its unit."""
    whole, _point, fraction = format_amount(micros_per_card_hour, 6).partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def instant(at: datetime | None, *, utc: bool) -> str:
    """A time to the second, in the local zone with its offset, or in UTC."""
    if at is None:
        return NONE
    if utc:
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S%:z")


def duration(length: timedelta) -> str:
    """The two largest units: `1.5 s`, `2 min 5 s`, `3 h 4 min`, `2 d 3 h`."""
    total_s = length.total_seconds()
    if total_s < 60:
        return f"{total_s:.1f} s".replace(".0 ", " ")
    minutes, seconds = divmod(round(total_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    first = next(index for index, (value, _unit) in enumerate(parts) if value)
    return " ".join(f"{value} {name}" for value, name in parts[first : first + 2] if value)


def size(count_bytes: int) -> str:
    """Bytes in binary units."""
    value, step = float(count_bytes), 0
    while value >= 1024 and step < len(_SIZES) - 1:
        value, step = value / 1024, step + 1
    return f"{value:.1f} {_SIZES[step]}" if step else f"{count_bytes} B"


def hours(card_us: CardMicroseconds) -> str:
    """Card-hours to 0.36 s."""
    return f"{card_hours(card_us):,.4f}"


def share(fraction: float) -> str:
    """A fraction in per cent."""
    return f"{fraction:.1%}"


def yes(fact: bool) -> str:
    """Yes or no."""
    return _("yes") if fact else _("no")


def counts(numbers: dict[str, int]) -> str:
    """Counted reasons, the largest first."""
    ordered = sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{word(reason)} {count}" for reason, count in ordered) or NONE


def word(code: str) -> str:
    """A state, line or reason: in English the code itself, in Chinese its word."""
    if language() == "en":
        return code
    from penstock.web.documents.code_words import WORDS

    return WORDS.get(code, code)
