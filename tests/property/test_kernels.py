"""Each compiled kernel against a plain twin, on generated nodes and shapes."""

import math
from collections import Counter
from itertools import count

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.sim.compiled import prepare

prepare()

from penstock.placement import fill as filling  # noqa: E402
from penstock.placement import workload as loads  # noqa: E402
from penstock.placement.kernels import fgd, published, state, worth  # noqa: E402
from penstock.placement.kernels.fill import place_all, why_not  # noqa: E402

ANY_MODEL, Fleet, Workload = loads.ANY_MODEL, loads.Fleet, loads.Workload
resolution, typical, workload = loads.resolution, loads.typical, loads.workload

SHARES = st.sampled_from([50, 190, 250, 470, 500, 810, 1000])
ROOMS = st.sampled_from([0, 40, 190, 250, 500, 530, 750, 810, 1000])


@st.composite
def shapes_strategy(draw):
    devices = draw(st.sampled_from([0, 1, 1, 1, 2, 4]))
    share = 0 if devices == 0 else 1000 if devices > 1 else draw(SHARES)
    models = draw(st.sampled_from([ANY_MODEL, 1, 2]))
    return draw(st.integers(0, 12)) * 1000, draw(st.integers(0, 6)) * 4096, devices, share, models


works = st.lists(shapes_strategy(), min_size=1, max_size=12).map(workload)


@st.composite
def nodes_strategy(draw, least=1):
    """Nodes in any state, with up to four devices."""
    size = draw(st.integers(least, 5))
    devices = np.array([draw(st.integers(1, 4)) for _ in range(size)], np.int64)
    free = np.zeros((size, 4), np.int64)
    for node in range(size):
        free[node, : devices[node]] = [draw(ROOMS) for _ in range(devices[node])]
    whole = st.lists(st.integers(0, 30), min_size=size, max_size=size)
    cpu, memory = np.array(draw(whole), np.int64) * 1000, np.array(draw(whole), np.int64) * 4096
    model = np.array([draw(st.integers(0, 1)) for _ in range(size)], np.int64)
    kinds = np.array([[draw(st.integers(0, 2)) for _ in range(5)] for _ in range(size)], np.int64)
    return state.Nodes(cpu, memory, free, devices, model, kinds)


@st.composite
def fleets(draw):
    size = draw(st.integers(1, 5))
    column = st.lists(st.integers(1, 30), min_size=size, max_size=size).map(lambda v: np.array(v, np.int64))
    few = st.lists(st.integers(1, 4), min_size=size, max_size=size).map(lambda v: np.array(v, np.int64))
    bit = st.lists(st.integers(0, 1), min_size=size, max_size=size).map(lambda v: np.array(v, np.int64))
    return Fleet(
        cpu=draw(column) * 1000,
        memory=draw(column) * 4096,
        devices=draw(few),
        model=draw(bit),
        models=("a", "b"),
    )


def rooms_of(nodes, node):
    return [int(left) for left in nodes.free[node, : nodes.devices[node]]]


def shape_of(work, shape):
    return tuple(int(c[shape]) for c in (work.cpu, work.memory, work.devices, work.share, work.models))


def plain_fits(nodes, node, work, shape):
    cpu, memory, devices, share, models = shape_of(work, shape)
    enough = sum(left >= share for left in rooms_of(nodes, node)) >= devices
    served = devices == 0 or (models >> int(nodes.model[node])) & 1 == 1
    return bool(cpu <= nodes.cpu[node] and memory <= nodes.memory[node] and enough and served)


def plain_after(rooms, devices, share):
    """Every way to take the share on so many devices, as the list of rooms left."""
    if devices == 1:
        return [[*rooms[:i], left - share, *rooms[i + 1 :]] for i, left in enumerate(rooms) if left >= share]
    first = [i for i, left in enumerate(rooms) if left >= share][:devices]
    return [[left - share if i in first else left for i, left in enumerate(rooms)]]


def plain_fragment(cpu, rooms, model, target):
    lost = 0.0
    for need_cpu, devices, share, models, weight in target:
        hosts = devices > 0 and need_cpu <= cpu and (models >> model) & 1
        if hosts and sum(left >= share for left in rooms) >= devices:
            lost += weight * sum(left for left in rooms if left < share)
        else:
            lost += weight * sum(rooms)
    return lost


