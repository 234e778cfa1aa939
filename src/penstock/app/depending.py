"""Jobs that wait for other jobs: checked when they are submitted, cancelled when they can never be placed."""

import msgspec

from penstock.app.access import qualified
from penstock.app.context import App
from penstock.base.refusal import Refused, not_found
from penstock.lease.depend import HOPELESS, is_hopeless
from penstock.lease.job import JobSpec, JobState
from penstock.store import jobs
from penstock.store.database import Tx


def named_in_full(tx: Tx, tenant: str, spec: JobSpec) -> JobSpec:
    """The spec with the full ids of the jobs that it waits for, which must be there and the tenant's own."""
    if not spec.after:
        return spec
    after = {qualified(tenant, name): how for name, how in spec.after.items()}
    missing = sorted(set(after) - set(jobs.by_ids(tx, set(after))))
    if missing:
        raise Refused(*(not_found("job", name) for name in missing))
    return msgspec.structs.replace(spec, after=after)


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
