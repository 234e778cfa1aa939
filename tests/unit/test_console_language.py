"""Every sentence of the console has its Chinese, and every entry of its catalogue is used."""

import re
from itertools import chain
from pathlib import Path

from penstock.web.console.zh.agreements import AGREEMENTS
from penstock.web.console.zh.codes import CODES
from penstock.web.console.zh.money import MONEY
from penstock.web.console.zh.outlook import OUTLOOK
from penstock.web.console.zh.people import PEOPLE
from penstock.web.console.zh.work import WORK

CONSOLE = Path(__file__).parents[2] / "src/penstock/web/console"
IN_TEMPLATE = re.compile(r"""_\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\)""")
COUNTED = re.compile(r'_n\("[^"]*", "([^"]*)", ')
IN_SOURCE = re.compile(r'(?:sentence|translate)\(\s*"((?:[^"\\]|\\.)*)"')
BARE = re.compile(r">\s*([A-Za-z][A-Za-z ,.;:'’-]{2,})<")
SAME_IN_BOTH = {"PDF", "CSV", "English"}
SENTENCES = {**PEOPLE, **WORK, **MONEY, **OUTLOOK, **AGREEMENTS}


def written() -> set[str]:
    found = set()
    for path in CONSOLE.glob("templates/*.jinja"):
        found |= {double or single for double, single in IN_TEMPLATE.findall(path.read_text())}
        found |= set(COUNTED.findall(path.read_text()))
    for path in CONSOLE.glob("*.py"):
        found |= set(IN_SOURCE.findall(path.read_text()))
    return found


def test_every_sentence_is_translated() -> None:
    assert written() - set(SENTENCES) == set()
    assert len(written()) > 200


def test_every_translation_is_used() -> None:
    assert set(SENTENCES) - written() == set()


def test_no_template_has_a_sentence_outside_the_catalogue() -> None:
    bare = {
        (path.name, text)
        for path in CONSOLE.glob("templates/*.jinja")
        for text in BARE.findall(path.read_text())
        if text.strip() not in SAME_IN_BOTH and not text.startswith("penstock ")
    }
    assert bare == set()


def test_placeholders_are_the_same_in_both_languages() -> None:
    for english, chinese in chain(SENTENCES.items(), CODES.items()):
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese)), english
