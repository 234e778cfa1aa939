"""What becomes of attempts, as told by their hosts' files, the controller, and accounting.

An attempt that succeeded on one host is final as soon as its job there is done: what is placed on its devices next
waits in Slurm's own queue until it has cleared up. Others that ended in the ordinary way are final once the controller
says that their jobs are over. How long each took is accounting's to say, which is awaited; where hosts, controller and
accounting might tell different stories (a lost host, eviction), the end itself waits for accounting.
"""

import math
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from penstock.base.refusal import Fault
from penstock.base.window import from_us
from penstock.engines.local.outside import fault, observe_each
from penstock.engines.node import read_order
from penstock.engines.slurm import folder, outcome
from penstock.engines.slurm.cluster import Cluster
from penstock.engines.slurm.model import ACTIVE, SlurmJob
from penstock.engines.slurm.reconciling import Reconciling
from penstock.engines.slurm.records import Records
from penstock.engines.slurm.settings import SlurmSettings
from penstock.engines.slurm.sight import Sight
from penstock.engines.slurm.submission import PREFIX
from penstock.engines.slurm.watched import Watched
from penstock.lease.job import ACCOUNTING, AWAITED, FINAL_ATTEMPT_STATES, AttemptState
from penstock.lease.seen import Seen

_BEGUN_S, _BEGUN_ALONE_S = 0.2, 1.0
"""An attempt that has begun may be over as soon, which spares a question; the latter where its host alone tells."""
_TRUST_S = 300.0
"""So long is the clock of a host not compared with the controller's again."""
_OVERDUE_S = 15.0
"""A job that ought to have stopped is killed by Slurm so long after its grace."""
_BY_DBD, _UNCONFIRMED, _BY_HOST, _NOT_ASKED = "slurmdbd", "unconfirmed", "its host", "slurmctld"
_BY_ITSELF = ("COMPLETED", "FAILED")
_LATE_S = 40.0
"""So long may it take until another host sees a file: NFS trusts what it knows of a directory for 30 s (`acdirmin`)."""
_UNCLEAR = ("PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "CANCELLED")


class Following:
    """Sees to the end of what was submitted."""

    def __init__(
        self, settings: SlurmSettings, root: Path, cluster: Cluster, reconciling: Reconciling
    ) -> None:
        self._settings, self._root = settings, root
        self._cluster, self._reconciling = cluster, reconciling
        self._sight = Sight(cluster)
        self._records = Records(cluster)
        self._watched: dict[str, Watched] = {}
        self._awaiting: dict[str, tuple[int, Seen]] = {}
        self._missed_s: dict[str, float] = {}
        self._trusted_until_s: dict[str, float] = {}

    def observe(self, attempts: Iterable[str]) -> Sequence[Seen]:
        """What is known of each; an attempt that never began here is left out."""
        names = tuple(attempts)
        views = {name: view for name in names if (view := self._watch(name)) is not None}
        due = {view.number for view in views.values() if self._is_due(view)}
        others = {view.number for view in views.values()} - due - {0}
        if views:
            self._sight.look(due - {0}, others, by_directory=0 in due)

        def see(name: str) -> Seen | None:
            view = views.get(name)
            if view is not None:
                job = self._sight.job(view.number, str(view.directory))
                self._compare(view, job)
                seen = self._see(name, view, job)
                if seen is not None and seen.state in FINAL_ATTEMPT_STATES:
                    self._watched.pop(name, None)
                return seen
            if name not in self._awaiting:
                final = folder.read_final(self._root / name)
                if final is None or not final.awaits_accounting:
                    return final
                self._awaiting[name] = folder.job_number(self._root / name), final
            return self._confirmed(name, *self._awaiting[name])

        return observe_each(names, see)

    def forget(self, attempt: str) -> None:
        """Its accounting is awaited no more."""
        if awaiting := self._awaiting.pop(attempt, None):
            self._records.forget(awaiting[0])

    def close(self) -> None:
        """Ask no more."""
        self._records.close()

    def _watch(self, name: str) -> Watched | None:
        """None where it is final, or unknown."""
        if name in self._awaiting:
            return None
        directory = self._root / name
        try:
            with fault(f"observing attempt {name}"):
                watched = self._watched.get(name)
                if watched is None:
                    if (directory / folder.FINAL).exists() or not directory.is_dir():
                        return None
                    order = read_order(directory)
                    assert order is not None, "an attempt without an end has a plan"
                    watched = self._watched[name] = Watched(order.plan, directory)
                elif watched.is_settled:
                    del self._watched[name]
                    return None
                watched.look()
                return watched
        except Fault:
            return None  # it is looked at again by itself, which says what is wrong

    def _is_due(self, view: Watched) -> bool:
        """Whether the controller must have news of it: nobody knows its job, it has ended, or begun a moment ago."""
        if not view.number:
            return True
        old = self._sight.asked_s(view.number) <= view.claimed_s
        by_host = self._is_enough(view)
        if by_host and view.done:
            return False
        if view.gang.state in FINAL_ATTEMPT_STATES:
            return old or not view.alone or view.gang.state is not AttemptState.SUCCEEDED
        return old and time.monotonic() - view.claimed_s > (_BEGUN_ALONE_S if by_host else _BEGUN_S)

    def _is_enough(self, view: Watched) -> bool:
        """Whether its host's word is enough for its end: a record is awaited, and the host's clock is not behind."""
        recorded = self._settings.accounting and not view.plan.lease
        return recorded and view.alone and time.monotonic() < self._trusted_until_s.get(view.node, 0.0)

    def _compare(self, view: Watched, job: SlurmJob | None) -> None:
        """Learn whether the clock of its host is behind the controller's: attempts would end before they begin."""
        began_at = view.gang.began_at
        if job is not None and not job.is_pending and job.start_s and view.alone and began_at is not None:
            right = began_at.timestamp() >= job.start_s
            self._trusted_until_s[view.node] = time.monotonic() + _TRUST_S if right else 0.0

    def _see(self, attempt: str, view: Watched, job: SlurmJob | None) -> Seen | None:
        number = job.id if job else view.number
        if not number:
            return None
        gang = view.gang
        asked_s = self._sight.asked_s(view.number) if view.number else math.inf
        if asked_s < 0 or (view.claimed and asked_s <= view.claimed_s):
            # the controller has not been asked since
            if view.done and self._is_enough(view):
                return folder.write_final(view.directory, _accounted(gang, AWAITED))
            return Seen(attempt=attempt, state=AttemptState.STARTING)
        if job is not None and job.state in ACTIVE and view.done and (seen := self._done(view, job)):
            return seen
        if job is None:  # gone from the controller: only accounting can still tell
            job = self._records.of(number, PREFIX + attempt)
            if job is None:
                return self._missing(view)
        if job.is_pending and not view.claimed:
            return Seen(attempt=attempt, state=AttemptState.STARTING, waiting=job.reason or job.state)
        if job.is_pending:
            return self._put_back(view, job)
        if not job.is_over:
            self._hurry(view, job)
            return _ongoing(gang, job)
        return self._settle(view, job)

    def _done(self, view: Watched, job: SlurmJob) -> Seen | None:
        """The end by its host's word, while Slurm still clears up: its own queue keeps the next job waiting for that.

        None where the end is the controller's to tell: no record will, or the clock of the host is behind its own.
        """
        ended_at = view.gang.ended_at
        assert ended_at is not None, "what is done has ended"
        if not self._settings.accounting or not 0 < job.start_s <= ended_at.timestamp():
            return None
        record = msgspec.structs.replace(job, end_s=int(ended_at.timestamp()))
        seen = outcome.timed(view.gang, record, begun=True)
        if view.plan.lease:  # nothing is charged by how long it took
            self._drop(view.plan.attempt, job.id, _BY_HOST)
            return folder.write_final(view.directory, _accounted(seen, _BY_HOST))
        return folder.write_final(view.directory, _accounted(seen, AWAITED))

    def _settle(self, view: Watched, job: SlurmJob) -> Seen:
        """The end of a job that is over: final by the controller where that is enough, and accounting is awaited."""
        plan, directory, gang = view.plan, view.directory, view.gang
        told = view.told() is not None
        seen = outcome.ended(plan, gang, job, told_to_stop=told)
        begun = folder.is_claimed(directory)
        record, told_by = self._record(plan.attempt, job)
        if self._may_be_late(view, job, told=told) or (record is None and not _is_clear(job, told=told)):
            waits = outcome.timed(seen, job, begun=begun)
            return msgspec.structs.replace(_ongoing(gang, job), ended_at=waits.ended_at)
        if record is None:
            seen = outcome.timed(seen, job, begun=begun)
            if seen.began_at is None or plan.lease:  # nothing is charged by how long it took
                self._drop(plan.attempt, job.id, _NOT_ASKED)
                return folder.write_final(directory, _accounted(seen, _NOT_ASKED))
            return folder.write_final(directory, _accounted(seen, AWAITED))
        if record.state in ("PREEMPTED", "NODE_FAIL") and job.state != record.state:
            seen = outcome.ended(plan, gang, record, told_to_stop=told)
        self._drop(plan.attempt, job.id, told_by)
        return folder.write_final(directory, _accounted(outcome.timed(seen, record, begun=begun), told_by))

    def _may_be_late(self, view: Watched, job: SlurmJob, *, told: bool) -> bool:
        """Whether its job has ended by itself, and what its host wrote of that may not have reached us yet."""
        view.over_s = min(view.over_s, time.monotonic())
        ended = view.gang.state in FINAL_ATTEMPT_STATES
        by_itself = job.state in _BY_ITSELF and not told and not ended
        return by_itself and time.monotonic() - view.over_s < _LATE_S

    def _confirmed(self, attempt: str, number: int, final: Seen) -> Seen:
        """A final end with the times of its accounting, where they have come or have been waited for long enough."""
        ended_s = int(final.ended_at.timestamp()) if final.ended_at else 0
        taken = SlurmJob(id=number, name=PREFIX + attempt, state="COMPLETED", end_s=ended_s)
        record, told_by = self._record(attempt, taken)
        if record is None:
            return final
        self._drop(attempt, number, told_by)
        seen = final if record is taken else outcome.timed(final, record, begun=True)
        self._awaiting.pop(attempt, None)
        return folder.write_final(self._root / attempt, _accounted(seen, told_by), folder.CONFIRMED)

    def _put_back(self, view: Watched, job: SlurmJob) -> Seen:
        """Slurm has lost a host and queues the job again (22.05 cannot be told not to): that attempt is lost.

        Its claim keeps the job from running twice, so there is time to wait for the record of the first run.
        """
        plan, directory, gang = view.plan, view.directory, view.gang
        record, _ = self._record(plan.attempt, msgspec.structs.replace(job, state="NODE_FAIL"))
        if record is None:
            return msgspec.structs.replace(_ongoing(gang, job), ended_at=gang.ended_at or _now())
        if record.start_s:
            gang = outcome.timed(gang, record, begun=True)
        over = msgspec.structs.replace(
            record, state="NODE_FAIL" if record.state == "CANCELLED" else record.state
        )
        seen = outcome.ended(plan, gang, over, told_to_stop=view.told() is not None)
        seen = folder.write_final(directory, msgspec.structs.replace(seen, ended_at=seen.ended_at or _now()))
        self._cluster.cancel(job.id)
        return seen

    def _record(self, attempt: str, job: SlurmJob) -> tuple[SlurmJob | None, str]:
        """What accounting says of it and who said so; the controller where it is not used, or too long away."""
        if not self._settings.accounting:
            return job, _NOT_ASKED
        record = self._records.of(job.id, PREFIX + attempt)
        if record is not None:
            return record, _BY_DBD
        since_s = self._missed_s.setdefault(attempt, time.monotonic())
        waited_s = max(time.monotonic() - since_s, time.time() - job.end_s if job.end_s else 0.0)
        return (job, _UNCONFIRMED) if waited_s > self._settings.accounting_patience_s else (None, "")

    def _drop(self, attempt: str, number: int, told_by: str) -> None:
        """It is accounted for; what accounting has not confirmed is reconciled when it does."""
        if told_by == _UNCONFIRMED:
            self._reconciling.note(attempt, number)
        self._records.forget(number)
        self._sight.forget(number)
        self._missed_s.pop(attempt, None)

    def _missing(self, view: Watched) -> Seen:
        """Neither controller nor accounting knows the job: it is lost once that has lasted."""
        attempt = view.plan.attempt
        since_s = self._missed_s.setdefault(attempt, time.monotonic())
        if time.monotonic() - since_s < self._settings.accounting_patience_s:
            return msgspec.structs.replace(
                view.gang, state=AttemptState.STARTING, exits=(), cause="", ended_at=_now()
            )
        lost = Seen(attempt=attempt, state=AttemptState.LOST, cause="job_unknown", ended_at=_now())
        return folder.write_final(view.directory, view.gang if view.gang.ended_at is not None else lost)

    def _hurry(self, view: Watched, job: SlurmJob) -> None:
        """Have Slurm kill what ought to have stopped by itself."""
        asked = view.told()
        if asked and time.time() > asked.asked_us / 1e6 + asked.grace_s + _OVERDUE_S:
            self._cluster.cancel(job.id)


def _is_clear(job: SlurmJob, *, told: bool) -> bool:
    """Whether accounting can tell nothing else of how it ended."""
    return bool(job.end_s) and (job.state not in _UNCLEAR or (job.state == "CANCELLED" and told))


def _accounted(seen: Seen, told_by: str) -> Seen:
    return msgspec.structs.replace(seen, limits=seen.limits | {ACCOUNTING: told_by})


def _ongoing(gang: Seen, job: SlurmJob) -> Seen:
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


def _now() -> datetime:
    return from_us(time.time_ns() // 1000)
