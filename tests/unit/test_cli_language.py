"""Every sentence of the command line has its Chinese, and every entry of the catalogue is used."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.base.refusal import invalid
from penstock.cli.app import build
from penstock.cli.commands import COMMANDS, GROUPS
from penstock.cli.help import ARGUMENTS, OPTIONS, arguments_of, paragraphs, section_of, subcommands
from penstock.cli.help import COMMANDS as COMMANDS_TITLE
from penstock.cli.language import language
from penstock.cli.refused import show_notes, show_refusals
from penstock.cli.zh import CATALOGUE
from penstock.fleet.device import DeviceState
from penstock.insight.model import Line
from penstock.lease.job import AttemptState, JobState
from penstock.lease.offer import LeaseState
from penstock.lease.tenant import TenantState
from penstock.placement.reasons import REASONS
from penstock.web.documents.code_words import WORDS

SOURCE = Path(__file__).parents[2] / "src/penstock/cli"


def written() -> set[str]:
    """Sentences in the source: `_("…")`, titles of tables, and names of fields."""
    found = set[str]()
    for path in set(SOURCE.glob("*.py")) - {SOURCE / "language.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                found.update(literals(node.args[:1]))
            if isinstance(node, ast.Tuple):
                found.update(shown_in_tables(node))
            if isinstance(node, ast.List) and all(isinstance(e, ast.Tuple | ast.Starred) for e in node.elts):
                found.update(s for e in node.elts if isinstance(e, ast.Tuple) for s in literals(e.elts[:1]))
    return found


def literals(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def shown_in_tables(node: ast.Tuple) -> Iterator[str]:
    titles = list(literals(node.elts))
    if len(titles) == len(node.elts) and all(title.isupper() for title in titles):
        yield from titles


def in_help() -> set[str]:
    found = {COMMANDS_TITLE, ARGUMENTS, OPTIONS, *GROUPS, *(command.help for command in COMMANDS)}

    def visit(app) -> None:
        found.update(paragraphs(app))
        for argument in arguments_of(app):
            found.update(filter(None, (argument.parameter.help, section_of(argument))))
        for name, _item in subcommands(app):
            visit(app[name])

    visit(build())
    return found


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "en")


def test_every_sentence_has_its_chinese():
    assert sorted((written() | in_help()) - set(CATALOGUE)) == []


def test_every_chinese_sentence_is_used():
    assert sorted(set(CATALOGUE) - (written() | in_help())) == []


def test_placeholders_are_the_same_in_both_languages():
    different = [
        english
        for english, chinese in CATALOGUE.items()
        if sorted(re.findall(r"{[^}]*}", english)) != sorted(re.findall(r"{[^}]*}", chinese))
    ]
    assert different == []


def test_the_chinese_is_chinese():
    unmoved = [
        english
        for english, chinese in CATALOGUE.items()
        if not re.search(r"[\u4e00-\u9fff\uff00-\uffef]", chinese)
    ]
    assert unmoved == []


@pytest.mark.parametrize(
    "states", [JobState, AttemptState, LeaseState, DeviceState, TenantState, Line, REASONS]
)
def test_every_state_line_and_reason_has_its_word(states):
    assert sorted(set(map(str, states)) - set(WORDS)) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PENSTOCK_LANG": "zh"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"PENSTOCK_LANG": "en", "LC_ALL": "zh_TW.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_CN", "LANG": "de_DE"}, "zh"),
        ({}, "en"),
    ],
)
def test_the_language_follows_the_environment(monkeypatch, variables, expected):
    for name in ("PENSTOCK_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_refusals_and_notes_are_said_in_the_users_language(monkeypatch, capsys):
    monkeypatch.setenv("PENSTOCK_LANG", "zh")
    show_refusals([invalid("option_malformed", "--time='x' is not understood", "close it")], as_json=False)
    show_notes(["a.sh:2:1: --nice is ignored: jobs have one order of priority"])
    assert capsys.readouterr().err.splitlines() == [
        "已拒绝 [option_malformed]：不理解 --time='x'",
        "  办法：请闭合",
        "a.sh:2:1：--nice 被忽略：作业只有一种优先次序",
    ]
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    show_notes(["a.sh:2:1: --nice is ignored: jobs have one order of priority"])
    assert capsys.readouterr().err == "a.sh:2:1: --nice is ignored: jobs have one order of priority\n"
