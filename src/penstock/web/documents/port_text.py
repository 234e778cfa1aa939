"""A portability report for a terminal."""

from collections import Counter
from io import StringIO
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from penstock.portability.model import Consequence, Effect, Guard, Report, TargetReport, Verdict

WORDS = {
    Verdict.RUNS_AS_IS: "runs as is",
    Verdict.ONE_IMPORT: "runs with one import",
    Verdict.EDITS: "needs edits",
    Verdict.REWRITE: "needs a kernel rewrite or a vendor fork",
    Verdict.CANNOT: "cannot",
}
_STYLES = {
    Verdict.RUNS_AS_IS: "green",
    Verdict.ONE_IMPORT: "green",
    Verdict.EDITS: "yellow",
    Verdict.REWRITE: "red",
    Verdict.CANNOT: "bold red",
}


def renderable(report: Report, *, every_finding: bool = False) -> RenderableType:
    """Verdicts first, then what is behind them; guarded findings are counted unless `every_finding`."""
    parts: list[RenderableType] = [_verdicts(report)]
    parts += [part for target in report.targets for part in _target(target, every_finding=every_finding)]
    parts.append(_closing(report))
    return Group(*parts)


def text(report: Report, *, width: int = 110, every_finding: bool = False) -> str:
    """The same without colours, for files and pipes."""
    console = Console(file=StringIO(), width=width, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(renderable(report, every_finding=every_finding))
    return capture.get()


def _verdicts(report: Report) -> Table:
    table = Table(
        "target",
        "verdict",
        "if guarded code runs too",
        "blocker",
        "manual",
        "review",
        "auto",
        "guarded",
        "days",
    )
    for target in report.targets:
        counts = (str(target.counts[c]) for c in ("blocker", "manual", "review", "auto", "guarded"))
        effort = f"{target.effort.low_days:g} - {target.effort.high_days:g}"
        verdict = Text(WORDS[target.verdict], style=_STYLES[target.verdict])
        table.add_row(target.target, verdict, WORDS[target.verdict_with_guarded], *counts, effort)
    return table


def _target(target: TargetReport, *, every_finding: bool) -> list[RenderableType]:
    shown = [e for e in target.effects if every_finding or e.finding.guard is Guard.NONE]
    if not shown:
        return []
    parts: list[RenderableType] = [Text(f"\n{target.target} ({target.name}, {target.stack})", style="bold")]
    if target.shim:
        parts.append(Text(f"  the one import: {target.shim}"))
    by_rule = sorted(shown, key=lambda e: (-e.consequence, e.finding.rule, e.finding.path, e.finding.line))
    for _, group in groupby(by_rule, key=lambda e: (e.consequence, e.finding.rule)):
        parts += _rule(list(group))
    return parts


def _rule(effects: list[Effect]) -> list[RenderableType]:
    first = effects[0]
    word = first.consequence.name.lower()
    lines = [f"  [bold]{first.finding.rule}[/] {first.severity}, {word}: {escape(first.remedy)}"]
    if first.hazard:
        lines.append(f"    [yellow]silent:[/] {escape(first.hazard)}")
    few = effects if first.consequence >= Consequence.EDIT else effects[:3]
    for effect in few:
        finding = effect.finding
        guard = "" if finding.guard is Guard.NONE else f" [dim]({finding.guard})[/]"
        place = f"{finding.path}:{finding.line}:{finding.column}"
        lines.append(f"    {escape(place)}{guard} [dim]{escape(finding.evidence[:100])}[/]")
    if len(effects) > len(few):
        lines.append(f"    and {len(effects) - len(few)} more")
    return [Text.from_markup("\n".join(lines))]


def _closing(report: Report) -> Text:
    skipped = Counter(item.reason for item in report.skipped)
    said = f"\n{report.files_read} files read, {report.files_unreached} Python files not reached from "
    said += f"{len(report.entries)} entry points"
    reasons = "".join(f"\n  {count} not analysed: {reason}" for reason, count in sorted(skipped.items()))
    return Text(
        said + reasons + "\nEfforts are our judgement. Rules whose source says so are background, unverified."
    )
