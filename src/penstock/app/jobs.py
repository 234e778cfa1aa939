"""What a tenant does with jobs: submit, list, look, ask why, stop."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import numpy as np

from penstock.app import asking, books, depending, images, placing
from penstock.app.access import (
    known_as,
    own_tenant,
    qualified,
    readable_tenant,
    require,
    require_operator,
    visible,
)
from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.app.selling import dearest_offer, hourly_price
from penstock.app.software import Reader, bars
from penstock.base.quantity import WHOLE
from penstock.base.refusal import Refusal, Refused, invalid, not_found
from penstock.billing.prepay import job_price
from penstock.billing.rate import spot_terms, terms_of
from penstock.fleet.device import Device
from penstock.lease.depend import WAITS_FOR_JOBS, unmet
from penstock.lease.job import FINAL_ATTEMPT_STATES, FINAL_JOB_STATES, Attempt, Job, JobSpec, JobState
from penstock.lease.jobfile import check_spec
from penstock.lease.offer import LeaseState
from penstock.lease.tenant import Principal, Scope, TenantState
from penstock.placement import software
from penstock.placement.kind import line_of
from penstock.placement.model import Why
from penstock.placement.need import share_of
from penstock.placement.why import why
from penstock.store import audit, fleet, jobs, leases, settings, tenants
from penstock.store.database import Tx

PAGE_MAX = 1_000
LOG_READ_MAX_BYTES = 2**24
"""What is read of a log in one go."""
REACH = 256
"""Of each line of jobs that are alike, so many are reckoned with when one is told why it waits."""


class NewJob(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A job to run: on a lease, or on demand where none is named."""

    id: str
    spec: JobSpec
    tenant: str | None = None
    project: str | None = None
    lease: str | None = None


class JobDetail(msgspec.Struct, frozen=True):
    """A job with all its attempts."""

    job: Job
    attempts: tuple[Attempt, ...]


def require_upload(principal: Principal) -> None:
    """Refuse an upload by who could not submit a job with it."""
    if principal.tenant is None:
        require_operator(principal)
    else:
        require(principal, Scope.SUBMIT, principal.tenant)


def submit(app: App, principal: Principal, request: NewJob, read: Reader | None = None) -> Job:
    """Queue a job; on demand, money for the first stretch is set aside with it. Safe to repeat.

    `read` looks into its working directory for what keeps its software off some chips, where it asks for it.
    """
    return submit_all(app, principal, [request], read)[0]


def submit_all(
    app: App, principal: Principal, requests: Sequence[NewJob], read: Reader | None = None
) -> tuple[Job, ...]:
    """Queue jobs that run the same, as those of an array: all or none. Safe to repeat."""
    now, checked = app.now(), []
    for request in requests:
        tenant = own_tenant(principal, request.tenant)
        require(principal, Scope.SUBMIT, tenant)
        problems = [*check_spec(request.spec), *(() if checked else images.problems(app, request.spec))]
        if problems:
            raise Refused(*problems)
        checked.append((qualified(tenant, request.id), tenant, request))
    barred = bars(app, requests[0].spec, known_accelerators(app), read)
    with app.database.write() as tx:
        return tuple(_queued(app, tx, principal, *one, barred, now) for one in checked)


def _queued(
    app: App,
    tx: Tx,
    principal: Principal,
    name: str,
    tenant: str,
    request: NewJob,
    barred: dict[str, tuple[str, ...]],
    now: datetime,
) -> Job:
    """The job as it was queued, now or when the same was asked before."""
    if settings.first_time(tx, "job", name, request):
        job = _admit(app, tx, name, tenant, request, now, barred)
        job = msgspec.structs.replace(job, line=line_of(job))
        jobs.add_job(tx, job)
        audit.record(tx, now, principal.token, "submit", name)
        return job
    return visible(principal, "job", name, jobs.job(tx, name))


def _admit(
    app: App,
    tx: Tx,
    name: str,
    tenant: str,
    request: NewJob,
    now: datetime,
    barred: dict[str, tuple[str, ...]],
) -> Job:
    _check_tenant(tx, tenant, request)
    _check_files(app, tx, tenant, request.spec)
    spec = depending.named_in_full(tx, tenant, request.spec)
    job = Job(id=name, tenant=tenant, spec=spec, created_at=now, project=request.project, barred=barred)
    if request.lease is not None:
        return _on_lease(tx, job, qualified(tenant, request.lease))
    offer = dearest_offer(tx, spec.resources.models, now, spot=spec.spot)
    price = hourly_price(offer, spot=spec.spot)
    job = msgspec.structs.replace(job, offer=offer.id, price_micros_per_card_hour=price)
    terms = spot_terms(offer) if spec.spot else terms_of(offer, price)
    horizon = app.policy.hold_horizon
    amount = job_price(spec.devices, terms, spec.time_limit_s, horizon, _largest_share(tx, spec))
    if amount == 0:
        return job
    hold = f"job/{name}"
    books.set_aside(tx, tenant, hold, amount, offer.currency, now, now + app.policy.hold_validity)
    return msgspec.structs.replace(job, hold=hold)


