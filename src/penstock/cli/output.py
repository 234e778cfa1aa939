"""How answers are shown: tables and fields for people, JSON for programs; nothing else on standard output."""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from penstock.base.refusal import Refused, invalid
from penstock.cli.language import _

GAP = "  "
NONE = "-"
"""Stands for a value that is not there."""


def print_json(answer: Any) -> None:
    """The API's answer, indented."""
    encoded = msgspec.json.format(msgspec.json.encode(answer), indent=2)
    print(encoded.decode())


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> None:
    """A table: drawn on a terminal, plain aligned columns elsewhere. `right`: columns of figures."""
    titles, rows, right = [_(title) for title in titles], list(rows), frozenset(right)
    if sys.stdout.isatty():
        _draw(titles, rows, right)
        return
    widths = [max(map(width, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = (_pad(cell, widths[i], right=i in right) for i, cell in enumerate(row))
        print(GAP.join(cells).rstrip())


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line; fields without a value are left out."""
    shown = [(_(name), value) for name, value in fields if value not in ("", NONE)]
    broad = max((width(name) for name, _value in shown), default=0)
    for name, value in shown:
        print(f"{_pad(name, broad)}{GAP}{value}")


def write_bytes(content: bytes, output: str | None) -> None:
    """A document to a file (`-` or none: standard output); refused where it cannot be written."""
    if output in (None, "-"):
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).write_bytes(content)
    except OSError as error:
        raise Refused(
            invalid("file_unwritable", f"{output}: {error.strerror}", "name another file", "--output")
        ) from error


def note(sentence: str) -> None:
    """A remark to the person at the terminal; not data."""
    print(sentence, file=sys.stderr)


def width(text: str) -> int:
    """Columns that a text takes on a terminal: Chinese characters take two."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _pad(text: str, columns: int, *, right: bool = False) -> str:
    space = " " * (columns - width(text))
    return space + text if right else text + space


def _draw(titles: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for index, title in enumerate(titles):
        table.add_column(Text(title), justify="right" if index in right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    draw(table)


def draw(drawing: Any, broadest: int = 10_000) -> None:
    """Something of rich's on the terminal, not squeezed: what is too wide is wrapped by the terminal."""
    from rich.console import Console
    from rich.measure import Measurement

    console = Console()
    needed = Measurement.get(console, console.options.update(width=broadest), drawing).maximum
    Console(width=max(console.width, needed)).print(drawing)
