"""The house's style holds, and each check of it finds what it is for."""

from pathlib import Path

import pytest

import tidy

ROOT = Path(__file__).parents[1]
CODE_CHECKS = (
    tidy.check_sizes,
    tidy.check_docstrings,
    tidy.check_words,
    tidy.check_core_is_silent,
    tidy.check_no_dead_modules,
    tidy.check_locks,
    tidy.check_no_machine_paths,
)
PAGE_CHECKS = (tidy.check_readmes, tidy.check_languages, tidy.check_links, tidy.check_decisions)


@pytest.mark.parametrize("check", CODE_CHECKS, ids=lambda check: check.__name__)
def test_code_is_tidy(check):
    assert list(check(ROOT)) == []


@pytest.mark.parametrize("check", PAGE_CHECKS, ids=lambda check: check.__name__)
def test_pages_are_tidy(check):
    assert list(check(ROOT)) == []


OFFENCES = {
    "long file": (tidy.check_sizes, {"src/penstock/a.py": '"""A."""\n' + "x = 1\n" * 500}, "a.py: 501 lines"),
    "long line": (tidy.check_sizes, {"src/a.py": "#" * 121}, "src/a.py:1: 121 characters"),
    "long function": (
        tidy.check_sizes,
        {"src/a.py": "def f():\n" + "    x = 1\n" * 70},
        "src/a.py:1: f has 71 lines",
    ),
    "no docstring": (tidy.check_docstrings, {"src/penstock/__init__.py": ""}, "__init__.py: no docstring"),
    "no package": (
        tidy.check_docstrings,
        {"src/penstock/a/b.py": '"""B."""'},
        "src/penstock/a: no __init__.py",
    ),
    "unfinished": (tidy.check_words, {"docs/a.md": "one\nTO" + "DO: two"}, "docs/a.md:2: TO" + "DO"),
    "stand-in": (tidy.check_words, {"src/a.py": "# a stu" + "b"}, "src/a.py:1: stu" + "b"),
    "abbreviation": (tidy.check_words, {"src/a.py": "\ndef f(cfg): ..."}, "src/a.py:2: cfg"),
    "vague module": (
        tidy.check_words,
        {"src/penstock/utils.py": ""},
        "utils.py: says nothing of its subject",
    ),
    "print": (tidy.check_core_is_silent, {"src/penstock/lease/a.py": "print(1)"}, "lease/a.py:1: print()"),
    "dead module": (
        tidy.check_no_dead_modules,
        {"pyproject.toml": "", "src/penstock/a.py": "import penstock.b", "src/penstock/b.py": ""},
        "src/penstock/a.py: imported by nothing",
    ),
    "registry": (
        tidy.check_locks,
        {"requirements.lock": "--index-url https://example.org/simple\n"},
        "requirements.lock:1: --index-url https://example.org/simple",
    ),
    "no hash": (tidy.check_locks, {"requirements.lock": "a==1\n    # via b\n"}, "a==1 has no hash"),
    "machine path": (
        tidy.check_no_machine_paths,
        {"docs/a.md": "see /ho" + "me/ann/x"},
        "docs/a.md:1: /ho" + "me/ann",
    ),
    "no readme": (tidy.check_readmes, {"README.md": "make demo\nmake test"}, "README.zh-CN.md is missing"),
    "command": (
        tidy.check_readmes,
        {"README.md": "make demo"},
        "README.md: 'make test' is not on the first screen",
    ),
    "headings": (
        tidy.check_languages,
        {"a.md": "# A\n## B\n", "a.zh-CN.md": "# A\n```\n## B\n```\n"},
        "a.zh-CN.md: headings ['#', '```'], in English ['#', '##']",
    ),
    "link": (tidy.check_links, {"a.md": "[b](b.md#c)"}, "a.md: b.md is not there"),
    "decision": (tidy.check_decisions, {"docs/decisions/0001-a.md": "# 0001 A\n"}, "no heading 'Status'"),
    "gap": (tidy.check_decisions, {"docs/decisions/0002-a.md": "# 0002 A\n"}, "the next number is 0001"),
}


@pytest.mark.parametrize("offence", OFFENCES)
def test_each_offence_is_found(offence, tmp_path):
    check, files, expected = OFFENCES[offence]
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    found = list(check(tmp_path))
    assert any(one.endswith(expected) for one in found), found


def test_what_is_in_order_is_not_found(tmp_path):
    files = {
        "pyproject.toml": 'penstock = "penstock.a:main"',
        "src/penstock/__init__.py": '"""P."""',
        "src/penstock/a.py": '"""A."""\n\nimport penstock.b\n\nSTART = ["-m", "penstock.c"]\n',
        "src/penstock/b.py": '"""B."""\n',
        "src/penstock/c.py": '"""C."""\n',
        "requirements.lock": "httpx==1 \\\n    --hash=sha256:00\n    # via a\n",
        "README.md": "# P\n\n[p](src/penstock)\n\nmake demo\nmake test\n",
        "README.zh-CN.md": "# P\n\nmake demo\nmake test\n",
        "CHANGELOG.md": "# Changes\n",
        "docs/decisions/0001-a.md": "\n".join(["# 0001 A", *(f"## {one}" for one in tidy.DECISION_HEADINGS)]),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for check in (*CODE_CHECKS, *PAGE_CHECKS):
        assert list(check(tmp_path)) == []
