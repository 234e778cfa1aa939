"""English or Chinese: every sentence of the command line goes through one catalogue."""

import os

_VARIABLES = ("PENSTOCK_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def language() -> str:
    """`zh` or `en`: the first of PENSTOCK_LANG, LC_ALL, LC_MESSAGES and LANG that is set decides."""
    chosen = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def _(sentence: str) -> str:
    """The sentence in the user's language; English stands for itself and is the catalogue's key."""
    if language() == "en":
        return sentence
    from penstock.cli.zh import CATALOGUE

    return CATALOGUE.get(sentence, sentence)


def said(sentence: str) -> str:
    """A sentence that came with its values in it, such as a refusal's, in the user's language where that has it."""
    if language() == "en":
        return sentence
    from penstock.web.console.refusing import in_chinese

    return in_chinese(sentence) or sentence
