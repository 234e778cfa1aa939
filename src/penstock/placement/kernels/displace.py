"""Who leaves its devices before its end: work of a node that is gone, spot work that gives way, work that moves."""

import numpy as np
from numba import njit

from penstock.placement.kernels import book as books
from penstock.placement.kernels import queue
from penstock.placement.kernels.seat import NONE, give_all, hosted, retake, seat, unseat
from penstock.placement.kernels.state import ONE, YES, fits, room, volume

ATTEMPTS_MAX = 20
"""What was evicted or moved so often stays where it is."""


@njit(cache=True, _nrt=False)
def push_end(ends, time, job, attempt):
    """A job that is to end."""
    i = ends.size[0]
    ends.size[0] += 1
    while i > 0 and ends.time[(i - 1) // 2] > time:
        parent = (i - 1) // 2
        ends.time[i], ends.job[i], ends.attempt[i] = ends.time[parent], ends.job[parent], ends.attempt[parent]
        i = parent
    ends.time[i], ends.job[i], ends.attempt[i] = time, job, attempt


@njit(cache=True, _nrt=True)
def running_now(ends, seats):
    """The jobs that run, in no order of time."""
    found, count = np.empty(ends.size[0], np.int64), 0
    for i in range(ends.size[0]):
        if seats.attempts[ends.job[i]] == ends.attempt[i] and seats.end[ends.job[i]] == ends.time[i]:
            found[count] = ends.job[i]
            count += 1
    return np.sort(found[:count])


@njit(cache=True, _nrt=False)
def charge(work, nodes, shapes, seats, book, share, job, sign):
    """Enter a job's devices as used, or as free again."""
    kind = work.kind[job]
    shape = work.shape_of[kind]
    each = volume(shapes, shape)
    for part in range(work.part[job], work.part[job] + work.groups[kind]):
        model = nodes.model[seats.node[part]]
        book.used[model] += sign * each
        book.free[model] -= sign * each
        if work.cheap[job]:
            book.cheap[model] += sign * each
    share[work.tenant_of[kind]] += sign * each * work.groups[kind]


@njit(cache=True, _nrt=False)
def release(order, work, nodes, shapes, seats, memo, book, share, waiting, job):
    """A job leaves its nodes; what could fit there now, or elsewhere if work moves, may be tried again."""
    kind = work.kind[job]
    charge(work, nodes, shapes, seats, book, share, job, -ONE)
    unseat(work, seats, nodes, shapes, memo, job, work.groups[kind])
    for i in range(waiting.actives[0]):
        other = waiting.active[i]
        if waiting.blocked[other]:
            waiting.blocked[other] = order.move_s < 0
            for part in range(work.part[job], work.part[job] + work.groups[kind]):
                if fits(nodes, seats.node[part], shapes, work.shape_of[other]):
                    waiting.blocked[other] = False


@njit(cache=True, _nrt=False)
def lose(work, shapes, seats, book, waiting, job, warned, now):
    """An attempt is over before its end, and the job waits again.

    What it did since its last checkpoint is lost; nothing, where it can checkpoint and was `warned`.
    """
    elapsed, kind, save = max(now - seats.start[job], 0.0), work.kind[job], work.save[job]
    saved = 0.0
    if save < np.inf:
        saved = elapsed if warned or save == 0 else np.floor(elapsed / save) * save
    taken = volume(shapes, work.shape_of[kind]) * work.groups[kind]
    books.enter(book, seats.model[job], taken, now - (elapsed - saved), now, books.LOST, work.cheap[job])
    seats.left[job] = max(seats.left[job] - saved / work.run[job, seats.model[job]], 0.0)
    seats.attempts[job] += 1
    seats.end[job] = np.inf
    queue.push(waiting, kind, work.rank[job])


@njit(cache=True, _nrt=True)
def leaving(work, seats, nodes, shapes, job, leavers):
    """How many of these running jobs, in their order, must leave for the job to fit; NONE where all are too few.

    They are given back on the state itself, which is put back.
    """
    kind = work.kind[job]
    shape, groups = work.shape_of[kind], work.groups[kind]
    hold, per_model = np.zeros(len(nodes.cpu), np.int64), np.zeros(work.run.shape[1], np.int64)
    for node in range(len(nodes.cpu)):
        hold[node] = hosted(nodes, node, shapes, shape)
        per_model[nodes.model[node]] += hold[node]
    given, found = 0, False
    while given < len(leavers) and not found:
        give_all(work, seats, nodes, shapes, leavers[given], shape, hold, per_model)
        given += 1
        for model in range(len(per_model)):
            found |= per_model[model] >= groups and work.run[job, model] < np.inf
    for i in range(given):
        other = leavers[i]
        for part in range(work.part[other], work.part[other] + work.groups[work.kind[other]]):
            retake(nodes, seats.node[part], shapes, work.shape_of[work.kind[other]], seats.mask[part])
    return given if found else NONE


@njit(cache=True, _nrt=False)
def serves(work, shapes, job, model):
    """Whether the job can run on the model."""
    shape = work.shape_of[work.kind[job]]
    return (shapes.models[shape] >> model) & 1 == 1 and work.run[job, model] < np.inf


@njit(cache=True, _nrt=True)
def give_way(order, work, nodes, shapes, seats, ends, memo, book, share, waiting, job, now):
    """Spot work (of negative priority) leaves with notice, the latest first, if that lets the job in."""
    running = running_now(ends, seats)
    spot, count = np.empty(len(running), np.int64), 0
    for other in running:
        able = seats.attempts[other] < ATTEMPTS_MAX and work.priority[other] < 0
        if able and serves(work, shapes, job, seats.model[other]):
            spot[count] = other
            count += 1
    spot = spot[:count]
    spot = spot[np.argsort(-seats.start[spot], kind="mergesort")]
    needed = leaving(work, seats, nodes, shapes, job, spot)
    for i in range(max(needed, 0)):
        release(order, work, nodes, shapes, seats, memo, book, share, waiting, spot[i])
        lose(work, shapes, seats, book, waiting, spot[i], YES, now)
    return needed > 0


@njit(cache=True, _nrt=True)
def movable(work, nodes, shapes, seats, ends, job):
    """Running work on one node that can checkpoint, on nodes the job could have; that on the emptiest nodes first."""
    running = running_now(ends, seats)
    found, fullness, count = np.empty(len(running), np.int64), np.empty(len(running), np.int64), 0
    for other in running:
        node = seats.node[work.part[other]]
        alone = work.groups[work.kind[other]] == 1 and seats.attempts[other] < ATTEMPTS_MAX
        if alone and work.save[other] < np.inf and serves(work, shapes, job, nodes.model[node]):
            used = nodes.devices[node] * 1000 - room(nodes, node)
            found[count], fullness[count] = other, used * len(nodes.cpu) + node
            count += 1
    return found[:count][np.argsort(fullness[:count], kind="mergesort")]


@njit(cache=True, _nrt=True)
def move_closer(
    rules, order, work, nodes, shapes, seats, ends, market, book, share, barred, job, now
):  # fmt: skip
    """Move small work off nodes that the job can then have, and seat it there; nothing, where that cannot be.

    No more is moved than is let in. Who moves checkpoints, and begins again `order.move_s` later.
    """
    groups, shape = work.groups[work.kind[job]], work.shape_of[work.kind[job]]
    who = movable(work, nodes, shapes, seats, ends, job)
    count = leaving(work, seats, nodes, shapes, job, who)
    moved = 0
    for i in range(max(count, 0)):
        moved += volume(shapes, work.shape_of[work.kind[who[i]]])
    if count <= 0 or moved > volume(shapes, shape) * groups:
        return False
    who = who[:count]
    node, mask = np.empty(count, np.int64), np.empty(count, np.int64)
    for i in range(count):
        node[i], mask[i] = seats.node[work.part[who[i]]], seats.mask[work.part[who[i]]]
        charge(work, nodes, shapes, seats, book, share, who[i], -ONE)
        unseat(work, seats, nodes, shapes, market.memo, who[i], ONE)
    seated = 0
    ours = seat(
        rules,
        work,
        seats,
        nodes,
        shapes,
        market.target,
        market.outlook,
        market.memo,
        job,
        barred,
        order.fastest,
    )
    while ours and seated < count and seat(
        rules, work, seats, nodes, shapes, market.target, market.outlook, market.memo, who[seated], barred,
        order.fastest,
    ):  # fmt: skip
        seated += 1
    if ours and seated == count:
        for i in range(count):
            charge(work, nodes, shapes, seats, book, share, who[i], ONE)
            restart(work, nodes, shapes, seats, ends, book, who[i], order.move_s, now)
        return True
    for i in range(seated):
        unseat(work, seats, nodes, shapes, market.memo, who[i], ONE)
    if ours:
        unseat(work, seats, nodes, shapes, market.memo, job, groups)
    for i in range(count):
        seats.node[work.part[who[i]]], seats.mask[work.part[who[i]]] = node[i], mask[i]
        retake(nodes, node[i], shapes, work.shape_of[work.kind[who[i]]], mask[i])
        market.memo.version[node[i]] += 1
        charge(work, nodes, shapes, seats, book, share, who[i], ONE)
    return False


@njit(cache=True, _nrt=True)
def restart(work, nodes, shapes, seats, ends, book, job, move_s, now):
    """What was moved goes on from where it was, after the time that its move takes."""
    done = max(now - seats.start[job], 0.0)
    seats.left[job] = max(seats.left[job] - done / work.run[job, seats.model[job]], 0.0)
    model = nodes.model[seats.node[work.part[job]]]
    seats.model[job], seats.start[job] = model, now + move_s
    seats.attempts[job] += 1
    seats.end[job] = seats.start[job] + work.run[job, model] * seats.left[job]
    push_end(ends, seats.end[job], job, seats.attempts[job])
    taken = volume(shapes, work.shape_of[work.kind[job]])
    books.enter(book, model, taken, now, seats.start[job], books.STARTING, work.cheap[job])
