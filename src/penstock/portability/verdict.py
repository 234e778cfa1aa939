"""From findings to an answer for each target."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from penstock.portability.model import (
    Consequence,
    Effect,
    Effort,
    Finding,
    Guard,
    Severity,
    TargetReport,
    Verdict,
)
from penstock.portability.rules import consequence, days, remedy, rules
from penstock.portability.targets import Target

_VERDICTS = {
    Consequence.RUNS: Verdict.RUNS_AS_IS,
    Consequence.IMPORT: Verdict.ONE_IMPORT,
    Consequence.CHECK: Verdict.RUNS_AS_IS,
    Consequence.EDIT: Verdict.EDITS,
    Consequence.REWRITE: Verdict.REWRITE,
    Consequence.CANNOT: Verdict.CANNOT,
}
_NEVER_RUNS = frozenset({Guard.DEAD, Guard.DOCUMENTATION, Guard.TYPING})
_SURE_SHARE = 0.5
"""The low end of an effort: half a rule's days, once, as for somebody who has done it before."""


def judge(findings: Sequence[Finding], target: Target) -> TargetReport:
    """The answer for one target. Effects leave out what makes no difference there."""
    effects = tuple(e for f in findings if (e := _effect(f, target)).consequence is not Consequence.RUNS)
    active = [e for e in effects if e.finding.guard is Guard.NONE]
    possible = [e for e in effects if e.finding.guard not in _NEVER_RUNS]
    counts = Counter(str(e.severity) for e in active)
    needs_shim = any(e.consequence is Consequence.IMPORT for e in active)
    return TargetReport(
        target=target.id,
        name=target.name,
        stack=target.stack,
        verdict=_verdict(active),
        verdict_with_guarded=_verdict(possible),
        effort=Effort(_low_days(active), _high_days(possible)),
        shim=target.shim if needs_shim else "",
        effects=effects,
        counts={**{str(s): counts[str(s)] for s in Severity}, "guarded": len(effects) - len(active)},
    )


def _effect(finding: Finding, target: Target) -> Effect:
    rule = rules()[finding.rule]
    what = consequence(finding, target)
    hazard = rule.hazard if finding.rule != "DEV-013" or "Double" in finding.evidence else ""
    return Effect(
        finding, rule.severity, what, remedy(rule, target), hazard if what is not Consequence.RUNS else ""
    )


def _verdict(effects: Iterable[Effect]) -> Verdict:
    """By the heaviest consequence; what is only to be checked does not weigh."""
    heaviest = max(
        (e.consequence for e in effects if e.consequence is not Consequence.CHECK), default=Consequence.RUNS
    )
    return _VERDICTS[heaviest]


def _low_days(effects: Iterable[Effect]) -> float:
    heaviest: dict[str, float] = {}
    for effect in effects:
        rule = effect.finding.rule
        heaviest[rule] = max(heaviest.get(rule, 0.0), days(rules()[rule], effect.consequence))
    return round(_SURE_SHARE * sum(heaviest.values()), 2)


def _high_days(effects: Iterable[Effect]) -> float:
    heaviest: dict[tuple[str, str], float] = {}
    for effect in effects:
        key = (effect.finding.rule, effect.finding.path)
        heaviest[key] = max(heaviest.get(key, 0.0), days(rules()[key[0]], effect.consequence))
    return round(sum(heaviest.values()), 2)


def settle_requirements(findings: Iterable[Finding]) -> list[Finding]:
    """Requirements weigh as their library does in the code where the code imports it unguarded.

    Elsewhere they stay `requirement`: a line to take out.
    """
    kept = list(findings)
    needed = {f.rule for f in kept if f.variant == "import" and f.guard is Guard.NONE}
    return [
        msgspec.structs.replace(f, variant="requirement_needed")
        if f.variant == "requirement" and f.rule in needed
        else f
        for f in kept
    ]
