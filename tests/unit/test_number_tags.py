"""Every number of a report carries its unit, its population, and whether it is claimed, derived or measured."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from planfiles import GUIDE, LEASER, NEW_CENTRE, ONE_SERVER, Desk, changed

TAGS = {"unit", "population", "status"}
UNTAGGED = {".seed", ".futures"}
"""What was asked for, no result."""
IN_SENTENCES = ".findings[].numbers"
"""The numbers that a sentence is made of; the sentence says their units."""


def bare(node: Any, path: str = "", *, tagged: bool = False) -> Iterator[str]:
    """Where a number stands without its tags."""
    if isinstance(node, dict):
        tagged = tagged or node.keys() >= TAGS
        for name, value in node.items():
            yield from bare(value, f"{path}.{name}", tagged=tagged)
    elif isinstance(node, list):
        for value in node:
            yield from bare(value, f"{path}[]", tagged=tagged)
    elif isinstance(node, int | float) and not isinstance(node, bool) and not tagged:
        yield path


def untagged(report: Any) -> set[str]:
    return {path for path in bare(report) if path not in UNTAGGED and not path.startswith(IN_SENTENCES)}


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    return Desk(tmp_path, capsys)


@pytest.mark.parametrize(
    "plan", [LEASER, NEW_CENTRE, ONE_SERVER, GUIDE / "centre-500p.yaml"], ids=lambda p: p.stem
)
def test_reports_of_plans(desk, plan):
    assert untagged(desk.economics(plan)) == set()


def test_outlooks_over_futures(desk):
    file = desk.file(changed(GUIDE / "centre-500p.yaml"))
    status, out, err = desk.run("plan", "build", file, "--futures", "4", "--workers", "1", "--json")
    assert status == 0, err
    assert untagged(json.loads(out)) == set()


def test_claims(desk):
    found = desk.claims(
        "centres:\n  - {name: wuhan, investment: 460 M, compute: 100 PFLOPS fp16, build: 6 months}\n"
    )
    assert untagged(found) == set()


def test_the_test_finds_a_number_without_its_tags():
    figure = {"value": 1, "unit": "cards", "population": "all", "status": "claimed"}
    assert untagged(
        {"seed": 1, "good": figure, "bad": {"value": 1, "unit": "cards", "population": "all"}}
    ) == {".bad.value"}
