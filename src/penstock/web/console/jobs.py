"""Jobs: the list, one job with its attempts, why it waits, its output; submit and stop."""

import re
import secrets
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect

from penstock.app import arrays, fleet, identity, jobs, selling
from penstock.app.context import App
from penstock.app.overview import LARGE_DEVICES
from penstock.base.refusal import Refusal, Refused, invalid
from penstock.lease.job import FINAL_JOB_STATES, JobState
from penstock.lease.jobfile import JobFile, parse
from penstock.lease.tenant import Scope
from penstock.store.leases import LIVE_LEASE_STATES
from penstock.web.console.pages import Fields, page
from penstock.web.console.snapshots import SNAPSHOTS
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.given import GivenApp

PAGE_JOBS = 50
WAITING = (JobState.QUEUED,)
RUNNING = (JobState.PLACED, JobState.STARTING, JobState.RUNNING, JobState.EVICTED, JobState.LOST)
FILTERS: dict[str, tuple[JobState, ...]] = {
    "all": (),
    "waiting": WAITING,
    "running": RUNNING,
    "succeeded": (JobState.SUCCEEDED,),
    "failed": (JobState.FAILED,),
    "cancelled": (JobState.CANCELLED,),
}
EXAMPLE = """\
name: hello
resources:
  accelerators: {model}:1
run: |
  echo hello from $RANK of $WORLD_SIZE
time_limit: 10m
"""


@get("/jobs", sync_to_thread=True)
def show_list(
    centre: GivenApp,
    visitor: GivenVisitor,
    wanted: Annotated[str, QueryParameter(name="state")] = "all",
    tenant: FromQuery[str | None] = None,
    before: FromQuery[str] = "",
) -> Response[Any]:
    """Jobs, newest first."""
    if wanted not in FILTERS:
        raise Refused(invalid("state_unknown", f"there is no state {wanted!r}", f"use {', '.join(FILTERS)}"))
    found = jobs.recent_jobs(centre, visitor.principal, tenant, FILTERS[wanted], before, PAGE_JOBS)
    more = found[-1].id if len(found) == PAGE_JOBS else ""
    return page(
        "jobs.list", visitor, jobs=found, more=more, state=wanted, filters=tuple(FILTERS), tenant=tenant or ""
    )


@get("/jobs/new", sync_to_thread=True)
def new_job(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Where a job is written and submitted."""
    models = sorted({offer.model for offer in selling.list_offers(centre) if offer.withdrawn_at is None})
    text = EXAMPLE.format(model=models[0] if models else "cpu")
    return _form(centre, visitor, {"text": text, "id": f"job-{secrets.token_hex(4)}"}, ())


def _form(
    centre: App, visitor: Visitor, fields: dict[str, str], refused: tuple[Refusal, ...]
) -> Response[Any]:
    principal = visitor.principal
    leases = [lease for lease in selling.list_leases(centre, principal) if lease.state in LIVE_LEASE_STATES]
    tenants = identity.list_tenants(centre, principal) if visitor.staff else ()
    status = refused[0].status if refused else 200
    return page(
        "jobs.new",
        visitor,
        status=status,
        fields=Fields(fields),
        refused=refused,
        checked=None,
        leases=leases,
        tenants=tenants,
        projects=() if visitor.staff else identity.list_projects(centre, principal),
    )


@post("/jobs/check", sync_to_thread=True, status_code=200)
def check(visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """What is wrong with a job file, each with its line, or what it would ask for."""
    found = parse(form.get("text", "").encode(), "job.yaml")
    if isinstance(found, JobFile):
        return page("jobs.checked", visitor, refused=(), checked=found)
    return page("jobs.checked", visitor, refused=tuple(found), checked=None)


@post("/jobs", sync_to_thread=True)
def submit(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Submit what was written, all of an array or none; the same form sent twice is one job."""
    found = parse(form.get("text", "").encode(), "job.yaml")
    if not isinstance(found, JobFile):
        return _form(centre, visitor, form, tuple(found))
    if found.workdir:
        refusal = invalid(
            "workdir_needs_upload",
            f"the working directory {found.workdir!r} is on your own machine",
            "submit with `penstock run job.yaml`, or leave workdir out",
            "workdir",
        )
        return _form(centre, visitor, form, (refusal,))
    name = re.sub(r"[^a-zA-Z0-9._-]", "-", form.get("id", "")) or f"job-{secrets.token_hex(4)}"
    whole = {
        "id": name,
        "spec": found.spec,
        "tenant": form.get("tenant") or None,
        "project": form.get("project") or found.project,
        "lease": form.get("lease") or found.lease,
    }
    try:
        if found.array:
            array = arrays.NewArray(indices=found.array, at_once=found.array_limit, **whole)
            arrays.submit(centre, visitor.principal, array)
            return Redirect("/jobs", status_code=303)
        job = jobs.submit(centre, visitor.principal, jobs.NewJob(**whole))
    except Refused as refused:
        return _form(centre, visitor, form, refused.refusals)
    return Redirect(f"/jobs/{job.id}", status_code=303)


@get("/jobs/{name:str}", sync_to_thread=True)
def show(
    centre: GivenApp, visitor: GivenVisitor, name: FromPath[str], rank: FromQuery[int] = 0
) -> Response[Any]:
    """One job: its state, why it waits, its attempts, its output as it comes."""
    detail = jobs.show_job(centre, visitor.principal, name)
    waits = detail.job.state is JobState.QUEUED
    large = waits and len(fleet.devices_of(centre)) >= LARGE_DEVICES
    return page(
        "jobs.one",
        visitor,
        job=detail.job,
        currency=centre.policy.currency,
        attempts=detail.attempts[::-1],
        waits=waits,
        why=jobs.why_waiting(centre, visitor.principal, name) if waits and not large else None,
        again=False,
        rank=rank if 0 <= rank < detail.job.spec.tasks else 0,
        ended=detail.job.state in FINAL_JOB_STATES,
        may_stop=detail.job.state not in FINAL_JOB_STATES
        and visitor.principal.may(Scope.SUBMIT, detail.job.tenant),
    )


@get("/jobs/{name:str}/why", sync_to_thread=True)
def show_why(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """Why it waits, for a page of a large centre that asks for it once it is shown."""
    waits = jobs.show_job(centre, visitor.principal, name).job.state is JobState.QUEUED
    if not waits:
        return page("jobs.why", visitor, why=None, waits=False)
    figures = SNAPSHOTS.of(centre, ("why", name), lambda: jobs.why_waiting(centre, visitor.principal, name))
    return page("jobs.why", visitor, why=figures.value, waits=True, name=name, again=True)


@get("/jobs/{name:str}/log", sync_to_thread=True)
def download(
    centre: GivenApp, visitor: GivenVisitor, name: FromPath[str], rank: FromQuery[int] = 0
) -> Response[bytes]:
    """The output of one task of the last attempt, as a file."""
    text = jobs.read_logs(centre, visitor.principal, name, rank, None, 0, jobs.LOG_READ_MAX_BYTES)
    headers = {"content-disposition": f'attachment; filename="{name}.{rank}.log"'}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


@post("/jobs/{name:str}/stop", sync_to_thread=True)
def stop(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Stop a job for good."""
    job = jobs.stop(centre, visitor.principal, name)
    return Redirect(f"/jobs/{job.id}", status_code=303)


ROUTER = Router(
    "/",
    route_handlers=[show_list, new_job, check, submit, show, show_why, download, stop],
    include_in_schema=False,
)
