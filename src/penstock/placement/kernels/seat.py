"""Seating one job of a rehearsal: all its gang nodes or none, on one model, nodes rated by the policy."""

from typing import NamedTuple

import numpy as np
from numba import njit

from penstock.placement.kernels.fill import BUSY, FRAGMENTED, NO_MODEL, refresh, why_not
from penstock.placement.kernels.published import RANDOM
from penstock.placement.kernels.state import fits, give, kind_of, room, take, volume

NONE = -1


class Work(NamedTuple):
    """Jobs by number and kinds of job by number; `run[job, model]` are seconds, inf where it cannot run.

    `limit` is what is believed of the length of a job, `save` how often it checkpoints (inf: never), `part`
    its first place in `Seats`; `cheap` work pays a lower price.
    """

    kind: np.ndarray
    submit: np.ndarray
    run: np.ndarray
    limit: np.ndarray
    save: np.ndarray
    priority: np.ndarray
    by_rank: np.ndarray
    rank: np.ndarray
    part: np.ndarray
    shape_of: np.ndarray
    groups: np.ndarray
    tenant_of: np.ndarray
    cheap: np.ndarray


class Seats(NamedTuple):
    """Nodes and device masks by part; by job its start, end, model, share of work left and attempts."""

    node: np.ndarray
    mask: np.ndarray
    start: np.ndarray
    end: np.ndarray
    first_start: np.ndarray
    model: np.ndarray
    left: np.ndarray
    attempts: np.ndarray


class Bar(NamedTuple):
    """Nodes kept for the first job that waits until an instant: `job` and `until` hold one entry each.

    `none` keeps no node.
    """

    node: np.ndarray
    job: np.ndarray
    until: np.ndarray
    none: np.ndarray


@njit(cache=True, _nrt=False)
def pick(loss, nodes, models, barred, at_random):
    """The node of one of these models that is rated best, the first of equals, or any that fits."""
    chosen, least, fitting = NONE, np.inf, 0
    for node in range(len(loss)):
        if loss[node] == np.inf or (models >> nodes.model[node]) & 1 == 0 or barred[node]:
            continue
        fitting += 1
        if at_random:
            if np.random.randint(fitting) == 0:
                chosen = node
        elif loss[node] < least:
            chosen, least = node, loss[node]
    return chosen


@njit(cache=True, _nrt=False)
def unseat(work, seats, nodes, shapes, memo, job, parts):
    """Give back the first parts of a job."""
    shape = work.shape_of[work.kind[job]]
    for part in range(work.part[job], work.part[job] + parts):
        node = seats.node[part]
        give(nodes, node, shapes, shape, seats.mask[part])
        memo.version[node] += 1


@njit(cache=True, _nrt=False)
def seat_on(rules, work, seats, nodes, shapes, target, outlook, memo, job, models, barred):
    """Seat all parts of a job on nodes of these models; False, and nothing changed, where they do not fit."""
    kind = work.kind[job]
    shape = work.shape_of[kind]
    for count in range(work.groups[kind]):
        refresh(rules, nodes, shapes, shape, target, outlook, memo)
        node = pick(memo.loss[shape], nodes, models, barred, rules.policy == RANDOM)
        if node == NONE:
            unseat(work, seats, nodes, shapes, memo, job, count)
            return False
        part = work.part[job] + count
        seats.node[part] = node
        seats.mask[part] = take(nodes, node, shapes, shape, memo.device[shape, node])
        memo.version[node] += 1
    return True


@njit(cache=True, _nrt=False)
def next_model(work, job, last, fastest):
    """The model to try after `last` (NONE: the first): in order, or the next slower one."""
    models = work.run.shape[1]
    if not fastest:
        return last + 1 if last + 1 < models else NONE
    chosen = NONE
    for model in range(models):
        run = work.run[job, model]
        after = last == NONE or run > work.run[job, last] or (run == work.run[job, last] and model > last)
        if after and run < np.inf and (chosen == NONE or run < work.run[job, chosen]):
            chosen = model
    return chosen


@njit(cache=True, _nrt=False)
def seat(rules, work, seats, nodes, shapes, target, outlook, memo, job, barred, fastest):
    """Seat a job where its policy wants it; whether it fits.

    A gang stays on one model. `fastest`: the models are tried in the order of the job's own speed on them.
    """
    kind = work.kind[job]
    shape = work.shape_of[kind]
    if work.groups[kind] == 1 and not fastest:
        models = shapes.models[shape]
        return seat_on(rules, work, seats, nodes, shapes, target, outlook, memo, job, models, barred)
    model = next_model(work, job, NONE, fastest)
    while model != NONE:
        able = (shapes.models[shape] >> model) & 1 and work.run[job, model] < np.inf
        if able and seat_on(
            rules, work, seats, nodes, shapes, target, outlook, memo, job, 1 << model, barred
        ):
            return True
        model = next_model(work, job, model, fastest)
    return False


