"""Where the groups of a gang go: all of them or none, on one leaf or at least in one fabric."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from penstock.placement.fits import Fit
from penstock.placement.layout import Layout
from penstock.placement.need import Need
from penstock.placement.snapshot import Cell, Groups


class Rank(Protocol):
    """By what rows are chosen."""

    def losses(self, rows: np.ndarray) -> np.ndarray:
        """How much is lost by hosting a group on each of these rows; the least is taken."""
        ...

    def prefers(self, row: int, columns: np.ndarray) -> np.ndarray:
        """What the devices of the row in these columns cost; among equals the usual order decides."""
        ...


def choose(
    need: Need, layout: Layout, found: Fit, room: np.ndarray, rank: Rank | None = None
) -> Groups | None:
    """The cells of each gang node, or None.

    A gang has devices of one model, the first of its models that fits. Of one node: where `rank` is least.
    Of several, locality comes first, then distinct nodes: one leaf with a node for each group, one leaf with
    several groups a node, one fabric with distinct nodes, one fabric with shared ones. Of several such
    domains the tightest is taken, and in it the nodes by rank. Equal ranks: the least room, so that large
    gaps stay large.
    """
    for model in need.models:
        hosted = np.where(layout.model == model, found.groups, 0)
        rows = _one(hosted, rank) if need.groups == 1 else _several(need.groups, layout, hosted, rank)
        if rows is not None:
            return _groups(need, layout, found, room, rows, rank)
    return None


def _one(hosted: np.ndarray, rank: Rank | None) -> list[tuple[int, int]] | None:
    rows = np.flatnonzero(hosted)
    if not rows.size:
        return None
    if rows.size > 1:
        rows = _by_rank(rows, hosted, rank)
    return [(int(rows[0]), 1)]


def _several(
    groups: int, layout: Layout, hosted: np.ndarray, rank: Rank | None
) -> list[tuple[int, int]] | None:
    """Rows with how many groups each hosts, in the first kind of domain that can hold the gang."""
    for domains in (layout.leaf, layout.fabric):
        for distinct in (True, False):
            weights = hosted > 0 if distinct else hosted
            sizes = np.bincount(domains, weights=weights, minlength=1)
            fitting = np.flatnonzero(sizes >= groups)
            if fitting.size:
                tightest = fitting[np.argmin(sizes[fitting])]
                inside = np.flatnonzero((domains == tightest) & (hosted > 0))
                if distinct and inside.size == groups:
                    return [(int(row), 1) for row in inside]
                if distinct:
                    return [(int(row), 1) for row in _by_rank(inside, hosted, rank)[:groups]]
                return _few_rows(groups, inside, hosted)
    return None


def _by_rank(rows: np.ndarray, hosted: np.ndarray, rank: Rank | None) -> np.ndarray:
    if rank is None:
        return rows[np.argsort(hosted[rows], kind="stable")]
    return rows[np.lexsort((hosted[rows], rank.losses(rows)))]


def _few_rows(groups: int, rows: np.ndarray, hosted: np.ndarray) -> list[tuple[int, int]]:
    """As few rows as possible, the last one tight."""
    left = {int(row): int(hosted[row]) for row in rows}
    chosen: list[tuple[int, int]] = []
    while groups:
        tight = [row for row in left if left[row] >= groups]
        row = min(tight, key=lambda r: (left[r], r)) if tight else max(left, key=lambda r: (left[r], -r))
        count = min(groups, left.pop(row))
        chosen.append((row, count))
        groups -= count
    return sorted(chosen)


def _groups(
    need: Need,
    layout: Layout,
    found: Fit,
    room: np.ndarray,
    rows: Sequence[tuple[int, int]],
    rank: Rank | None,
) -> Groups:
    """The cells of each group: of a row those of the most broken packages first, then in order.

    A share goes where the rank says, or to the devices with the least room that suffices.
    """
    groups: list[tuple[Cell, ...]] = []
    for row, count in sorted(rows):
        columns = np.flatnonzero(found.cells[row])
        cards = layout.card[row, columns]
        siblings = (cards[:, None] == cards[None, :]).sum(axis=1)
        tightness = room[row, columns] if need.partial else siblings
        costs = np.zeros(len(columns)) if rank is None else rank.prefers(row, columns)
        ordered = columns[np.lexsort((tightness, costs))].tolist()
        size = need.per_node
        groups += [tuple((row, c) for c in ordered[i * size : (i + 1) * size]) for i in range(count)]
    return tuple(groups)
