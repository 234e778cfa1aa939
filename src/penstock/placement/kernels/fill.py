"""Place a stream of tasks one by one; none leaves. The best rated node takes the task."""

from typing import NamedTuple

import numpy as np
from numba import njit

from penstock.placement.kernels import fgd, published, worth
from penstock.placement.kernels.published import FGD, PENSTOCK, RANDOM
from penstock.placement.kernels.state import WHOLE, has_devices, is_share, room, take, volume

HELD, NO_MODEL, NO_CPU, NO_MEMORY, FRAGMENTED, BUSY = range(-1, -7, -1)

STEP_FIRST, STEP_NEXT, ROUNDS = 400.0, 40.0, 60
"""The descent's first steps in thousandths: from nothing, and from the last plan's prices."""
GRID = np.array([0.0, 0.25, 0.75])
"""CPU and memory prices tried, in device rooms per what the mean task asks for one device's room."""
FEW_TASKS = 1e-9
SPREADS = 2.0
"""Where tasks may be held, so many standard deviations more work than there is room for are reckoned with."""
TOLERANCE = 1.001
"""How many times what it takes a task may cost before it is held."""


class Rules(NamedTuple):
    """How to place: the policy, and for ours the demand forecast (a share of capacity; 0: none), whether to
    hold, how often to plan (a share of capacity) and how fast to forget (tasks)."""

    policy: int
    forecast: float
    hold: bool
    plan_every: float
    memory_tasks: float


@njit(cache=True, _nrt=False)
def refresh(rules, nodes, shapes, shape, target, outlook, memo):
    """Bring the memo of the shape up to date by the policy."""
    if rules.policy == PENSTOCK:
        worth.refresh(nodes, shapes, shape, outlook, memo)
    elif rules.policy == FGD:
        fgd.refresh(nodes, shapes, shape, target, memo)
    else:
        published.refresh(rules.policy, nodes, shapes, shape, memo)


@njit(cache=True, _nrt=False)
def least_loss(loss):
    """The node with the least loss, the first of equals; -1 where none fits."""
    least, chosen = np.inf, -1
    for node in range(len(loss)):
        if loss[node] < least - worth.FEW:
            least, chosen = loss[node], node
    return chosen


@njit(cache=True, _nrt=False)
def any_fitting(loss):
    """A node drawn at random from those that fit; -1 where none does."""
    chosen, fitting = -1, 0
    for node in range(len(loss)):
        if loss[node] < np.inf:
            fitting += 1
            if np.random.randint(fitting) == 0:
                chosen = node
    return chosen


@njit(cache=True, _nrt=False)
def random_device(nodes, node, shapes, shape):
    """Any device that has the room."""
    chosen, fitting = -1, 0
    for device in range(nodes.devices[node]):
        if nodes.free[node, device] >= shapes.share[shape]:
            fitting += 1
            if np.random.randint(fitting) == 0:
                chosen = device
    return chosen


@njit(cache=True, _nrt=False)
def why_not(nodes, shapes, shape):
    """Why a task fits nowhere, by the nodes that came closest."""
    free, served, by_cpu, by_memory = 0, False, False, False
    for node in range(len(nodes.cpu)):
        if shapes.devices[shape] > 0 and (shapes.models[shape] >> nodes.model[node]) & 1 == 0:
            continue
        served = True
        free += room(nodes, node)
        if has_devices(nodes, node, shapes, shape):
            by_cpu |= nodes.memory[node] >= shapes.memory[shape]
            by_memory |= nodes.cpu[node] >= shapes.cpu[shape]
    if not served:
        return NO_MODEL
    if by_cpu:
        return NO_CPU
    if by_memory:
        return NO_MEMORY
    return FRAGMENTED if free >= volume(shapes, shape) and shapes.devices[shape] > 0 else BUSY


