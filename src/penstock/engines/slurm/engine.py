"""The Slurm engine: each attempt is one job on exactly the hosts that were chosen, once by its id.

Nothing that matters is in memory: the attempt's directory on the shared file system says what was asked and
submitted, its claim which job may run it, the hosts' parts what the programs did, and accounting what it
cost. Slurm is asked again whenever it was away.
"""

import contextlib
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from penstock.app.ports import Capacity, Kept, Start
from penstock.base.ids import check_id
from penstock.base.refusal import Fault, ensure
from penstock.base.window import from_us
from penstock.engines.agent.format import STOP
from penstock.engines.local.outside import fault, observe_each
from penstock.engines.local.supervisor.directory import remove
from penstock.engines.local.supervisor.record import replace_file
from penstock.engines.node import Order, StopRequest, files, read_order, read_stop
from penstock.engines.slurm import folder, outcome
from penstock.engines.slurm.cluster import Cluster
from penstock.engines.slurm.fleet import Fleet
from penstock.engines.slurm.model import Rejected, SlurmJob
from penstock.engines.slurm.reconciling import Reconciling
from penstock.engines.slurm.settings import SlurmSettings
from penstock.engines.slurm.submission import PREFIX, submission
from penstock.lease.job import AttemptState
from penstock.lease.seen import Seen

_FEW = 3
"""So many jobs are asked for one by one; more of them by one list."""
_OVERDUE_S = 15.0
"""A job that ought to have stopped is killed by Slurm so long after its grace."""


