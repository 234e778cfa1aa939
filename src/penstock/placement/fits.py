"""Which cells and rows could serve a need, over which time, and why each of the others does not."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from penstock.placement import reasons
from penstock.placement.layout import Layout
from penstock.placement.need import NEVER_US, Need
from penstock.placement.snapshot import Snapshot

EVERY = slice(None)


class Fit(NamedTuple):
    """True in the cells that are free for the need, and how many groups of the gang each row can host."""

    cells: np.ndarray
    groups: np.ndarray


def fit(
    need: Need,
    layout: Layout,
    free: np.ndarray,
    cpu: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray | slice = EVERY,
) -> Fit:
    """What fits in these rows, where `free` tells the cells that have the room (of these rows alone)."""
    cells = need.right[rows] & free
    groups = cells.sum(axis=1)
    if not need.partial:
        groups = groups // need.per_node
    nodes = layout.node[rows]
    if need.memory:
        groups = np.minimum(groups, np.maximum(memory[nodes], 0) // need.memory)
    taken = need.row_cpu[rows]
    if taken.any():
        hosted = np.maximum(cpu[nodes], 0) // np.maximum(taken, 1)
        groups = np.where(taken > 0, np.minimum(groups, hosted), groups)
    return Fit(cells, groups)


def fit_now(need: Need, snapshot: Snapshot, rows: np.ndarray | slice = EVERY) -> Fit:
    """What fits at this moment for as long as the job may last."""
    free = snapshot.room[rows] >= need.share[rows]
    free &= open_now(need, snapshot, rows)
    until_us = min(snapshot.now_us + need.length, NEVER_US)
    return fit(need, snapshot.layout, free, *snapshot.hosts(snapshot.now_us, until_us), rows)


def fit_at(need: Need, snapshot: Snapshot, instant_us: int) -> Fit:
    """What will fit at a later instant for as long as the job may last, by what is known."""
    until_us = min(instant_us + need.length, NEVER_US)
    room, cpu, memory = snapshot.at(instant_us, until_us, promises_alone=need.lease is not None)
    return fit(need, snapshot.layout, room >= need.share, cpu, memory)


def open_now(need: Need, snapshot: Snapshot, rows: np.ndarray | slice = EVERY) -> np.ndarray:
    """True where no booking keeps the job out.

    Work surely ends before what is promised begins, and work on demand before a lease does. Under a lease
    only promises count. Spot work is evicted before a lease begins, so it does not start in the time of
    notice for that, and it may run on a lease that lends what is idle.
    """
    end_us = min(snapshot.now_us + need.length, NEVER_US)
    clear = snapshot.promised[rows] >= end_us
    if need.spot:
        return clear & ((snapshot.leased[rows] > _soon_us(need, snapshot)) | snapshot.lent[rows])
    return clear if need.lease is not None else clear & (snapshot.leased[rows] >= end_us)


def _soon_us(need: Need, snapshot: Snapshot) -> int:
    """Until when a lease that begins would have spot work told to go at once."""
    return snapshot.now_us + snapshot.notice_us + need.grace_us


def is_too_large(need: Need, layout: Layout) -> bool:
    """Whether no model has devices for the whole gang, not even if all were free and in service."""
    groups = need.fitting.sum(axis=1) // (1 if need.partial else need.per_node)
    hosted = np.bincount(layout.model, weights=groups, minlength=1)
    return bool(hosted.max() < need.groups)


def counts(need: Need, snapshot: Snapshot, closed: str | None) -> Counter[str]:
    """Every considered cell by the first reason that keeps it out, the free ones by why they do not suffice."""
    layout = snapshot.layout
    found = fit_now(need, snapshot)
    left = need.considered.copy()
    counted: Counter[str] = Counter()

    def count(reason: str, where: np.ndarray) -> None:
        nonlocal left
        counted[reason] += int((left & where).sum())
        left = left & ~where

    too_large = is_too_large(need, layout)
    if too_large:
        count(reasons.TOO_LARGE, need.fitting)
    count(reasons.NOT_IN_SERVICE, ~layout.sellable)
    count(reasons.MODEL, np.broadcast_to(~need.wanted[:, None], left.shape))
    count(reasons.SOFTWARE, ~need.runs)
    count(reasons.IMAGE, ~need.holds_image)
    count(reasons.MEMORY, ~need.enough)
    if closed is not None or too_large:
        count(closed or reasons.TOO_LARGE, left)
        return +counted
    count(reasons.BUSY, snapshot.room < need.share)
    kept = ~open_now(need, snapshot)
    if need.lease is None:
        end_us = _soon_us(need, snapshot) + 1 if need.spot else min(snapshot.now_us + need.length, NEVER_US)
        by_lease = kept & ~snapshot.lent if need.spot else kept
        count(reasons.LEASED, by_lease & (snapshot.leased <= snapshot.now_us))
        count(reasons.RESERVED, by_lease & (snapshot.leased < end_us))
    count(reasons.PROMISED, kept)
    for model in need.models:
        counted += _leftover(need, snapshot, found, layout.model == model)
    return +counted


def _leftover(need: Need, snapshot: Snapshot, found: Fit, rows: np.ndarray) -> Counter[str]:
    """Why the free cells of one model do not make up the gang, cell by cell."""
    cells = np.where(rows, found.cells.sum(axis=1), 0)
    total = int(cells.sum())
    if total < need.groups * need.per_node:
        return Counter({reasons.TOO_FEW: total})
    nodes, short, none = snapshot.layout.node, cells < need.per_node, found.groups == 0
    until_us = min(snapshot.now_us + need.length, NEVER_US)
    memory = snapshot.hosts(snapshot.now_us, until_us)[1][nodes] < need.memory
    whole = int(found.groups[rows].sum()) >= need.groups
    counted = Counter[str]()
    counted[reasons.FRAGMENTATION] += int(cells[short].sum())
    counted[reasons.HOST_MEMORY] += int(cells[~short & none & memory].sum())
    counted[reasons.CPU] += int(cells[~short & none & ~memory].sum())
    counted[reasons.TOPOLOGY if whole else reasons.FRAGMENTATION] += int(cells[~short & ~none].sum())
    return counted
