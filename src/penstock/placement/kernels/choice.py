"""Which job runs on which accelerator model next, when jobs differ in what each model does for them.

A job is worth `value[job, model]` for each device it takes there. Models have prices at which no more is
asked for than there is; a job takes the model where its value exceeds the price most. These are the duals
of Gavel's allocation programmes (Narayanan et al., OSDI 2020), found by raising prices in turn.
"""

import numpy as np
from numba import njit

NONE = -1
SWEEPS = 6
FIFO, SHORTEST, FAIR, COMPLETION, FAIRNESS, COST = range(6)


@njit(cache=True)
def worth_of(aim, speed, mean, need, rate, cost, worth):
    """Write what one job is worth for a device on each model, by the aim; 0 where it cannot run.

    Completion: what a second there takes off the job's own time. Fairness: the same, divided by the `rate` of
    what its owner has got so far (proportional fairness). Cost: how far the model's cost of the work is below
    twice the least. The other aims order jobs instead.
    """
    cheapest = np.inf
    for model in range(len(speed)):
        if speed[model] > 0:
            cheapest = min(cheapest, cost[model] / speed[model])
    for model in range(len(speed)):
        if speed[model] <= 0:
            worth[model] = 0.0
        elif aim == COMPLETION:
            worth[model] = speed[model] / mean / need
        elif aim == FAIRNESS:
            worth[model] = speed[model] / mean / rate / need
        elif aim == COST:
            worth[model] = max(2 - cost[model] / speed[model] / max(cheapest, 1e-300), 0.0)
        else:
            worth[model] = speed[model] / mean


@njit(cache=True)
def clearing_price(value, need, price, model, room):
    """The least price of a model, given those of the others, at which the jobs that want it fit its room."""
    jobs, models = value.shape
    edge = np.empty(jobs)
    for job in range(jobs):
        elsewhere = 0.0
        for other in range(models):
            if other != model:
                elsewhere = max(elsewhere, value[job, other] - price[other])
        edge[job] = value[job, model] - elsewhere
    taken = 0
    for job in np.argsort(-edge):
        if edge[job] <= 0:
            break
        taken += need[job]
        if taken > room:
            return edge[job]
    return 0.0


@njit(cache=True)
def clear(value, need, room, price):
    """Raise prices in turn until none changes, at most `SWEEPS` times; `price` starts where it was."""
    for _ in range(SWEEPS):
        change = 0.0
        for model in range(len(room)):
            now = clearing_price(value, need, price, model, room[model])
            change = max(change, abs(now - price[model]) / max(now, price[model], 1e-300))
            price[model] = now
        if change < 1e-3:
            return


@njit(cache=True)
def best_model(value, need, left, price, job, current):
    """The model with room where the job gains most; of equals the one it is on, then the emptiest; or NONE."""
    chosen, most = NONE, 0.0
    for model in range(len(left)):
        if value[job, model] <= 0 or need[job] > left[model]:
            continue
        gain = value[job, model] - price[model]
        if chosen != NONE and gain == most:
            better = model == current or (chosen != current and left[model] > left[chosen])
        else:
            better = chosen == NONE or gain > most
        if better:
            chosen, most = model, gain
    return chosen


@njit(cache=True)
def assign(value, need, room, price, order, current):
    """Give each job in order its best model with room; nothing stays idle that any of them could use."""
    left, model_of = room.copy(), np.full(len(need), NONE, np.int64)
    for job in order:
        model = best_model(value, need, left, price, job, current[job])
        model_of[job] = model
        if model != NONE:
            left[model] -= need[job]
    return model_of


@njit(cache=True)
def by_surplus(value, price):
    """Jobs by what they gain at these prices for each device, most first."""
    surplus = np.empty(len(value))
    for job in range(len(value)):
        surplus[job] = (value[job] - price).max()
    return np.argsort(-surplus)
