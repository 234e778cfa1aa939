"""How a refusal is shown: code, sentence, place with its line where it is in a file, and what to do."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from penstock.base.refusal import Refusal
from penstock.cli.language import _, said
from penstock.cli.output import note, print_json, width

_PLACE = re.compile(r"(.+):(\d+):(\d+)")


def show_refusals(refusals: Iterable[Refusal], *, as_json: bool) -> None:
    """On standard error for people; as JSON on standard output for programs."""
    if as_json:
        print_json({"refusals": msgspec.to_builtins(tuple(refusals))})
        return
    for refusal in refusals:
        print("\n".join(lines(refusal)), file=sys.stderr)


def show_notes(notes: Iterable[str]) -> None:
    """What was understood of a file but does nothing here, each with its place; on standard error."""
    for remark in notes:
        note(said(remark))


def lines(refusal: Refusal) -> list[str]:
    """One refusal for people."""
    shown = [_("refused [{code}]: {message}").format(code=refusal.code, message=said(refusal.message))]
    if refusal.where:
        shown.append(_("  where: {where}").format(where=refusal.where))
        shown += excerpt(refusal.where)
    shown.append(_("  remedy: {remedy}").format(remedy=said(refusal.remedy)))
    return shown


def excerpt(where: str) -> list[str]:
    """The line of `file:line:column` with a caret under the column (of CSV: the field); nothing for other places."""
    match = _PLACE.fullmatch(where)
    if match is None or match.group(1).endswith(".gz"):
        return []
    number, column = int(match.group(2)), int(match.group(3))
    try:
        text = Path(match.group(1)).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    if not 1 <= number <= len(text):
        return []
    line = "".join(c if c.isprintable() else "\ufffd" for c in text[number - 1].expandtabs(1))
    before = _before_field(line, column) if match.group(1).endswith(".csv") else line[: column - 1]
    margin = f"  {number:>4} | "
    return [f"{margin}{line}", f"{' ' * (len(margin) - 2)}| {' ' * width(before)}^"]


def _before_field(line: str, number: int) -> str:
    """The text before a field of a line of CSV, whose places count fields."""
    starts = [0, *(match.end() for match in re.finditer(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', line))]
    return line[: starts[min(number, len(starts)) - 1]]
