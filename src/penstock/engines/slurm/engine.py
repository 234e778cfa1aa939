"""The Slurm engine: each attempt is one job on exactly the hosts that were chosen, once by its id.

Nothing that matters is in memory: the attempt's directory on the shared file system says what was asked and
submitted, its claim which job may run it, the hosts' parts what the programs did, and accounting what it
cost. Slurm is asked again whenever it was away.
"""

import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from penstock.app.ports import Capacity, Kept, Start
from penstock.base.ids import check_id
from penstock.base.refusal import ensure
from penstock.base.window import from_us
from penstock.engines.agent.format import STOP
from penstock.engines.local.outside import fault
from penstock.engines.local.supervisor.directory import remove
from penstock.engines.local.supervisor.record import replace_file
from penstock.engines.node import Order, StopRequest, files, read_stop
from penstock.engines.slurm import folder
from penstock.engines.slurm.cluster import Cluster
from penstock.engines.slurm.fleet import Fleet
from penstock.engines.slurm.following import Following
from penstock.engines.slurm.model import Rejected, SlurmJob
from penstock.engines.slurm.reconciling import Reconciling
from penstock.engines.slurm.settings import SlurmSettings
from penstock.engines.slurm.submission import submission
from penstock.lease.job import AttemptState
from penstock.lease.seen import Seen


class SlurmEngine:
    """Runs attempts on a cluster. Raises Refused where it will never have us, Fault where it is away."""

    starts_at_once = 4
    """Of a request to start most is waiting for slurmrestd and the controller."""

    def __init__(self, settings: SlurmSettings) -> None:
        self.name = settings.name
        self._settings = msgspec.structs.replace(settings, python=settings.python or sys.executable)
        self._root = settings.shared.resolve() / "attempts"
        with fault(f"opening {self._root}"):
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._cluster = Cluster(settings)
        self._reconciling = Reconciling(settings.shared.resolve(), self._cluster)
        self._fleet = Fleet(settings, self._cluster, self._remarks)
        self._following = Following(self._settings, self._root, self._cluster, self._reconciling)

    def version(self) -> str:
        """What the cluster speaks; asked once."""
        return self._cluster.version()

    def capacity(self) -> Capacity:
        """Hosts, devices, their states, and work on them that is not ours; some seconds old at most."""
        return self._fleet.look()

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
            if not fresh and (self._is_settled(directory) or self._found(directory)):
                return
            self._submit(plan, directory)

    def observe(self, attempts: Iterable[str]) -> Sequence[Seen]:
        """What is known of each; an attempt that never began here is left out."""
        return self._following.observe(attempts)

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
                self._following.forget(attempt)
                remove(directory)

    def close(self) -> None:
        """Let go of the engine; attempts go on running."""
        self._following.close()
        self._fleet.close()
        self._cluster.close()

    def _remarks(self) -> tuple[str, ...]:
        with fault("reconciling accounting"):
            return self._reconciling.look(self._root)

    def _directory(self, attempt: str) -> Path:
        return self._root / ensure(check_id(attempt, "attempt"))

    def _is_settled(self, directory: Path) -> bool:
        """Whether nothing is left to submit."""
        over = folder.read_final(directory) is not None or read_stop(directory) is not None
        return over or bool(folder.job_number(directory)) or folder.is_claimed(directory)

    def _found(self, directory: Path) -> bool:
        """Whether it was submitted by somebody who died before he could write that down."""
        job = self._job_in(directory)
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
        job = self._cluster.job(number) if number else self._job_in(directory)
        if job is None:
            never = Seen(attempt=attempt, state=AttemptState.STOPPED, cause="stop", ended_at=_now())
            if not folder.is_claimed(directory) and not number:
                folder.write_final(directory, never)
        elif job.is_pending:
            self._cluster.cancel(job.id)

    def _job_in(self, directory: Path) -> SlurmJob | None:
        """The job that was submitted to run in a directory, which no other centre's has."""
        return next((job for job in self._cluster.jobs() if job.directory == str(directory)), None)


def _now() -> datetime:
    return from_us(time.time_ns() // 1000)
