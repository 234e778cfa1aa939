"""Figures as documents print them: card-hours, shares, money and times, with decimals that fit their size."""

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from penstock.base.money import MICROS_PER_UNIT, Micros, format_amount
from penstock.base.quantity import CardMicroseconds, card_hours
from penstock.base.window import US_PER_HOUR
from penstock.web.documents.ladder_words import Language

NONE = "–"


def hours(card_us: CardMicroseconds, capacity_us: CardMicroseconds) -> str:
    """Card-hours, with four decimals where the whole is under a hundred, else one."""
    decimals = 4 if capacity_us < 100 * US_PER_HOUR else 1
    return f"{card_hours(card_us):,.{decimals}f}"


def share(part: float, whole: float, language: Language) -> str:
    """A percentage with one decimal; a dash where there is no whole."""
    if not whole:
        return NONE
    return f"{100 * part / whole:.1f}{'%' if language == 'zh' else '\N{NO-BREAK SPACE}%'}"


def money_decimals(amounts: Iterable[Micros]) -> int:
    """Two; four where the largest amount is under ten units, so that small sums are not all zero."""
    return 4 if max(map(abs, amounts), default=0) < 10 * MICROS_PER_UNIT else 2


def money(amount_micros: Micros, currency: str, language: Language, decimals: int = 2) -> str:
    """An amount with its unit: `CNY 1,234.50`, in Chinese `1,234.50 元` for CNY."""
    digits = format_amount(amount_micros, decimals).replace("-", "\N{MINUS SIGN}")
    if language == "zh":
        return f"{digits} {'元' if currency == 'CNY' else currency}"
    return f"{currency}\N{NO-BREAK SPACE}{digits}"


def clock(instant: datetime, zone: tzinfo | None) -> str:
    """The time of day, to the second."""
    return instant.astimezone(zone).strftime("%H:%M:%S")


def date(instant: datetime, zone: tzinfo | None) -> str:
    """The date."""
    return instant.astimezone(zone).strftime("%Y-%m-%d")


def date_time(instant: datetime, zone: tzinfo | None) -> str:
    """Date and time, to the second."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def zone_name(instant: datetime, zone: tzinfo | None) -> str:
    """The zone as an offset, e.g. `UTC+08:00`."""
    offset = instant.astimezone(zone).strftime("%:z")
    return "UTC" if offset == "+00:00" else f"UTC{offset}"


def duration(length: timedelta, language: Language) -> str:
    """The two largest units, e.g. `2 min 5 s`; tenths of seconds under a minute."""
    names = ("天", "小时", "分", "秒") if language == "zh" else ("d", "h", "min", "s")
    if length < timedelta(minutes=1):
        return f"{length.total_seconds():.1f} {names[3]}"
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    whole_hours, minutes = divmod(minutes, 60)
    days, whole_hours = divmod(whole_hours, 24)
    parts = list(zip((days, whole_hours, minutes, seconds), names, strict=True))
    first = next(index for index, (value, _) in enumerate(parts) if value)
    return " ".join(f"{value} {name}" for value, name in parts[first : first + 2] if value)
