"""Classes of nodes in the same state, against nodes one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.sim.compiled import prepare

prepare()

from penstock.placement.kernels import classes as by_class  # noqa: E402
from penstock.placement.kernels import state as per_node  # noqa: E402
from penstock.placement.kernels import worth  # noqa: E402
from penstock.placement.kernels.stream import begin  # noqa: E402
from penstock.placement.stream import Stream, events_of  # noqa: E402
from penstock.placement.workload import ANY_MODEL, Fleet, workload  # noqa: E402

ROOMS = st.sampled_from([0, 190, 250, 500, 810, 1000])


@st.composite
def works(draw):
    tasks = []
    for _ in range(draw(st.integers(1, 10))):
        devices = draw(st.sampled_from([0, 1, 1, 1, 2, 3]))
        share = 0 if devices == 0 else 1000 if devices > 1 else draw(st.sampled_from([190, 470, 810, 1000]))
        models = draw(st.sampled_from([ANY_MODEL, 1, 2]))
        tasks.append((draw(st.integers(0, 8)) * 1000, draw(st.integers(0, 4)) * 4096, devices, share, models))
    return workload(tasks)


@st.composite
def fleets(draw):
    size = draw(st.integers(1, 6))
    column = st.lists(st.integers(1, 20), min_size=size, max_size=size)
    devices = draw(st.lists(st.integers(1, 4), min_size=size, max_size=size))
    bits = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    return Fleet(
        cpu=np.array(draw(column)) * 1000,
        memory=np.array(draw(column)) * 4096,
        devices=np.array(devices),
        model=np.array(bits),
        models=("a", "b"),
    )


@settings(deadline=None)
@given(st.data(), fleets(), works(), st.integers(1, 3))
def test_the_class_chosen_has_the_least_loss_of_any_node(data, fleet, work, recent):
    stream = Stream(fleet, work, recent=10**6 if recent == 1 else recent)
    nodes, shapes, outlook = stream.nodes, stream.shapes, stream.outlook
    for node in range(len(fleet.cpu)):
        for device in range(fleet.devices[node]):
            nodes.free[node, device] = data.draw(ROOMS)
    weight = np.ones(len(work.cpu))
    worth.worths(outlook, shapes, stream.size_of, stream.sizes, np.zeros(len(stream.sizes)), weight)
    begin(stream.classes, stream.heaps, nodes, np.zeros(4, np.int64), outlook)
    for shape in range(len(work.cpu)):
        chosen = by_class.best_class(stream.classes, stream.heaps, shapes, shape, stream.pace.recent, outlook)
        losses = [
            worth.rate(
                nodes,
                node,
                worth.value(nodes, node, nodes.cpu[node], nodes.memory[node], outlook),
                shapes,
                shape,
                outlook,
            )[0]
            for node in range(len(fleet.cpu))
            if per_node.fits(nodes, node, shapes, shape)
        ]
        assert (chosen == by_class.NONE) == (not losses)
        if losses:
            loss, _ = by_class.rate(stream.classes, chosen, shapes, shape, outlook)
            assert abs(loss - min(losses)) <= by_class.TIE * 4001


@settings(deadline=None)
@given(
    fleets(),
    works(),
    st.integers(1, 40),
    st.integers(0, 9),
    st.sampled_from([3, 20, 1000]),
    st.sampled_from([1, 200]),
)
def test_nothing_is_over_committed_and_all_comes_back(fleet, work, count, seed, plan_events, recent):
    random = np.random.default_rng(seed)
    tasks = random.choice(work.tasks, count)
    starts = np.sort(random.uniform(0, 10, count))
    ends = starts + random.exponential(3, count)
    stream = Stream(fleet, work, plan_events, recent)
    before = [column.copy() for column in stream.nodes]
    result = stream.run(tasks, events_of(starts, ends))
    assert result.used == 0
    assert all((now == was).all() for now, was in zip(stream.nodes, before, strict=True))
    for instant in starts:
        running = (starts <= instant) & (ends > instant) & (result.nodes >= 0)
        for node in range(len(fleet.cpu)):
            here = tasks[running & (result.nodes == node)]
            assert work.cpu[here].sum() <= fleet.cpu[node]
            assert work.memory[here].sum() <= fleet.memory[node]
            assert work.volumes[here].sum() <= fleet.devices[node] * 1000
    again = Stream(fleet, work, plan_events, recent).run(tasks, events_of(starts, ends))
    assert (again.nodes == result.nodes).all()


@settings(deadline=None)
@given(fleets(), works(), st.integers(0, 9))
def test_a_task_is_refused_only_where_no_node_fits(fleet, work, seed):
    tasks = np.random.default_rng(seed).choice(work.tasks, 30)
    stream, twin = Stream(fleet, work, 5, 1), Stream(fleet, work, 5, 1)
    result = stream.run(tasks, np.arange(1, len(tasks) + 1))
    for count, node in enumerate(result.nodes):
        if node < 0:
            before = Stream(fleet, work, 5, 1)
            before.run(tasks[:count], np.arange(1, count + 1))
            fits = [per_node.fits(before.nodes, n, twin.shapes, tasks[count]) for n in range(len(fleet.cpu))]
            assert not any(fits)
            break
