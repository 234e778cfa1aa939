"""Reports as text, JSON, SARIF and HTML say the same, and let nothing of the checked files escape."""

import json
import re
from html.parser import HTMLParser

import pytest

from penstock.portability.check import check
from penstock.portability.model import Consequence, Guard, Report, Severity, Verdict
from penstock.portability.rules import rules
from penstock.portability.targets import targets
from penstock.web.documents import port_html, port_json, port_sarif, port_text, port_words
from penstock.web.documents.ladder_words import Language

FILES = {
    "train me.py": b"import torch\nimport apex\ntry:\n    import cupy\nexcept ImportError:\n    pass\nx.cuda()  # <script>[red]\n",
    "old.py": b"print 'cuda'\n",
    "k.cu": b"__global__ void f() {}\n",
    "CMakeLists.txt": b"project(x CUDA)\n",
}


def report() -> Report:
    return check(FILES, targets(("ascend910b", "metax-c500", "h100")))


def test_text_names_verdicts_places_and_remedies() -> None:
    said = port_text.text(report(), width=160)
    assert "needs a kernel rewrite or a vendor fork" in said
    assert "train me.py:7:3" in said
    assert "<script>[red]" in said
    assert "transfer_to_npu" in said
    assert "cupy" not in said
    assert "train me.py:4:5 (try) import cupy" in port_text.text(report(), width=160, every_finding=True)


def test_json_holds_every_finding_and_effect() -> None:
    value = json.loads(port_json.document(report()))
    assert [t["target"] for t in value["targets"]] == ["ascend910b", "metax-c500", "h100"]
    found = {
        value["findings"][e["finding"]]["rule"]: e["consequence"] for e in value["targets"][0]["effects"]
    }
    assert found == {
        "LIB-004": "edit",
        "LIB-007": "rewrite",
        "DEV-001": "import",
        "EXT-002": "rewrite",
        "BLD-001": "edit",
    }
    assert value["targets"][2]["effects"] == []
    assert value["skipped"][0]["path"] == "old.py"


def test_sarif_is_well_formed_and_sized_by_the_worst_target() -> None:
    value = json.loads(port_sarif.document(report(), "1.2.3"))
    (run,) = value["runs"]
    declared = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    levels = {}
    for result in run["results"]:
        assert declared[result["ruleIndex"]] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
        levels[result["ruleId"]] = result["level"]
    assert value["version"] == "2.1.0"
    assert levels == {
        "EXT-002": "error",
        "LIB-004": "warning",
        "LIB-007": "note",
        "DEV-001": "note",
        "BLD-001": "warning",
    }
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
    assert "train%20me.py" in uris
    assert run["invocations"][0]["toolExecutionNotifications"][0]["level"] == "warning"


class Tags(HTMLParser):
    """Gathers tags and checks that they close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_html_stands_alone_and_escapes(language: Language) -> None:
    page = port_html.document(report(), "a <b> repository", language)
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    assert tags.seen.isdisjoint({"script", "link", "img", "iframe"})
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert "&lt;script&gt;[red]" in page
    assert "a &lt;b&gt; repository" in page


def test_text_and_html_are_in_chinese_too() -> None:
    said = port_text.text(report(), width=160, language="zh")
    page = port_html.document(report(), "x", "zh")
    for words in ("需要重写内核或厂商分支", "CUDA 内核源代码", "只需一条导入："):
        assert words in said and words in page
    assert '<html lang="zh-CN">' in page


def test_every_rule_and_hazard_has_its_chinese_words() -> None:
    assert {r.id for r in rules().values()} == set(port_words._WHY_ZH)
    assert {r.id for r in rules().values() if r.hazard} == set(port_words._HAZARD_ZH)
    for kind in (Verdict, Severity, Guard):
        assert all(port_words.word(code, "zh") != str(code) for code in kind)
    assert all(port_words.word(code.name, "zh") for code in Consequence)
