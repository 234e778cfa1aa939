"""A report as titled tables, and their two forms: plain text and a page. Figures come with their status."""

import re
from collections.abc import Iterable

import msgspec

from penstock.base.figure import Figure
from penstock.base.money import MICROS_PER_UNIT, format_amount, round_half_up
from penstock.web.documents.economics_words import STATUS, UNIT_PATTERNS, UNITS
from penstock.web.documents.ladder_words import Language

NONE = "–"
WITHOUT_DECIMALS = 1_000
LARGE = 100_000 * MICROS_PER_UNIT
"""From here amounts are shown in millions (English) or ten thousands (Chinese) of the unit."""


class Section(msgspec.Struct, frozen=True):
    """One table with its title and remarks; `right` are the columns of figures."""

    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    right: frozenset[int] = frozenset()


def is_money(figure: Figure) -> bool:
    """Whether it is an amount in micros."""
    return figure.unit.startswith("micros ")


def amount(micros: int, language: Language) -> str:
    """`35.15 M` or `3,515.00 万` from a hundred thousand on, else with two decimals."""
    if abs(micros) < LARGE:
        return format_amount(micros)
    if language == "zh":
        return f"{format_amount(round_half_up(micros, 10_000))} 万"
    return f"{format_amount(round_half_up(micros, 1_000_000))} M"


def shown(figure: Figure | None, language: Language) -> str:
    """The number alone; a dash where it is not known."""
    if figure is None or figure.value is None:
        return NONE
    if is_money(figure):
        return amount(int(figure.value), language)
    if figure.unit.startswith("percent"):
        return f"{figure.value:,.1f} %"
    if isinstance(figure.value, int):
        return f"{figure.value:,}"
    return f"{figure.value:,.0f}" if abs(figure.value) >= WITHOUT_DECIMALS else f"{figure.value:,.2f}"


def unit(figure: Figure, language: Language) -> str:
    """The unit as people read it."""
    return unit_words(figure.unit, language)


def unit_words(unit: str, language: Language) -> str:
    """The same for a bare unit: the currency stays, what follows it is translated."""
    plain = unit.removeprefix("micros ")
    if language == "en":
        return plain
    currency, _space, rest = plain.partition(" ") if unit.startswith("micros ") else ("", "", plain)
    return f"{currency} {UNITS.get(rest) or _patterned(rest)}".strip()


def _patterned(unit: str) -> str:
    """Units that hold a number or a precision."""
    for english, chinese in UNIT_PATTERNS:
        unit = re.sub(english, chinese, unit)
    return unit


def status(figure: Figure, language: Language) -> str:
    """Claimed, derived or measured."""
    return STATUS[figure.status][language]


def notes_of(figures: Iterable[Figure]) -> tuple[str, ...]:
    """The populations that the figures are about, each once."""
    return tuple(dict.fromkeys(figure.population for figure in figures))
