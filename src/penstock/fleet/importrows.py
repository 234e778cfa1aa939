"""A fleet in CSV as plain rows, each value with its place in the file.

Only shape is looked at here: columns that exist, one value each. What values mean is checked in
`importvalues`. Reading goes on after a mistake, so that one run names all of them.
"""

import csv
import difflib
import io
from collections.abc import Iterator

import msgspec

from penstock.base.refusal import Refusal, invalid

NODE_FIELDS = ("node", "cpu_cores", "memory_gib", "leaf", "fabric", "site", "region", "engine", "address")
DEVICE_FIELDS = ("model", "count", "state", "commissioned_at", "cost_per_device", "tranche", "life_years")


REFUSALS_MAX = 100


class Row(msgspec.Struct, frozen=True):
    """One group of like devices on one node: non-empty texts by field, and where each was written."""

    texts: dict[str, str]
    places: dict[str, str]
    place: str

    def where(self, field: str) -> str:
        """The place of a field, or of the row where the field is missing."""
        return self.places.get(field, self.place)


def read_csv(text: str, name: str) -> tuple[list[Row], list[Refusal]]:
    """Rows of a CSV text whose first line names the columns; places are `name:line:column`."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[Row] = []
    refusals: list[Refusal] = []
    header: list[str] | None = None
    start = 1
    try:
        for values in reader:
            line, start = start, reader.line_num + 1
            if not any(v.strip() for v in values):
                continue
            if header is None:
                header = [v.strip().lower() for v in values]
                refusals += _check_header(header, f"{name}:{line}")
                if refusals:
                    break
            elif len(values) > len(header):
                refusals.append(
                    invalid(
                        "too_many_values",
                        f"line {line} has {len(values)} values for {len(header)} columns",
                        "quote values that hold a comma",
                        f"{name}:{line}:{len(header) + 1}",
                    )
                )
            else:
                rows.append(_csv_row(header, values, f"{name}:{line}"))
    except csv.Error as error:
        refusals.append(
            invalid(
                "csv_malformed", f"no CSV: {error}", "quote the value, double inner quotes", f"{name}:{start}"
            )
        )
    return rows, refusals


def _check_header(header: list[str], place: str) -> Iterator[Refusal]:
    for column, title in enumerate(header[: 2 * len(NODE_FIELDS + DEVICE_FIELDS)], 1):
        where = f"{place}:{column}"
        if title not in NODE_FIELDS + DEVICE_FIELDS:
            yield unknown("column", title, NODE_FIELDS + DEVICE_FIELDS, where)
        elif title in header[: column - 1]:
            yield duplicate("column", title, where)
    for title in ("node", "model", "count"):
        if title not in header:
            yield invalid("column_missing", f"column {title!r} is missing", f"add a column {title}", place)


def _csv_row(header: list[str], values: list[str], place: str) -> Row:
    texts = {title: v.strip() for title, v in zip(header, values, strict=False) if v.strip()}
    return Row(texts, {title: f"{place}:{column}" for column, title in enumerate(header, 1)}, place)


def unknown(noun: str, title: str, allowed: tuple[str, ...], where: str) -> Refusal:
    """A name that is not among the allowed ones, with the nearest of them."""
    close = difflib.get_close_matches(title[:40], allowed, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(allowed)}"
    return invalid(f"{noun}_unknown", f"there is no {noun} {title[:40]!r}", remedy, where)


def duplicate(noun: str, title: str, where: str) -> Refusal:
    """A name that stands twice."""
    return invalid(f"{noun}_duplicate", f"{noun} {title!r} stands twice", "keep one of them", where)
