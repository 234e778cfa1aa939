"""Our policy on large fleets: nodes in the same state form a class, and a class is rated once.

Each shape has a heap of the classes that can host it, by loss. A class that comes to life is written to a
log; a shape reads the log on from where it stood when it came last, or the last entries if there are many.
Dead classes leave a heap when they come to its top. So a decision costs as many ratings as classes came to
life since the shape was last asked for, whatever the size of the fleet.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

NONE = -1
FIRST, SECOND, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(29)
"""Multipliers of splitmix64."""
TIE = 1e-6
"""Of equal losses the node with less room is better: a thousandth of room weighs so much."""
CLASSES, LOGGED = 0, 1
"""Places in `sizes`."""


class Classes(NamedTuple):
    """States by class, classes by hash, nodes by class, and the log; `sizes` counts classes and log entries.

    `rooms` are a class's devices, most room first; `sums` the worth of all its rooms at each pair of prices.
    """

    slots: np.ndarray
    cpu: np.ndarray
    memory: np.ndarray
    model: np.ndarray
    devices: np.ndarray
    rooms: np.ndarray
    sums: np.ndarray
    value: np.ndarray
    head: np.ndarray
    count: np.ndarray
    log: np.ndarray
    sizes: np.ndarray
    of_node: np.ndarray
    after: np.ndarray
    before: np.ndarray


class Heaps(NamedTuple):
    """One heap a shape: classes by loss, how far the log was read, how far without gaps, and classes met."""

    cls: np.ndarray
    loss: np.ndarray
    length: np.ndarray
    read: np.ndarray
    met: np.ndarray
    whole: np.ndarray


@njit(cache=True)
def sort_rooms(nodes, node, rooms):
    """The node's rooms into `rooms`, most room first."""
    for device in range(nodes.devices[node]):
        left, i = nodes.free[node, device], device
        while i > 0 and rooms[i - 1] < left:
            rooms[i] = rooms[i - 1]
            i -= 1
        rooms[i] = left


@njit(cache=True)
def mix(hashed, part):
    """One more part into a 64-bit hash."""
    hashed = (hashed ^ np.uint64(part)) * FIRST
    return (hashed ^ (hashed >> SHIFT)) * SECOND


@njit(cache=True)
def same(classes, cls, nodes, node, rooms):
    """Whether the node is in the state of the class."""
    if classes.cpu[cls] != nodes.cpu[node] or classes.memory[cls] != nodes.memory[node]:
        return False
    if classes.model[cls] != nodes.model[node] or classes.devices[cls] != nodes.devices[node]:
        return False
    different = 0
    for i in range(nodes.devices[node]):
        different += classes.rooms[cls, i] != rooms[i]
    return different == 0


@njit(cache=True)
def describe(classes, cls, nodes, node, rooms, outlook):
    """Write the node's state as the class's, with its worth."""
    classes.cpu[cls], classes.memory[cls] = nodes.cpu[node], nodes.memory[node]
    classes.model[cls], classes.devices[cls] = nodes.model[node], nodes.devices[node]
    classes.rooms[cls, : nodes.devices[node]] = rooms[: nodes.devices[node]]
    least = np.inf
    for pair in range(len(outlook.cpu_price)):
        total = 0.0
        for i in range(nodes.devices[node]):
            total += outlook.worth[pair, nodes.model[node], rooms[i]]
        classes.sums[cls, pair] = total
        total += outlook.cpu_price[pair] * nodes.cpu[node] + outlook.memory_price[pair] * nodes.memory[node]
        least = min(least, total)
    classes.value[cls] = least


@njit(cache=True)
def class_of(classes, nodes, node, rooms, outlook):
    """The class of the node's state, made where it is new."""
    sort_rooms(nodes, node, rooms)
    hashed = mix(mix(np.uint64(nodes.model[node]), nodes.cpu[node]), nodes.memory[node])
    for i in range(nodes.devices[node]):
        hashed = mix(hashed, rooms[i])
    mask = np.uint64(len(classes.slots) - 1)
    slot = hashed & mask
    while classes.slots[slot] != NONE:
        if same(classes, classes.slots[slot], nodes, node, rooms):
            return classes.slots[slot]
        slot = (slot + np.uint64(1)) & mask
    cls = classes.sizes[CLASSES]
    classes.sizes[CLASSES] += 1
    classes.slots[slot], classes.head[cls], classes.count[cls] = cls, NONE, 0
    describe(classes, cls, nodes, node, rooms, outlook)
    return cls


@njit(cache=True)
def enter(classes, nodes, node, rooms, outlook):
    """Put a node into the class of its state; a class that comes to life is logged."""
    cls = class_of(classes, nodes, node, rooms, outlook)
    first = classes.head[cls]
    classes.of_node[node], classes.after[node], classes.before[node] = cls, first, NONE
    if first != NONE:
        classes.before[first] = node
    classes.head[cls] = node
    if classes.count[cls] == 0:
        classes.log[classes.sizes[LOGGED]] = cls
        classes.sizes[LOGGED] += 1
    classes.count[cls] += 1


