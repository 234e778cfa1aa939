"""A rehearsal in time: arrivals, ends and faults of nodes in order, and after each instant those who wait.

Each decision is that of the fill experiment's kernels, on a state that is updated and never rebuilt.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from penstock.placement.kernels import book as books
from penstock.placement.kernels import queue
from penstock.placement.kernels.displace import (
    charge,
    give_way,
    lose,
    move_closer,
    push_end,
    release,
    running_now,
)
from penstock.placement.kernels.fill import FRAGMENTED, plan
from penstock.placement.kernels.published import PENSTOCK
from penstock.placement.kernels.seat import NONE, hosted, keep, seat, why_not_seated
from penstock.placement.kernels.state import NO, ONE, WHOLE

STRICT, PASSING, KEEPING = range(3)


class Order(NamedTuple):
    """Who goes first: whether the tenant with the least in use does, how those behind may pass (`STRICT`,
    `PASSING`, `KEEPING`), whether models are tried fastest first, and arrivals from one plan to the next.

    `spot`: work of negative priority gives way. `move_s`: how long a move takes; negative: nothing is moved.
    """

    fair: bool
    passing: int
    fastest: bool
    plan_every: int
    spot: bool
    move_s: float


class Ends(NamedTuple):
    """A heap of ends by time; an entry of an earlier attempt is void. `size` holds one entry."""

    time: np.ndarray
    job: np.ndarray
    attempt: np.ndarray
    size: np.ndarray


class Faults(NamedTuple):
    """Nodes that go and come back, by time; `cpu`, `memory` and `devices` of all nodes when whole.

    `warned`: what runs there may checkpoint first.
    """

    time: np.ndarray
    node: np.ndarray
    up: np.ndarray
    cpu: np.ndarray
    memory: np.ndarray
    devices: np.ndarray
    warned: np.ndarray


class Market(NamedTuple):
    """What the policy reckons with: see `fill`."""

    target: object
    outlook: object
    memo: object
    size_of: np.ndarray
    sizes: np.ndarray
    weight: np.ndarray
    price: np.ndarray


@njit(cache=True, _nrt=False)
def pop_end(ends):
    """Drop the first end."""
    ends.size[0] -= 1
    last, i = ends.size[0], 0
    time, job, attempt = ends.time[last], ends.job[last], ends.attempt[last]
    while 2 * i + 1 < last:
        child = 2 * i + 1
        if child + 1 < last and ends.time[child + 1] < ends.time[child]:
            child += 1
        if ends.time[child] >= time:
            break
        ends.time[i], ends.job[i], ends.attempt[i] = ends.time[child], ends.job[child], ends.attempt[child]
        i = child
    ends.time[i], ends.job[i], ends.attempt[i] = time, job, attempt


@njit(cache=True, _nrt=False)
def turn(order, faults, at, work, nodes, shapes, seats, memo, book, share, waiting, running, bar, now):
    """One node goes, with all that ran on it, or comes back."""
    node, model = faults.node[at], nodes.model[faults.node[at]]
    if not faults.up[at]:
        for job in running:
            for part in range(work.part[job], work.part[job] + work.groups[work.kind[job]]):
                if seats.node[part] == node and seats.end[job] > now and seats.end[job] < np.inf:
                    release(order, work, nodes, shapes, seats, memo, book, share, waiting, job)
                    lose(work, shapes, seats, book, waiting, job, faults.warned[at], now)
                    break
    sign = 1 if faults.up[at] else -1
    nodes.cpu[node] = faults.cpu[node] if faults.up[at] else -1
    nodes.memory[node] = faults.memory[node] if faults.up[at] else -1
    nodes.devices[node] = faults.devices[node] if faults.up[at] else 0
    book.free[model] += sign * faults.devices[node] * WHOLE
    book.down[model] -= sign * faults.devices[node] * WHOLE
    memo.version[node] += 1
    bar.job[0] = NONE
    bar.node[:] = False
    queue.unblock(waiting)


@njit(cache=True, _nrt=False)
def begin(work, nodes, seats, ends, job, now):
    """A seated job runs from now on."""
    model = nodes.model[seats.node[work.part[job]]]
    seats.start[job], seats.model[job] = now, model
    if seats.attempts[job] == 0:
        seats.first_start[job] = now
    seats.end[job] = now + work.run[job, model] * seats.left[job]
    push_end(ends, seats.end[job], job, seats.attempts[job])


@njit(cache=True, _nrt=False)
def made_room(rules, order, work, nodes, shapes, seats, ends, market, book, share, waiting, barred, job, now):
    """Seat a job that does not fit as things are: spot work gives way, or what runs moves closer together."""
    if order.spot and work.priority[job] >= 0:
        way = give_way(order, work, nodes, shapes, seats, ends, market.memo, book, share, waiting, job, now)
        if way and seat(
            rules, work, seats, nodes, shapes, market.target, market.outlook, market.memo, job, barred,
            order.fastest,
        ):  # fmt: skip
            return True
    kind = work.kind[job]
    if (
        order.move_s < 0
        or why_not_seated(nodes, shapes, work.shape_of[kind], work.groups[kind]) != FRAGMENTED
    ):
        return False
    return move_closer(rules, order, work, nodes, shapes, seats, ends, market, book, share, barred, job, now)


@njit(cache=True, _nrt=False)
def serve(rules, order, work, nodes, shapes, seats, ends, market, book, share, waiting, bar, now):
    """Seat those who wait, in order, until none of them fits or none may pass the first."""
    if bar.job[0] != NONE and bar.until[0] < now:
        bar.job[0] = NONE
        bar.node[:] = False
        queue.unblock(waiting)
    while True:
        kind = queue.first(waiting, work, share, order.fair, order.passing != STRICT)
        if kind == NONE or (order.passing == STRICT and waiting.blocked[kind]):
            return
        job = work.by_rank[waiting.rank[waiting.offset[kind]]]
        short = bar.job[0] == job or bar.job[0] == NONE or now + work.limit[job] <= bar.until[0]
        barred = bar.none if short else bar.node
        shape = work.shape_of[kind]
        if seat(
            rules, work, seats, nodes, shapes, market.target, market.outlook, market.memo, job, barred,
            order.fastest,
        ) or made_room(
            rules, order, work, nodes, shapes, seats, ends, market, book, share, waiting, barred, job, now
        ):  # fmt: skip
            queue.pop(waiting, kind)
            charge(work, nodes, shapes, seats, book, share, job, ONE)
            begin(work, nodes, seats, ends, job, now)
            if bar.job[0] == job:
                bar.job[0] = NONE
                bar.node[:] = False
                queue.unblock(waiting)
            continue
        waiting.blocked[kind] = True
        waiting.reason[kind] = why_not_seated(nodes, shapes, shape, work.groups[kind])
        foremost = order.passing == KEEPING and queue.first(waiting, work, share, order.fair, NO) == kind
        if foremost and bar.job[0] != job:
            keep(work, seats, nodes, shapes, bar, job, running_now(ends, seats), now)


@njit(cache=True, _nrt=True)
def hopeless_kinds(work, nodes, shapes):
    """By kind the reason why even the empty fleet could not hold one job of it, or 0."""
    reasons = np.zeros(len(work.shape_of), np.int64)
    for kind in range(len(work.shape_of)):
        most = np.zeros(work.run.shape[1], np.int64)
        for node in range(len(nodes.cpu)):
            most[nodes.model[node]] += hosted(nodes, node, shapes, work.shape_of[kind])
        if most.max() < work.groups[kind]:
            reasons[kind] = why_not_seated(nodes, shapes, work.shape_of[kind], work.groups[kind])
    return reasons


@njit(cache=True, _nrt=False)
def end_all(order, work, nodes, shapes, seats, ends, memo, book, share, waiting, now):
    """All attempts whose end has come leave."""
    while ends.size[0] > 0 and ends.time[0] <= now:
        job, attempt = ends.job[0], ends.attempt[0]
        pop_end(ends)
        if seats.attempts[job] == attempt:
            release(order, work, nodes, shapes, seats, memo, book, share, waiting, job)


@njit(cache=True, _nrt=False)
def arrive(work, waiting, hopeless, outcome, arrived, now):
    """All jobs submitted by now wait, but those that no empty fleet could hold; how many have come in all."""
    while arrived < len(work.submit) and work.submit[arrived] <= now:
        kind = work.kind[arrived]
        if hopeless[kind] != 0:
            outcome[arrived] = hopeless[kind]
        else:
            queue.push(waiting, kind, work.rank[arrived])
        arrived += 1
    return arrived


@njit(cache=True, _nrt=True)
def replan(rules, work, nodes, shapes, market, last, arrived):
    """Weigh what has come since the last plan and make prices and worths anew."""
    counted, first = 1.0, last == 0
    for job in range(last, arrived):
        counted *= 1 + 1 / rules.memory_tasks
        market.weight[work.shape_of[work.kind[job]]] += counted
    plan(
        1.0, nodes, shapes, market.size_of, market.sizes, market.weight, market.price,
        market.outlook, first,
    )  # fmt: skip
    market.weight[:] /= counted
    market.memo.version[:] += 1


@njit(cache=True, _nrt=False)
def next_time(work, arrived, faults, fault, ends):
    """The next instant at which anything happens."""
    at = work.submit[arrived] if arrived < len(work.submit) else np.inf
    if fault < len(faults.time):
        at = min(at, faults.time[fault])
    if ends.size[0] > 0:
        at = min(at, ends.time[0])
    return at


@njit(cache=True, _nrt=True)
def replay(rules, order, work, nodes, shapes, seats, ends, faults, market, book, waiting, bar, outcome, seed):
    """Play the jobs through; `outcome` of a job that never ran becomes its reason."""
    np.random.seed(seed)
    hopeless = hopeless_kinds(work, nodes, shapes)
    share = np.zeros(work.tenant_of.max() + 1)
    arrived = planned = fault = part = ONE - ONE
    now = book.edges[0]
    while True:
        at = next_time(work, arrived, faults, fault, ends)
        idle = arrived == len(work.submit) and ends.size[0] == 0 and waiting.actives[0] == 0
        if at == np.inf or (idle and at >= book.edges[-1]):
            break
        if at > now:
            wanted = books.attribute(book, waiting, shapes, work.shape_of, work.groups)
            part = books.pass_time(book, part, now, at, wanted)
            now = at
        end_all(order, work, nodes, shapes, seats, ends, market.memo, book, share, waiting, now)
        while fault < len(faults.time) and faults.time[fault] <= now:
            running = running_now(ends, seats)
            turn(
                order,
                faults,
                fault,
                work,
                nodes,
                shapes,
                seats,
                market.memo,
                book,
                share,
                waiting,
                running,
                bar,
                now,
            )
            fault += 1
        arrived = arrive(work, waiting, hopeless, outcome, arrived, now)
        if rules.policy == PENSTOCK and arrived >= planned + (order.plan_every if planned > 0 else 1):
            replan(rules, work, nodes, shapes, market, planned, arrived)
            planned = arrived
        serve(rules, order, work, nodes, shapes, seats, ends, market, book, share, waiting, bar, now)
    if now < book.edges[-1]:
        wanted = books.attribute(book, waiting, shapes, work.shape_of, work.groups)
        books.pass_time(book, part, now, book.edges[-1], wanted)
    for kind in range(len(work.shape_of)):
        for i in range(waiting.length[kind]):
            outcome[work.by_rank[waiting.rank[waiting.offset[kind] + i]]] = waiting.reason[kind]
