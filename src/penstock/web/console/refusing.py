"""Refusals in Chinese: a sentence is known by its shape, and its values are put into the Chinese one."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from penstock.web.console.zh import CATALOGUE
from penstock.web.console.zh.files import FILE_MESSAGES, FILE_REMEDIES
from penstock.web.console.zh.hosts import HOST_MESSAGES, HOST_REMEDIES
from penstock.web.console.zh.populations import POPULATIONS
from penstock.web.console.zh.refusals import MESSAGES, NOUNS, REMEDIES
from penstock.web.console.zh.scripts import NOTES, SCRIPT_MESSAGES, SCRIPT_REMEDIES, WHY

SENTENCES: Mapping[str, str] = {
    **MESSAGES,
    **REMEDIES,
    **FILE_MESSAGES,
    **FILE_REMEDIES,
    **NOTES,
    **WHY,
    **SCRIPT_MESSAGES,
    **SCRIPT_REMEDIES,
    **HOST_MESSAGES,
    **HOST_REMEDIES,
    **POPULATIONS,
}
_HOLE = re.compile(r"\{\}")
_PLACE = re.compile(r"(?P<place>[^\s:]+(?::\d+:\d+)?): (?P<rest>.+)", re.DOTALL)
"""A field, a file, or a line of one, before what is said of it."""


@lru_cache(maxsize=4096)
def in_chinese(sentence: str) -> str | None:
    """The Chinese of a refusal's sentence, None where the catalogue has none."""
    if sentence in SENTENCES:
        return SENTENCES[sentence]
    if (named := _PLACE.fullmatch(sentence)) and (rest := in_chinese(named["rest"])):
        return f"{named['place']}：{rest}"
    for shape, chinese in _shapes():
        if found := shape.fullmatch(sentence):
            return _filled(chinese, [_word(value) for value in found.groups()])
    return None


def _word(value: str) -> str:
    return NOUNS.get(value) or CATALOGUE.get(value) or SENTENCES.get(value, value)


def _filled(chinese: str, values: list[str]) -> str:
    """`{}` is the next value, `{1}` the second."""
    following = iter(values)
    return re.sub(
        r"\{(\d?)\}",
        lambda hole: values[int(hole.group(1))] if hole.group(1) else next(following),
        chinese,
    )


@cache
def _shapes() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The most telling first: those with the most text of their own."""
    ranked = sorted(SENTENCES, key=lambda text: -len(_HOLE.sub("", text)))
    return tuple(
        (re.compile("(.+?)".join(map(re.escape, text.split("{}"))), re.DOTALL), SENTENCES[text])
        for text in ranked
        if "{}" in text
    )