@settings(deadline=None)
@given(nodes_strategy(), works)
def test_fits(nodes, work):
    shapes = filling.shapes_of(work)
    for node in range(len(nodes.cpu)):
        for shape in range(len(work.cpu)):
            assert state.fits(nodes, node, shapes, shape) == plain_fits(nodes, node, work, shape)


@settings(deadline=None)
@given(nodes_strategy(), works)
def test_place_then_release_restores_the_state(nodes, work):
    shapes, before = filling.shapes_of(work), [column.copy() for column in nodes]
    for node in range(len(nodes.cpu)):
        for shape in range(len(work.cpu)):
            if state.fits(nodes, node, shapes, shape):
                device = state.tightest_device(nodes, node, shapes, shape)
                taken = state.take(nodes, node, shapes, shape, device)
                assert nodes.free.min() >= 0
                assert taken.bit_count() == work.devices[shape]
                state.give(nodes, node, shapes, shape, taken)
    assert all((column == was).all() for column, was in zip(nodes, before, strict=True))


@settings(deadline=None)
@given(nodes_strategy(), works)
def test_fragment_and_gradient(nodes, work):
    shapes, target, plain = filling.shapes_of(work), filling.target_of(work), typical(work)
    for node in range(len(nodes.cpu)):
        rooms, model, cpu = rooms_of(nodes, node), int(nodes.model[node]), int(nodes.cpu[node])
        before = plain_fragment(cpu, rooms, model, plain)
        assert math.isclose(fgd.fragment(nodes, node, cpu, target), before, abs_tol=1e-6)
        for shape in range(len(work.cpu)):
            need_cpu, _, devices, share, _ = shape_of(work, shape)
            if not plain_fits(nodes, node, work, shape):
                continue
            ways = (
                plain_after(rooms, devices, share) if share < 1000 else plain_after(rooms, devices, share)[:1]
            )
            falls = [before - plain_fragment(cpu - need_cpu, way, model, plain) for way in ways]
            best = max(100 / (1 + math.exp(-fall / 1000)) for fall in falls)
            assert abs(fgd.rate(nodes, node, shapes, shape, target)[0] - best) <= 1 + 1e-9
    assert math.isclose(sum(weight for *_, weight in plain), 1)


@settings(deadline=None)
@given(nodes_strategy(), works)
def test_published_scores(nodes, work):
    shapes = filling.shapes_of(work)
    for node in range(len(nodes.cpu)):
        rooms, cpu = rooms_of(nodes, node), int(nodes.cpu[node])
        for shape in range(len(work.cpu)):
            if not plain_fits(nodes, node, work, shape):
                continue
            need, _, devices, share, _ = shape_of(work, shape)
            left = (cpu - need) / 128_000 * 0.5 + (sum(rooms) - devices * share) / 8_000 * 0.5
            assert published.best_fit(nodes, node, shapes, shape) == int((1 - left) * 100)
            product = cpu / 128_000 * (need / 128_000) + sum(rooms) / 8_000 * (devices * share / 8_000)
            assert published.dot_product(nodes, node, shapes, shape) == int(100 * (1 - product / 2))
            assert published.gpu_packing(nodes, node, shapes, shape) == plain_packing(rooms, devices, share)
            kinds = [int(k) for k in nodes.kinds[node]]
            clustered = plain_clustering(rooms, kinds, devices, share)
            assert published.gpu_clustering(nodes, node, shapes, shape) == clustered


def plain_packing(rooms, devices, share):
    whole = rooms.count(1000)
    if devices == 0:
        return 0
    if whole == len(rooms):
        return max(33 - whole, whole)
    used = sorted(left for left in rooms if left >= share)[:devices]
    opened = used.count(1000)
    return max(50 - opened, 33) if opened else max(100 - sum(u * 100 // 1000 for u in used) // 10, 50)


def plain_clustering(rooms, kinds, devices, share):
    if devices == 0:
        return 0
    same = kinds[0 if devices == 1 and share < 1000 else devices] > 0
    others = sum(k > 0 for k in kinds)
    return 25 * (8000 - sum(rooms)) // 8000 + (
        (75 if others == 1 else 50) if same else (25 if others == 0 else 0)
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(-3, 20)), min_size=1, max_size=4), st.integers(1, 30)
)
def test_best_filling(items, room):
    sizes, gains = np.array([s for s, _ in items]), np.array([float(g) for _, g in items])
    found, chosen = np.zeros(room + 1), np.zeros(room + 1, np.int64)
    worth.best_filling(gains, sizes, found, chosen)

    best = [0.0]
    for left in range(1, room + 1):
        best.append(max([best[left - 1]] + [best[left - s] + g for s, g in items if s <= left]))
    assert np.allclose(found, best)


