"""The kernels of live placement and of rounds against plain twins, on generated nodes and jobs."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.test_kernels import (
    nodes_strategy,
    plain_after,
    plain_clustering,
    plain_fits,
    plain_fragment,
    plain_packing,
    rooms_of,
    shape_of,
    works,
)
from tests.property.test_replay import fleets as pools
from tests.property.test_replay import works as gangs

from penstock.placement import fill as filling
from penstock.placement.kernels import choice, live
from penstock.placement.rounds import AIMS, Rounds, replay_rounds
from penstock.placement.workload import Fleet, typical


def plain_loss(policy, closed, node, work, target, outlook):
    """What the first shape costs on a node whose closed devices are full, and its device; None: does not fit."""
    if not plain_fits(closed, node, work, 0):
        return None
    rooms, cpu, model = rooms_of(closed, node), int(closed.cpu[node]), int(closed.model[node])
    need, memory, devices, share, _ = shape_of(work, 0)
    tightest = min((i for i, left in enumerate(rooms) if left >= share), key=lambda i: rooms[i], default=-1)
    ways = plain_after(rooms, devices, share)
    if policy == "fgd":
        before = plain_fragment(cpu, rooms, model, target)
        falls = [before - plain_fragment(cpu - need, way, model, target) for way in ways]
        scores = [int(1 / (1 + math.exp(-round(fall, 9) / 1000)) * 100) for fall in falls]
        return -max(scores)
    if policy == "penstock":

        def worth(cpu, memory, rooms):
            return min(
                outlook.cpu_price[p] * cpu
                + outlook.memory_price[p] * memory
                + sum(outlook.worth[p, model, left] for left in rooms)
                for p in range(len(outlook.cpu_price))
            )

        before = worth(cpu, int(closed.memory[node]), rooms)
        return before - max(worth(cpu - need, int(closed.memory[node]) - memory, way) for way in ways)
    left = (cpu - need) / 128_000 * 0.5 + (sum(rooms) - devices * share) / 8_000 * 0.5
    product = cpu / 128_000 * (need / 128_000) + sum(rooms) / 8_000 * (devices * share / 8_000)
    kinds = [int(k) for k in closed.kinds[node]]
    scores = {
        "best-fit": int((1 - left) * 100),
        "dot-product": int(100 * (1 - product / 2)),
        "gpu-packing": plain_packing(rooms, devices, share),
        "gpu-clustering": plain_clustering(rooms, kinds, devices, share),
    }
    return -scores[policy], tightest


POLICIES = ("best-fit", "dot-product", "gpu-packing", "gpu-clustering", "fgd", "penstock")


@settings(deadline=None, max_examples=50)
@given(st.data(), nodes_strategy(), works, st.sampled_from(POLICIES))
def test_losses_where_not_every_device_is_open(data, nodes, work, policy):
    count, width = nodes.free.shape
    is_open = np.array([[data.draw(st.booleans()) for _ in range(width)] for _ in range(count)])
    rows = np.array([row for row in range(count) if data.draw(st.booleans())], np.int64)
    fleet = Fleet(
        cpu=nodes.cpu, memory=nodes.memory, devices=nodes.devices, model=nodes.model, models=("a", "b")
    )
    shapes, target, outlook = (
        filling.shapes_of(work),
        filling.target_of(work),
        filling.empty_outlook(fleet, work),
    )
    outlook.cpu_price[:] = np.linspace(0, 0.1, len(outlook.cpu_price))
    outlook.worth[:] = np.linspace(0, 7, outlook.worth.shape[2]) ** 2
    before = [column.copy() for column in nodes]
    loss, device = np.full(count, 5.0), np.full(count, 7, np.int64)
    live.losses(filling.number_of(policy), nodes, is_open, rows, shapes, target, outlook, loss, device)

    assert all((column == was).all() for column, was in zip(nodes, before, strict=True))
    closed = nodes._replace(free=np.where(is_open, nodes.free, 0))
    for row in range(count):
        if row not in rows:
            assert (loss[row], device[row]) == (5.0, 7)
            continue
        wanted = plain_loss(policy, closed, row, work, typical(work), outlook)
        if wanted is None:
            assert (loss[row], device[row]) == (np.inf, -1)
        elif isinstance(wanted, tuple):
            assert (loss[row], device[row]) == wanted
        else:  # an integer part may go either way where sums differ in the last digit
            assert math.isclose(loss[row], wanted, abs_tol=1 if policy == "fgd" else 1e-6)
            assert device[row] < 0 or closed.free[row, device[row]] >= work.share[0]


class PlainRounds:
    """A rehearsal in rounds, job by job; prices are found by the kernel, which is held against an optimum."""

    def __init__(self, rules, submit, need, speed, room):
        self.rules, self.submit, self.need, self.speed, self.room = rules, submit, need, speed, room
        jobs = range(len(submit))
        self.left, self.served, self.progress = [1.0 for _ in jobs], [0.0 for _ in jobs], [0.0 for _ in jobs]
        self.model, self.end = [-1 for _ in jobs], [math.inf for _ in jobs]
        self.start, self.moves, self.now = [math.inf for _ in jobs], [0 for _ in jobs], 0.0
        self.price = np.zeros(len(room))

    def mean(self, job):
        able = [speed for speed in self.speed[job] if speed > 0]
        return sum(able) / len(able)

    def seen(self, job, model):
        speed = self.speed[job][model]
        speed = self.mean(job) if speed > 0 and not self.rules.aware else speed
        return speed if self.model[job] == model else speed * (1 - self.rules.restart_s / self.rules.round_s)

    def worth(self, job, model):
        speed, relative = self.seen(job, model), self.seen(job, model) / self.mean(job)
        if speed <= 0:
            return 0.0
        if self.rules.aim == "completion":
            return relative / self.need[job]
        if self.rules.aim == "fairness":
            waited = self.now - self.submit[job] + self.rules.round_s
            return relative / ((self.progress[job] + self.rules.round_s) / waited) / self.need[job]
        if self.rules.aim == "cost":
            able = [m for m in range(len(self.room)) if self.speed[job][m] > 0]
            return max(2 - max(self.seen(job, m) for m in able) / speed, 0.0)
        return relative

    def deal(self, jobs):
        worth = np.array([[self.worth(job, m) for m in range(len(self.room))] for job in jobs])
        fastest = {job: max(self.speed[job]) if self.rules.aware else self.mean(job) for job in jobs}
        if self.rules.aim == "completion":
            taken = 0
            for i in sorted(range(len(jobs)), key=lambda i: self.left[jobs[i]] / fastest[jobs[i]]):
                taken += self.need[jobs[i]]
                if taken > sum(self.room):
                    worth[i] *= 1e-6
        need = np.array([self.need[job] for job in jobs], np.int64)
        if self.rules.aim in ("completion", "fairness", "cost"):
            choice.clear(worth, need, self.room, self.price)
            order = choice.by_surplus(worth, self.price)
        else:
            keys = {
                "fifo": self.submit,
                "shortest": {job: self.left[job] / fastest[job] for job in jobs},
                "fair-share": self.progress if self.rules.aware else self.served,
            }[self.rules.aim]
            order = np.array(sorted(range(len(jobs)), key=lambda i: keys[jobs[i]]), np.int64)
        current = np.array([self.model[job] for job in jobs], np.int64)
        return choice.assign(worth, need, self.room, self.price, order, current)

    def run(self, job, model):
        moved, self.model[job] = self.model[job] != model, model
        if model < 0:
            return
        lost = self.rules.restart_s if moved and self.start[job] < math.inf else 0.0
        self.moves[job] += lost > 0
        self.start[job] = min(self.start[job], self.now)
        needed = self.left[job] / self.speed[job][model]
        length = min(needed, self.rules.round_s - lost)
        self.left[job] -= length * self.speed[job][model]
        self.served[job] += length * self.need[job]
        self.progress[job] += length * self.speed[job][model] / self.mean(job)
        if needed <= self.rules.round_s - lost:
            self.left[job], self.end[job] = 0.0, self.now + lost + length

    def play(self):
        waiting, active = list(range(len(self.submit))), []
        while waiting or active:
            if not active:
                self.now = max(self.now, self.submit[waiting[0]])
            while waiting and self.submit[waiting[0]] <= self.now:
                job = waiting.pop(0)
                active += [job] if max(self.speed[job]) > 0 else []
            dealt = self.deal(active) if active else []
            for job, model in zip(active, dealt, strict=True):
                self.run(job, int(model))
            active = [job for job in active if self.left[job] > 0]
            self.now += self.rules.round_s


@settings(deadline=None, max_examples=30)
@given(pools(), gangs(whole=True), st.sampled_from(AIMS), st.booleans(), st.sampled_from([0.0, 0.5]))
def test_rounds_play_as_their_plain_twin(fleet, jobs, aim, aware, restart):
    rules = Rounds(aim=aim, aware=aware, round_s=2.0, restart_s=restart)
    found = replay_rounds(fleet, jobs, rules, [0.0, 1000.0])
    room = np.array([1000 * int(fleet.devices[fleet.model == m].sum()) for m in range(2)], np.int64)
    able = np.isfinite(jobs.run_s) & (jobs.volume[:, None] <= room)
    able &= (jobs.work.models[jobs.work.tasks][:, None] >> np.arange(2)) & 1 == 1
    speed = np.where(able, 1 / jobs.run_s, 0.0).tolist()
    twin = PlainRounds(rules, jobs.submit_s.tolist(), jobs.volume.tolist(), speed, room)
    twin.play()
    assert np.allclose(found.start_s, twin.start)
    assert np.allclose(found.end_s, twin.end)
    assert found.attempts.tolist() == twin.moves
    assert found.spent.sum() <= 1000.0 * room.sum() / 1000 + 1e-6
