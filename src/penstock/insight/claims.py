"""Waiting demand claims free devices, so that each free instant has one cause.

At each instant, on its own: the waits in queue order (start, job) each claim up to their number of free
devices (or of thousandths of devices), by model and id, of the models that their reason may blame, until
either runs out. Each thousandth of a device has at most one claim. What was claimed a moment ago plays no
part, so a part of a window is attributed as in the whole.
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
from penstock.insight.lanes import Portions
from penstock.insight.model import Line
from penstock.lease.job import Wait

ANY_MODEL = "any"
_WANTED = (
    Line.NO_FIT_MEMORY,
    Line.NO_FIT_FRAGMENTATION,
    Line.NO_FIT_TOPOLOGY,
    Line.NO_FIT_BOOKING,
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
    free: Sequence[tuple[int, int, int, int]], models: Sequence[str], waits: Sequence[Wait], until_us: int
) -> list[list[Piece[Portions]]]:
    """All time of each device in which anything of it is free, by start, in pieces with the same claims.

    `free` has (start_us, end_us, device, thousandths), a device being a position in `models`, which is
    sorted and names the model of each. Open waits last until `until_us`.
    """
    names = sorted(set(models))
    queue = sorted(waits, key=lambda w: (w.start, w.job, w.reason, w.models, w.devices, w.tenant, w.share))
    blamed = [tuple(names.index(model) for model in blamed_models(wait, names)) for wait in queue]
    events = [
        event
        for start, end, device, room in free
        for event in ((start, _FREED, device, room), (end, _TOOK, device, room))
    ]
    for rank, wait in enumerate(queue):
        start, end = to_us(wait.start), until_us if wait.end is None else to_us(wait.end)
        if blamed[rank] and wait.devices > 0 and start < end:
            events += [(start, _CAME, rank, 0), (end, _LEFT, rank, 0)]
    sweep = _Sweep(models, names, queue, blamed)
    for now, changes in groupby(sorted(events), key=itemgetter(0)):
        matters = [sweep.apply(change, index, room) for _, change, index, room in changes]
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
        self.pieces: list[list[Piece[Portions]]] = [[] for _ in models]
        self._bounds = np.array([*(bisect_left(models, name) for name in names), len(models)])
        self._wanted = [wait.devices * wait.share for wait in queue]
        self._covers = [
            Cover(Line(wait.reason), wait.tenant, wait.job) if blamed[rank] else NO_DEMAND
            for rank, wait in enumerate(queue)
        ]
        self._covers.append(NO_DEMAND)
        self._blamed = blamed
        self._free = np.zeros(len(models), dtype=np.int64)
        self._waiting: dict[tuple[int, ...], list[int]] = defaultdict(list)
        self._owners = np.full(len(models), _TAKEN)
        self._rooms = self._free.copy()
        self._divided: dict[int, Portions] = {}
        self._since = [0] * len(models)
        self._left = [0] * len(names)
        self._claimed: list[dict[int, int]] = []

    def apply(self, change: int, index: int, room: int) -> bool:
        """Room freed or taken on a device, or one wait that came or left; whether an owner may change by that.

        Waits come in queue order, so one that comes is the last in the queue and takes only what is left.
        """
        if change in {_FREED, _TOOK}:
            self._free[index] += room if change == _FREED else -room
            return True
        ranks = self._waiting[self._blamed[index]]
        if change == _CAME:
            insort(ranks, index)
            return any(self._left[model] for model in self._blamed[index])
        del ranks[bisect_left(ranks, index)]
        return any(index in claimed for claimed in self._claimed)

    def settle(self, now_us: int) -> None:
        """End the pieces that end now, be it only for another owner, and begin the next."""
        owners, divided = self._assign()
        different = (owners != self._owners) | (self._free != self._rooms)
        for device in self._divided.keys() | divided.keys():
            different[device] |= self._divided.get(device) != divided.get(device)
        changed = np.flatnonzero(different)
        for device, before in zip(changed.tolist(), self._owners[changed].tolist(), strict=True):
            if before != _TAKEN:
                whole = ((int(self._rooms[device]), self._covers[before]),)
                portions = self._divided.get(device, whole)
                self.pieces[device].append((self._since[device], now_us, portions))
            self._since[device] = now_us
        self._owners, self._divided = owners, divided
        self._rooms[changed] = self._free[changed]

    def _assign(self) -> tuple[np.ndarray, dict[int, Portions]]:
        """The owner of each device's lowest free thousandth, and all of those that have several owners.

        An owner is a wait's rank, unclaimed, or taken.
        """
        owners = np.full(len(self._owners), _TAKEN)
        free = np.flatnonzero(self._free)
        upto = np.concatenate([[0], np.cumsum(self._free[free])])
        self._left = np.diff(upto[np.searchsorted(free, self._bounds)]).tolist()
        self._claimed = self._runs(self._left) if free.size else []
        if not free.size:
            return owners, {}
        ranks = [rank for claimed in self._claimed for rank in (*claimed, _UNCLAIMED)]
        lengths = [n for m, claimed in enumerate(self._claimed) for n in (*claimed.values(), self._left[m])]
        ends = np.cumsum(lengths)
        first = np.searchsorted(ends, upto[:-1], side="right")
        last = np.searchsorted(ends, upto[1:], side="left")
        owners[free] = np.array(ranks)[first]
        divided = {}
        for i in np.flatnonzero(first < last).tolist():
            edges = np.minimum(ends[first[i] : last[i] + 1], upto[i + 1]).tolist()
            amounts = np.diff([upto[i], *edges]).tolist()
            covers = [self._covers[rank] for rank in ranks[first[i] : last[i] + 1]]
            portions = [(n, cover) for n, cover in zip(amounts, covers, strict=True) if n]
            if len(portions) > 1:
                divided[int(free[i])] = tuple(portions)
        return owners, divided

    def _runs(self, left: list[int]) -> list[dict[int, int]]:
        """Of each model, how many free thousandths each wait claims, in queue order; `left` keeps the rest.

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
