"""JSON of slurmrestd and of `squeue --json`, from data_parser 0.0.38 on, as what the engine works with.

Before 0.0.40 a state is one word and a number is a number; since then states are lists and a number is an
object that says whether it is set (`{"set": true, "infinite": false, "number": 5}`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from penstock.engines.slurm.model import SlurmJob, SlurmNode, expand

_GRES = re.compile(r"gpu(?::(?P<type>[A-Za-z][\w.-]*))?(?::(?P<count>\d+))?(?:\(.*)?$")
_TRES_GPU = re.compile(r"(?:^|,)gres/gpu=(\d+)")
_MIB = 2**20


def number(value: Any) -> int:
    """A number in either form; 0 where it is not set."""
    if isinstance(value, Mapping):
        return int(value.get("number") or 0) if value.get("set") and not value.get("infinite") else 0
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def words(value: Any) -> tuple[str, ...]:
    """One word or several, of a string, a comma list or a list, in capital letters."""
    if isinstance(value, str):
        return tuple(part.strip().upper() for part in re.split(r"[,+]", value) if part.strip())
    return tuple(str(part).upper() for part in value or ())


def _names(value: Any) -> tuple[str, ...]:
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else tuple(value or ())


def job(raw: Mapping[str, Any]) -> SlurmJob:
    """A job of the controller."""
    states = words(raw.get("job_state")) or ("UNKNOWN",)
    return SlurmJob(
        id=number(raw.get("job_id")),
        name=str(raw.get("name") or ""),
        state=states[0],
        reason=str(raw.get("state_reason") or ""),
        user=str(raw.get("user_name") or raw.get("user_id") or ""),
        account=str(raw.get("account") or ""),
        directory=str(raw.get("current_working_directory") or ""),
        nodes=expand(str(raw.get("nodes") or "")),
        gpus=_gpus_of(str(raw.get("tres_alloc_str") or "")),
        cpus=number(raw.get("cpus")),
        start_s=number(raw.get("start_time")),
        end_s=number(raw.get("end_time")),
    )


def accounted(raw: Mapping[str, Any]) -> SlurmJob:
    """A job of the accounting database: states and TRES are as recorded."""
    state = raw.get("state") or {}
    states = words(state.get("current")) or ("UNKNOWN",)
    time = raw.get("time") or {}
    return SlurmJob(
        id=number(raw.get("job_id")),
        name=str(raw.get("name") or ""),
        state=states[0],
        user=str(raw.get("user") or ""),
        account=str(raw.get("account") or ""),
        nodes=expand(str(raw.get("nodes") or "")),
        gpus=sum(
            number(one.get("count"))
            for one in (raw.get("tres") or {}).get("allocated") or ()
            if one.get("type") == "gres" and one.get("name") == "gpu"
        ),
        start_s=number(time.get("start")),
        end_s=number(time.get("end")),
    )


def records(raw: Iterable[Mapping[str, Any]]) -> dict[int, SlurmJob]:
    """Accounting records by number; of a job that was queued again those count that ran, the last of them first."""
    found: dict[int, SlurmJob] = {}
    for one in map(accounted, raw):
        if one.start_s or one.id not in found:
            found[one.id] = one
    return found


def node(raw: Mapping[str, Any]) -> SlurmNode:
    """A host."""
    return SlurmNode(
        name=str(raw.get("name") or ""),
        address=str(raw.get("address") or raw.get("hostname") or ""),
        cpus=number(raw.get("cpus")),
        memory_bytes=number(raw.get("real_memory")) * _MIB,
        states=(*words(raw.get("state")), *words(raw.get("state_flags"))),
        reason=str(raw.get("reason") or ""),
        gres=gres(str(raw.get("gres") or "")),
        features=_names(raw.get("active_features") or raw.get("features")),
        partitions=_names(raw.get("partitions")),
    )


def gres(text: str) -> dict[str, int]:
    """GPUs by type of `gpu:a100:8(S:0-1),gpu:h100:2,nvme:1`; '' where no type is given."""
    found: dict[str, int] = {}
    for part in re.split(r",(?![^(]*\))", text):
        match = _GRES.match(part.strip())
        if match:
            kind = match["type"] or ""
            found[kind] = found.get(kind, 0) + int(match["count"] or 1)
    return found


def _gpus_of(tres: str) -> int:
    match = _TRES_GPU.search(tres)
    return int(match[1]) if match else 0
