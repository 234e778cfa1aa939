"""The rule book: built-in data collected from vendors' own migration code, and what a rule means on a target."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from penstock.portability.model import Consequence, Finding, Severity
from penstock.portability.targets import CUDA_COMPATIBLE, Target

_OWN_COLUMN = {"cann": "cann", "musa": "musa", "neuware": "neuware"}
_DAYS = {
    Consequence.RUNS: 0.0,
    Consequence.IMPORT: 0.0,
    Consequence.CHECK: 0.25,
    Consequence.EDIT: 0.5,
    Consequence.REWRITE: 5.0,
    Consequence.CANNOT: 5.0,
}
"""Working days for one rule in one file; the rule book's own defaults by severity."""
_SOFTER = {
    "own_string": Consequence.CHECK,
    "lists_others": Consequence.CHECK,
    "flag": Consequence.CHECK,
    "requirement": Consequence.EDIT,
}
_FINE_ON_CPU = frozenset(
    {"DEV-003", "DEV-004", "DEV-008", "DEV-011", "DEV-012", "DAT-001", "DAT-002", "DST-002"}
)
"""Without any accelerator torch answers these itself: tests are false, seeds and flags have no effect."""
NO_REMEDY = "no remedy on record for this stack: treat it like the strictest of the others"


class Rule(msgspec.Struct, frozen=True):
    """One row of the rule book. Consequences and remedies are by column: cann, musa, neuware, cuda_compatible."""

    id: str
    category: str
    severity: Severity
    file_kinds: tuple[str, ...]
    why: str
    hazard: str
    consequences: dict[str, str]
    remedies: dict[str, str]
    effort_days: float
    source: str


_ON_CPU = {
    "DST": "use the gloo back end",
    "LIB": "leave the library out on a CPU, where PyTorch's own functions do its work",
    "EXT": "keep the kernel for its cards, and use PyTorch's own operators on a CPU",
    "BLD": "build the extension only where its cards are",
}
"""Remedies by the first letters of a rule's id."""


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by id, in the order of the book."""
    text = (resources.files("penstock.portability") / "data" / "portability_rules.csv").read_text("utf-8")
    return {row["rule_id"]: _rule(row) for row in csv.DictReader(text.splitlines())}


def consequence(finding: Finding, target: Target) -> Consequence:
    """What a finding means on a target: the book's word for the stack, corrected by what the chip has."""
    if target.stack == "cuda":
        return _on_nvidia(finding, target)
    chip = _of_chip(finding.rule, target)
    if chip is not None:
        return chip
    said = _of_stack(rules()[finding.rule], target)
    return min(said, _SOFTER[finding.variant]) if finding.variant in _SOFTER else said


def remedy(rule: Rule, target: Target) -> str:
    """The book's remedy for a stack."""
    if target.stack == "cuda":
        return "none on NVIDIA" if _of_chip(rule.id, target) is None else "use another precision"
    if target.stack == "cpu":
        return _ON_CPU.get(
            rule.id[:3], "take the device from torch.accelerator, with the CPU where there is none"
        )
    column = "cuda_compatible" if target.stack in CUDA_COMPATIBLE else _OWN_COLUMN.get(target.stack)
    if column is None:
        return f"auto: `{target.shim}`" if target.shim and rule.severity is Severity.AUTO else NO_REMEDY
    return rule.remedies[column]


def days(rule: Rule, what: Consequence) -> float:
    """Working days that a rule takes in one file where it has this consequence."""
    if what >= Consequence.EDIT and rule.effort_days:
        return min(rule.effort_days, 5.0) if what is Consequence.EDIT else max(rule.effort_days, _DAYS[what])
    return _DAYS[what]


def _on_nvidia(finding: Finding, target: Target) -> Consequence:
    chip = _of_chip(finding.rule, target)
    return Consequence.RUNS if chip is None or finding.variant == "requirement" else chip


def _of_chip(rule: str, target: Target) -> Consequence | None:
    """FP8 and BF16 depend on the chip, not on the stack."""
    if rule == "AMP-003" and target.bf16 is not None:
        return Consequence.RUNS if target.bf16 else Consequence.EDIT
    if rule == "AMP-004" and target.fp8 is not None:
        return Consequence.CHECK if target.fp8 else Consequence.REWRITE
    return None


def _of_stack(rule: Rule, target: Target) -> Consequence:
    if target.stack in CUDA_COMPATIBLE:
        return _said(rule.consequences["cuda_compatible"], target.stack)
    if target.stack == "cpu" and rule.id in _FINE_ON_CPU:
        return Consequence.RUNS
    column = _OWN_COLUMN.get(target.stack)
    if column is not None:
        return _said(rule.consequences[column], target.stack)
    strictest = max(_said(rule.consequences[c], target.stack) for c in _OWN_COLUMN.values())
    return Consequence.EDIT if strictest is Consequence.IMPORT and not target.shim else strictest


def _said(cell: str, stack: str) -> Consequence:
    """A cell such as `rewrite;rocm=check`: one word, then exceptions by stack."""
    first, *exceptions = cell.split(";")
    word = dict(e.split("=") for e in exceptions).get(stack, first)
    return Consequence[word.upper()]


def _rule(row: dict[str, str]) -> Rule:
    columns = ("cann", "musa", "neuware", "cuda_compatible")
    return Rule(
        row["rule_id"],
        row["category"],
        Severity(row["severity"]),
        tuple(row["file_kinds"].split()),
        row["why"],
        row["hazard"],
        {c: row[f"on_{c}"] for c in columns},
        {c: row[f"remedy_{c}"] for c in columns},
        float(row["effort_days"]),
        row["source"],
    )
