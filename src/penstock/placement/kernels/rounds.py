"""A rehearsal in rounds, as in Gavel: at the start of each, running and waiting jobs are dealt out anew.

A job that changes its model or comes back loses the time of a restart from its checkpoint. Devices of one
model form a pool: gangs of powers of two pack nodes of a power of two without loss when all are dealt anew.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from penstock.placement.kernels import choice
from penstock.placement.kernels.book import FRAGMENT, MODEL, NO_DEMAND, PRODUCTIVE, STARTING
from penstock.placement.kernels.choice import COMPLETION, FIFO, NONE, SHORTEST

LAST = 1e-6
"""What the worth of work falls to that is only to take what other work leaves."""


class Rules(NamedTuple):
    """The aim, whether it knows what each model does for each job, the seconds of a round and of a restart,
    and what a device of each model costs in a second."""

    aim: int
    aware: bool
    round_s: float
    restart_s: float
    cost: np.ndarray


class Play(NamedTuple):
    """By job: submission, room it needs, share of its work done in a second by model (0: cannot run), and
    what became of it: share left, device-seconds, equal-share seconds, model, first start and end."""

    submit: np.ndarray
    need: np.ndarray
    speed: np.ndarray
    left: np.ndarray
    served: np.ndarray
    progress: np.ndarray
    model: np.ndarray
    start: np.ndarray
    end: np.ndarray
    moves: np.ndarray


@njit(cache=True)
def mean_speed(play, job):
    """Over the models that can run it: what a job gets of each in turn."""
    total, able = 0.0, 0
    for speed in play.speed[job]:
        total += speed
        able += speed > 0
    return total / max(able, 1)


@njit(cache=True)
def seen_speed(play, rules, job, model):
    """The speed that the policy reckons with; the restart of a job that would move is taken off."""
    speed = play.speed[job, model]
    if speed > 0 and not rules.aware:
        speed = mean_speed(play, job)
    if play.model[job] != model:
        speed *= 1 - rules.restart_s / rules.round_s
    return speed


@njit(cache=True)
def values(play, rules, jobs, now):
    """What each job is worth on each model for a device and this round, by the aim; see `shortest_first`.

    The rate of fairness is progress so far against an equal share of all models.
    """
    worth = np.zeros((len(jobs), play.speed.shape[1]))
    seen = np.empty(play.speed.shape[1])
    for i in range(len(jobs)):
        job = jobs[i]
        for model in range(len(seen)):
            seen[model] = seen_speed(play, rules, job, model)
        rate = (play.progress[job] + rules.round_s) / (now - play.submit[job] + rules.round_s)
        choice.worth_of(rules.aim, seen, mean_speed(play, job), play.need[job], rate, rules.cost, worth[i])
    return worth


@njit(cache=True)
def shortest_first(play, rules, jobs, worth, room):
    """Only the shortest jobs that fill all models compete for them; the rest takes what they leave.

    With one model this is the shortest remaining time first, which is optimal for the average there.
    """
    left = np.empty(len(jobs))
    for i in range(len(jobs)):
        job = jobs[i]
        left[i] = play.left[job] / (play.speed[job].max() if rules.aware else mean_speed(play, job))
    taken, total = 0, room.sum()
    for i in np.argsort(left, kind="mergesort"):
        taken += play.need[jobs[i]]
        if taken > total:
            worth[i] *= LAST


@njit(cache=True)
def order_of(play, rules, jobs, worth, price):
    """Who is dealt first: by submission, by work left, by service so far, or by what they gain at the prices."""
    if rules.aim >= COMPLETION:
        return choice.by_surplus(worth, price)
    key = np.empty(len(jobs))
    for i in range(len(jobs)):
        job = jobs[i]
        fastest = play.speed[job].max() if rules.aware else mean_speed(play, job)
        if rules.aim == FIFO:
            key[i] = play.submit[job]
        elif rules.aim == SHORTEST:
            key[i] = play.left[job] / fastest
        else:
            key[i] = play.progress[job] if rules.aware else play.served[job]
    return np.argsort(key, kind="mergesort")


@njit(cache=True)
def deal(play, rules, jobs, room, price, now):
    """The model of each job for this round, or NONE; `price` starts from the last round's."""
    worth = values(play, rules, jobs, now)
    if rules.aim == COMPLETION:
        shortest_first(play, rules, jobs, worth, room)
    if rules.aim >= COMPLETION:
        choice.clear(worth, play.need[jobs], room, price)
    order = order_of(play, rules, jobs, worth, price)
    return choice.assign(worth, play.need[jobs], room, price, order, play.model[jobs])