@njit(cache=True, _nrt=True)
def plan(overload, nodes, shapes, size_of, sizes, weight, price, outlook, first):
    """New prices and worths, from what is free and the mix of what has come."""
    rooms = np.zeros(1 + WHOLE // outlook.unit)
    for node in range(len(nodes.cpu)):
        for device in range(nodes.devices[node]):
            rooms[nodes.free[node, device] // outlook.unit] += 1
    supply, shares, cpu, memory = np.zeros(len(sizes)), FEW_TASKS, FEW_TASKS, FEW_TASKS
    for shape in range(len(weight)):
        if shapes.devices[shape] > 0:
            supply[size_of[shape]] += weight[shape] * shapes.devices[shape]
            shares += weight[shape] * volume(shapes, shape)
            cpu += weight[shape] * shapes.cpu[shape]
            memory += weight[shape] * shapes.memory[shape]
    free = (rooms * np.arange(len(rooms))).sum() * outlook.unit
    supply *= overload * free / shares
    gains = (sizes * outlook.unit).astype(np.float64)
    step = STEP_FIRST if first else STEP_NEXT
    price[:] = worth.prices(rooms, sizes, gains, supply, price, step, ROUNDS)[0]
    for i in range(len(GRID)):
        for j in range(len(GRID)):
            outlook.cpu_price[i * len(GRID) + j] = GRID[i] * shares / cpu
            outlook.memory_price[i * len(GRID) + j] = GRID[j] * shares / memory
    worth.worths(outlook, shapes, size_of, sizes, price, weight)


@njit(cache=True, _nrt=True)
def work_to_come(rules, nodes, shapes, weight, demand, capacity):
    """Work that is reckoned with, per room left.

    With a forecast what it leaves. Otherwise what fills the room, and where tasks may be held two standard
    deviations more: the volume of tasks that fill a room V varies by the root of V E[v²] / E[v].
    """
    free, mean, square = 1.0, FEW_TASKS, 0.0
    for node in range(len(nodes.cpu)):
        free += room(nodes, node)
    if rules.forecast > 0:
        return max(rules.forecast * capacity - demand, WHOLE) / free
    for shape in range(len(weight)):
        mean += weight[shape] * volume(shapes, shape)
        square += weight[shape] * volume(shapes, shape) ** 2
    return 1.0 + rules.hold * SPREADS * np.sqrt(square / mean / free)


@njit(cache=True, _nrt=True)
def place_all(rules, nodes, shapes, size_of, sizes, tasks, target, outlook, memo, seed):
    """Place the tasks in order, changing `nodes`; for each its node, or a negative reason."""
    np.random.seed(seed)
    outcome = np.empty(len(tasks), np.int64)
    weight, price = np.zeros(len(shapes.cpu)), np.zeros(len(sizes))
    capacity = 0
    for node in range(len(nodes.cpu)):
        capacity += room(nodes, node)
    demand, planned, counted = 0, 0.0, 1.0
    for i in range(len(tasks)):
        shape = tasks[i]
        counted *= 1 + 1 / rules.memory_tasks
        weight[shape] += counted
        if rules.policy == PENSTOCK and demand > planned * capacity:
            overload = work_to_come(rules, nodes, shapes, weight, demand, capacity)
            plan(overload, nodes, shapes, size_of, sizes, weight, price, outlook, planned == 0)
            planned = demand / capacity + rules.plan_every
            weight /= counted
            counted = 1.0
            memo.version[:] += 1
        demand += volume(shapes, shape)
        refresh(rules, nodes, shapes, shape, target, outlook, memo)
        chosen = any_fitting(memo.loss[shape]) if rules.policy == RANDOM else least_loss(memo.loss[shape])
        if chosen < 0:
            outcome[i] = why_not(nodes, shapes, shape)
        elif rules.hold and 0 < volume(shapes, shape) * TOLERANCE < memo.loss[shape, chosen]:
            outcome[i] = HELD
        else:
            device = memo.device[shape, chosen]
            if rules.policy == RANDOM and is_share(shapes, shape):
                device = random_device(nodes, chosen, shapes, shape)
            take(nodes, chosen, shapes, shape, device)
            memo.version[chosen] += 1
            outcome[i] = chosen
    return outcome
