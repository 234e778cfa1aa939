"""What people write, checked before a verb uses it; refused with its place."""

from datetime import datetime

from penstock.base.refusal import Refused, ensure, invalid
from penstock.base.text import TEXT_LENGTH_MAX, check_text
from penstock.base.window import check_instant


def instant(given: datetime | None, where: str) -> datetime | None:
    """The instant in UTC, if one was given."""
    return None if given is None else ensure(check_instant(given, where))


def text(given: str, where: str, length_max: int = TEXT_LENGTH_MAX, *, lines: bool = False) -> str:
    """A text that can be shown."""
    return ensure(check_text(given, where, length_max, lines=lines))


def whole_number(given: int | None, least: int, most: int, where: str) -> int | None:
    """A number in [least, most], if one was given."""
    if given is None or least <= given <= most:
        return given
    raise Refused(
        invalid(
            "number_out_of_range",
            f"{where} is {given:,}; possible is {least:,} to {most:,}",
            "give a number in that range",
            where,
        )
    )
