"""Every number of a report carries its unit, its population, and whether it is claimed, derived or measured."""

import json

import pytest
from planfiles import GUIDE, LEASER, NEW_CENTRE, ONE_SERVER, Desk, changed
from tests.unit.tags import untagged


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
    named = {"population": "all", "numbers": {"card_us": {"unit": "card-microseconds", "status": "measured"}}}
    assert untagged({"ladder": named | {"lines": [{"card_us": 3, "share": 0.5}]}}) == {
        ".ladder.lines[].share"
    }
