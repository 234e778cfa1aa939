"""Whatever is refused, and whatever is noted of a job file, has its Chinese, with the values of the English."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from penstock.base.refusal import not_found
from penstock.lease.jobfile import foreign, sbatch_commands, sbatch_options
from penstock.web.console.refusing import SENTENCES, in_chinese

SOURCE = Path(__file__).parents[2] / "src/penstock"
REACHED = (
    *("app", "base", "lease", "ledger", "insight", "portability", "sim/planning", "web/console"),
    *("cli", "engines", "probes", "sdk"),
)
"""Where sentences come from that a person at the console or at a terminal can meet."""
SAYING = {"Refusal": 1, "invalid": 1, "forbidden": 0, "NotUnderstood": 1, "refuse": 2, "_refuse": 2, "add": 2}
"""Call -> which argument is the message; the remedy follows it."""
NAMED = ("what", "remedy")
"""Variables that sentences are put into before they are refused."""
TABLES = (foreign.TOP, foreign.RESOURCES, sbatch_options.IGNORED, sbatch_options.REFUSED)


def shapes(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from chain(shapes(one), shapes(other))
        case ast.BinOp(left=left, right=right):
            yield from (a + b for a in shapes(left) for b in shapes(right))


def sentences() -> set[str]:
    found = set()
    for path in chain.from_iterable((SOURCE / folder).rglob("*.py") for folder in REACHED):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in NAMED:
                found |= {text for text in shapes(node.value) if len(text.replace("{}", "").split()) > 1}
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            first = SAYING.get(name)
            if name == "note" and len(node.args) == 2:
                found |= set(shapes(node.args[1]))
            if first is not None and len(node.args) >= first + 2:
                found |= {text for one in node.args[first : first + 2] for text in shapes(one)}
    found |= {text for table in TABLES for one in table.values() for text in (one.why, one.remedy)}
    found |= {hint for _, hint in sbatch_commands.HINTS}
    found |= {text for pair in sbatch_commands.STEP_OPTIONS.values() for text in pair}
    return {text for text in found if text.replace("{}", "").strip(" :()")}


def test_every_refusal_of_the_verbs_has_its_chinese() -> None:
    assert len(sentences()) > 300
    missing = {text for text in sentences() if in_chinese(text.replace("{}", "7")) is None}
    assert missing == set()


def test_no_chinese_is_half_english() -> None:
    """A shape such as `write {}` fits many a sentence that has no Chinese of its own."""
    half = set()
    for text in sentences():
        bare = re.sub(r"`[^`]*`|--[\w=,:-]+", "", in_chinese(text.replace("{}", "7")) or "")
        half |= {text} if re.search(r"(?:\b[a-z]{2,}\b[ ,]+){3}", bare) else set()
    assert half == set()


def test_values_are_kept() -> None:
    for english, chinese in SENTENCES.items():
        assert english.count("{}") == chinese.count("{") - chinese.count("{max_"), english


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("'abc' is no whole number", "'abc' 不是整数"),
        ("48 commissioned devices of a100", "48 台已投运的 a100"),
        (
            "the centre, 2026-01-06 18:16 to 2026-01-07 18:16 UTC",
            "本中心，2026-01-06 18:16 至 2026-01-07 18:16（UTC）",
        ),
        ("servers: 'x' does not begin with a number", "servers：'x' 不以数字开头"),
        (
            "--begin cannot be met: jobs are placed when they can be",
            "--begin 无法满足：作业能放置时即放置",
        ),
        (
            "/srv/penstock/engines.yaml: engines[0]: shared is missing",
            "/srv/penstock/engines.yaml：engines[0]：缺少 shared",
        ),
        (not_found("job", "acme.x").message, "没有作业 'acme.x'"),
        ("devices is 0; possible is 1 to 100", "设备数 为 0，可取 1 至 100"),
    ],
)
def test_a_refusal_in_chinese(english: str, chinese: str) -> None:
    assert in_chinese(english) == chinese
