"""`penstock ps`, `show`, `stop`: jobs as they are."""

from datetime import timedelta
from itertools import islice
from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.language import _
from penstock.cli.options import Tenant
from penstock.cli.output import note, print_fields, print_table
from penstock.lease.job import FINAL_JOB_STATES, Attempt, Job, JobState

PAGE = 1000
"""What the API gives at once, at most."""
JobId = Annotated[str, Parameter(name="JOB", help="Job id.")]


class JobDetail(msgspec.Struct, frozen=True):
    """A job with all its attempts."""

    job: Job
    attempts: tuple[Attempt, ...]


def list_jobs(
    *,
    state: Annotated[
        list[JobState] | None,
        Parameter(help="Only jobs in this state; may be given more than once.", negative=""),
    ] = None,
    every: Annotated[bool, Parameter(name=["--all", "-a"], help="List ended jobs too.", negative="")] = False,
    limit: Annotated[int, Parameter(help="List at most so many.")] = 1000,
    tenant: Tenant = None,
    call: Call = CALL,
) -> None:
    """List jobs that have not ended."""
    alive = [one for one in JobState if one not in FINAL_JOB_STATES]
    states = state or ([] if every else alive)
    with call.client() as client:
        pages = client.items(
            "jobs", tenant=tenant, state=[str(one) for one in states] or None, limit=min(limit + 1, PAGE)
        )
        items = list(islice(pages, max(limit, 0) + 1))
    call.show_list(items[:limit], Job, lambda jobs: print_jobs(jobs, call))
    if len(items) > limit:
        note(_("There are more; list them with --limit or --state."))


def show_job(job: JobId, /, *, call: Call = CALL) -> None:
    """Show a job and its attempts."""
    with call.client() as client:
        call.show(client.get("jobs", job), JobDetail, lambda detail: _detail(detail, call))


def stop_job(job: JobId, /, *, call: Call = CALL) -> None:
    """Stop a job for good: a waiting one at once, a running one after its grace."""
    with call.client() as client:
        call.show(client.post("jobs", job, "stop"), Job, lambda found: print_job(found, call))


def print_job(job: Job, call: Call) -> None:
    """One job."""
    spec = job.spec
    print_fields(
        [
            ("job", job.id),
            ("name", spec.name),
            ("tenant", job.tenant),
            ("project", job.project or ""),
            ("state", formats.word(job.state)),
            ("waits for", formats.counts(job.reasons) if job.reasons else ""),
            ("asked to stop by", job.stop_reason or ""),
            ("devices", f"{spec.devices} × {' | '.join(spec.resources.models) or formats.ANY}"),
            ("nodes", str(spec.nodes)),
            ("tasks", str(spec.tasks)),
            ("image", spec.image),
            ("lease", job.lease or ""),
            ("price per card-hour", "" if job.lease else formats.price(job.price_micros_per_card_hour)),
            ("submitted", call.time(job.created_at)),
            ("started", call.time(job.started_at)),
            ("ended", call.time(job.ended_at)),
        ]
    )


def print_jobs(jobs: list[Job], call: Call) -> None:
    """Jobs as a table."""
    rows = [
        (
            job.id,
            formats.word(job.state),
            f"{'|'.join(job.spec.resources.models) or formats.ANY}:{job.spec.devices}",
            job.lease or formats.NONE,
            str(job.attempts),
            call.time(job.created_at),
            call.time(job.started_at),
            formats.counts(job.reasons),
        )
        for job in jobs
    ]
    titles = ("JOB", "STATE", "DEVICES", "LEASE", "ATTEMPTS", "SUBMITTED", "STARTED", "WAITS FOR")
    print_table(titles, rows, right=(4,))


def _detail(detail: JobDetail, call: Call) -> None:
    print_job(detail.job, call)
    print()
    rows = [
        (
            str(attempt.number),
            formats.word(attempt.state),
            " ".join(attempt.devices),
            call.time(attempt.began_at),
            call.time(attempt.ended_at),
            attempt.cause or formats.NONE,
            exits(attempt),
            str(len(attempt.checkpoints)),
            formats.duration(timedelta(seconds=attempt.cpu_seconds)),
            formats.size(attempt.memory_peak_bytes),
        )
        for attempt in detail.attempts
    ]
    titles = (
        "ATTEMPT", "STATE", "DEVICES", "FROM", "TO", "CAUSE", "EXITS", "CHECKPOINTS", "CPU TIME", "PEAK MEMORY",
    )  # fmt: skip
    print_table(titles, rows, right=(0, 7, 8, 9))
    for attempt in detail.attempts[-1:]:
        print()
        print_table(("LIMIT", "ENFORCED BY"), sorted(attempt.limits.items()))


def exits(attempt: Attempt) -> str:
    """Exit code or signal of each task, by rank."""
    shown = []
    for task in attempt.exits:
        ended = f"SIG{task.signal}" if task.signal is not None else str(task.exit_code)
        shown.append(f"{task.rank}:{ended}{'!oom' if task.out_of_memory else ''}")
    return " ".join(shown) or formats.NONE
