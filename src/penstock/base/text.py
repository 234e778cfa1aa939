"""Short texts that people write: names, notes, addresses. They are shown in lists, on invoices and in logs."""

import unicodedata

from penstock.base.refusal import Refusal, invalid

TEXT_LENGTH_MAX = 200
_NOT_SHOWN = ("Cc", "Cf", "Cn", "Cs", "Zl", "Zp")
"""Unicode categories that steer a terminal or a page instead of being read: controls, direction marks, …"""


def check_text(
    text: str, where: str, length_max: int = TEXT_LENGTH_MAX, *, lines: bool = False
) -> str | Refusal:
    """The text, if every character of it can be read; `lines` allows line feeds."""
    if len(text) > length_max:
        return invalid(
            "text_too_long", f"{where} is longer than {length_max} characters", "shorten it", where
        )
    read = text.replace("\n", "") if lines else text
    if any(unicodedata.category(character) in _NOT_SHOWN for character in read):
        return invalid(
            "text_malformed", f"{where} holds a character that cannot be shown", "remove it", where
        )
    return text
