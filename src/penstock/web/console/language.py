"""English or Chinese: every sentence of the console goes through one catalogue."""

from penstock.web.console.visitor import Language
from penstock.web.console.zh import CATALOGUE


def sentence(text: str) -> str:
    """Marks a sentence that is translated where it is shown."""
    return text


def translate(text: str, language: Language) -> str:
    """The sentence in this language; English stands for itself and is the catalogue's key."""
    return text if language == "en" else CATALOGUE.get(text, text)


def counted(one: str, many: str, number: int, language: Language) -> str:
    """A number `{n}` of things, in English one or many; the catalogue's key is of many."""
    text = one if number == 1 and language == "en" else translate(many, language)
    return text.format(n=f"{number:,}")