@njit(cache=True, _nrt=False)
def why_not_seated(nodes, shapes, shape, groups):
    """Why so many gang nodes of the shape were not seated: too little is free, or what is lies on too few."""
    free, somewhere = 0, False
    for node in range(len(nodes.cpu)):
        if (shapes.models[shape] >> nodes.model[node]) & 1:
            free += room(nodes, node)
            somewhere |= fits(nodes, node, shapes, shape)
    if free < volume(shapes, shape) * groups:
        return NO_MODEL if free == 0 and why_not(nodes, shapes, shape) == NO_MODEL else BUSY
    return FRAGMENTED if somewhere else why_not(nodes, shapes, shape)


@njit(cache=True, _nrt=False)
def hosted(nodes, node, shapes, shape):
    """How many gang nodes of the shape this node could hold now."""
    need, share, slots = shapes.devices[shape], shapes.share[shape], 0
    if (shapes.models[shape] >> nodes.model[node]) & 1 == 0 and need > 0:
        return 0
    most = 1 << 30
    if shapes.cpu[shape] > 0:
        most = min(most, nodes.cpu[node] // shapes.cpu[shape])
    if shapes.memory[shape] > 0:
        most = min(most, nodes.memory[node] // shapes.memory[shape])
    if need == 0:
        return most if nodes.cpu[node] >= 0 else 0
    for device in range(nodes.devices[node]):
        slots += nodes.free[node, device] // share if need == 1 else nodes.free[node, device] >= share
    return max(min(most, slots // need), 0)


@njit(cache=True, _nrt=False)
def give_all(work, seats, nodes, shapes, job, for_shape, hold, per_model):
    """A running job's parts are given back for a trial; what nodes could hold of the shape follows."""
    kind = work.kind[job]
    for part in range(work.part[job], work.part[job] + work.groups[kind]):
        node = seats.node[part]
        give(nodes, node, shapes, work.shape_of[kind], seats.mask[part])
        now_hosted = hosted(nodes, node, shapes, for_shape)
        per_model[nodes.model[node]] += now_hosted - hold[node]
        hold[node] = now_hosted


@njit(cache=True, _nrt=True)
def soonest(work, seats, nodes, shapes, job, running, now, hold):
    """When and on which model the job fits by what is believed of the ends; `hold`: what each node could hold then.

    Time is played forward on the state itself, which is put back. NONE where no end is known.
    """
    kind = work.kind[job]
    shape, groups = work.shape_of[kind], work.groups[kind]
    per_model, ends = np.zeros(work.run.shape[1], np.int64), np.empty(len(running))
    for node in range(len(nodes.cpu)):
        hold[node] = hosted(nodes, node, shapes, shape)
        per_model[nodes.model[node]] += hold[node]
    for i in range(len(running)):
        ends[i] = seats.start[running[i]] + work.limit[running[i]]
    order, found, until, given = np.argsort(ends), NONE, np.inf, 0
    while given < len(order) and found == NONE and ends[order[given]] < np.inf:
        until = max(ends[order[given]], now)
        give_all(work, seats, nodes, shapes, running[order[given]], shape, hold, per_model)
        given += 1
        for model in range(len(per_model)):
            if per_model[model] >= groups and work.run[job, model] < np.inf:
                found = model
    for i in range(given):
        other = running[order[i]]
        for part in range(work.part[other], work.part[other] + work.groups[work.kind[other]]):
            retake(nodes, seats.node[part], shapes, work.shape_of[work.kind[other]], seats.mask[part])
    return until, found


@njit(cache=True, _nrt=True)
def keep(work, seats, nodes, shapes, bar, job, running, now):
    """Keep nodes for the first job that waits: those where it fits soonest. Nothing where no end is known."""
    hold, groups = np.zeros(len(nodes.cpu), np.int64), work.groups[work.kind[job]]
    until, found = soonest(work, seats, nodes, shapes, job, running, now, hold)
    bar.node[:] = False
    if found == NONE:
        return
    bar.job[0], bar.until[0] = job, until
    for node in np.argsort(-hold):
        if nodes.model[node] == found and groups > 0 and hold[node] > 0:
            bar.node[node] = True
            groups -= hold[node]


@njit(cache=True, _nrt=False)
def retake(nodes, node, shapes, shape, mask):
    """Undo `give`."""
    nodes.cpu[node] -= shapes.cpu[shape]
    nodes.memory[node] -= shapes.memory[shape]
    for device in range(nodes.devices[node]):
        if (mask >> device) & 1:
            nodes.free[node, device] -= shapes.share[shape]
    if shapes.devices[shape] > 0:
        nodes.kinds[node, kind_of(shapes, shape)] += 1
