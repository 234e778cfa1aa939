"""Tables of text with named columns, plain or compressed; mistakes are refused with file, line and column."""

import bz2
import csv
import io
import lzma
import math
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from penstock.base.refusal import Refusal, Refused, invalid

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_UNPACKERS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lzma.LZMADecompressor,
    b"\x28\xb5\x2f\xfd": zstd.ZstdDecompressor,
}
_DAMAGED = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstd.ZstdError)
_CHUNK_BYTES = 1024
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

    def number(self, column: str, most: float = 1e15) -> float:
        """A number that is not negative."""
        text = self.cells[column].strip()
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most:
            raise self.bad(column, f"{text[:40]!r} is no number from 0 to {most:g}", "write it in digits")
        return value


class Table[T](msgspec.Struct, frozen=True):
    """The values of the good rows; bad ones left out are counted, the first with places.

    `left_out` counts rows that are neither: their parser made nothing of them.
    """

    values: list[T]
    skipped: int = 0
    first_skipped: tuple[Refusal, ...] = ()
    left_out: int = 0


def read[T](
    path: Path,
    needed: Iterable[str],
    optional: Iterable[str],
    parse: Callable[[Row], T | None],
    *,
    skip_bad: bool = False,
    delimiter: str = ",",
) -> Table[T]:
    """Parse each row; raises `Refused` for an unreadable file, and for a bad row unless skipped.

    A row of which `parse` makes None is left out; that is no mistake.
    """
    return parsed(_rows(path, tuple(needed), tuple(optional), delimiter), parse, skip_bad=skip_bad)


def parsed[T](rows: Iterable[Row | Refusal], parse: Callable[[Row], T | None], *, skip_bad: bool) -> Table[T]:
    """What `parse` makes of each row; raises `Refused` for a bad one unless skipped."""
    values: list[T] = []
    skipped: list[Refusal] = []
    left_out = 0
    for row in rows:
        try:
            if isinstance(row, Refusal):
                raise Refused(row)
            value = parse(row)
        except Refused as refused:
            if not skip_bad:
                raise
            skipped += refused.refusals
            continue
        if value is None:
            left_out += 1
        else:
            values.append(value)
    return Table(values, len(skipped), tuple(skipped[:SKIPPED_SHOWN]), left_out)


def unique(row: Row, column: str, seen: set[str]) -> None:
    """Raises where a row has no name of its own."""
    name = row.cells[column].strip()
    if not name or name in seen:
        what = f"{name[:80]!r} comes twice" if name else "a row has no name"
        raise row.bad(column, what, "give each row a name of its own", "trace_name_repeated")
    seen.add(name)


def header_of(text: str, delimiter: str = ",") -> tuple[str, ...]:
    """The names of the columns."""
    line = text.partition("\n")[0]
    return tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter), []))


def text_of(path: Path) -> str:
    """The whole file as text, decompressed by what its first bytes say it is; raises `Refused`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise Refused(
            invalid("trace_unreadable", f"{path}: {reason}", "name a file that can be read", str(path))
        ) from error
    unpacker = next((made for magic, made in _UNPACKERS.items() if data.startswith(magic)), None)
    if unpacker is not None:
        data = _unpacked(path, data, unpacker)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        where = _place(path, data[: error.start])
        raise Refused(invalid("trace_encoding", message, "save the file as UTF-8", where)) from error


def _unpacked(path: Path, packed: bytes, unpacker: Callable[[], Any]) -> bytes:
    """What all members of a compressed file hold; one that ends early is refused at its last sound place."""
    text = bytearray()
    while packed:
        member, start = unpacker(), 0
        try:
            while not member.eof and start < len(packed):
                text += member.decompress(packed[start : start + _CHUNK_BYTES])
                start += _CHUNK_BYTES
        except _DAMAGED as error:
            raise _damaged(path, text) from error
        if not member.eof:
            raise _damaged(path, text)
        packed = (member.unused_data + packed[start:]).lstrip(b"\0")
    return bytes(text)


def _damaged(path: Path, text: bytearray) -> Refused:
    message = f"{path} ends early or is damaged"
    return Refused(invalid("trace_truncated", message, "fetch it again", _place(path, text)))


def _place(path: Path, before: bytes | bytearray) -> str:
    """File, line and column just behind these bytes, both from 1."""
    return f"{path}:{before.count(b'\n') + 1}:{len(before) - before.rfind(b'\n')}"


def _rows(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...], delimiter: str
) -> Iterator[Row | Refusal]:
    reader = csv.reader(io.StringIO(text_of(path), newline=""), delimiter=delimiter)
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