@njit(cache=True)
def leave(classes, node):
    """Take a node out of its class before it changes."""
    cls, after, before = classes.of_node[node], classes.after[node], classes.before[node]
    if after != NONE:
        classes.before[after] = before
    if before != NONE:
        classes.after[before] = after
    else:
        classes.head[cls] = after
    classes.count[cls] -= 1


@njit(cache=True, inline="always")
def roomy(classes, cls, shapes, shape):
    """How many rooms of the class are large enough, or NONE where it cannot host the shape."""
    need, share, enough = shapes.devices[shape], shapes.share[shape], 0
    if classes.cpu[cls] < shapes.cpu[shape] or classes.memory[cls] < shapes.memory[shape]:
        return NONE
    if need > 0 and (shapes.models[shape] >> classes.model[cls]) & 1 == 0:
        return NONE
    while enough < classes.devices[cls] and classes.rooms[cls, enough] >= share:
        enough += 1
    return enough if enough >= need else NONE


@njit(cache=True, inline="always")
def rate(classes, cls, shapes, shape, outlook):
    """The loss of placing the shape on a node of the class (inf: does not fit), and the first room to take.

    A task of one device takes the room that costs least; one of several takes the tightest rooms.
    """
    enough = roomy(classes, cls, shapes, shape)
    if enough == NONE:
        return np.inf, NONE
    cpu, memory = classes.cpu[cls] - shapes.cpu[shape], classes.memory[cls] - shapes.memory[shape]
    need, share, model = shapes.devices[shape], shapes.share[shape], classes.model[cls]
    best, room, last = -np.inf, NONE, NONE
    start = 0 if need == 1 else max(enough - need, 0)
    for i in range(start, enough if need == 1 else start + 1):
        if need == 1 and classes.rooms[cls, i] == last:
            continue
        last = classes.rooms[cls, i] if need > 0 else NONE
        least = np.inf
        for pair in range(len(outlook.cpu_price)):
            total = (
                classes.sums[cls, pair] + outlook.cpu_price[pair] * cpu + outlook.memory_price[pair] * memory
            )
            for taken in range(i, i + need):
                left = classes.rooms[cls, taken]
                total += outlook.worth[pair, model, left - share] - outlook.worth[pair, model, left]
            least = min(least, total)
        if least > best:
            best, room = least, last
    total = 0
    for i in range(classes.devices[cls]):
        total += classes.rooms[cls, i]
    return classes.value[cls] - best + TIE * total, room


@njit(cache=True, inline="always")
def push(heaps, shape, cls, loss):
    """Into the shape's heap."""
    classes, losses = heaps.cls[shape], heaps.loss[shape]
    i = heaps.length[shape]
    heaps.length[shape] += 1
    while i > 0 and losses[(i - 1) // 2] > loss:
        parent = (i - 1) // 2
        classes[i], losses[i] = classes[parent], losses[parent]
        i = parent
    classes[i], losses[i] = cls, loss


@njit(cache=True, inline="always")
def pop(heaps, shape):
    """Drop the top of the shape's heap."""
    classes, losses = heaps.cls[shape], heaps.loss[shape]
    heaps.length[shape] -= 1
    last = heaps.length[shape]
    cls, loss, i = classes[last], losses[last], 0
    while True:
        child = 2 * i + 1
        if child >= last:
            break
        if child + 1 < last and losses[child + 1] < losses[child]:
            child += 1
        if losses[child] >= loss:
            break
        classes[i], losses[i] = classes[child], losses[child]
        i = child
    classes[i], losses[i] = cls, loss


@njit(cache=True)
def read_log(classes, heaps, shapes, shape, start, outlook):
    """Rate the classes that came to life from this entry on and that the shape has not met."""
    met = heaps.met[shape]
    for entry in range(start, classes.sizes[LOGGED]):
        cls = classes.log[entry]
        if classes.count[cls] > 0 and not met[cls]:
            met[cls] = True
            loss, _ = rate(classes, cls, shapes, shape, outlook)
            if loss < np.inf:
                push(heaps, shape, cls, loss)
    heaps.read[shape] = classes.sizes[LOGGED]


@njit(cache=True)
def living_top(classes, heaps, shape):
    """The first living class of the shape's heap, or NONE; dead ones leave it."""
    while heaps.length[shape] > 0:
        cls = heaps.cls[shape, 0]
        if classes.count[cls] > 0:
            return cls
        heaps.met[shape, cls] = False
        pop(heaps, shape)
    return NONE


@njit(cache=True)
def best_class(classes, heaps, shapes, shape, recent, outlook):
    """The living class with the least loss for the shape of those it has looked at, or NONE if none fits.

    It looks at most at `recent` entries of the log, the last ones; at all when it comes first after a
    plan, and before it finds that none fits.
    """
    logged = classes.sizes[LOGGED]
    start, without_gap = heaps.read[shape], heaps.whole[shape] == heaps.read[shape]
    if 0 < start < logged - recent:
        start, without_gap = logged - recent, False
    read_log(classes, heaps, shapes, shape, start, outlook)
    if without_gap:
        heaps.whole[shape] = logged
    cls = living_top(classes, heaps, shape)
    if cls == NONE and heaps.whole[shape] < logged:
        read_log(classes, heaps, shapes, shape, heaps.whole[shape], outlook)
        heaps.whole[shape] = logged
        cls = living_top(classes, heaps, shape)
    return cls