def _largest_share(tx: Tx, spec: JobSpec) -> int:
    """The most thousandths of a device that the job may come to take: memory may ask for more than its share."""
    need = spec.resources
    if need.device_share == WHOLE:
        return WHOLE
    wanted = [d.memory_bytes for d in fleet.devices(tx) if not need.models or d.model in need.models]
    shares = share_of(need, np.array(wanted, np.int64))
    return int(shares[shares <= WHOLE].max(initial=need.device_share))


def _check_tenant(tx: Tx, tenant: str, request: NewJob) -> None:
    row = tenants.tenant(tx, tenant)
    if row is None:
        raise Refused(not_found("tenant", tenant))
    if row.state is TenantState.SUSPENDED and request.lease is None:  # a lease is paid ahead
        raise Refused(
            Refusal(
                "tenant_suspended",
                "the balance is used up",
                "pay in, and the tenant is active again",
                "tenant",
            )
        )
    if request.project is not None and tenants.project(tx, tenant, request.project) is None:
        raise Refused(not_found("project", request.project))


def _check_files(app: App, tx: Tx, tenant: str, spec: JobSpec) -> None:
    if spec.workdir and app.files.workdir(spec.workdir) is None:
        raise Refused(
            invalid("workdir_missing", "the working directory is not here", "upload it first", "workdir")
        )
    for path, volume in spec.volumes.items():
        if tenants.volume(tx, tenant, volume) is None:
            raise Refused(
                invalid(
                    "volume_not_found",
                    f"there is no volume {volume!r}",
                    f"make it with `penstock volume add {volume}`",
                    f"spec.volumes.{path}",
                )
            )


def _on_lease(tx: Tx, job: Job, lease_id: str) -> Job:
    lease = leases.lease(tx, lease_id)
    if lease is None or lease.tenant != job.tenant:
        raise Refused(not_found("lease", lease_id))
    if lease.state not in (LeaseState.RESERVED, LeaseState.ACTIVE, LeaseState.SUSPENDED):
        raise Refused(
            Refusal(
                "lease_over",
                f"lease {lease_id!r} is {lease.state}",
                "lease again, or run on demand",
                "lease",
            )
        )
    wanted = job.spec.resources.models
    if wanted and lease.model not in wanted:
        raise Refused(
            Refusal(
                "lease_model",
                f"the lease is for {lease.model}, the job wants {', '.join(wanted)}",
                "change one",
                "lease",
            )
        )
    leased = fleet.device(tx, lease.devices[0])
    rules = software.against(job, leased) if leased is not None else ()
    if rules:
        raise Refused(
            Refusal(
                "lease_software",
                f"the program does not run on {lease.model}: {', '.join(rules)}",
                "see `penstock port check`; once ported, add a variant for its stack",
                "lease",
            )
        )
    if job.spec.spot:
        raise Refused(
            Refusal("spot_on_lease", "work on a lease is not spot work", "leave out spot: or lease:", "spot")
        )
    if job.spec.devices > len(lease.devices):
        raise Refused(
            Refusal(
                "lease_too_small",
                f"the job needs {job.spec.devices} devices, the lease has {len(lease.devices)}",
                "ask for fewer devices, or lease more",
                "lease",
            )
        )
    return msgspec.structs.replace(job, lease=lease.id)


def stop(app: App, principal: Principal, name: str) -> Job:
    """End a job for good: a waiting one at once, a running one after its grace. Safe to repeat."""
    name = known_as(principal, name)
    now = app.now()
    with app.database.write() as tx:
        job = visible(principal, "job", name, jobs.job(tx, name), Scope.SUBMIT)
        if job.state in FINAL_JOB_STATES or job.stop_reason == "user":
            return job
        job = msgspec.structs.replace(job, stop_reason="user")
        if job.state is JobState.QUEUED:
            job = msgspec.structs.replace(job, state=JobState.CANCELLED, ended_at=now, reasons={})
            jobs.set_waits(tx, {job.id: None}, now)
            job = release(tx, job, now)
        jobs.put_job(tx, job)
        audit.record(tx, now, principal.token, "stop", name)
        return job


