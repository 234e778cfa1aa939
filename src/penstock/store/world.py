"""The world as a placement decision sees it, and the history as the card-hour book sees it."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Table, and_, or_

from penstock.base.window import EPOCH, Window, from_us
from penstock.fleet.accelerators import catalogue as accelerators
from penstock.fleet.calibration import measured_by_model
from penstock.fleet.sitecatalogue import combined
from penstock.insight.economics.plan import CentreCosts
from penstock.insight.economics.planfile import read_as
from penstock.insight.model import History
from penstock.lease.depend import is_hopeless, unmet
from penstock.placement.filters import takes_any
from penstock.placement.model import Rules, World
from penstock.placement.pools import preference
from penstock.placement.throughput import asks
from penstock.store import catalogue, fleet, jobs, leases, rows, settings, settled, tenants
from penstock.store.live import live
from penstock.store.tables import ATTEMPTS, DEVICE_INTERVALS, LEASES, WAITS

COSTS = "economics/costs"


def rules(tx: Connection) -> Rules:
    """How the centre places."""
    text = settings.get(tx, settings.PLACEMENT)
    return msgspec.json.decode(text, type=Rules) if text else Rules()


def world(tx: Connection, depth: int | None = None) -> World:
    """Everything a decision may look at, as of now; with a depth only the first of each line of jobs."""
    named = jobs.dependent(tx)
    blocked = {job.id for job, states in named if unmet(job, states) or is_hopeless(job, states)}
    queue = tuple(job for job in jobs.queued(tx, depth) if job.id not in blocked)
    now, how = live(tx), rules(tx)
    return World(
        revision=now.revision,
        nodes=fleet.nodes(tx),
        devices=fleet.devices(tx),
        leases=now.leases,
        attempts=now.attempts,
        running=tuple(now.owners.values()),
        queue=queue,
        tenants=now.tenants,
        projects=tenants.projects(tx),
        preference=_preference(tx) if any(takes_any(job.spec.resources) for job in queue) else (),
        costs=leases.lowest_prices(tx) if how.aim == "cost" and any(map(asks, queue)) else {},
        rules=how,
    )


def _preference(tx: Connection) -> tuple[str, ...]:
    """Models in the order in which jobs that take any should have them, as measured and priced now."""
    measured = measured_by_model(fleet.devices(tx), fleet.calibrations(tx))
    return preference(measured, leases.lowest_prices(tx))


def history(tx: Connection, window: Window) -> History:
    """Everything that happened, as far as it touches the window."""
    own = catalogue.entries(tx)
    known = combined(accelerators(), (row.entry for row in own)) if own else accelerators()
    return History(
        devices=fleet.devices(tx),
        device_intervals=_touching(tx, DEVICE_INTERVALS, "start", "end", window),
        leases=_touching(tx, LEASES, "start", "ended_at", window),
        attempts=_touching(tx, ATTEMPTS, "placed_at", "ended_at", window),
        waits=_touching(tx, WAITS, "start", "end", window),
        offers=leases.offers(tx),
        nodes=fleet.nodes(tx),
        costs=costs(tx),
        watts={
            name: round(one.power_watts / one.devices_per_card)
            for name, one in known.items()
            if one.power_watts
        },
    )


def costs(tx: Connection) -> CentreCosts:
    """What the centre says that it costs beside its devices; checked when it was kept."""
    text = settings.get(tx, COSTS)
    document = read_as(text, "costs", CentreCosts) if text else None
    assert not isinstance(document, tuple), document
    return CentreCosts() if document is None else document.value


def put_costs(tx: Connection, text: str) -> None:
    """Keep what it says now; all that was settled has other costs."""
    settings.put(tx, COSTS, text)
    settled.changed(tx, [Window(EPOCH, from_us(settled.horizon_us(tx)))])


def _touching(tx: Connection, table: Table, start: str, end: str, window: Window) -> Any:
    still_open_or_after = or_(table.c[end].is_(None), table.c[end] > window.start)
    return rows.many(tx, table, and_(table.c[start] < window.end, still_open_or_after))
