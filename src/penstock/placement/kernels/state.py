"""The state of nodes as arrays, and what every policy asks of it.

A device's room is counted in thousandths; CPU in thousandths of a core; memory in MiB.

Kernels that make no array are compiled with `_nrt=False`: they count no references to the arrays that they borrow,
which took most of the time where a call passes dozens of them.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

WHOLE = 1000
ONE, YES, NO = np.int64(1), np.bool_(True), np.bool_(False)
"""As arguments, where a bare literal would have a kernel compiled once more, for that value."""


class Nodes(NamedTuple):
    """One entry a node; `free[node, device]` is the room left, `kinds[node, d]` counts tasks of d devices
    (0: a share of one)."""

    cpu: np.ndarray
    memory: np.ndarray
    free: np.ndarray
    devices: np.ndarray
    model: np.ndarray
    kinds: np.ndarray


class Shapes(NamedTuple):
    """One entry a task shape: `share` thousandths on each of `devices`; `models` is a bit mask."""

    cpu: np.ndarray
    memory: np.ndarray
    devices: np.ndarray
    share: np.ndarray
    models: np.ndarray


class Memo(NamedTuple):
    """What was rated, per shape and node, valid while the node's version has not changed.

    `loss` is inf where the shape does not fit; `value` is what our policy makes of the node itself.
    """

    loss: np.ndarray
    device: np.ndarray
    stamp: np.ndarray
    version: np.ndarray
    value: np.ndarray
    valued: np.ndarray


@njit(cache=True, _nrt=False)
def has_devices(nodes, node, shapes, shape):
    """Whether enough devices of a model that serves have the room."""
    if shapes.devices[shape] == 0:
        return True
    if (shapes.models[shape] >> nodes.model[node]) & 1 == 0:
        return False
    count = 0
    for device in range(nodes.devices[node]):
        if nodes.free[node, device] >= shapes.share[shape]:
            count += 1
    return count >= shapes.devices[shape]


@njit(cache=True, _nrt=False)
def fits(nodes, node, shapes, shape):
    """Whether the node can host one task of the shape now, in every dimension."""
    if nodes.cpu[node] < shapes.cpu[shape] or nodes.memory[node] < shapes.memory[shape]:
        return False
    return has_devices(nodes, node, shapes, shape)


@njit(cache=True, _nrt=False)
def room(nodes, node):
    """The room left on all devices of a node."""
    total = 0
    for device in range(nodes.devices[node]):
        total += nodes.free[node, device]
    return total


@njit(cache=True, _nrt=False)
def volume(shapes, shape):
    """Thousandths of devices that a task of the shape takes."""
    return shapes.devices[shape] * shapes.share[shape]


@njit(cache=True, _nrt=False)
def is_share(shapes, shape):
    """Whether the shape takes part of one device."""
    return shapes.devices[shape] == 1 and shapes.share[shape] < WHOLE


@njit(cache=True, _nrt=False)
def tightest_device(nodes, node, shapes, shape):
    """The device with the least room that is enough, the first of equals; -1 for none."""
    best = -1
    for device in range(nodes.devices[node]):
        left = nodes.free[node, device]
        if left >= shapes.share[shape] and (best < 0 or left < nodes.free[node, best]):
            best = device
    return best


@njit(cache=True, _nrt=False)
def take_devices(nodes, node, need, share):
    """Take the share on the first `need` devices that have the room; a bit mask of them."""
    taken = 0
    for device in range(nodes.devices[node]):
        if need > 0 and nodes.free[node, device] >= share:
            nodes.free[node, device] -= share
            taken |= 1 << device
            need -= 1
    return taken


@njit(cache=True, _nrt=False)
def give_devices(nodes, node, taken, share):
    """Give the share back on each device of the bit mask."""
    for device in range(nodes.devices[node]):
        if (taken >> device) & 1:
            nodes.free[node, device] += share


@njit(cache=True, _nrt=False)
def kind_of(shapes, shape):
    """The column of `kinds` that counts the shape."""
    return 0 if is_share(shapes, shape) else shapes.devices[shape]


@njit(cache=True, _nrt=False)
def take(nodes, node, shapes, shape, device):
    """Place a task: on `device` if it takes one, otherwise on the first with the room. A mask of devices."""
    nodes.cpu[node] -= shapes.cpu[shape]
    nodes.memory[node] -= shapes.memory[shape]
    if shapes.devices[shape] > 0:
        nodes.kinds[node, kind_of(shapes, shape)] += 1
    if shapes.devices[shape] != 1:
        return take_devices(nodes, node, shapes.devices[shape], shapes.share[shape])
    nodes.free[node, device] -= shapes.share[shape]
    return 1 << device


@njit(cache=True, _nrt=False)
def give(nodes, node, shapes, shape, taken):
    """Undo `take`, given the devices it took."""
    nodes.cpu[node] += shapes.cpu[shape]
    nodes.memory[node] += shapes.memory[shape]
    if shapes.devices[shape] > 0:
        nodes.kinds[node, kind_of(shapes, shape)] -= 1
    give_devices(nodes, node, taken, shapes.share[shape])
