"""Arrivals and departures in time order on a large fleet, by our policy over classes of nodes."""

from typing import NamedTuple

import numpy as np
from numba import njit

from penstock.placement.kernels import classes as by_class
from penstock.placement.kernels.classes import CLASSES, LOGGED, NONE
from penstock.placement.kernels.fill import plan
from penstock.placement.kernels.state import volume


class Pace(NamedTuple):
    """The demand to come per room left, the forgetting of the mix in tasks, how many events lie between two
    plans, and how many of the last changes a decision looks at."""

    overload: float
    memory_tasks: float
    plan_events: int
    recent: int


@njit(cache=True)
def begin(classes, heaps, nodes, rooms, outlook):
    """Classes and heaps anew from the nodes as they are."""
    classes.slots[:] = NONE
    classes.sizes[:] = 0
    heaps.length[:] = 0
    heaps.read[:] = 0
    heaps.met[:] = False
    heaps.whole[:] = 0
    for node in range(len(nodes.cpu)):
        by_class.enter(classes, nodes, node, rooms, outlook)


@njit(cache=True)
def take(nodes, node, shapes, shape, room):
    """Place a task on the first device with that room, or on the tightest devices; the mask of devices."""
    nodes.cpu[node] -= shapes.cpu[shape]
    nodes.memory[node] -= shapes.memory[shape]
    need, share, taken = shapes.devices[shape], shapes.share[shape], 0
    for _ in range(need):
        best = NONE
        for device in range(nodes.devices[node]):
            left = nodes.free[node, device]
            fresh = (taken >> device) & 1 == 0 and left >= share
            wanted = left == room if need == 1 else (best == NONE or left < nodes.free[node, best])
            if fresh and wanted and (need > 1 or best == NONE):
                best = device
        nodes.free[node, best] -= share
        taken |= 1 << best
    return taken


@njit(cache=True)
def give(nodes, node, shapes, shape, taken):
    """A task leaves the devices of the mask."""
    nodes.cpu[node] += shapes.cpu[shape]
    nodes.memory[node] += shapes.memory[shape]
    for device in range(nodes.devices[node]):
        if (taken >> device) & 1:
            nodes.free[node, device] += shapes.share[shape]


@njit(cache=True)
def run(pace, nodes, shapes, size_of, sizes, tasks, events, outlook, classes, heaps, weight, price):
    """Events are task + 1 for an arrival and -(task + 1) for its departure. The node of each task or NONE.

    `weight` and `price` carry over from one call to the next; also returns the devices and what is in use.
    """
    placed, held = np.full(len(tasks), NONE, np.int64), np.zeros(len(tasks), np.int64)
    rooms, used = np.zeros(nodes.free.shape[1], np.int64), 0
    counted, since, first = 1.0, pace.plan_events, weight.sum() == 0
    for event in events:
        task = abs(event) - 1
        shape = tasks[task]
        full = classes.sizes[CLASSES] >= len(classes.cpu) - 2
        if since >= pace.plan_events or full or classes.sizes[LOGGED] >= len(classes.log) - 2:
            weight[shape] += counted if first else 0.0
            plan(pace.overload, nodes, shapes, size_of, sizes, weight, price, outlook, first)
            begin(classes, heaps, nodes, rooms, outlook)
            weight /= counted
            counted, since, first = 1.0, 0, False
        since += 1
        if event < 0:
            node = placed[task]
            if node != NONE:
                by_class.leave(classes, node)
                give(nodes, node, shapes, shape, held[task])
                by_class.enter(classes, nodes, node, rooms, outlook)
                used -= volume(shapes, shape)
            continue
        counted *= 1 + 1 / pace.memory_tasks
        weight[shape] += counted
        cls = by_class.best_class(classes, heaps, shapes, shape, pace.recent, outlook)
        if cls != NONE:
            node = classes.head[cls]
            _, room = by_class.rate(classes, cls, shapes, shape, outlook)
            by_class.leave(classes, node)
            held[task], placed[task] = take(nodes, node, shapes, shape, room), node
            by_class.enter(classes, nodes, node, rooms, outlook)
            used += volume(shapes, shape)
    return placed, held, used
