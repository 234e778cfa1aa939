"""Endpoints of jobs: submit, look, ask why, follow, stop."""

import codecs
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import anyio
import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from penstock.app import arrays, jobs, software, tokens
from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.base.quantity import Precision
from penstock.lease.job import FINAL_ATTEMPT_STATES, FINAL_JOB_STATES, Job, JobSpec, JobState
from penstock.lease.tenant import Principal
from penstock.placement.model import Why
from penstock.placement.pools import Pool
from penstock.probes.source_job import job_findings
from penstock.store.files import WORKDIR_LIMIT_BYTES
from penstock.web.edge import Page
from penstock.web.given import GivenApp, GivenPrincipal

LOG_CHUNK_BYTES = 64 * 1024
FOLLOW_EVERY_S = 0.2


class Uploaded(msgspec.Struct, frozen=True):
    """The content id of a working directory."""

    id: str


@post("/workdirs", request_max_body_size=WORKDIR_LIMIT_BYTES)
async def upload_workdir(
    centre: GivenApp,
    principal: GivenPrincipal,
    request: Request[Any, Any, Any],
) -> Uploaded:
    """Upload a working directory as a gzipped tar."""
    jobs.require_upload(principal)
    archive = await request.body()
    return Uploaded(await anyio.to_thread.run_sync(centre.files.add_workdir, archive))


@get("/jobs", sync_to_thread=True)
def list_jobs(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    after: FromQuery[str] = "",
    limit: FromQuery[int] = 100,
    states: Annotated[list[JobState] | None, QueryParameter(name="state")] = None,
) -> Page[Job]:
    """A page of jobs."""
    found = jobs.list_jobs(centre, principal, tenant, after, limit, tuple(states or ()))
    return Page(found, found[-1].id if len(found) >= limit else None)


@post("/jobs", sync_to_thread=True)
def submit(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[jobs.NewJob]) -> Job:
    """Submit a job."""
    return jobs.submit(centre, principal, data, job_findings)


@post("/arrays", sync_to_thread=True)
def submit_array(centre: GivenApp, principal: GivenPrincipal, data: JSONBody[arrays.NewArray]) -> Page[Job]:
    """Submit the jobs of an array: all or none."""
    return Page(arrays.submit(centre, principal, data, job_findings))


@post("/pools", sync_to_thread=True, status_code=200)
def pools(
    centre: GivenApp,
    principal: GivenPrincipal,
    data: JSONBody[JobSpec],
    precision: FromQuery[Precision | None] = None,
) -> Page[Pool]:
    """The pools that a job could have, in the order in which it should: software, throughput, price."""
    known = known_accelerators(centre)
    return Page(software.job_pools(centre, principal, data, known, job_findings, precision))


@get("/jobs/{name:str}", sync_to_thread=True)
def show(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> jobs.JobDetail:
    """A job with its attempts."""
    return jobs.show_job(centre, principal, name)


@post("/jobs/{name:str}/stop", sync_to_thread=True, status_code=200)
def stop(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Job:
    """Stop a job."""
    return jobs.stop(centre, principal, name)


@get("/jobs/{name:str}/why", sync_to_thread=True)
def why(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> Why:
    """Why a job waits."""
    return jobs.why_waiting(centre, principal, name)


@get("/jobs/{name:str}/logs", sync_to_thread=True)
def logs(
    centre: GivenApp,
    principal: GivenPrincipal,
    name: FromPath[str],
    rank: FromQuery[int] = 0,
    attempt: FromQuery[int | None] = None,
    offset: FromQuery[int] = 0,
    limit_bytes: FromQuery[int] = 2**20,
) -> Response[bytes]:
    """Output of one task from a byte offset."""
    text = jobs.read_logs(centre, principal, name, rank, attempt, offset, limit_bytes)
    return Response(text, media_type="text/plain; charset=utf-8")


@get("/jobs/{name:str}/logs/follow")
async def follow(
    centre: GivenApp,
    principal: GivenPrincipal,
    name: FromPath[str],
    rank: FromQuery[int] = 0,
    attempt: FromQuery[int] = 0,
    offset: FromQuery[int] = 0,
) -> ServerSentEvent:
    """Output as it comes, attempt after attempt, until the job ends."""
    return await follow_task(centre, principal, name, rank, attempt, offset)


async def follow_task(
    centre: App, principal: Principal, name: str, rank: int, attempt: int, offset: int
) -> ServerSentEvent:
    """The stream of one task's output; refused at once where it is not the caller's to read."""
    await anyio.to_thread.run_sync(jobs.read_logs, centre, principal, name, rank, None, offset, 0)
    return ServerSentEvent(_follow(centre, principal, name, rank, attempt, offset))


def _detail(centre: App, principal: Principal, name: str) -> jobs.JobDetail | None:
    """The job now; nothing once the token that asked has ended."""
    return jobs.show_job(centre, principal, name) if tokens.still_valid(centre, principal) else None


async def _follow(
    centre: App, principal: Principal, name: str, rank: int, number: int, offset: int
) -> AsyncGenerator[ServerSentEventMessage]:
    while True:
        detail = await anyio.to_thread.run_sync(_detail, centre, principal, name)
        if detail is None:
            return
        for attempt in detail.attempts:
            if attempt.number < number:
                continue
            if attempt.number > number:
                number, offset = attempt.number, 0
            while True:
                chunk = await anyio.to_thread.run_sync(
                    jobs.read_logs, centre, principal, name, rank, number, offset, LOG_CHUNK_BYTES
                )
                text, taken = _whole_characters(chunk, final=attempt.state in FINAL_ATTEMPT_STATES)
                if not taken:
                    break
                yield _message("log", {"attempt": number, "offset": offset, "text": text})
                offset += taken
            if attempt.state not in FINAL_ATTEMPT_STATES:
                break
        if detail.job.state in FINAL_JOB_STATES:
            yield _message("end", {"state": str(detail.job.state)})
            return
        await anyio.sleep(FOLLOW_EVERY_S)


def _whole_characters(chunk: bytes, *, final: bool) -> tuple[str, int]:
    """Text up to the last whole UTF-8 character, and how many bytes that took; of a `final` rest all of it."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(chunk)
    taken = len(chunk) - len(decoder.getstate()[0])
    return (decoder.decode(b"", final=True), len(chunk)) if final and not taken else (text, taken)


def _message(event: str, data: dict[str, Any]) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=event, data=msgspec.json.encode(data).decode())


ROUTER = Router(
    "/",
    route_handlers=[upload_workdir, list_jobs, submit, submit_array, pools, show, stop, why, logs, follow],
)