@settings(deadline=None)
@given(st.data(), works)
def test_prices_bound_every_filling(data, work):
    """Weak duality: no way to fill the rooms with the supply gains more than the bound."""
    sizes = np.unique(np.where(work.devices > 0, work.share, 1000)) // 10
    rooms = np.zeros(101)
    for left in data.draw(st.lists(st.sampled_from([19, 47, 53, 81, 100]), min_size=1, max_size=6)):
        rooms[left] += 1
    supply = np.array([float(data.draw(st.integers(0, 4))) for _ in sizes])
    gains = sizes * 10.0
    prices, bound = worth.prices(rooms, sizes, gains, supply, np.zeros(len(sizes)), 400.0, 60)
    assert (prices >= 0).all()
    left, total = supply.copy(), 0.0
    for room in [r for r in range(101) for _ in range(int(rooms[r]))]:
        space = room
        for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
            while left[i] >= 1 and sizes[i] <= space:
                left[i], space, total = left[i] - 1, space - sizes[i], total + gains[i]
    assert total <= bound + 1e-6


@settings(deadline=None)
@given(nodes_strategy(), works)
def test_worth_of_a_node_and_its_fall(nodes, work):
    fleet = Fleet(
        cpu=nodes.cpu, memory=nodes.memory, devices=nodes.devices, model=nodes.model, models=("a", "b")
    )
    outlook, shapes = filling.empty_outlook(fleet, work), filling.shapes_of(work)
    outlook.cpu_price[:] = np.linspace(0, 0.1, len(outlook.cpu_price))
    outlook.memory_price[:] = np.linspace(0.02, 0, len(outlook.memory_price))
    sizes, size_of = filling.sizes_of(work)
    weight = np.bincount(work.tasks, minlength=len(work.cpu)).astype(float)
    worth.worths(outlook, shapes, size_of, sizes, np.full(len(sizes), 10.0), weight)

    def plain(node, cpu, memory, rooms):
        pairs = range(len(outlook.cpu_price))
        model = int(nodes.model[node])
        return min(
            outlook.cpu_price[p] * cpu
            + outlook.memory_price[p] * memory
            + sum(outlook.worth[p, model, left] for left in rooms)
            for p in pairs
        )

    for node in range(len(nodes.cpu)):
        cpu, memory, rooms = int(nodes.cpu[node]), int(nodes.memory[node]), rooms_of(nodes, node)
        before = worth.value(nodes, node, cpu, memory, outlook)
        assert math.isclose(before, plain(node, cpu, memory, rooms), abs_tol=1e-6)
        for shape in range(len(work.cpu)):
            if plain_fits(nodes, node, work, shape):
                need_cpu, need_memory, devices, share, _ = shape_of(work, shape)
                ways = plain_after(rooms, devices, share)
                after = max(plain(node, cpu - need_cpu, memory - need_memory, way) for way in ways)
                fall, _ = worth.rate(nodes, node, before, shapes, shape, outlook)
                assert math.isclose(fall, before - after, abs_tol=1e-6)
    assert resolution(work) * (outlook.worth.shape[2] - 1) % 1000 == 0


@settings(deadline=None)
@given(nodes_strategy(), works)
def test_why_not_names_the_missing_dimension(nodes, work):
    shapes, names = filling.shapes_of(work), filling.REASONS
    for shape in range(len(work.cpu)):
        if any(plain_fits(nodes, node, work, shape) for node in range(len(nodes.cpu))):
            continue
        reason = names[-1 - why_not(nodes, shapes, shape)]
        cpu, memory, devices, share, models = shape_of(work, shape)
        serving = [n for n in range(len(nodes.cpu)) if devices == 0 or (models >> int(nodes.model[n])) & 1]
        roomy = [n for n in serving if sum(left >= share for left in rooms_of(nodes, n)) >= devices]
        if reason == "no_fit_model":
            assert not serving
        elif reason == "no_fit_cpu":
            assert any(nodes.memory[n] >= memory and nodes.cpu[n] < cpu for n in roomy)
        elif reason == "no_fit_memory":
            assert any(nodes.cpu[n] >= cpu and nodes.memory[n] < memory for n in roomy)
        elif reason == "no_fit_fragmentation":
            assert sum(sum(rooms_of(nodes, n)) for n in serving) >= devices * share > 0
        else:
            assert reason == "busy"


