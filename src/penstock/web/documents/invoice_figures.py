"""How a document writes amounts, card-hours, prices, times and other people's text."""

import re
import unicodedata
from datetime import UTC, datetime, tzinfo

from penstock.base.money import Micros, format_amount, round_half_up
from penstock.base.quantity import CardMicroseconds
from penstock.base.window import US_PER_HOUR

_BIDI_CONTROLS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def card_hours_text(quantity: CardMicroseconds, decimals: int = 4) -> str:
    """Card-hours such as `1,234.5000`, rounded half-up."""
    scaled = round_half_up(quantity * 10**decimals, US_PER_HOUR)
    return format_amount(scaled * 10 ** (6 - decimals), decimals)


def price_text(price_micros: Micros) -> str:
    """A price with two to six decimals: no digit lost, no zero too many."""
    whole, _, fraction = format_amount(price_micros, 6).partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def time_text(instant: datetime, zone: tzinfo = UTC, *, seconds: bool = False) -> str:
    """`2026-11-01 08:30` on the clocks of a zone, with seconds where asked for."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def zone_text(zone: tzinfo, instant: datetime) -> str:
    """`UTC` or `UTC+08:00`."""
    offset = instant.astimezone(zone).strftime("%:z")
    return "UTC" if offset == "+00:00" else f"UTC{offset}"


def plain_text(text: str) -> str:
    """Other people's text without control characters and without marks that turn the writing direction."""
    spaced = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    return " ".join(_BIDI_CONTROLS.sub("", spaced).split())
