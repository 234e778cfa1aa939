"""What goes on now: read once, and again only when something that decisions depend on has changed."""

from typing import NamedTuple

from sqlalchemy import Connection

from penstock.lease.job import Attempt, Job
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


def _read(tx: Connection) -> Live:
    attempts = jobs.live_attempts(tx)
    owners = jobs.by_ids(tx, {attempt.job for attempt in attempts})
    return Live(settings.revision(tx), attempts, owners, leases.live_leases(tx), tenants.tenants(tx))


live = Remembered(settings.REVISION, _read)
