"""Node scores of the published rivals, higher is better, as the authors of FGD set them up for comparison.

They are integers, as a Kubernetes score is, so ties are common; the first node in order wins.
Facts from the plug-ins of hkust-adsl/kubernetes-scheduler-simulator (Apache-2.0), written anew.
"""

import numpy as np
from numba import njit

from penstock.placement.kernels.state import WHOLE, fits, is_share, room, tightest_device, volume

FIRST_FIT, BEST_FIT, DOT_PRODUCT, GPU_PACKING, GPU_CLUSTERING, RANDOM, FGD, PENSTOCK = range(8)

CPU_MAX = 128_000
ROOM_MAX = 8_000
"""The largest node of openb, by which the scores normalise: 128 cores, 8 devices."""


@njit(cache=True, _nrt=True)
def best_fit(nodes, node, shapes, shape):
    """100 × (1 - what would be left, CPU and devices weighing the same)."""
    cpu = (nodes.cpu[node] - shapes.cpu[shape]) / CPU_MAX
    devices = (room(nodes, node) - volume(shapes, shape)) / ROOM_MAX
    return int((1.0 - (cpu * 0.5 + devices * 0.5)) * 100)


@njit(cache=True, _nrt=True)
def dot_product(nodes, node, shapes, shape):
    """100 × (1 - half the dot product of demand and what is free), after Tetris (SIGCOMM 2014)."""
    cpu = (nodes.cpu[node] / CPU_MAX) * (shapes.cpu[shape] / CPU_MAX)
    devices = (room(nodes, node) / ROOM_MAX) * (volume(shapes, shape) / ROOM_MAX)
    return int(100 * (1 - (cpu + devices) / 2))


@njit(cache=True, _nrt=True)
def gpu_packing(nodes, node, shapes, shape):
    """Shared devices first, then free devices of used nodes, then free nodes."""
    need, share = shapes.devices[shape], shapes.share[shape]
    if need == 0:
        return 0
    whole = 0
    for device in range(nodes.devices[node]):
        whole += nodes.free[node, device] == WHOLE
    if whole == nodes.devices[node]:
        return max(33 - whole, whole)
    taken, opened, left = 0, 0, 0
    for _ in range(need):
        best = -1
        for device in range(nodes.devices[node]):
            free = nodes.free[node, device]
            fresh = (taken >> device) & 1 == 0
            if fresh and free >= share and (best < 0 or free < nodes.free[node, best]):
                best = device
        taken |= 1 << best
        opened += nodes.free[node, best] == WHOLE
        left += nodes.free[node, best] * 100 // WHOLE
    return max(50 - opened, 33) if opened else max(100 - left // 10, 50)


@njit(cache=True, _nrt=True)
def gpu_clustering(nodes, node, shapes, shape):
    """Nodes that run tasks of the same number of devices, fuller ones first, after Gandiva (OSDI 2018)."""
    if shapes.devices[shape] == 0:
        return 0
    kind = 0 if is_share(shapes, shape) else shapes.devices[shape]
    kinds = 0
    for other in range(nodes.kinds.shape[1]):
        kinds += nodes.kinds[node, other] > 0
    fullness = 25 * (ROOM_MAX - room(nodes, node)) // ROOM_MAX
    if nodes.kinds[node, kind] > 0:
        return fullness + (75 if kinds == 1 else 50)
    return fullness + (25 if kinds == 0 else 0)


@njit(cache=True, _nrt=True)
def score(policy, nodes, node, shapes, shape):
    """The score by a policy's number; first fit and random have none."""
    if policy == BEST_FIT:
        return best_fit(nodes, node, shapes, shape)
    if policy == DOT_PRODUCT:
        return dot_product(nodes, node, shapes, shape)
    if policy == GPU_PACKING:
        return gpu_packing(nodes, node, shapes, shape)
    if policy == GPU_CLUSTERING:
        return gpu_clustering(nodes, node, shapes, shape)
    return 0


@njit(cache=True, _nrt=True)
def refresh(policy, nodes, shapes, shape, memo):
    """Rate the shape anew on each node that has changed; all of them take the tightest device."""
    loss, stamp, version = memo.loss[shape], memo.stamp[shape], memo.version
    for node in range(len(version)):
        if stamp[node] != version[node]:
            stamp[node], loss[node] = version[node], np.inf
            if fits(nodes, node, shapes, shape):
                loss[node] = -score(policy, nodes, node, shapes, shape)
                memo.device[shape, node] = tightest_device(nodes, node, shapes, shape)