class SlurmEngine:
    """Runs attempts on a cluster. Raises Refused where it will never have us, Fault where it is away."""

    def __init__(self, settings: SlurmSettings) -> None:
        self.name = settings.name
        self._settings = msgspec.structs.replace(settings, python=settings.python or sys.executable)
        self._root = settings.shared.resolve() / "attempts"
        with fault(f"opening {self._root}"):
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._cluster = Cluster(settings)
        self._fleet = Fleet(settings, self._cluster)
        self._reconciling = Reconciling(settings.shared.resolve(), self._cluster)
        self._differences: tuple[Capacity, Capacity] | None = None
        self._missed_s: dict[str, float] = {}
        self._records: dict[int, SlurmJob | None] = {}

    def version(self) -> str:
        """What the cluster speaks; asked once."""
        return self._cluster.version()

    def capacity(self) -> Capacity:
        """Hosts, devices, their states, and work on them that is not ours; some seconds old at most."""
        found = self._fleet.look()
        if self._differences is None or self._differences[0] is not found:
            with fault("reconciling accounting"):
                remarks = self._reconciling.look(self._root)
            self._differences = found, msgspec.structs.replace(found, remarks=remarks)
        return self._differences[1]

    def keep(self, leases: Sequence[Kept]) -> None:
        """Keep hosts for leases by accounts and reservations, where we are to."""
        self._fleet.keep(leases)

    def start(self, plan: Start) -> None:
        """Submit; a second call with the same attempt id changes nothing. All tasks start or none."""
        directory = self._directory(plan.attempt)
        with fault(f"starting attempt {plan.attempt}"):
            order = Order(
                plan=plan,
                isolation=self._settings.isolation,
                expose=(sys.prefix, sys.base_prefix),
                addresses=self._fleet.addresses(),
            )
            fresh = folder.make(directory, files(order, directory))
            if not fresh and (self._is_settled(directory) or self._found(directory, plan.attempt)):
                return
            self._submit(plan, directory)

    def observe(self, attempts: Iterable[str]) -> Sequence[Seen]:
        """What is known of each; an attempt that never began here is left out."""
        final = {attempt: folder.read_final(self._directory(attempt)) for attempt in attempts}
        numbers = {
            attempt: folder.job_number(directory)
            for attempt, seen in final.items()
            if seen is None and (directory := self._directory(attempt)).is_dir()
        }
        jobs = self._jobs(numbers)
        over = {number for number in numbers.values() if number in jobs and jobs[number].is_over}
        self._records = self._accounted(over) if len(over) > 1 else {}

        def see(attempt: str) -> Seen | None:
            if attempt not in numbers:
                return final[attempt]
            return self._see(attempt, jobs.get(numbers[attempt]) or jobs.get(PREFIX + attempt))

        return observe_each(final, see)

    def stop(self, attempt: str, grace_s: float) -> None:
        """Ask all tasks to end, kill their process trees after the grace; final, returns at once."""
        directory = self._directory(attempt)
        request = msgspec.json.encode(StopRequest(grace_s, time.time_ns() // 1000))
        with fault(f"stopping attempt {attempt}"):
            never = Seen(attempt=attempt, state=AttemptState.STOPPED, cause="stop", ended_at=_now())
            if folder.make(directory, {STOP: request, folder.FINAL: msgspec.json.encode(never)}):
                return
            if folder.read_final(directory) is None:
                replace_file(directory / STOP, request, durable=True)
                if not folder.is_claimed(directory):
                    self._withdraw(directory, attempt)

    def logs(self, attempt: str, rank: int, offset: int, limit_bytes: int) -> bytes:
        """Standard output and error of one task, in order, from a byte offset."""
        return folder.read_log(self._directory(attempt), rank, offset, limit_bytes)

    def forget(self, attempt: str) -> None:
        """Drop what is kept of a finished attempt; its logs go too. One that is not finished stays."""
        directory = self._directory(attempt)
        with fault(f"forgetting attempt {attempt}"):
            if folder.read_final(directory) is not None:
                remove(directory)

    def close(self) -> None:
        """Let go of the engine; attempts go on running."""
        self._cluster.close()

    def _directory(self, attempt: str) -> Path:
        return self._root / ensure(check_id(attempt, "attempt"))

    def _is_settled(self, directory: Path) -> bool:
        """Whether nothing is left to submit."""
        over = folder.read_final(directory) is not None or read_stop(directory) is not None
        return over or bool(folder.job_number(directory)) or folder.is_claimed(directory)

    def _found(self, directory: Path, attempt: str) -> bool:
        """Whether it was submitted by somebody who died before he could write that down."""
        job = self._jobs_by_name().get(PREFIX + attempt)
        if job is not None:
            folder.write_job(directory, job.id)
        return job is not None

    def _submit(self, plan: Start, directory: Path) -> None:
        reservation = self._fleet.reservation(plan.lease)
        wanted = submission(plan, directory, self._settings, self._fleet.cpu_share(), reservation)
        try:
            folder.write_job(directory, self._cluster.submit(wanted))
        except Rejected as error:
            nodes = ", ".join(wanted.nodes)
            (directory / "refused-0.log").write_text(f"penstock: Slurm refused it on {nodes}: {error}\n")
            folder.write_final(
                directory,
                Seen(
                    attempt=plan.attempt, state=AttemptState.FAILED, cause="engine_refused", ended_at=_now()
                ),
            )

    def _withdraw(self, directory: Path, attempt: str) -> None:
        """Cancel what still waits; whatever begins all the same finds the request to stop first."""
        number = folder.job_number(directory)
        job = self._cluster.job(number) if number else self._jobs_by_name().get(PREFIX + attempt)
        if job is None:
            never = Seen(attempt=attempt, state=AttemptState.STOPPED, cause="stop", ended_at=_now())
            if not folder.is_claimed(directory) and not number:
                folder.write_final(directory, never)
        elif job.is_pending:
            self._cluster.cancel(job.id)

    def _jobs(self, wanted: dict[str, int]) -> dict[int | str, SlurmJob]:
        """The jobs of these attempts by number, and by name for those without."""
        if not wanted:
            return {}
        if len(wanted) <= _FEW and all(wanted.values()):
            found = (self._cluster.job(number) for number in wanted.values())
            return {job.id: job for job in found if job is not None}
        jobs = self._cluster.jobs()
        return {job.id: job for job in jobs} | {job.name: job for job in jobs}

    def _jobs_by_name(self) -> dict[str, SlurmJob]:
        return {job.name: job for job in self._cluster.jobs()}

    def _see(self, attempt: str, job: SlurmJob | None) -> Seen | None:
        directory = self._directory(attempt)
        order = read_order(directory)
        number = job.id if job else folder.job_number(directory)
        if order is None or not number:
            return None
        plan = order.plan
        if job is None:  # gone from the controller: only accounting can still tell
            job = self._cluster.accounted((number,)).get(number)
            if job is None or not job.is_over:
                return self._missing(plan, directory)
        gang = outcome.merged(plan, outcome.parts(plan, directory))
        if job.is_pending and not folder.is_claimed(directory):
            return Seen(attempt=attempt, state=AttemptState.STARTING, waiting=job.reason or job.state)
        if job.is_pending:
            return self._put_back(plan, directory, gang, job)
        if not job.is_over:
            self._hurry(directory, job)
            return self._ongoing(gang, job)
        return self._settle(plan, directory, gang, job)

    def _ongoing(self, gang: Seen, job: SlurmJob) -> Seen:
        began_at = from_us(job.start_s * 1_000_000) if job.start_s else gang.began_at
        running_at = gang.running_at
        if running_at is not None and began_at is not None:
            running_at = max(running_at, began_at)
        state = gang.state
        if gang.ended_at is not None:
            state = AttemptState.RUNNING if gang.running_at else AttemptState.STARTING
        return msgspec.structs.replace(
            gang, state=state, began_at=began_at, running_at=running_at, exits=(), cause=""
        )

    def _settle(self, plan: Start, directory: Path, gang: Seen, job: SlurmJob) -> Seen:
        """The end of a job that is over, once accounting has it."""
        told = read_stop(directory) is not None
        seen = outcome.ended(plan, gang, job, told_to_stop=told)
        record, confirmed = self._record(plan.attempt, job)
        if record is None:
            waits = outcome.timed(seen, job, begun=folder.is_claimed(directory))
            return msgspec.structs.replace(self._ongoing(gang, job), ended_at=waits.ended_at)
        if record.state in ("PREEMPTED", "NODE_FAIL") and job.state != record.state:
            seen = outcome.ended(plan, gang, record, told_to_stop=told)
        seen = outcome.timed(seen, record, begun=folder.is_claimed(directory))
        told_by = "slurmdbd" if confirmed else "slurmctld alone"
        seen = msgspec.structs.replace(seen, limits=seen.limits | {"accounting": told_by})
        if not confirmed:
            self._reconciling.note(plan.attempt, job.id)
        self._missed_s.pop(plan.attempt, None)
        return folder.write_final(directory, seen)

    def _put_back(self, plan: Start, directory: Path, gang: Seen, job: SlurmJob) -> Seen:
        """Slurm has lost a host and queues the job again (22.05 cannot be told not to): that attempt is lost.

        Its claim keeps the job from running twice, so there is time to wait for the record of the first run.
        """
        record, _ = self._record(plan.attempt, msgspec.structs.replace(job, state="NODE_FAIL"))
        if record is None:
            return msgspec.structs.replace(self._ongoing(gang, job), ended_at=gang.ended_at or _now())
        if record.start_s:
            gang = outcome.timed(gang, record, begun=True)
        over = msgspec.structs.replace(
            record, state="NODE_FAIL" if record.state == "CANCELLED" else record.state
        )
        seen = outcome.ended(plan, gang, over, told_to_stop=read_stop(directory) is not None)
        seen = folder.write_final(directory, msgspec.structs.replace(seen, ended_at=seen.ended_at or _now()))
        self._cluster.cancel(job.id)
        return seen

    def _record(self, attempt: str, job: SlurmJob) -> tuple[SlurmJob | None, bool]:
        """What accounting says of it, or the controller where accounting is not used or too long away."""
        if not self._settings.accounting:
            return job, False
        if job.id not in self._records:
            self._records |= self._accounted({job.id})
        record = self._records[job.id]
        if record is not None and record.is_over and record.end_s:
            return record, True
        since_s = self._missed_s.setdefault(attempt, time.monotonic())
        waited_s = max(time.monotonic() - since_s, time.time() - job.end_s if job.end_s else 0.0)
        return (job, False) if waited_s > self._settings.accounting_patience_s else (None, False)

    def _accounted(self, numbers: set[int]) -> dict[int, SlurmJob | None]:
        """What accounting has of these jobs by now; None where that is nothing."""
        found: dict[int, SlurmJob] = {}
        if self._settings.accounting:
            with contextlib.suppress(Fault):
                found = self._cluster.accounted(numbers)
        return {number: found.get(number) for number in numbers}

    def _missing(self, plan: Start, directory: Path) -> Seen | None:
        """Neither controller nor accounting knows the job: it is lost once that has lasted."""
        since_s = self._missed_s.setdefault(plan.attempt, time.monotonic())
        gang = outcome.merged(plan, outcome.parts(plan, directory))
        if time.monotonic() - since_s < self._settings.accounting_patience_s:
            return msgspec.structs.replace(
                gang, state=AttemptState.STARTING, exits=(), cause="", ended_at=_now()
            )
        lost = Seen(attempt=plan.attempt, state=AttemptState.LOST, cause="job_unknown", ended_at=_now())
        final = gang if gang.ended_at is not None else lost
        return folder.write_final(directory, final)

    def _hurry(self, directory: Path, job: SlurmJob) -> None:
        """Have Slurm kill what ought to have stopped by itself."""
        asked = read_stop(directory)
        if asked and time.time() > asked.asked_us / 1e6 + asked.grace_s + _OVERDUE_S:
            self._cluster.cancel(job.id)


def _now() -> datetime:
    return from_us(time.time_ns() // 1000)
