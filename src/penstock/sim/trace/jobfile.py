"""Any trace of jobs in time: its columns tell whose it is."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from penstock.base.refusal import Refusal, Refused, invalid
from penstock.placement.workload import Fleet
from penstock.sim.trace import openb, own, philly, sacct, sacct_json
from penstock.sim.trace.table import Row, Table, header_of, parsed, read, text_of, unique
from penstock.sim.trace.throughput import Speeds
from penstock.sim.trace.traced import JobTrace, TracedJob

type Format = Literal["own", "openb", "philly", "sacct"]
FORMATS: tuple[Format, ...] = ("own", "openb", "philly", "sacct")


def format_of(text: str) -> Format | Refusal:
    """Whose columns a file has, by its first line."""
    if text.lstrip()[:1] == "{" or "JobID" in header_of(text, "|"):
        return "sacct"
    names = set(header_of(text))
    for name, columns in (("openb", openb.TIME_COLUMNS), ("philly", philly.COLUMNS), ("own", own.COLUMNS)):
        if names >= set(columns):
            return name
    near = max(
        (("openb", openb.JOB_COLUMNS), ("philly", philly.COLUMNS), ("own", own.COLUMNS)),
        key=lambda pair: len(names & set(pair[1])),
    )
    missing = ", ".join(name for name in near[1] if name not in names)
    message = f"these are no known columns; for a trace in {near[0]}'s columns there is no {missing}"
    return invalid("trace_column_missing", message, "add them, or give the output of sacct -P")


def read_jobs(path: Path, fleet: Fleet, speeds: Speeds | None = None, *, skip_bad: bool = False) -> JobTrace:
    """The jobs of a trace for this fleet, whatever its columns; raises `Refused` with the place of a mistake.

    Philly's columns need a throughput table. Gangs there fill nodes of the fleet's most common size.
    """
    text = text_of(path)
    found = format_of(text)
    if isinstance(found, Refusal):
        raise Refused(invalid(found.code, found.message, found.remedy, f"{path}:1:1"))
    seen: set[str] = set()

    def once(column: str, parse: Callable[[Row], TracedJob | None]) -> Callable[[Row], TracedJob | None]:
        def checked(row: Row) -> TracedJob | None:
            unique(row, column, seen)
            return parse(row)

        return checked

    table = _table(path, text, found, once, fleet, speeds, skip_bad=skip_bad)
    if not table.values:
        raise Refused(invalid("trace_empty", f"{path} has no job", "give one row a job", str(path)))
    jobs = tuple(sorted(table.values, key=lambda job: job.submit_s))
    return JobTrace(jobs, table.skipped, table.first_skipped, table.left_out)


type _Once = Callable[[str, Callable[[Row], TracedJob | None]], Callable[[Row], TracedJob | None]]


def _table(
    path: Path, text: str, found: Format, once: _Once, fleet: Fleet, speeds: Speeds | None, *, skip_bad: bool
) -> Table[TracedJob]:
    needed: Iterable[str]
    if found == "sacct":
        parse = once("JobID", sacct.parser(fleet.models))
        if text.lstrip().startswith("{"):
            return parsed(sacct_json.rows(path, text), parse, skip_bad=skip_bad)
        return read(path, sacct.COLUMNS, sacct.OPTIONAL, parse, skip_bad=skip_bad, delimiter="|")
    if found == "philly":
        if speeds is None:
            remedy = "name a table with --throughput"
            message = "jobs by type and steps need a throughput table"
            raise Refused(invalid("throughput_missing", message, remedy, str(path)))
        size = int(max(set(fleet.devices.tolist()), key=fleet.devices.tolist().count))
        parse = once("job_id", philly.parser(size, speeds, fleet.models))
        return read(path, philly.COLUMNS, philly.OPTIONAL, parse, skip_bad=skip_bad)
    if found == "openb":
        parse = once("name", openb.job_parser(fleet.models))
        return read(path, openb.JOB_COLUMNS, ("gpu_spec", "scheduled_time"), parse, skip_bad=skip_bad)
    parse, needed = once("job", own.parser(fleet.models)), own.COLUMNS
    return read(path, needed, own.OPTIONAL, parse, skip_bad=skip_bad)
