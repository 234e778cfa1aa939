"""A rehearsal in time against a plain twin, and what must hold of any."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from penstock.placement.jobs import FOREVER, Faults, Jobs
from penstock.placement.replay import LINES, PASSES, QUEUES, How, replay
from penstock.placement.rounds import AIMS, Rounds, replay_rounds
from penstock.placement.workload import ANY_MODEL, Fleet, workload
from penstock.sim.compiled import prepare

prepare()

from penstock.placement.kernels import choice  # noqa: E402


@st.composite
def fleets(draw):
    size = draw(st.integers(1, 4))
    kinds = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1)), min_size=size, max_size=size))
    return Fleet(
        cpu=np.full(size, 8000),
        memory=np.full(size, 8),
        devices=np.array([devices for devices, _ in kinds]),
        model=np.array([model for _, model in kinds]),
        models=("a", "b"),
    )


@st.composite
def works(draw, *, whole=False):
    count = draw(st.integers(1, 14))
    rows, nodes = [], []
    for _ in range(count):
        devices = draw(st.sampled_from([1, 1, 2, 3] if whole else [0, 1, 1, 1, 2, 3]))
        share = draw(st.sampled_from([300, 500, 1000])) if devices == 1 and not whole else 1000
        mask = draw(st.sampled_from([ANY_MODEL, ANY_MODEL, 1, 2]))
        rows.append(
            (
                draw(st.integers(0, 4)) * 1000,
                1,
                devices,
                share if devices else 0,
                mask if devices else ANY_MODEL,
            )
        )
        nodes.append(draw(st.sampled_from([1, 1, 1, 2])))
    column = st.lists(st.integers(1, 9), min_size=count, max_size=count)
    run = np.array(draw(column), float)
    masks = np.array([row[4] for row in rows])
    lengths = np.where(
        (masks[:, None] >> np.arange(2)) & 1 == 1, run[:, None] * (1, draw(st.sampled_from([1, 3]))), FOREVER
    )
    return Jobs(
        work=workload(rows),
        nodes=np.array(nodes),
        submit_s=np.sort(np.array(draw(column), float)),
        run_s=lengths,
        limit_s=draw(
            st.sampled_from(
                [np.full(count, FOREVER), lengths.max(axis=1, where=lengths < FOREVER, initial=0)]
            )
        ),
        save_s=np.array(draw(st.lists(st.sampled_from([0.0, 2.0, FOREVER]), min_size=count, max_size=count))),
        priority=np.array(draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))),
        tenant=np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))),
        label=np.zeros(count, np.int64),
        tenants=("x", "y", "z"),
    )


class Twin:
    """The same rehearsal in plain Python: first fit, on the tightest device."""

    def __init__(self, fleet, jobs, how, order):
        self.fleet, self.jobs, self.how, self.order = fleet, jobs, how, order
        self.free = [[1000] * fleet.devices[n] for n in order]
        self.cpu, self.memory = [fleet.cpu[n] for n in order], [fleet.memory[n] for n in order]
        self.start, self.end, self.used = {}, {}, {}
        self.held = {}

    def fits(self, node, job):
        work, shape = self.jobs.work, self.jobs.work.tasks[job]
        need, share = work.devices[shape], work.share[shape]
        model = self.fleet.model[self.order[node]]
        if need and not (work.models[shape] >> model) & 1:
            return False
        enough = sum(left >= share for left in self.free[node]) >= need
        return enough and self.cpu[node] >= work.cpu[shape] and self.memory[node] >= work.memory[shape]

    def take(self, node, job, sign, devices=None):
        work, shape = self.jobs.work, self.jobs.work.tasks[job]
        self.cpu[node] -= sign * work.cpu[shape]
        self.memory[node] -= sign * work.memory[shape]
        if devices is None:
            able = [d for d, left in enumerate(self.free[node]) if left >= work.share[shape]]
            if work.devices[shape] == 1:
                able.sort(key=lambda d: (self.free[node][d], d))
            devices = able[: work.devices[shape]]
        for device in devices:
            self.free[node][device] -= sign * work.share[shape]
        return devices

    def seat(self, job):
        single = self.jobs.nodes[job] == 1
        for model in [None] if single else range(2):
            taken = []
            for _ in range(self.jobs.nodes[job]):
                for node in range(len(self.free)):
                    right = model is None or self.fleet.model[self.order[node]] == model
                    if (
                        right
                        and (model is None or self.jobs.run_s[job, model] < FOREVER)
                        and self.fits(node, job)
                    ):
                        taken.append((node, self.take(node, job, 1)))
                        break
            if len(taken) == self.jobs.nodes[job]:
                self.held[job] = taken
                return True
            for node, devices in taken:
                self.take(node, job, -1, devices)
        return False

    def key(self, job):
        share = self.used.get(self.jobs.tenant[job], 0) if self.how.queue == "fair-share" else 0
        length = self.jobs.run_s[job].min() if self.how.queue == "shortest" else 0
        return (-self.jobs.priority[job], share, length, self.jobs.submit_s[job], job)

    def play(self):
        waiting, volume, count = [], self.jobs.volume, len(self.jobs.nodes)
        hopeless = set()
        for job in range(count):
            if self.seat(job):
                for node, devices in self.held.pop(job):
                    self.take(node, job, -1, devices)
            else:
                hopeless.add(job)
        for now in self.instants():
            for job in sorted(j for j, end in self.end.items() if end <= now and j in self.held):
                for node, devices in self.held.pop(job):
                    self.take(node, job, -1, devices)
                self.used[self.jobs.tenant[job]] -= volume[job]
            waiting += [j for j in range(count) if self.jobs.submit_s[j] == now and j not in hopeless]
            self.serve(waiting, now, volume)
        return [self.start.get(j, math.inf) for j in range(count)], [
            self.end.get(j, math.inf) for j in range(count)
        ]

    def instants(self):
        done = set()
        while True:
            times = {*self.jobs.submit_s, *self.end.values()} - done
            if not times:
                return
            done.add(min(times))
            yield min(times)

    def serve(self, waiting, now, volume):
        tried = set()
        while left := sorted((j for j in waiting if j not in tried), key=self.key):
            job = left[0]
            if self.seat(job):
                model = self.fleet.model[self.order[self.held[job][0][0]]]
                self.start[job], self.end[job] = now, now + self.jobs.run_s[job, model]
                self.used[self.jobs.tenant[job]] = self.used.get(self.jobs.tenant[job], 0) + volume[job]
                waiting.remove(job)
            elif self.how.passing == "strict":
                return
            else:
                tried.add(job)


@settings(deadline=None)
@given(fleets(), works(), st.sampled_from(QUEUES), st.sampled_from(["strict", "greedy"]), st.integers(0, 3))
def test_the_kernel_plays_as_its_plain_twin(fleet, jobs, queue, passing, seed):
    how = How(policy="first-fit", queue=queue, passing=passing)
    order = np.random.default_rng(seed).permutation(len(fleet.cpu))
    start, end = Twin(fleet, jobs, how, order).play()
    played = replay(fleet, jobs, how, seed, [0, 10])
    assert played.start_s.tolist() == start
    assert played.end_s.tolist() == end


HOWS = st.builds(
    How,
    policy=st.sampled_from(["first-fit", "random", "fgd", "penstock"]),
    queue=st.sampled_from(QUEUES),
    passing=st.sampled_from(PASSES),
    fastest=st.booleans(),
)


@st.composite
def outages(draw, fleet):
    nodes = [n for n in range(len(fleet.cpu)) if draw(st.booleans())]
    starts = [draw(st.integers(0, 12)) + 0.5 for _ in nodes]
    return Faults(
        node=np.array(nodes, np.int64),
        start_s=np.array(starts),
        end_s=np.array([start + draw(st.integers(1, 6)) for start in starts]),
    )


@settings(deadline=None)
@given(st.data(), fleets(), works(), HOWS, st.integers(0, 3))
def test_lines_sum_to_capacity_and_equal_seeds_give_equal_results(data, fleet, jobs, how, seed):
    faults, edges = data.draw(outages(fleet)), [0.0, 3.0, 4.5, 40.0]
    played = replay(fleet, jobs, how, seed, edges, faults)
    for model in range(2):
        devices = fleet.devices[fleet.model == model].sum()
        assert np.allclose(played.spent[:, model].sum(axis=1), devices * np.diff(edges))
    assert (played.spent >= -1e-9).all()
    ran = np.isfinite(played.end_s)
    assert (played.outcome[ran] == 0).all() and (played.outcome[~ran] < 0).all()
    assert (played.start_s[ran] >= jobs.submit_s[ran]).all()
    down = sum(
        fleet.devices[n] * (e - s) for n, s, e in zip(faults.node, faults.start_s, faults.end_s, strict=True)
    )
    assert np.isclose(played.spent[:, :, LINES.index("down")].sum(), down)
    again = replay(fleet, jobs, how, seed, edges, faults)
    assert all(np.array_equal(getattr(again, f), getattr(played, f)) for f in played.__struct_fields__)
    if not len(faults.node) and played.end_s[ran].max(initial=0) <= 40:
        length = played.end_s[ran] - played.start_s[ran]
        assert np.isclose(played.spent[:, :, 0].sum(), (length * jobs.volume[ran]).sum() / 1000)


@settings(deadline=None)
@given(fleets(), works(), st.integers(0, 3))
def test_what_is_kept_for_the_first_is_not_taken_by_those_behind(fleet, jobs, seed):
    known = msgspec_replace(jobs, limit_s=np.where(np.isfinite(jobs.run_s), jobs.run_s, 0).max(axis=1))
    one = Fleet(
        cpu=fleet.cpu[:1],
        memory=fleet.memory[:1],
        devices=fleet.devices[:1],
        model=fleet.model[:1] * 0,
        models=("a", "b"),
    )
    strict = replay(one, known, How(policy="first-fit", passing="strict"), seed, [0, 10])
    easy = replay(one, known, How(policy="first-fit", passing="easy"), seed, [0, 10])
    first = int(np.lexsort((known.submit_s, -known.priority))[0])
    assert easy.start_s[first] <= strict.start_s[first]


def msgspec_replace(jobs, **changed):
    return Jobs(**{**{name: getattr(jobs, name) for name in jobs.__struct_fields__}, **changed})


@settings(deadline=None)
@given(fleets(), works(whole=True), st.sampled_from(AIMS), st.booleans(), st.sampled_from([0.0, 0.5]))
def test_rounds_end_every_job_and_never_use_more_than_there_is(fleet, jobs, aim, aware, restart):
    rounds, edges = Rounds(aim=aim, aware=aware, round_s=2.0, restart_s=restart), [0.0, 3.0, 30.0]
    played = replay_rounds(fleet, jobs, rounds, edges)
    ran = np.isfinite(played.end_s)
    assert (played.outcome[ran] == 0).all() and (played.outcome[~ran] < 0).all()
    shortest = jobs.run_s.min(axis=1)
    assert (played.end_s[ran] >= jobs.submit_s[ran] + shortest[ran] - 1e-9).all()
    assert (played.spent >= -1e-9).all()
    for model in range(2):
        devices = fleet.devices[fleet.model == model].sum()
        assert (played.spent[:, model].sum(axis=1) <= devices * np.diff(edges) + 1e-6).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_prices_of_models_are_near_the_optimum_of_the_linear_programme(seed, models):
    random, jobs = np.random.default_rng(seed), 40
    value, need = random.random((jobs, models)), np.ones(jobs, np.int64)
    room = random.integers(1, jobs // 2, models)
    per_job, per_model = np.kron(np.eye(jobs), np.ones(models)), np.tile(np.eye(models), jobs)
    limits = np.concatenate([np.ones(jobs), room])
    best = -linprog(-value.ravel(), np.concatenate([per_job, per_model]), limits).fun
    price = np.zeros(models)
    choice.clear(value, need, room, price)
    dual = price @ room + np.maximum((value - price).max(axis=1), 0).sum()
    assert best - 1e-9 <= dual <= 1.1 * best
    dealt = choice.assign(
        value, need, room, price, choice.by_surplus(value, price), np.full(jobs, choice.NONE)
    )
    assert value[np.arange(jobs), dealt][dealt != choice.NONE].sum() >= 0.8 * best
    left = room - np.bincount(dealt[dealt != choice.NONE], minlength=models)
    assert (left >= 0).all()
    assert (dealt != choice.NONE).all() or not left.any(), "nothing stays idle that a job could use"
