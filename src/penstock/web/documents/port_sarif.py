"""A portability report as SARIF 2.1.0, as code hosts and editors read it."""

from collections import defaultdict
from urllib.parse import quote

import msgspec

from penstock.base.ids import derived_id
from penstock.portability.model import Consequence, Effect, Finding, Guard, Report
from penstock.portability.rules import Rule, rules

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Consequence.RUNS: "none",
    Consequence.IMPORT: "note",
    Consequence.CHECK: "note",
    Consequence.EDIT: "warning",
    Consequence.REWRITE: "error",
    Consequence.CANNOT: "error",
}


def document(report: Report, version: str) -> bytes:
    """One run; a result for each finding that matters on some target, at the level of its worst one.

    `version` is that of Penstock. Guarded findings are notes, whatever they would weigh.
    """
    effects: dict[Finding, list[tuple[str, Effect]]] = defaultdict(list)
    for target in report.targets:
        for effect in target.effects:
            effects[effect.finding].append((target.target, effect))
    used = sorted({finding.rule for finding in effects})
    driver = {
        "name": "penstock port",
        "semanticVersion": version,
        "rules": [_rule(rules()[rule]) for rule in used],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "root of the checked tree"}}},
        "invocations": [_invocation(report)],
        "results": [_result(finding, found, used.index(finding.rule)) for finding, found in effects.items()],
    }
    return msgspec.json.format(
        msgspec.json.encode({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}), indent=1
    )


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.why},
        "fullDescription": {
            "text": f"{rule.why}. {rule.hazard or 'Severity: ' + rule.severity}. Source: {rule.source}"
        },
        "properties": {"tags": [rule.category, str(rule.severity)]},
    }


def _invocation(report: Report) -> dict[str, object]:
    skipped = [
        {
            "level": "warning",
            "message": {"text": f"not analysed: {item.reason}"},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(item.path)}}],
        }
        for item in report.skipped
    ]
    return {"executionSuccessful": True, "toolExecutionNotifications": skipped}


def _result(finding: Finding, found: list[tuple[str, Effect]], index: int) -> dict[str, object]:
    worst = max((effect.consequence for _, effect in found), default=Consequence.RUNS)
    level = _LEVELS[worst] if finding.guard is Guard.NONE else "note"
    remedies = "; ".join(f"{target}: {effect.remedy}" for target, effect in found)
    guard = "" if finding.guard is Guard.NONE else f" (guarded: {finding.guard})"
    hazard = next((effect.hazard for _, effect in found if effect.hazard), "")
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": level,
        "message": {
            "text": f"{rules()[finding.rule].why}{guard}. {hazard + '. ' if hazard else ''}{remedies}"
        },
        "locations": [{"physicalLocation": _place(finding)}],
        "partialFingerprints": {"evidence/v1": derived_id(finding.rule, finding.path, finding.evidence)},
        "properties": {
            "guard": str(finding.guard),
            "consequences": {target: effect.consequence.name.lower() for target, effect in found},
        },
    }


def _place(finding: Finding) -> dict[str, object]:
    return {
        "artifactLocation": _artifact(finding.path),
        "region": {
            "startLine": finding.line,
            "startColumn": finding.column,
            "snippet": {"text": finding.evidence},
        },
    }


def _artifact(path: str) -> dict[str, str]:
    return {"uri": quote(path), "uriBaseId": "SRCROOT"}
