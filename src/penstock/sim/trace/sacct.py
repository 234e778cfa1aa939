"""A centre's own history: what Slurm's `sacct` prints with `--parsable2` (or `--parsable`), or with `--json`.

Fields as in sacct's manual: https://slurm.schedmd.com/sacct.html. Steps of a job and jobs that never ran are
left out without being counted as mistakes.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from penstock.sim.trace.own import label_of
from penstock.sim.trace.table import Row
from penstock.sim.trace.traced import TracedJob

COLUMNS = ("JobID", "Submit")
OPTIONAL = (
    "AllocTRES",
    "ReqTRES",
    "ElapsedRaw",
    "Elapsed",
    "TimelimitRaw",
    "Timelimit",
    "NNodes",
    "Account",
    "Priority",
    "Start",
    "End",
)
_LENGTH = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?")
_UNKNOWN = ("", "Unknown", "None", "INVALID", "Partition_Limit", "UNLIMITED")
_MIB = {"": 1.0, "K": 2.0**-10, "M": 1.0, "G": 2.0**10, "T": 2.0**20, "P": 2.0**30}
_BYTES = re.compile(r"([\d.]+)([KMGTP]?)[nc]?")
CPU_MILLI, MEMORY_STEP_MIB = 1000, 1024


def parser(models: Sequence[str]) -> Callable[[Row], TracedJob | None]:
    """A row's job, or None for a step and for a job that never ran."""

    def parse(row: Row) -> TracedJob | None:
        name = row.cells["JobID"].strip()
        if "." in name:
            return None
        run_s = _run(row)
        column = "AllocTRES" if row.cells["AllocTRES"].strip() else "ReqTRES"
        if run_s <= 0 or not row.cells[column].strip():
            return None
        tres = _tres(row, column)
        nodes = int(tres.get("node") or (row.whole("NNodes") if row.cells["NNodes"].strip() else 1) or 1)
        devices, model = _devices(row, column, tres, models)
        per_node = -(-devices // nodes) if devices else 0
        limit = _limit(row)
        return TracedJob(
            name=name,
            submit_s=_instant(row, "Submit"),
            run_s=run_s,
            nodes=nodes,
            devices=per_node,
            cpu=int(tres.get("cpu", 0)) * CPU_MILLI // nodes,
            memory=-(-int(tres.get("mem", 0)) // nodes // MEMORY_STEP_MIB) * MEMORY_STEP_MIB,
            models=model,
            tenant=row.cells["Account"].strip(),
            label=label_of(nodes, per_node, 1000),
            limit_s=limit,
        )

    return parse


def _instant(row: Row, column: str) -> float:
    text = row.cells[column].strip()
    try:
        at = float(text) if text.isdecimal() else datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        remedy = "let sacct print it as 2026-01-31T23:59:59"
        raise row.bad(column, f"{text[:40]!r} is no instant", remedy) from error
    if at < 0:
        raise row.bad(column, f"{text[:40]!r} lies before 1970", "check the clock of that host")
    return at


def _run(row: Row) -> float:
    """Seconds that a job ran; 0 for one that did not."""
    if row.cells["ElapsedRaw"].strip():
        return row.number("ElapsedRaw")
    if row.cells["Elapsed"].strip():
        return _length(row, "Elapsed")
    if row.cells["Start"].strip() in _UNKNOWN or row.cells["End"].strip() in _UNKNOWN:
        return 0.0
    run_s = _instant(row, "End") - _instant(row, "Start")
    if run_s < 0:
        raise row.bad("End", "a job ends before it starts", "check the clock of that host", "trace_time")
    return run_s


def _limit(row: Row) -> float:
    raw = row.cells["TimelimitRaw"].strip()
    if raw and raw not in _UNKNOWN:
        return row.number("TimelimitRaw") * 60
    if row.cells["Timelimit"].strip() not in _UNKNOWN:
        return _length(row, "Timelimit")
    return float("inf")


def _length(row: Row, column: str) -> float:
    text = row.cells[column].strip()
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise row.bad(column, f"{text[:40]!r} is no length", "let sacct print it as 1-02:03:04")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _tres(row: Row, column: str) -> dict[str, float]:
    """Counts by name, memory in MiB, as in `cpu=8,gres/gpu:a100=4,mem=64G,node=1`."""
    counts: dict[str, float] = {}
    for part in row.cells[column].strip().split(","):
        name, equals, value = part.partition("=")
        found = _BYTES.fullmatch(value)
        if not equals or found is None:
            raise row.bad(column, f"{part[:40]!r} is no count of a resource", "let sacct print it whole")
        counts[name] = float(found[1]) * (_MIB[found[2]] if name == "mem" else 1)
    return counts


def _devices(
    row: Row, column: str, tres: dict[str, float], models: Sequence[str]
) -> tuple[int, tuple[str, ...]]:
    """Devices of the whole job, and their model where it is told."""
    typed = {name.rpartition(":")[2]: n for name, n in tres.items() if name.startswith("gres/gpu:") and n}
    spelt = {model.lower(): model for model in models}
    known = tuple(spelt[name.lower()] for name in typed if name.lower() in spelt)
    if typed and not known:
        remedy = f"name one of {', '.join(models)}"
        message = f"no node has a {' or '.join(typed)[:80]}"
        raise row.bad(column, message, remedy, "trace_model_unknown")
    return int(tres.get("gres/gpu", 0) or sum(typed.values())), known
