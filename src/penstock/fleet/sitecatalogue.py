"""A site's own catalogue: files in the built-in tables' columns, and how they join the built-in data."""

import csv
import difflib
import io
from collections.abc import Iterable

import msgspec

from penstock.base.quantity import Status
from penstock.base.refusal import Refusal, invalid
from penstock.fleet.accelerators import (
    COLUMNS,
    Accelerator,
    Catalogue,
    Claim,
    is_sparse_figure,
    parse_row,
)

REQUIRED = ("id", "stack", "vendor", "model", "source")
ROWS_MAX = 10_000


def parse_site_catalogue(text: str, filename: str) -> tuple[Accelerator, ...] | tuple[Refusal, ...]:
    """The accelerators of a CSV in the built-in table's columns, or every mistake in it at its line.

    Columns may be missing but for `id`, `stack`, `vendor`, `model` and `source`: what nobody can look up is
    no fact. Rates are dense ones.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        return (
            invalid("column_missing", f"there is no column {missing[0]}", "see the guide", f"{filename}:1:1"),
        )
    foreign = [name for name in reader.fieldnames or () if name not in (*REQUIRED, *COLUMNS)]
    if foreign:
        close = difflib.get_close_matches(foreign[0], COLUMNS, n=1, cutoff=0.4)
        remedy = f"did you mean {close[0]}?" if close else f"use of {', '.join(COLUMNS)}"
        what = f"{foreign[0][:40]!r} is no column of the catalogue"
        return (invalid("column_unknown", what, remedy, f"{filename}:1:1"),)
    found: dict[str, Accelerator] = {}
    wrong: list[Refusal] = []
    for row in reader:
        where = f"{filename}:{reader.line_num}:1"
        one = _entry(row, where)
        if isinstance(one, Refusal):
            wrong.append(one)
        elif one.id in found:
            wrong.append(invalid("id_duplicate", f"{one.id} stands twice", "keep one of them", where))
        else:
            found[one.id] = one
        if len(found) + len(wrong) > ROWS_MAX:
            wrong.append(invalid("file_too_large", f"there are more than {ROWS_MAX} rows", "split it", where))
            break
    if not found and not wrong:
        return (invalid("file_empty", "there is no accelerator in it", "add rows", f"{filename}:2:1"),)
    return tuple(wrong) or tuple(found.values())


def _entry(row: dict[str, str | None], where: str) -> Accelerator | Refusal:
    empty = next((name for name in REQUIRED if not (row.get(name) or "").strip()), None)
    if empty:
        return invalid("cell_empty", f"{empty} is empty", "fill it in", where)
    try:
        return parse_row({name: (cell or "").strip() for name, cell in row.items() if name is not None})
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        return invalid("cell_malformed", f"{row['id']}: {error}", "write numbers with a point", where)


def combined(built_in: Catalogue, own: Iterable[Accelerator]) -> dict[str, Accelerator]:
    """The built-in catalogue with a site's entries over it; what a replaced entry said stays as claims beside it."""
    known = dict(built_in)
    for entry in own:
        before = built_in.get(entry.id)
        if before is not None:
            kept = (*entry.claims, *_said(before), *before.claims)
            entry = msgspec.structs.replace(entry, claims=tuple(dict.fromkeys(kept)))  # noqa: PLW2901
        known[entry.id] = entry
    return known


def without_sparse(entry: Accelerator, base: Accelerator) -> tuple[Accelerator, tuple[str, ...]]:
    """The entry with its sparse rates replaced by the dense ones of `base`, and a sentence for each of them.

    A rate of twice the known dense one is a sheet's sparse figure; it is kept as a claim that says so.
    """
    dense = {rate.precision: rate for rate in base.rates}
    rates, claims, said = [], list(entry.claims), []
    for rate in entry.rates:
        if not is_sparse_figure(base, rate.precision, rate.tflops):
            rates.append(rate)
            continue
        known = dense[rate.precision]
        rates.append(known)
        claims.append(Claim(rate.precision, rate.tflops, "claimed", entry.confidence, rate.source, "sparse"))
        said.append(
            f"{entry.id}: {rate.tflops:g} TFLOPS at {rate.precision} is the sparse figure; "
            f"the dense {known.tflops:g} is used"
        )
    return msgspec.structs.replace(entry, rates=tuple(rates), claims=tuple(claims)), tuple(said)


def _said(entry: Accelerator) -> tuple[Claim, ...]:
    """The figures of an entry as claims of its source."""
    figures: list[tuple[str, float, Status]] = [
        (rate.precision, rate.tflops, rate.status) for rate in entry.rates
    ]
    figures += [
        (name, value, "claimed")
        for name, value in (
            ("memory_gb", entry.memory_bytes / 2**30),
            ("memory_bw_gb_s", entry.memory_bandwidth_bytes_per_s / 1e9),
            ("interconnect_gb_s", entry.interconnect_bytes_per_s / 1e9),
            ("tdp_w", entry.power_watts),
        )
        if value
    ]
    return tuple(
        Claim(name, value, status, entry.confidence, entry.source) for name, value, status in figures
    )
