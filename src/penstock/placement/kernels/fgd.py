"""Fragmentation gradient descent as published: Weng et al., "Beware of Fragmentation", USENIX ATC 2023."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from penstock.placement.kernels.state import (
    WHOLE,
    fits,
    give_devices,
    is_share,
    room,
    take_devices,
    tightest_device,
)


class Target(NamedTuple):
    """The task shapes that a centre expects, without memory; `weight` sums to one."""

    cpu: np.ndarray
    devices: np.ndarray
    share: np.ndarray
    models: np.ndarray
    weight: np.ndarray


@njit(cache=True, _nrt=True)
def fragment(nodes, node, cpu, target):
    """Expected thousandths of devices that the next task could not use, with so much CPU left.

    For a shape that the node cannot host that is all that is free; otherwise each room too small for it.
    """
    total, expected = room(nodes, node), 0.0
    for shape in range(len(target.weight)):
        need, share = target.devices[shape], target.share[shape]
        lost = total
        if need > 0 and cpu >= target.cpu[shape] and (target.models[shape] >> nodes.model[node]) & 1:
            enough, small = 0, 0
            for device in range(nodes.devices[node]):
                left = nodes.free[node, device]
                if left >= share:
                    enough += 1
                else:
                    small += left
            lost = small if enough >= need else total
        expected += target.weight[shape] * lost
    return expected


@njit(cache=True, _nrt=True)
def score(before, after):
    """The integer part of 100 × sigmoid(fall of the fragment, in devices)."""
    return int(1 / (1 + math.exp((after - before) / WHOLE)) * 100)


@njit(cache=True, _nrt=True)
def rate(nodes, node, shapes, shape, target):
    """The score of the node, and the device for a share: that of the steepest fall, first of equals.

    The node is changed for the trial and put back.
    """
    cpu, share = nodes.cpu[node] - shapes.cpu[shape], shapes.share[shape]
    before = fragment(nodes, node, nodes.cpu[node], target)
    if is_share(shapes, shape):
        best, chosen = -1, -1
        for device in range(nodes.devices[node]):
            if nodes.free[node, device] >= share:
                nodes.free[node, device] -= share
                gain = score(before, fragment(nodes, node, cpu, target))
                nodes.free[node, device] += share
                if gain > best:
                    best, chosen = gain, device
        return best, chosen
    first = tightest_device(nodes, node, shapes, shape)
    taken = take_devices(nodes, node, shapes.devices[shape], share)
    gain = score(before, fragment(nodes, node, cpu, target))
    give_devices(nodes, node, taken, share)
    return gain, first


@njit(cache=True, _nrt=True)
def refresh(nodes, shapes, shape, target, memo):
    """Rate the shape anew on each node that has changed."""
    loss, stamp, version = memo.loss[shape], memo.stamp[shape], memo.version
    for node in range(len(version)):
        if stamp[node] != version[node]:
            stamp[node], loss[node] = version[node], np.inf
            if fits(nodes, node, shapes, shape):
                gain, memo.device[shape, node] = rate(nodes, node, shapes, shape, target)
                loss[node] = -gain