@njit(cache=True)
def enter(spent, edges, start, end, model, line, amount):
    """So much of a model over [start, end) on one line, in the parts of the window it lies in."""
    low = max(np.searchsorted(edges, start, side="right") - 1, 0)
    for part in range(low, len(edges) - 1):
        if edges[part] >= end:
            return
        length = min(end, edges[part + 1]) - max(start, edges[part])
        if length > 0:
            spent[part, model, line] += length * amount


@njit(cache=True)
def run_round(play, rules, jobs, dealt, now, edges, spent):
    """Let the dealt jobs run for a round; the number that ended. What ends early leaves its devices idle."""
    ended, rest = 0, FRAGMENT if (dealt == NONE).any() else NO_DEMAND
    for i in range(len(jobs)):
        job, model = jobs[i], dealt[i]
        moved = play.model[job] != model
        play.model[job] = model
        if model == NONE:
            continue
        lost = rules.restart_s if moved and play.start[job] < np.inf else 0.0
        play.moves[job] += lost > 0
        play.start[job] = min(play.start[job], now)
        needed = play.left[job] / play.speed[job, model]
        length = min(needed, rules.round_s - lost)
        enter(spent, edges, now, now + lost, model, STARTING, play.need[job])
        enter(spent, edges, now + lost, now + lost + length, model, PRODUCTIVE, play.need[job])
        play.left[job] -= length * play.speed[job, model]
        play.served[job] += length * play.need[job]
        play.progress[job] += length * play.speed[job, model] / mean_speed(play, job)
        enter(spent, edges, now + lost + length, now + rules.round_s, model, rest, play.need[job])
        if needed <= rules.round_s - lost:
            play.left[job], play.end[job] = 0.0, now + lost + length
            ended += 1
    return ended


@njit(cache=True)
def idle(play, jobs, dealt, room, now, end, edges, spent, waited):
    """Where free devices go: kept from those who wait by their models or by their size, or nobody waits."""
    free, wanted = room.copy(), 0
    for i in range(len(jobs)):
        if dealt[i] != NONE:
            free[dealt[i]] -= play.need[jobs[i]]
    for i in range(len(jobs)):
        if dealt[i] != NONE:
            continue
        left = play.need[jobs[i]]
        wanted += left
        for able in (True, False):
            for model in range(len(room)):
                if (play.speed[jobs[i], model] > 0) == able and free[model] > 0 and left > 0:
                    claimed = min(left, free[model])
                    enter(spent, edges, now, end, model, FRAGMENT if able else MODEL, claimed)
                    free[model] -= claimed
                    left -= claimed
    for model in range(len(room)):
        enter(spent, edges, now, end, model, NO_DEMAND, free[model])
    waiting = np.zeros((len(waited), 1, 1))
    enter(waiting, edges, now, end, 0, 0, wanted)
    waited += waiting[:, 0, 0]


@njit(cache=True)
def play_rounds(play, rules, room, edges, spent, waited):
    """Play all jobs to their ends."""
    active, count, arrived, ended = np.empty(len(play.submit), np.int64), 0, 0, 0
    price, now = np.zeros(len(room)), 0.0
    while ended < len(play.submit):
        if count == 0:
            if arrived == len(play.submit):
                return
            if play.submit[arrived] > now:
                idle(play, active[:0], active[:0], room, now, play.submit[arrived], edges, spent, waited)
                now = play.submit[arrived]
        while arrived < len(play.submit) and play.submit[arrived] <= now:
            if play.speed[arrived].max() > 0:
                active[count] = arrived
                count += 1
            arrived += 1
        jobs = active[:count]
        dealt = deal(play, rules, jobs, room, price, now)
        idle(play, jobs, dealt, room, now, now + rules.round_s, edges, spent, waited)
        ended += run_round(play, rules, jobs, dealt, now, edges, spent)
        kept = 0
        for i in range(count):
            if play.left[active[i]] > 0:
                active[kept] = active[i]
                kept += 1
        count = kept
        now += rules.round_s
