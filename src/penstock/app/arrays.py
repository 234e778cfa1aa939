"""Arrays: many jobs that differ by an index, submitted whole or not at all."""

from penstock.app import jobs
from penstock.app.context import App
from penstock.app.software import Reader
from penstock.base.ids import check_id
from penstock.base.refusal import Refused, ensure, invalid
from penstock.lease.job import Job
from penstock.lease.jobfile.array import INDICES_REMEDY, are_indices, array_of
from penstock.lease.tenant import Principal


class NewArray(jobs.NewJob, kw_only=True, forbid_unknown_fields=True):
    """Jobs `ID-INDEX` to run, each with its index in its environment; `at_once` of them at a time (0: all)."""

    indices: tuple[int, ...]
    at_once: int = 0


def submit(app: App, principal: Principal, request: NewArray, read: Reader | None = None) -> tuple[Job, ...]:
    """Queue them all, in the order of their indices, or none. Safe to repeat."""
    ensure(check_id(request.id, "id"))
    if not are_indices(request.indices, request.at_once):
        what = "the indices of an array ascend, each once; at_once is 0 to 1,000"
        raise Refused(invalid("array_malformed", what, INDICES_REMEDY, "indices"))
    return jobs.submit_all(
        app,
        principal,
        [
            jobs.NewJob(
                id=own, spec=spec, tenant=request.tenant, project=request.project, lease=request.lease
            )
            for own, spec in array_of(request.id, request.spec, request.indices, request.at_once)
        ],
        read,
    )
