"""What goes on now: read once, and again only when something that decisions depend on has changed."""

from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from penstock.lease.job import Attempt, Job
from penstock.lease.offer import Lease
from penstock.lease.tenant import Tenant
from penstock.store import jobs, leases, settings, tenants


class Live(NamedTuple):
    """As of a revision: attempts that are not final, the jobs of those by id, leases that are not over, tenants."""

    revision: int
    attempts: tuple[Attempt, ...]
    owners: dict[str, Job]
    leases: tuple[Lease, ...]
    tenants: tuple[Tenant, ...]


_KNOWN: WeakKeyDictionary[Engine, Live] = WeakKeyDictionary()


def live(tx: Connection) -> Live:
    """As the transaction sees it. What one that writes has read is not remembered: it may yet be taken back."""
    revision = settings.revision(tx)
    known = _KNOWN.get(tx.engine)
    if known is None or known.revision != revision:
        attempts = jobs.live_attempts(tx)
        owners = jobs.by_ids(tx, {attempt.job for attempt in attempts})
        known = Live(revision, attempts, owners, leases.live_leases(tx), tenants.tenants(tx))
        if not tx.get_execution_options().get("penstock_write"):
            _KNOWN[tx.engine] = known
    return known
