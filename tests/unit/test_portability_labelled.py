"""Precision and recall over our own labelled snippets: every rule with hits and near-misses."""

from collections import Counter

from portability_labels import Snippet, snippets

from penstock.portability.check import check
from penstock.portability.model import Guard
from penstock.portability.rules import rules
from penstock.portability.targets import target


def found_in(snippet: Snippet) -> frozenset[tuple[str, int, str]]:
    ascend = target("ascend910b")
    report = check({**BUILD_FILE, snippet.path: snippet.source.encode()}, (ascend,))
    return frozenset((f.rule, f.line, str(f.guard)) for f in report.findings if f.path == snippet.path)


BUILD_FILE = {"CMakeLists.txt": b""}
"""Sources in C++ count as reached where a build file lies above them."""


def test_labelled_snippets(capsys) -> None:
    every = snippets()
    counts: Counter[str] = Counter()
    wrong = []
    for snippet in every:
        found = found_in(snippet)
        counts["true"] += len(found & snippet.expected)
        counts["false"] += len(found - snippet.expected)
        counts["missed"] += len(snippet.expected - found)
        if found != snippet.expected:
            wrong.append((snippet.where, sorted(found - snippet.expected), sorted(snippet.expected - found)))
    precision = counts["true"] / (counts["true"] + counts["false"])
    recall = counts["true"] / (counts["true"] + counts["missed"])
    with capsys.disabled():
        print(f"\nportability: {len(every)} snippets, precision {precision:.4f}, recall {recall:.4f}")
    assert (precision, recall) == (1.0, 1.0), wrong


def test_the_set_covers_every_rule_with_hits_and_near_misses() -> None:
    every = snippets()
    assert len(every) >= 200
    hit = {rule for s in every for rule, _, _ in s.expected}
    near = {rule for s in every for rule in s.near}
    assert hit == set(rules())
    assert near == set(rules())


def test_guards_of_the_set_are_guards() -> None:
    assert {guard for s in snippets() for _, _, guard in s.expected} <= set(map(str, Guard))
