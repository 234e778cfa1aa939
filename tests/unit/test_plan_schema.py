"""The committed schema of plans is the code's, and the worked examples follow it."""

import json
from pathlib import Path

import pytest

from penstock.fleet.accelerators import catalogue
from penstock.insight.economics.check import check_plan
from penstock.insight.economics.plan import Plan
from penstock.insight.economics.planfile import Document, read_as
from penstock.insight.economics.schema import plan_schema

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_schema_is_current():
    committed = json.loads((DOCS / "reference/plan.schema.json").read_text())
    assert committed == json.loads(json.dumps(plan_schema())), (
        "run: penstock schema plan > docs/reference/plan.schema.json"
    )


@pytest.mark.parametrize("example", sorted((DOCS / "guide/plans").glob("*.yaml")), ids=lambda path: path.name)
def test_the_worked_examples_can_be_read(example):
    document = read_as(example.read_bytes(), example.name, Plan)
    assert isinstance(document, Document), document
    assert check_plan(document.value, catalogue()) == []
