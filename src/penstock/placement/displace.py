"""Whom to stop or move so that a job fits: those whose work since the last checkpoint is least."""

from collections.abc import Iterable, Mapping

import numpy as np

from penstock.base.quantity import WHOLE, CardMicroseconds
from penstock.base.window import US_PER_SECOND, to_us
from penstock.lease.job import Attempt, AttemptState, Job
from penstock.placement import fits
from penstock.placement.gang import choose
from penstock.placement.model import Eviction
from penstock.placement.planner import Planner
from penstock.placement.snapshot import Groups, Holding

_STOPPABLE = (AttemptState.PLACED, AttemptState.STARTING, AttemptState.RUNNING)


def lost_us(attempt: Attempt, now_us: int) -> CardMicroseconds:
    """Card time of work that is lost if the attempt is stopped now: that since its last checkpoint."""
    if attempt.running_at is None:
        return 0
    since_us = to_us(max((at for at in attempt.checkpoints), default=attempt.running_at))
    return len(attempt.devices) * attempt.share * max(now_us - since_us, 0) // WHOLE


def spot(planner: Planner, job: Job) -> list[Eviction] | None:
    """The spot attempts to end so that the job fits, with the least work lost; None where none will do.

    They are given notice: their devices are counted on from then.
    """
    costs = {
        name: lost_us(attempt, planner.now_us)
        for name, attempt in planner.attempts.items()
        if attempt.spot and attempt.state in _STOPPABLE and name in planner.snapshot.holdings
    }
    found = cheapest(planner, job, costs) if costs else None
    if found is None:
        return None
    evictions = []
    for name in found[0]:
        attempt = planner.attempts[name]
        holding = planner.snapshot.holdings[name]
        owner = planner.running.get(attempt.job)
        seconds = owner.spec.grace_s if owner else 0
        gone_us = planner.now_us + max(seconds, 1) * US_PER_SECOND
        planner.snapshot.release(name)
        planner.snapshot.put_back(holding._replace(until_us=min(gone_us, holding.until_us)))
        del planner.attempts[name]
        evictions.append(Eviction(name, job.id, costs[name]))
    return evictions


def cheapest(planner: Planner, job: Job, costs: Mapping[str, int]) -> tuple[list[str], Groups] | None:
    """Some of these attempts without which the job fits now, and where it then goes; the snapshot is as before.

    Tried in every domain that could host the gang; there on the rows, and on the devices, where least is lost.
    """
    snapshot, need = planner.snapshot, planner.need(job)
    holdings = {name: snapshot.holdings[name] for name in costs}
    cost = np.zeros(planner.layout.exists.shape, np.float64)
    for name, holding in holdings.items():
        for cell in holding.cells:
            cost[cell] += costs[name] / len(holding.cells) + 1
    for name in holdings:
        snapshot.release(name)
    found = fits.fit_now(need, snapshot)
    best: tuple[int, list[str], Groups] | None = None
    for rows in _domains(planner, found.groups, need.groups):
        inside = fits.Fit(found.cells, np.where(rows, found.groups, 0))
        groups = choose(need, planner.layout, inside, cost, _LeastLost(need.per_node, found.cells, cost))
        if groups is not None:
            victims = _in_the_way(planner, job, holdings, costs, groups)
            if victims is not None:
                lost = sum(costs[name] for name in victims)
                if best is None or (lost, len(victims)) < (best[0], len(best[1])):
                    best = lost, victims, groups
    for holding in holdings.values():
        planner.snapshot.put_back(holding)
    return None if best is None else best[1:]


class _LeastLost:
    """Ranks rows by what is lost on the cheapest devices for one group."""

    def __init__(self, per_node: int, cells: np.ndarray, cost: np.ndarray) -> None:
        self._cost = np.sort(np.where(cells, cost, np.inf), axis=1)[:, :per_node].sum(axis=1)
        self._cells = np.where(cells, cost, np.inf)

    def losses(self, rows: np.ndarray) -> np.ndarray:
        """What is lost on each of these rows."""
        return self._cost[rows]

    def prefers(self, row: int, columns: np.ndarray) -> np.ndarray:
        """What is lost on these devices."""
        return self._cells[row, columns]


def _domains(planner: Planner, hosted: np.ndarray, groups: int) -> Iterable[np.ndarray]:
    """The rows of each leaf that could host the gang, or of each fabric where no leaf can; all for one node."""
    layout = planner.layout
    if groups == 1:
        return (np.ones(len(hosted), np.bool_),)
    for domains in (layout.leaf, layout.fabric):
        sizes = np.bincount(domains, weights=hosted)
        fitting = np.flatnonzero(sizes >= groups)
        if fitting.size:
            return tuple(domains == one for one in fitting)
    return ()


def _in_the_way(
    planner: Planner,
    job: Job,
    holdings: Mapping[str, Holding],
    costs: Mapping[str, int],
    groups: Groups,
) -> list[str] | None:
    """Which of the released attempts cannot stay if the job has these cells; the cheapest ones go.

    The others are put back one by one, the dearest first, where device, CPU and host memory allow it.
    """
    snapshot = planner.snapshot
    share = planner.share(job, groups)
    host = (job.spec.resources.cpu_millicores, job.spec.resources.memory_bytes)
    snapshot.take(job.id, groups, share, host, fits.NEVER_US)
    stay, gone = [], []
    for name in sorted(holdings, key=lambda n: (-costs[n], n)):
        holding = holdings[name]
        if _has_room(planner, holding):
            planner.snapshot.put_back(holding)
            stay.append(name)
        else:
            gone.append(name)
    for name in stay:
        snapshot.release(name)
    snapshot.release(job.id)
    return sorted(gone)


def _has_room(planner: Planner, holding: Holding) -> bool:
    snapshot = planner.snapshot
    if any(snapshot.room[cell] < holding.share for cell in holding.cells):
        return False
    nodes = np.bincount(holding.nodes, minlength=len(snapshot.cpu))
    return bool(
        (snapshot.cpu >= nodes * holding.cpu)[nodes > 0].all()
        and (snapshot.memory >= nodes * holding.memory)[nodes > 0].all()
    )
