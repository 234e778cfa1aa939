"""Arrays: one job file as many jobs that differ by an index, and jobs that wait for others."""

import re
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from penstock.lease.depend import END, FAILURE, SUCCESS
from penstock.lease.job import ARRAY_INDEX, JobSpec
from penstock.lease.jobfile.document import Fields, Items, Scalar, Value
from penstock.lease.jobfile.kinds import refuse_kind
from penstock.lease.jobfile.reading import Reading

ARRAY_MAX = 1000
"""Jobs of one array."""
INDEX_MAX = 10**6
_PART = re.compile(r"(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?", re.ASCII)
INDICES_REMEDY = "write 0-9, 1,3,5 or 0-99%8, of at most 1,000 jobs"
_BY_SLURM = {"afterok": SUCCESS, "afternotok": FAILURE, "afterany": END}


def array_of(name: str, spec: JobSpec, indices: Sequence[int], limit: int) -> tuple[tuple[str, JobSpec], ...]:
    """The ids and specs of an array's jobs, in the order of its ascending indices.

    Each finds its index as ARRAY_INDEX and in Slurm's variables. Where not all may run at once (`limit`, 0: all),
    each waits for the end of the one that is so many before it.
    """
    made: list[tuple[str, JobSpec]] = []
    shared = {
        "ARRAY_COUNT": str(len(indices)),
        "SLURM_ARRAY_JOB_ID": name,
        "SLURM_ARRAY_TASK_COUNT": str(len(indices)),
        "SLURM_ARRAY_TASK_MIN": str(min(indices)),
        "SLURM_ARRAY_TASK_MAX": str(max(indices)),
    }
    for place, index in enumerate(indices):
        env = shared | {ARRAY_INDEX: str(index), "SLURM_ARRAY_TASK_ID": str(index)}
        after = spec.after
        if limit and place >= limit:
            after = after | {made[place - limit][0]: END}
        own = msgspec.structs.replace(spec, env=spec.env | env, after=after)
        made.append((f"{name}-{index}", own))
    return tuple(made)


def are_indices(indices: Sequence[int], limit: int) -> bool:
    """Whether these can be an array's: ascending, each once, and not too many or too large."""
    ascending = all(one < next_one for one, next_one in pairwise(indices))
    within = 0 < len(indices) <= ARRAY_MAX and indices[0] >= 0 and indices[-1] <= INDEX_MAX
    return ascending and within and 0 <= limit <= ARRAY_MAX


def array(reading: Reading, value: Value, path: str) -> None:
    """Indices such as `0-9`, `1,3,5-7` or `0-99:10`; `%8` after them is how many may run at once."""
    if isinstance(value, Scalar):
        put_array(reading, value.text, value.where, path)
    else:
        refuse_kind(reading, value, path, "indices", INDICES_REMEDY)


def put_array(reading: Reading, text: str, where: str, path: str = "array") -> None:
    """The indices of a text, and how many may run at once (0: all)."""
    wanted, percent, limit = text.partition("%")
    indices = _indices(wanted)
    if indices is None or (percent and not (limit.isdecimal() and 1 <= int(limit) <= ARRAY_MAX)):
        reading.refuse(where, "array_malformed", f"{text[:40]!r} are no indices", INDICES_REMEDY, path)
        return
    reading.put(path, indices, where)
    reading.values["array_limit"] = int(limit) if percent else 0


def _indices(text: str) -> tuple[int, ...] | None:
    """Ascending and each once; None where it is malformed, empty or too many."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            return None
        first, last, step = (int(group) if group else None for group in match.groups())
        assert first is not None, "every part begins with a number"
        last, step = first if last is None else last, 1 if step is None else step
        if step < 1 or last < first or last > INDEX_MAX or (last - first) // step >= ARRAY_MAX:
            return None
        found.update(range(first, last + 1, step))
    return tuple(sorted(found)) if len(found) <= ARRAY_MAX else None


def after(reading: Reading, value: Value, path: str) -> None:
    """Jobs that must succeed first, as a name, a list of names, or a mapping of names to their ends."""
    if isinstance(value, Fields) and all(isinstance(one.value, Scalar) for one in value.entries.values()):
        given = {
            name: (one.where, one.value.text)
            for name, one in value.entries.items()
            if isinstance(one.value, Scalar)
        }
    else:
        items = value.values if isinstance(value, Items) else (value,)
        if not all(isinstance(one, Scalar) for one in items):
            refuse_kind(reading, value, path, "the names of jobs", "write a name, a list, or name: success")
            return
        given = {one.text: (one.where, SUCCESS) for one in items if isinstance(one, Scalar)}
    for name, (where, _) in given.items():
        reading.places[f"{path}.{name}"] = where
    reading.put(path, {name: how for name, (_, how) in given.items()}, value.where)


def put_dependency(reading: Reading, text: str, where: str) -> None:
    """Slurm's `afterok:a:b,afterany:c`: its numbers are ids of jobs here."""
    found: dict[str, str] = {}
    for part in text.split(","):
        kind, *names = part.split(":")
        if kind not in _BY_SLURM or not all(names) or not names or "+" in part or "?" in part:
            reading.refuse(
                where,
                "option_untranslatable",
                f"--dependency={text[:40]} cannot be met: of a job only its end is waited for",
                "write afterok:JOB, afternotok:JOB or afterany:JOB, with commas between",
                "after",
            )
            return
        found |= dict.fromkeys(names, _BY_SLURM[kind])
    reading.put("after", found, where)