@settings(deadline=None, max_examples=60)
@given(fleets(), works, st.sampled_from(filling.POLICIES), st.integers(0, 5))
def test_a_fill_over_commits_nothing_and_repeats(fleet, work, policy, seed):
    tasks = filling.arrivals(work, fleet.capacity, 1.3, seed)
    filled = filling.fill(fleet, work, tasks, policy, seed)
    again = filling.fill(fleet, work, tasks, policy, seed)
    assert (filled.outcome == again.outcome).all()
    used = Counter()
    for task, node in zip(filled.tasks, filled.outcome, strict=True):
        if node >= 0:
            cpu, memory, devices, share, models = shape_of(work, task)
            used["cpu", int(node)] += cpu
            used["memory", int(node)] += memory
            used["room", int(node)] += devices * share
            assert devices == 0 or (models >> int(fleet.model[node])) & 1
    for (what, node), amount in used.items():
        limit = {"cpu": fleet.cpu, "memory": fleet.memory, "room": fleet.devices * 1000}[what][node]
        assert amount <= limit
    assert sum(filling.refused(filled).values()) == sum(filled.outcome < 0)
    assert policy == "penstock" or "held" not in filling.refused(filled)
    shares = filling.allocated(fleet, work, filled, 1.3)
    assert shares[0] == 0 or work.volumes[tasks[:1]].sum() == 0
    assert shares == sorted(shares)
    assert shares[-1] * fleet.capacity / 100 <= work.volumes[tasks].sum() + 1e-6


@settings(deadline=None, max_examples=40)
@given(fleets(), works, st.integers(0, 5))
def test_the_loop_takes_the_first_node_with_the_best_score(fleet, work, seed):
    """The whole loop for best fit, against a plain one."""
    tasks = filling.arrivals(work, fleet.capacity, 1.3, seed)
    order = np.arange(len(fleet.cpu))
    nodes, twin, shapes = (
        filling.nodes_of(fleet, order),
        filling.nodes_of(fleet, order),
        filling.shapes_of(work),
    )
    sizes, size_of = filling.sizes_of(work)
    found = place_all(
        filling.rules("best-fit"),
        nodes,
        shapes,
        size_of,
        sizes,
        tasks,
        filling.target_of(work),
        filling.empty_outlook(fleet, work),
        filling.empty_memo(len(work.cpu), len(order)),
        seed,
    )
    for task, outcome in zip(tasks, found, strict=True):
        fitting = [n for n in order if plain_fits(twin, n, work, task)]
        scores = [published.best_fit(twin, n, shapes, task) for n in fitting]
        expected = fitting[scores.index(max(scores))] if fitting else -1
        assert (outcome == expected) or (outcome < 0 and not fitting)
        if fitting:
            state.take(twin, expected, shapes, task, state.tightest_device(twin, expected, shapes, task))
    assert all((a == b).all() for a, b in zip(nodes, twin, strict=True))


@settings(deadline=None)
@given(works, st.integers(0, 50), st.integers(0, 9))
def test_arrivals_reach_the_demand_and_not_past_it(work, devices, seed):
    capacity, volumes = devices * 1000, work.volumes
    tasks = filling.arrivals(work, capacity, 1.3, seed)
    total = volumes[work.tasks].sum()
    assert volumes[tasks].sum() <= max(1.3 * capacity, 0)
    if 0 < total <= 1.3 * capacity:
        had, came = Counter(work.tasks.tolist()), Counter(tasks.tolist())
        assert all(came[shape] >= n for shape, n in had.items())
        assert volumes[tasks].sum() + volumes[work.tasks].max() > 1.3 * capacity
    assert set(tasks.tolist()) <= set(work.tasks.tolist())


def test_a_workload_groups_equal_tasks():
    work = workload([(1, 2, 1, 500, 1), (1, 2, 1, 500, 1), (3, 4, 0, 0, ANY_MODEL)])
    assert isinstance(work, Workload)
    assert len(work.cpu) == 2
    assert Counter(work.tasks.tolist()) == {0: 2, 1: 1}
    assert [c for c, _ in zip(count(), typical(work), strict=False)] == [0, 1]
