"""On which chips a program does not run as it is, and by which rules: what placement is told of its software."""

from collections.abc import Iterable

from penstock.fleet.accelerators import Catalogue
from penstock.portability.model import Consequence, Finding, Guard
from penstock.portability.rules import consequence
from penstock.portability.targets import Target, target_of

_STOPS = frozenset({Consequence.IMPORT, Consequence.EDIT, Consequence.REWRITE, Consequence.CANNOT})
"""Anything that somebody must change first; what only is to be checked stops nothing."""


def barred(findings: Iterable[Finding], known: Catalogue) -> dict[str, tuple[str, ...]]:
    """Stack or model -> ids of the rules that keep the program off it.

    A stack has the rules that hold on all of its chips; a model is named where more hold on it. Guarded
    findings keep it off nothing.
    """
    kinds = {(f.rule, f.variant): f for f in findings if f.guard is Guard.NONE}
    by_stack: dict[str, dict[str, tuple[str, ...]]] = {}
    for chip in known.values():
        against = _against(kinds.values(), target_of(chip))
        by_stack.setdefault(chip.stack, {})[chip.id] = against
    found: dict[str, tuple[str, ...]] = {}
    for stack, chips in by_stack.items():
        shared = tuple(sorted(set.intersection(*map(set, chips.values()))))
        found |= {stack: shared} if shared else {}
        found |= {chip: against for chip, against in chips.items() if against != shared}
    return found


def declared(rules: Iterable[str]) -> list[Finding]:
    """Findings that stand for rules which a job declares, without a place."""
    return [Finding(rule, "", 0, 0) for rule in rules]


def _against(findings: Iterable[Finding], chip: Target) -> tuple[str, ...]:
    return tuple(sorted({f.rule for f in findings if consequence(f, chip) in _STOPS}))
