"""What goes on now: read once, and again only when something that decisions depend on has changed."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from penstock.lease.job import FINAL_ATTEMPT_STATES, Attempt, Job
from penstock.lease.offer import Lease
from penstock.lease.tenant import Tenant
from penstock.store import jobs, leases, settings, tenants
from penstock.store.remembered import Remembered


class Live(NamedTuple):
    """As of a revision: attempts that are not final, the jobs of those by id, leases that are not over, tenants."""

    revision: int
    attempts: tuple[Attempt, ...]
    owners: dict[str, Job]
    leases: tuple[Lease, ...]
    tenants: tuple[Tenant, ...]

    def after(self, revision: int, attempts: Iterable[Attempt], owners: Iterable[Job]) -> "Live":
        """The same once these attempts and jobs were written, and nothing else."""
        known = {one.id: one for one in (*self.attempts, *attempts)}
        jobs = self.owners | {job.id: job for job in owners}
        going = _in_order(one for one in known.values() if one.state not in FINAL_ATTEMPT_STATES)
        return Live(revision, going, {one.job: jobs[one.job] for one in going}, self.leases, self.tenants)


def _in_order(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    return tuple(sorted(attempts, key=lambda one: one.id))


def _read(tx: Connection) -> Live:
    attempts = _in_order(jobs.live_attempts(tx))
    owners = jobs.by_ids(tx, {attempt.job for attempt in attempts})
    return Live(settings.revision(tx), attempts, owners, leases.live_leases(tx), tenants.tenants(tx))


live = Remembered(settings.REVISION, _read)
