"""A portability report for a terminal."""

from collections import Counter
from io import StringIO
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from penstock.portability.model import Consequence, Effect, Guard, Report, TargetReport, Verdict
from penstock.portability.rules import rules
from penstock.web.documents import port_words
from penstock.web.documents.ladder_words import Language

_STYLES = {
    Verdict.RUNS_AS_IS: "green",
    Verdict.ONE_IMPORT: "green",
    Verdict.EDITS: "yellow",
    Verdict.REWRITE: "red",
    Verdict.CANNOT: "bold red",
}


_COUNTED = ("blocker", "manual", "review", "auto", "guarded")


def text(report: Report, *, width: int = 110, every_finding: bool = False, language: Language = "en") -> str:
    """Verdicts first, then what is behind them, without colours, for files and pipes.

    Guarded findings are counted unless `every_finding`.
    """
    parts: list[RenderableType] = [_verdicts(report, language)]
    for target in report.targets:
        parts += _target(target, every_finding=every_finding, language=language)
    parts.append(_closing(report, language))
    console = Console(file=StringIO(), width=width, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(Group(*parts))
    return capture.get()


def _verdicts(report: Report, language: Language) -> Table:
    say = port_words.sentences(language)
    titles = (say["target"], say["verdict"], say["with_guarded"])
    table = Table(*titles, *(port_words.word(code, language).capitalize() for code in _COUNTED), say["days"])
    for target in report.targets:
        effort = f"{target.effort.low_days:g} - {target.effort.high_days:g}"
        verdict, guarded = (
            port_words.word(code, language) for code in (target.verdict, target.verdict_with_guarded)
        )
        counts = (str(target.counts[code]) for code in _COUNTED)
        table.add_row(target.target, Text(verdict, style=_STYLES[target.verdict]), guarded, *counts, effort)
    return table


def _target(target: TargetReport, *, every_finding: bool, language: Language) -> list[RenderableType]:
    shown = [e for e in target.effects if every_finding or e.finding.guard is Guard.NONE]
    if not shown:
        return []
    parts: list[RenderableType] = [Text(f"\n{target.target} ({target.name}, {target.stack})", style="bold")]
    if target.shim:
        parts.append(Text(f"  {port_words.sentences(language)['import']} {target.shim}"))
    by_rule = sorted(shown, key=lambda e: (-e.consequence, e.finding.rule, e.finding.path, e.finding.line))
    for _, group in groupby(by_rule, key=lambda e: (e.consequence, e.finding.rule)):
        parts.append(_rule(list(group), language))
    return parts


def _rule(effects: list[Effect], language: Language) -> Text:
    first, say = effects[0], port_words.sentences(language)
    rule = first.finding.rule
    words = ", ".join(port_words.word(code, language) for code in (first.severity, first.consequence.name))
    lines = [
        f"  [bold]{rule}[/] {escape(port_words.why(rules()[rule], language))} ({words})",
        f"    {escape(first.remedy)}",
    ]
    if first.hazard:
        said = port_words.hazard(rule, first.hazard, language)
        lines.append(f"    [yellow]{say['silent']}[/] {escape(said)}")
    few = effects if first.consequence >= Consequence.EDIT else effects[:3]
    for effect in few:
        finding = effect.finding
        guard = port_words.word(finding.guard, language)
        guard = "" if finding.guard is Guard.NONE else f" [dim]({guard})[/]"
        place = f"{finding.path}:{finding.line}:{finding.column}"
        lines.append(f"    {escape(place)}{guard} [dim]{escape(finding.evidence[:100])}[/]")
    if len(effects) > len(few):
        lines.append("    " + say["more"].format(count=len(effects) - len(few)))
    return Text.from_markup("\n".join(lines))


def _closing(report: Report, language: Language) -> Text:
    say = port_words.sentences(language)
    skipped = Counter(item.reason for item in report.skipped)
    read = say["read"].format(
        files=report.files_read, unreached=report.files_unreached, entries=len(report.entries)
    )
    reasons = (
        "  " + say["skipped_count"].format(count=count, reason=reason)
        for reason, count in sorted(skipped.items())
    )
    return Text("\n".join(("", read, *reasons, say["unverified"])))
