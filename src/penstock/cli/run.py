"""`penstock run`: check a job file and submit it."""

import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.jobs import print_job, print_jobs
from penstock.cli.language import _
from penstock.cli.logs import follow_job
from penstock.cli.main import UNSUCCESSFUL
from penstock.cli.options import Id, Tenant
from penstock.cli.output import note, print_fields, print_json
from penstock.cli.pools import print_pools
from penstock.cli.refused import show_notes
from penstock.lease.job import Job, JobSpec, JobState
from penstock.lease.jobfile import JobFile, parse
from penstock.lease.jobfile.document import SIZE_MAX_BYTES
from penstock.placement.pools import Pool
from penstock.sdk.client import Client
from penstock.sdk.workdir import upload_workdir


def run(
    file: Annotated[Path, Parameter(help="Job file in YAML, or a batch script of Slurm.")],
    /,
    *,
    lease: Annotated[
        str | None, Parameter(help="Lease to run on; by default what the file says, else on demand.")
    ] = None,
    project: Annotated[
        str | None, Parameter(help="Project to run in; by default what the file says.")
    ] = None,
    tenant: Tenant = None,
    own_id: Id = None,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], help="Print its output until it ends.", negative="")
    ] = False,
    check: Annotated[bool, Parameter(help="Only check the file; nothing is sent.", negative="")] = False,
    pools: Annotated[
        bool, Parameter(help="Only list the pools that it could have, best first.", negative="")
    ] = False,
    call: Call = CALL,
) -> int:
    """Check a job file and submit it.

    Every mistake in the file is shown with its line before anything is sent. With --follow the exit status
    is 4 where the job does not succeed.
    """
    found = read_job_file(file)
    show_notes(found.notes)
    if check:
        _checked(file, found, call)
        return 0
    with call.client() as client:
        if pools:
            answer = client.post("pools", body=_uploaded(client, file, found))
            call.show_list(answer["items"], Pool, print_pools)
            return 0
        jobs = _submit(client, file, found, own_id or job_id(found.spec.name), tenant, project, lease)
        if not follow and found.array:
            call.show_list(jobs, Job, lambda shown: print_jobs(shown, call))
            return 0
        if not follow:
            call.show(jobs[0], Job, lambda shown: print_job(shown, call))
            return 0
        states = set()
        for job in jobs:
            note(_("submitted {job}").format(job=job["id"]))
            states.add(follow_job(client, str(job["id"]), 0, 0, call))
    return 0 if states == {JobState.SUCCEEDED} else UNSUCCESSFUL


def read_job_file(file: Path) -> JobFile:
    """The checked content of a job file; refused with all that is wrong in it."""
    try:
        if file.stat().st_size > SIZE_MAX_BYTES:
            raise Refused(
                invalid(
                    "file_too_large", f"{file} is past {SIZE_MAX_BYTES // 1024} KiB", "shorten it", str(file)
                )
            )
        content = file.read_bytes()
    except OSError as error:
        raise Refused(
            invalid("file_unreadable", f"{file}: {error.strerror}", "name a job file", str(file))
        ) from error
    found = parse(content, str(file))
    if isinstance(found, JobFile):
        return found
    raise Refused(*found)


def job_id(name: str) -> str:
    """A new id that begins like the job's name."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-") or "job"
    return f"{slug}-{secrets.token_hex(4)}"


def _submit(
    client: Client,
    file: Path,
    found: JobFile,
    name: str,
    tenant: str | None,
    project: str | None,
    lease: str | None,
) -> list[dict[str, object]]:
    """Submit the job, or all of an array; the same ids again are the same jobs."""
    found = msgspec.structs.replace(found, spec=_uploaded(client, file, found))
    whole = {"tenant": tenant, "project": project or found.project, "lease": lease or found.lease}
    if not found.array:
        return [client.post("jobs", body={"id": name, "spec": found.spec, **whole})]
    indices = {"indices": found.array, "at_once": found.array_limit}
    return client.post("arrays", body={"id": name, "spec": found.spec, **indices, **whole})["items"]


def _uploaded(client: Client, file: Path, found: JobFile) -> JobSpec:
    """The job with its working directory sent to the centre."""
    if not found.workdir:
        return found.spec
    content_id = upload_workdir(client, file.parent / found.workdir)
    return msgspec.structs.replace(found.spec, workdir=content_id)


def _checked(file: Path, found: JobFile, call: Call) -> None:
    spec = found.spec
    if call.json:
        print_json(spec)
        return
    limit = "" if spec.time_limit_s is None else formats.duration(timedelta(seconds=spec.time_limit_s))
    print_fields(
        [
            ("in order", str(file)),
            ("name", spec.name),
            ("devices", f"{spec.devices} × {' | '.join(spec.resources.models) or formats.ANY}"),
            ("nodes", str(spec.nodes)),
            ("tasks", str(spec.tasks)),
            *([("jobs", str(len(found.array)))] if found.array else []),
            ("working directory", found.workdir),
            ("time limit", limit),
        ]
    )
