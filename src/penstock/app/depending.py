"""Jobs that wait for other jobs: checked when they are submitted, cancelled when they can never be placed."""

import msgspec

from penstock.app.access import qualified
from penstock.app.context import App
from penstock.base.refusal import Refusal, Refused, invalid, not_found
from penstock.lease.depend import FAILURE, HOPELESS, is_hopeless
from penstock.lease.job import JobSpec, JobState
from penstock.store import jobs
from penstock.store.database import Tx


def named_in_full(tx: Tx, tenant: str, spec: JobSpec) -> JobSpec:
    """The spec with the full ids of the jobs that it waits for, which must be there and the tenant's own.

    The id of an array stands for all jobs of it.
    """
    if not spec.after:
        return spec
    named = {qualified(tenant, name): how for name, how in spec.after.items()}
    after, problems = {}, []
    there = jobs.by_ids(tx, set(named))
    for name, how in named.items():
        members = [name] if name in there else [job.id for job in jobs.of_array(tx, name)]
        if not members:
            problems.append(not_found("job", name))
        elif how == FAILURE and name not in there:
            problems.append(_failure_of_array(name))
        after |= dict.fromkeys(members, how)
    if problems:
        raise Refused(*problems)
    return msgspec.structs.replace(spec, after=after)


def _failure_of_array(name: str) -> Refusal:
    """Some of its jobs may fail and others not: which would have to be said."""
    return invalid(
        "after_array_failure",
        f"{name} is an array, and the failure of a whole array is not waited for",
        "name those of its jobs that must fail, or wait for its `end`",
        "after",
    )


def cancel_hopeless(app: App) -> None:
    """Cancel what waits for a job that has ended otherwise than it needs; what waits for that, in its turn."""
    with app.database.read() as tx:
        if not any(is_hopeless(job, states) for job, states in jobs.dependent(tx)):
            return
    now = app.now()
    with app.database.write() as tx:
        found = [job for job, states in jobs.dependent(tx) if is_hopeless(job, states)]
        ended = {"state": JobState.CANCELLED, "stop_reason": HOPELESS, "ended_at": now, "reasons": {}}
        jobs.put_jobs(tx, [msgspec.structs.replace(job, **ended) for job in found])
        jobs.set_waits(tx, {job.id: None for job in found}, now)
