"""One job of a trace, whatever columns it came in, and how a list of them becomes arrays."""

from collections.abc import Sequence

import msgspec
import numpy as np

from penstock.base.refusal import Refusal
from penstock.placement.jobs import FOREVER, Jobs
from penstock.placement.workload import ANY_MODEL, Fleet, workload
from penstock.sim.trace.table import Row
from penstock.sim.trace.throughput import Speeds

NODE_DEVICES_MAX = 62


class TracedJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Times in seconds from any common zero; `share` in thousandths of each device; memory in MiB.

    `models` are names (none: any). With `steps` and `job_type` the length follows from a throughput table.
    `length_from` says what is known of the length (`insight.recorded.LENGTHS`).
    """

    name: str
    submit_s: float
    run_s: float
    nodes: int = 1
    devices: int = 1
    share: int = 1000
    cpu: int = 0
    memory: int = 0
    models: tuple[str, ...] = ()
    tenant: str = ""
    label: str = ""
    priority: int = 0
    limit_s: float = FOREVER
    save_s: float = FOREVER
    job_type: str = ""
    steps: float = 0.0
    length_from: str = "measured"


class JobTrace(msgspec.Struct, frozen=True):
    """The jobs of a trace in order of submission; bad rows left out are counted, the first with places.

    `left_out` counts rows that are no mistake but ask for nothing: steps of a job, jobs that never ran.
    """

    jobs: tuple[TracedJob, ...]
    skipped: int = 0
    first_skipped: tuple[Refusal, ...] = ()
    left_out: int = 0


def models_of(row: Row, column: str, known: Sequence[str]) -> tuple[str, ...]:
    """The models named in a cell, joined by bars, as the fleet spells them; raises where none is known."""
    named = [name.strip() for name in row.cells[column].split("|") if name.strip()]
    spelt = {name.lower(): name for name in known}
    found = tuple(spelt[name.lower()] for name in named if name.lower() in spelt)
    if named and not found:
        remedy = f"name one of {', '.join(known)}"
        message = f"no node has a {' or '.join(named)[:80]}"
        raise row.bad(column, message, remedy, "trace_model_unknown")
    return found


def arrays(trace: JobTrace, fleet: Fleet, speeds: Speeds | None = None) -> Jobs:
    """The jobs as a rehearsal takes them; the first submission is second 0."""
    jobs = trace.jobs
    bit = {model: 1 << i for i, model in enumerate(fleet.models)}
    rows = [
        (
            job.cpu,
            job.memory,
            job.devices,
            job.share if job.devices else 0,
            sum(bit[model] for model in job.models) if job.models and job.devices else ANY_MODEL,
        )
        for job in jobs
    ]
    tenants, tenant = _indexed([job.tenant for job in jobs])
    labels, label = _indexed([job.label for job in jobs])
    submit = np.array([job.submit_s for job in jobs], np.float64)
    return Jobs(
        work=workload(rows),
        nodes=np.array([job.nodes for job in jobs], np.int64),
        submit_s=submit - submit.min(initial=np.inf),
        run_s=np.array([_lengths(job, fleet.models, speeds) for job in jobs], np.float64),
        limit_s=np.array([job.limit_s for job in jobs], np.float64),
        save_s=np.array([job.save_s for job in jobs], np.float64),
        priority=np.array([job.priority for job in jobs], np.int64),
        tenant=tenant,
        label=label,
        tenants=tenants,
        labels=labels,
    )


def _lengths(job: TracedJob, models: tuple[str, ...], speeds: Speeds | None) -> list[float]:
    if speeds is None or not job.job_type:
        return [job.run_s if not job.models or model in job.models else FOREVER for model in models]
    rates = speeds.rates(job.job_type, job.nodes * job.devices, models)
    return [job.steps / rate if rate > 0 else FOREVER for rate in rates]


def _indexed(names: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    known = sorted(set(names))
    index = {name: i for i, name in enumerate(known)}
    return tuple(known), np.array([index[name] for name in names], np.int64)
