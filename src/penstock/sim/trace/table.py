"""Tables of text with named columns, plain or compressed; mistakes are refused with file, line and column."""

import bz2
import csv
import gzip
import io
import lzma
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from penstock.base.refusal import Refusal, Refused, invalid

_OPENERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
}
SKIPPED_SHOWN = 20
"""Of the bad rows that were left out, so many are kept with their place."""


class Row(msgspec.Struct, frozen=True):
    """One line of a table: its cells by column name, and where it stands."""

    file: str
    line: int
    cells: dict[str, str]

    def bad(self, column: str, what: str, remedy: str, code: str = "trace_value") -> Refused:
        """What is wrong with one cell."""
        return Refused(invalid(code, f"column {column}: {what}", remedy, f"{self.file}:{self.line}:{column}"))

    def whole(self, column: str, most: int = 2**53) -> int:
        """A whole number that is not negative; may be written as 4.0."""
        text = self.cells[column].strip()
        digits = text.removesuffix(".0")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):
            raise self.bad(column, f"{text[:40]!r} is no whole number from 0", "write digits only")
        if int(digits) > most:
            raise self.bad(column, f"{text} is more than {most}", "check its unit")
        return int(digits)


class Table[T](msgspec.Struct, frozen=True):
    """The values of the good rows; bad ones left out are counted, the first with places."""

    values: list[T]
    skipped: int = 0
    first_skipped: tuple[Refusal, ...] = ()


def read[T](
    path: Path,
    needed: Iterable[str],
    optional: Iterable[str],
    parse: Callable[[Row], T],
    *,
    skip_bad: bool = False,
) -> Table[T]:
    """Parse each row; raises `Refused` for an unreadable file, and for a bad row unless skipped."""
    values: list[T] = []
    skipped: list[Refusal] = []
    for row in _rows(path, tuple(needed), tuple(optional)):
        try:
            if isinstance(row, Refusal):
                raise Refused(row)
            values.append(parse(row))
        except Refused as refused:
            if not skip_bad:
                raise
            skipped += refused.refusals
    return Table(values, len(skipped), tuple(skipped[:SKIPPED_SHOWN]))


def text_of(path: Path) -> str:
    """The whole file as text, decompressed by what its first bytes say it is; raises `Refused`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise Refused(
            invalid("trace_unreadable", f"{path}: {reason}", "name a file that can be read", str(path))
        ) from error
    for magic, opener in _OPENERS.items():
        if data.startswith(magic):
            try:
                data = opener(data)
            except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
                raise Refused(
                    invalid(
                        "trace_truncated", f"{path} ends early or is damaged", "fetch it again", f"{path}:1:1"
                    )
                ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise Refused(
            invalid(
                "trace_encoding",
                f"byte 0x{data[error.start]:02x} is not UTF-8",
                "save the file as UTF-8",
                f"{path}:{line}:{column}",
            )
        ) from error


def _rows(path: Path, needed: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[Row | Refusal]:
    reader = csv.reader(io.StringIO(text_of(path), newline=""))
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in needed if name not in header]
    if missing:
        raise Refused(
            *(
                invalid("trace_column_missing", f"there is no column {name!r}", "add it", f"{path}:1:{name}")
                for name in missing
            )
        )
    wanted = {name: header.index(name) for name in (*needed, *optional) if name in header}
    start = reader.line_num + 1
    for cells in reader:
        if cells and len(cells) != len(header):
            message = f"{len(cells)} cells where the header has {len(header)}"
            where = f"{path}:{start}:{min(len(cells), len(header)) + 1}"
            yield invalid("trace_row_length", message, "give every column a cell", where)
        elif cells:
            given = {name: cells[i] for name, i in wanted.items()}
            yield Row(str(path), start, {**dict.fromkeys(optional, ""), **given})
        start = reader.line_num + 1
