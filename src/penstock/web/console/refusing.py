"""Refusals in Chinese: a sentence is known by its shape, and its values are put into the Chinese one."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from penstock.web.console.zh import CATALOGUE
from penstock.web.console.zh.files import FILE_MESSAGES, FILE_REMEDIES
from penstock.web.console.zh.populations import POPULATIONS
from penstock.web.console.zh.refusals import MESSAGES, NOUNS, REMEDIES

SENTENCES: Mapping[str, str] = {
    **MESSAGES,
    **REMEDIES,
    **FILE_MESSAGES,
    **FILE_REMEDIES,
    **POPULATIONS,
}
_HOLE = re.compile(r"\{\}")
_FIELD = re.compile(r"(?P<field>[a-z_]+): (?P<rest>.+)", re.DOTALL)


@lru_cache(maxsize=4096)
def in_chinese(sentence: str) -> str | None:
    """The Chinese of a refusal's sentence, None where the catalogue has none."""
    if sentence in SENTENCES:
        return SENTENCES[sentence]
    if (named := _FIELD.fullmatch(sentence)) and (rest := in_chinese(named["rest"])):
        return f"{named['field']}：{rest}"
    for shape, chinese in _shapes():
        if found := shape.fullmatch(sentence):
            return _filled(chinese, [_word(value) for value in found.groups()])
    return None


def _word(value: str) -> str:
    return NOUNS.get(value) or CATALOGUE.get(value, value)


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
