"""Jobs that wait, by kind: jobs of one kind ask for the same, so only the first of each is ever tried.

A kind is a shape, a number of gang nodes and, where the order is a fair share, a tenant. Each kind holds its
jobs in a heap by rank, the place of a job in the static order (priority, then arrival or length).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

NONE = -1


class Waiting(NamedTuple):
    """Heaps of ranks, one a kind from `offset[kind]` on; `active` lists the kinds that hold any job.

    A `blocked` kind fits nowhere until something is given back; `reason` says why.
    """

    rank: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    active: np.ndarray
    place: np.ndarray
    actives: np.ndarray
    blocked: np.ndarray
    reason: np.ndarray


@njit(cache=True, _nrt=False)
def push(waiting, kind, rank):
    """A job comes to wait."""
    if waiting.length[kind] == 0:
        waiting.place[kind] = waiting.actives[0]
        waiting.active[waiting.actives[0]] = kind
        waiting.actives[0] += 1
        waiting.blocked[kind] = False
    heap, i = waiting.rank[waiting.offset[kind] :], waiting.length[kind]
    waiting.length[kind] += 1
    while i > 0 and heap[(i - 1) // 2] > rank:
        heap[i] = heap[(i - 1) // 2]
        i = (i - 1) // 2
    heap[i] = rank


@njit(cache=True, _nrt=False)
def pop(waiting, kind):
    """The first job of the kind waits no longer."""
    heap = waiting.rank[waiting.offset[kind] :]
    waiting.length[kind] -= 1
    last, i = waiting.length[kind], 0
    rank = heap[last]
    while 2 * i + 1 < last:
        child = 2 * i + 1
        if child + 1 < last and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= rank:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = rank
    if last == 0:
        waiting.actives[0] -= 1
        moved = waiting.active[waiting.actives[0]]
        waiting.active[waiting.place[kind]], waiting.place[moved] = moved, waiting.place[kind]


@njit(cache=True, _nrt=False)
def first(waiting, work, share, fair, passing):
    """The kind whose first job is next: higher priority, earlier rank; `fair`: its tenant has less in use.

    `passing`: over blocked kinds. NONE where none is left.
    """
    best, best_rank = NONE, 0
    for i in range(waiting.actives[0]):
        kind = waiting.active[i]
        if passing and waiting.blocked[kind]:
            continue
        rank = waiting.rank[waiting.offset[kind]]
        if best != NONE:
            ahead = work.priority[work.by_rank[rank]] - work.priority[work.by_rank[best_rank]]
            more = fair * (share[work.tenant_of[kind]] - share[work.tenant_of[best]])
            if ahead < 0 or (ahead == 0 and (more > 0 or (more == 0 and rank > best_rank))):
                continue
        best, best_rank = kind, rank
    return best


@njit(cache=True, _nrt=False)
def unblock(waiting):
    """Every kind may be tried again."""
    for i in range(waiting.actives[0]):
        waiting.blocked[waiting.active[i]] = False
