"""Waiting demand claims free devices, so that each free instant has one cause.

At each instant, on its own: the waits in queue order (start, job) each claim up to their number of free
devices, by model and id, of the models that their reason may blame, until either runs out. A device has
at most one claim. What was claimed a moment ago plays no part, so a part of a window is attributed as in
the whole.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace
from itertools import groupby
from operator import itemgetter

import numpy as np

from penstock.base.window import to_us
from penstock.insight.cover import NO_DEMAND, Cover, Piece
from penstock.insight.model import Line
from penstock.lease.job import Wait

ANY_MODEL = "any"
_WANTED = (
    Line.NO_FIT_MEMORY,
    Line.NO_FIT_FRAGMENTATION,
    Line.NO_FIT_TOPOLOGY,
    Line.NO_FIT_QUOTA,
    Line.NO_FIT_PRICE,
    Line.NO_FIT_PLACE,
)
_UNCLAIMED, _TAKEN = -1, -2


def blamed_models(wait: Wait, models: Sequence[str]) -> tuple[str, ...]:
    """The models whose free devices this wait may claim.

    `no_fit_model`: any but the wanted; `no_fit_software`: any; the other `no_fit_` reasons: the wanted.
    Nothing for `busy` and other reasons, and nothing under a lease, whose idle devices are `reserved_unused`.
    """
    if wait.lease is not None:
        return ()
    any_will_do = not wait.models or ANY_MODEL in wait.models
    if wait.reason == Line.NO_FIT_SOFTWARE:
        return tuple(models)
    if wait.reason == Line.NO_FIT_MODEL:
        return tuple(model for model in models if not any_will_do and model not in wait.models)
    if wait.reason in _WANTED:
        return tuple(model for model in models if any_will_do or model in wait.models)
    return ()


def claim(
    free: Sequence[tuple[int, int, int]], models: Sequence[str], waits: Sequence[Wait], until_us: int
) -> list[list[Piece[Cover]]]:
    """All free time of each device by start, in pieces that one wait claims or none.

    `free` has (start_us, end_us, device), a device being a position in `models`, which is sorted and names
    the model of each. Open waits last until `until_us`.
    """
    names = sorted(set(models))
    queue = sorted(waits, key=lambda w: (w.start, w.job, w.reason, w.models, w.devices, w.tenant))
    blamed = [tuple(names.index(model) for model in blamed_models(wait, names)) for wait in queue]
    events = [e for start, end, device in free for e in ((start, _FREED, device), (end, _TOOK, device))]
    for rank, wait in enumerate(queue):
        start, end = to_us(wait.start), until_us if wait.end is None else to_us(wait.end)
        if blamed[rank] and wait.devices > 0 and start < end:
            events += [(start, _CAME, rank), (end, _LEFT, rank)]
    sweep = _Sweep(models, names, queue, blamed)
    for now, changes in groupby(sorted(events), key=itemgetter(0)):
        matters = [sweep.apply(change, index) for _, change, index in changes]
        if any(matters):
            sweep.settle(now)
    return sweep.pieces


_FREED, _TOOK, _CAME, _LEFT = range(4)


class _Sweep:
    """What is free and who waits at the instant reached; numbers stand for devices, models and waits."""

    def __init__(
        self,
        models: Sequence[str],
        names: Sequence[str],
        queue: Sequence[Wait],
        blamed: Sequence[tuple[int, ...]],
    ) -> None:
        self.pieces: list[list[Piece[Cover]]] = [[] for _ in models]
        self._bounds = np.array([*(bisect_left(models, name) for name in names), len(models)])
        self._wanted = [wait.devices for wait in queue]
        self._covers = [
            Cover(Line(wait.reason), wait.tenant, wait.job) if blamed[rank] else NO_DEMAND
            for rank, wait in enumerate(queue)
        ]
        self._covers.append(NO_DEMAND)
        self._blamed = blamed
        self._free = np.zeros(len(models), dtype=bool)
        self._waiting: dict[tuple[int, ...], list[int]] = defaultdict(list)
        self._owners = np.full(len(models), _TAKEN)
        self._since = [0] * len(models)
        self._left = [0] * len(names)
        self._claimed: list[dict[int, int]] = []

    def apply(self, change: int, index: int) -> bool:
        """One device freed or taken, or one wait that came or left; whether an owner may change by that.

        Waits come in queue order, so one that comes is the last in the queue and takes only what is left.
        """
        if change in {_FREED, _TOOK}:
            self._free[index] = change == _FREED
            return True
        ranks = self._waiting[self._blamed[index]]
        if change == _CAME:
            insort(ranks, index)
            return any(self._left[model] for model in self._blamed[index])
        del ranks[bisect_left(ranks, index)]
        return any(index in claimed for claimed in self._claimed)

    def settle(self, now_us: int) -> None:
        """End the pieces that end now, be it only for another owner, and begin the next."""
        owners = self._assign()
        changed = np.flatnonzero(owners != self._owners)
        for device, before in zip(changed.tolist(), self._owners[changed].tolist(), strict=True):
            if before != _TAKEN:
                self.pieces[device].append((self._since[device], now_us, self._covers[before]))
            self._since[device] = now_us
        self._owners = owners

    def _assign(self) -> np.ndarray:
        """The owner of each device: a wait's rank, unclaimed, or taken."""
        owners = np.full(len(self._owners), _TAKEN)
        free = np.flatnonzero(self._free)
        self._left = np.diff(np.searchsorted(free, self._bounds)).tolist()
        self._claimed = self._runs(self._left) if free.size else []
        ranks = [rank for claimed in self._claimed for rank in (*claimed, _UNCLAIMED)]
        lengths = [n for m, claimed in enumerate(self._claimed) for n in (*claimed.values(), self._left[m])]
        if free.size:
            owners[free] = np.repeat(ranks, lengths)
        return owners

    def _runs(self, left: list[int]) -> list[dict[int, int]]:
        """Of each model, how many free devices each wait claims, in queue order; `left` keeps the rest.

        Waits that blame the same models queue behind each other; once one of them goes short, so do the
        rest, and that queue is dropped.
        """
        runs: list[dict[int, int]] = [{} for _ in left]
        heads = [(ranks[0], 0, models) for models, ranks in self._waiting.items() if ranks]
        heapify(heads)
        while heads:
            rank, index, models = heads[0]
            short = self._wanted[rank]
            for model in models:
                taken = min(short, left[model])
                if taken:
                    runs[model][rank] = taken
                    left[model] -= taken
                    short -= taken
            ranks = self._waiting[models]
            if short or index + 1 == len(ranks):
                heappop(heads)
            else:
                heapreplace(heads, (ranks[index + 1], index + 1, models))
        return runs