def release(tx: Tx, job: Job, now: datetime) -> Job:
    """The job without its hold; what was not used of the money is free again."""
    if not job.hold:
        return job
    books.give_back(tx, {job.hold}, now)
    return msgspec.structs.replace(job, hold="")


def list_jobs(
    app: App,
    principal: Principal,
    tenant: str | None = None,
    after: str = "",
    limit: int = 100,
    states: tuple[JobState, ...] = (),
) -> tuple[Job, ...]:
    """A page of jobs by id; ask again after the last one for the next page."""
    asking.whole_number(limit, 1, PAGE_MAX, "limit")
    with app.database.read() as tx:
        return jobs.jobs(tx, readable_tenant(principal, tenant), after, limit, states)


def devices_of_task(app: App, principal: Principal, name: str, rank: int) -> tuple[Device, ...]:
    """The devices that one task of a job has now; none where it has not begun or is over."""
    detail = show_job(app, principal, name)
    last = detail.attempts[-1] if detail.attempts else None
    if last is None or last.state in FINAL_ATTEMPT_STATES or not 0 <= rank < len(last.tasks):
        return ()
    own = set(last.tasks[rank])
    with app.database.read() as tx:
        return tuple(device for device in fleet.devices(tx) if device.id in own)


def recent_jobs(
    app: App,
    principal: Principal,
    tenant: str | None,
    states: tuple[JobState, ...],
    before: str = "",
    limit: int = 100,
) -> tuple[Job, ...]:
    """Jobs, newest first; ask again with the last one's id as `before` for the next page."""
    owner = readable_tenant(principal, tenant)
    with app.database.read() as tx:
        last = jobs.job(tx, before) if before else None
        place = (last.created_at, last.id) if last is not None and owner in (None, last.tenant) else None
        return jobs.recent(tx, owner, states, place, limit)


def jobs_of_lease(app: App, principal: Principal, lease: str, limit: int = 100) -> tuple[Job, ...]:
    """Jobs on one lease, newest first."""
    with app.database.read() as tx:
        visible(principal, "lease", lease, leases.lease(tx, lease))
        return jobs.of_lease(tx, lease, limit)


def show_job(app: App, principal: Principal, name: str) -> JobDetail:
    """A job and its attempts."""
    name = known_as(principal, name)
    with app.database.read() as tx:
        job = visible(principal, "job", name, jobs.job(tx, name))
        return JobDetail(job, jobs.attempts_of(tx, name))


def why_waiting(app: App, principal: Principal, name: str) -> Why:
    """What a job waits for, when it would start, and what would make it start sooner.

    Where more of its own line come first than are reckoned with, its start is not known.
    """
    name = known_as(principal, name)
    with app.database.read() as tx:
        job = visible(principal, "job", name, jobs.job(tx, name))
        world = placing.seen(app, tx, REACH)
        found = why(world, job, app.now())
        behind = jobs.count_before(tx, job) - sum(map(_comes_before(job), world.queue))
        last = jobs.attempts_of(tx, name)[-1:]
        before = {other.id: other.state for other in jobs.by_ids(tx, set(job.spec.after)).values()}
    if behind > 0:
        found = msgspec.structs.replace(found, ahead=found.ahead + behind, starts_by=None)
    if first := unmet(job, before):
        return Why(job=name, reason=WAITS_FOR_JOBS, counts={}, ahead=0, possible=found.possible, after=first)
    return msgspec.structs.replace(found, engine=last[0].waiting) if last else found


def _comes_before(job: Job) -> Callable[[Job], bool]:
    """Whether another comes first in the line of jobs that are alike."""
    place = job.created_at, job.id
    return lambda other: other.line == job.line and (other.created_at, other.id) < place


def read_logs(
    app: App, principal: Principal, name: str, rank: int, number: int | None, offset: int, limit_bytes: int
) -> bytes:
    """Output of one task of an attempt (the last one where no number is given), from a byte offset."""
    asking.whole_number(offset, 0, 2**62, "offset")
    asking.whole_number(limit_bytes, 0, LOG_READ_MAX_BYTES, "limit_bytes")
    detail = show_job(app, principal, name)
    chosen = [a for a in detail.attempts if number is None or a.number == number]
    if not 0 <= rank < detail.job.spec.tasks:
        raise Refused(not_found("task", f"{name} rank {rank}"))
    if number is not None and not chosen:
        raise Refused(not_found("attempt", f"{name} attempt {number}"))
    if not chosen:
        return b""
    attempt = chosen[-1]
    return app.engine(attempt.engine).logs(attempt.id, rank, offset, limit_bytes)
