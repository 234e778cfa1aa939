"""`sacct --json` as rows of the same fields that `sacct --parsable2` prints, each with its line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.base.refusal import Refused, invalid
from penstock.sim.trace.sacct import COLUMNS, OPTIONAL
from penstock.sim.trace.table import Row


def rows(path: Path, text: str) -> Iterator[Row]:
    """One row a job of the list `jobs`; raises `Refused` with line and column where the file is no such JSON."""
    decoder, at = json.JSONDecoder(), text.find('"jobs"')
    at = text.find("[", at) + 1 if at >= 0 else 0
    if not at:
        raise _bad(path, text, 0, "there is no list of jobs", "trace_column_missing")
    line, counted = text.count("\n", 0, at) + 1, at
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if text.startswith("]", at):
            return
        line, counted = line + text.count("\n", counted, at), at
        try:
            job, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise _bad(path, text, error.pos, error.msg, "trace_truncated") from error
        if not isinstance(job, dict):
            raise _bad(path, text, at, "a job is no object", "trace_value")
        yield Row(str(path), line, {**dict.fromkeys((*COLUMNS, *OPTIONAL), ""), **_cells(job)})
        at = end


def _bad(path: Path, text: str, at: int, what: str, code: str) -> Refused:
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return Refused(invalid(code, what, "let sacct print it again, whole", f"{path}:{line}:{column}"))


def _cells(job: dict[str, Any]) -> dict[str, str]:
    time, tres, association = (_object(job.get(name)) for name in ("time", "tres", "association"))
    limit = _number(time.get("limit"))
    return {
        "JobID": str(job.get("job_id", "")),
        "Submit": _number(time.get("submission")),
        "ElapsedRaw": _number(time.get("elapsed")),
        "TimelimitRaw": limit,
        "AllocTRES": _tres(tres.get("allocated")),
        "ReqTRES": _tres(tres.get("requested")),
        "Account": str(job.get("account") or association.get("account") or ""),
        "NNodes": _number(job.get("allocation_nodes")),
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> str:
    """A number, plain or as Slurm's `{"set": true, "infinite": false, "number": 60}`; empty where unset."""
    if isinstance(value, dict):
        return str(value.get("number", "")) if value.get("set") and not value.get("infinite") else ""
    return "" if value is None else str(value)


def _tres(value: Any) -> str:
    """Resources as the parsable form has them; memory there is in MiB."""
    parts = []
    for one in value if isinstance(value, list) else []:
        kind, name, count = one.get("type", ""), one.get("name") or "", one.get("count", 0)
        if count and count > 0:
            parts.append(f"{kind}/{name}={count}" if name else f"{kind}={count}")
    return ",".join(parts)
