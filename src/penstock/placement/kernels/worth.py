"""Our policy: what a node's room is worth to the work that is still to come, at that work's own prices.

Work to come is the mix that has arrived so far. A room of f thousandths is worth the best filling of it by
tasks of that mix, each counted at its size less a price: the price is high for sizes that come too rarely to
be relied on as filling. A node's CPU and memory have prices as well, the cheapest of a few that explain the
node; so a node short of CPU is worth less, and loses less, by tasks that need little of it. A task goes where
the worth of the node falls least. Rooms, prices and worths are in thousandths of a device.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from penstock.placement.kernels.state import fits, give_devices, take_devices

FEW = 1e-12


class Outlook(NamedTuple):
    """`worth[price, model, room]` at each pair of CPU and memory prices; sizes are multiples of `unit`."""

    cpu_price: np.ndarray
    memory_price: np.ndarray
    worth: np.ndarray
    unit: int
    scratch: np.ndarray


@njit(cache=True, _nrt=True)
def best_filling(gains, sizes, worth, chosen):
    """Unbounded knapsack: the best sum of gains of sizes in each room; `chosen` is one of them or -1."""
    worth[0], chosen[0] = 0.0, -1
    for room in range(1, len(worth)):
        worth[room], chosen[room] = worth[room - 1], -1
        for i in range(len(sizes)):
            if sizes[i] <= room and gains[i] > 0:
                sum_of_gains = worth[room - sizes[i]] + gains[i]
                if sum_of_gains > worth[room] + FEW:
                    worth[room], chosen[room] = sum_of_gains, i


@njit(cache=True, _nrt=True)
def demand_of(rooms, sizes, chosen, used):
    """How many tasks of each size fill all rooms best; `rooms[r]` counts rooms of r units."""
    used[:] = 0
    for room in range(1, len(rooms)):
        left = room
        while rooms[room] > 0 and left > 0:
            if chosen[left] < 0:
                left -= 1
            else:
                used[chosen[left]] += rooms[room]
                left -= sizes[chosen[left]]


@njit(cache=True, _nrt=True)
def prices(rooms, sizes, gains, supply, price, step, rounds):
    """Prices at which the rooms ask for no more tasks of a size than come.

    Subgradient descent from `price` on the dual of: fill the rooms with at most `supply` tasks of each size,
    so that the sum of gains is greatest. Returns the best prices met and their bound on that sum.
    """
    worth, chosen = np.zeros(len(rooms)), np.zeros(len(rooms), np.int64)
    used, price = np.zeros(len(sizes)), price.copy()
    best, bound = price.copy(), np.inf
    for i in range(rounds):
        best_filling(gains - price, sizes, worth, chosen)
        demand_of(rooms, sizes, chosen, used)
        total = (price * supply).sum() + (rooms * worth).sum()
        if total < bound:
            bound = total
            best[:] = price
        gap = supply - used
        length = np.sqrt((gap * gap).sum())
        if length < FEW:
            break
        price = np.minimum(np.maximum(price - step / (1 + i) ** 0.6 * gap / length, 0.0), gains)
    return best, bound


@njit(cache=True, _nrt=True)
def worths(outlook, shapes, size_of, sizes, price, weight):
    """Fill `outlook.worth`: a size gains the mean over its shapes of size less price, CPU and memory."""
    gains, seen = np.zeros(len(sizes)), np.zeros(len(sizes))
    filling = np.zeros(1 + (outlook.worth.shape[2] - 1) // outlook.unit)
    chosen = np.zeros(len(filling), np.int64)
    for pair in range(outlook.worth.shape[0]):
        for model in range(outlook.worth.shape[1]):
            gains[:] = 0
            seen[:] = FEW
            for shape in range(len(weight)):
                devices = shapes.devices[shape]
                if weight[shape] <= 0 or devices == 0:
                    continue
                size = size_of[shape]
                seen[size] += weight[shape] * devices
                cost = outlook.cpu_price[pair] * shapes.cpu[shape]
                cost += outlook.memory_price[pair] * shapes.memory[shape]
                gain = shapes.share[shape] - price[size] - cost / devices
                if gain > 0 and (shapes.models[shape] >> model) & 1:
                    gains[size] += weight[shape] * devices * gain
            best_filling(gains / seen, sizes, filling, chosen)
            for room in range(outlook.worth.shape[2]):
                outlook.worth[pair, model, room] = filling[room // outlook.unit]


@njit(cache=True, _nrt=False)
def value(nodes, node, cpu, memory, outlook):
    """What a node with so much CPU and memory left is worth: the least over the pairs of prices."""
    least, model = np.inf, nodes.model[node]
    for pair in range(len(outlook.cpu_price)):
        total = outlook.cpu_price[pair] * cpu + outlook.memory_price[pair] * memory
        for device in range(nodes.devices[node]):
            total += outlook.worth[pair, model, nodes.free[node, device]]
        least = min(least, total)
    return least


@njit(cache=True, _nrt=False)
def fall_on_one(nodes, node, before, cpu, memory, share, outlook):
    """The least fall in worth by a share on one device of the node, and that device."""
    devices, model, free, least = nodes.devices[node], nodes.model[node], nodes.free, outlook.scratch
    least[:devices] = np.inf
    for pair in range(len(outlook.cpu_price)):
        total = outlook.cpu_price[pair] * cpu + outlook.memory_price[pair] * memory
        for device in range(devices):
            total += outlook.worth[pair, model, free[node, device]]
        for device in range(devices):
            left = free[node, device]
            if left >= share:
                change = outlook.worth[pair, model, left - share] - outlook.worth[pair, model, left]
                least[device] = min(least[device], total + change)
    most, chosen = -np.inf, -1
    for device in range(devices):
        if free[node, device] >= share and least[device] > most:
            most, chosen = least[device], device
    return before - most, chosen


@njit(cache=True, _nrt=False)
def rate(nodes, node, before, shapes, shape, outlook):
    """The least fall in the node's worth by a task of the shape, and the device where it takes one."""
    cpu, memory = nodes.cpu[node] - shapes.cpu[shape], nodes.memory[node] - shapes.memory[shape]
    need, share = shapes.devices[shape], shapes.share[shape]
    if need == 1:
        return fall_on_one(nodes, node, before, cpu, memory, share, outlook)
    taken = take_devices(nodes, node, need, share)
    fall = before - value(nodes, node, cpu, memory, outlook)
    give_devices(nodes, node, taken, share)
    return fall, -1


@njit(cache=True, _nrt=False)
def refresh(nodes, shapes, shape, outlook, memo):
    """Rate the shape anew on each node that has changed."""
    loss, stamp, version = memo.loss[shape], memo.stamp[shape], memo.version
    for node in range(len(version)):
        if stamp[node] == version[node]:
            continue
        stamp[node], loss[node] = version[node], np.inf
        if fits(nodes, node, shapes, shape):
            if memo.valued[node] != version[node]:
                memo.value[node] = value(nodes, node, nodes.cpu[node], nodes.memory[node], outlook)
                memo.valued[node] = version[node]
            rated = rate(nodes, node, memo.value[node], shapes, shape, outlook)
            loss[node], memo.device[shape, node] = rated
