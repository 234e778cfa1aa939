"""From what was read to a job that can be submitted, or every reason why not."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.base.ids import check_id
from penstock.base.refusal import Refusal
from penstock.lease.job import Checkpoint, JobSpec, Resources, Retry, Software
from penstock.lease.jobfile.check import NAME_LENGTH_MAX, check_spec
from penstock.lease.jobfile.foreign import VARIABLES
from penstock.lease.jobfile.reading import REFUSALS_MAX, Reading


class JobFile(msgspec.Struct, frozen=True, kw_only=True):
    """A job file that was understood. `workdir` is a directory of the submitter ('' for none).

    `spec.workdir` is empty until that directory was uploaded. `notes` say what was ignored, with its place.
    """

    spec: JobSpec
    workdir: str = ""
    project: str | None = None
    lease: str | None = None
    array: tuple[int, ...] = ()
    """Its indices, where it is many jobs that differ by one."""
    array_limit: int = 0
    """How many of these may run at once; 0: all."""
    notes: tuple[str, ...] = ()


def finish(reading: Reading, filename: str, default: str) -> JobFile | tuple[Refusal, ...]:
    """The job that was read, or every mistake; `default` is the place of what stands nowhere."""
    spec = _spec(reading, filename)
    for problem in check_spec(spec):
        if not any(_covers(path, problem.where) for path in reading.failed):
            where = reading.place(problem.where, default)
            reading.refusals.append(msgspec.structs.replace(problem, where=where))
    for path in ("project", "lease"):
        problem = check_id(reading.values.get(path, path))
        if isinstance(problem, Refusal):
            reading.refusals.append(msgspec.structs.replace(problem, where=reading.places[path]))
    if reading.refusals:
        return tuple(sorted(reading.refusals, key=lambda refusal: _position(refusal.where))[:REFUSALS_MAX])
    if "resources.models" not in reading.values:
        reading.note(default, "no accelerator is named: the job takes one device of any model")
    _note_variables(reading, spec, default)
    return JobFile(
        spec=spec,
        workdir=reading.values.get("workdir", ""),
        project=reading.values.get("project"),
        lease=reading.values.get("lease"),
        array=reading.values.get("array", ()),
        array_limit=reading.values.get("array_limit", 0),
        notes=tuple(sorted(reading.notes, key=_position)),
    )


def _spec(reading: Reading, filename: str) -> JobSpec:
    """The spec of what was read; what could not be read has its default, and is not checked."""
    values = reading.values
    own = _under("resources.", values)
    given: dict[str, Any] = {
        "name": default_name(filename),
        "run": "",
        **{name: values[name] for name in JobSpec.__struct_fields__ if name in values},
        "resources": Resources(own.pop("models", ()), **own),
        "retry": Retry(**_under("retry.", values)),
        "software": Software(**_under("software.", values)),
        "workdir": "",
        "checkpoint": None,
    }
    if values.get("checkpoint", "checkpoint.path" in values):
        given["checkpoint"] = Checkpoint(**_under("checkpoint.", values))
    if given.get("grace_s", 0) is None:
        del given["grace_s"]
    return JobSpec(**given)


def _under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {path.removeprefix(prefix): value for path, value in values.items() if path.startswith(prefix)}


def default_name(filename: str) -> str:
    """What a job is called whose file does not say."""
    stem = filename.rsplit("/", 1)[-1].partition(".")[0]
    return re.sub(r"[^\w-]+", "-", stem).strip("-")[:NAME_LENGTH_MAX] or "job"


def _covers(path: str, where: str) -> bool:
    return where == path or where.startswith(path + ".") or path.startswith(where + ".")


def _position(where: str) -> tuple[int, ...]:
    """Line and column of a place, for sorting; what has none comes first."""
    found = re.search(r":(\d+):(\d+)", where)
    return tuple(map(int, found.groups())) if found else ()


def _note_variables(reading: Reading, spec: JobSpec, default: str) -> None:
    for name, ours in VARIABLES.items():
        for path, script in (("setup", spec.setup), ("run", spec.run)):
            if re.search(rf"\b{name}\b", script):
                reading.note(reading.place(path, default), f"{name} is not set here; {ours} is the nearest")
