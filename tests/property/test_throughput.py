"""Models chosen by throughput: cases of each aim, and the kernels of the choice against plain twins."""

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.test_placement_cases import NOW, devices, job, node, running

from penstock.base.quantity import WHOLE
from penstock.placement.kernels import choice
from penstock.placement.model import Rules, World
from penstock.placement.solve import solve
from penstock.placement.throughput import AIMS, FASTEST

HOSTS = (node("n1"), node("n2"))
ONE_OF_EACH = devices("n1", 1, "fast") + devices("n2", 1, "slow")


def asking(name, fast, slow, **more):
    """A job that does so much in a second on each of the two models."""
    made = job(name, models=("slow", "fast"), **more)
    return _saying(made, (("fast", fast), ("slow", slow)))


def _saying(made, throughput):
    resources = msgspec.structs.replace(made.spec.resources, throughput=throughput)
    return msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, resources=resources))


def placed(queue, aim="completion", fleet=ONE_OF_EACH, costs=None, held=None):
    world = World(
        revision=1,
        nodes=HOSTS,
        devices=fleet,
        queue=tuple(queue),
        attempts=(held[0],) if held else (),
        running=(held[1],) if held else (),
        costs=costs or {},
        rules=Rules(policy="tightest", order="fifo", aim=aim),
    )
    model = {device.id: device.model for device in fleet}
    return {p.job: model[p.devices[0]] for p in solve(world, NOW).placements}


def test_a_job_alone_gets_the_model_on_which_it_is_fastest_whichever_it_names_first():
    assert placed([asking("a", 2, 1)]) == {"a": "fast"}
    assert placed([asking("a", 1, 3)]) == {"a": "slow"}
    assert placed([job("a", models=("slow", "fast"))]) == {"a": "slow"}


def test_a_job_leaves_the_fast_model_to_one_that_gains_more_there():
    queue = [asking("a", 2, 1), asking("b", 10, 1)]
    assert placed(queue) == {"a": "slow", "b": "fast"}
    assert placed(queue, FASTEST) == {"a": "fast", "b": "slow"}


def test_a_job_without_a_throughput_leaves_the_fast_model_to_one_that_gains_there():
    queue = [job("a", models=("slow", "fast")), asking("b", 10, 1)]
    assert placed(queue) == {"a": "slow", "b": "fast"}


def test_by_cost_a_job_gets_the_model_whose_work_is_cheapest():
    costs = {"fast": 10_000_000, "slow": 4_000_000}
    assert placed([asking("a", 2, 1)], "cost", costs=costs) == {"a": "slow"}
    assert placed([asking("a", 3, 1)], "cost", costs=costs) == {"a": "fast"}


def test_by_fairness_who_has_less_comes_before_who_gains_a_little_more():
    old = asking("old", 3, 1, tenant="rich")
    held = running(old, ("n1-0",)), old
    queue = [asking("more", 3, 1, tenant="rich"), asking("p", 2.5, 1, tenant="poor")]
    fleet = devices("n1", 2, "fast") + devices("n2", 1, "slow")
    assert placed(queue, fleet=fleet, held=held) == {"more": "fast", "p": "slow"}
    assert placed(queue, "fairness", fleet, held=held) == {"more": "slow", "p": "fast"}


def test_equal_worlds_in_another_order_give_equal_plans():
    queue = [asking(name, fast, 1) for name, fast in (("a", 5), ("b", 4), ("c", 3))]
    assert placed(queue) == placed(list(reversed(queue)))


def plain_worth(aim, speed, mean, need, rate, cost):
    able = [m for m, s in enumerate(speed) if s > 0]
    cheapest = min((cost[m] / speed[m] for m in able), default=1.0)
    rates = {
        "completion": lambda m: speed[m] / mean / need,
        "fairness": lambda m: speed[m] / mean / rate / need,
        "cost": lambda m: max(2 - cost[m] / speed[m] / cheapest, 0.0),
    }
    return [rates[aim](m) if m in able else 0.0 for m in range(len(speed))]


def plain_clear(worth, need, room, price):
    """Each model's price in turn is what the first job that no longer fits would give for it."""
    for _ in range(choice.SWEEPS):
        before = list(price)
        for model in range(len(room)):
            edges = []
            for i, row in enumerate(worth):
                others = [row[m] - price[m] for m in range(len(room)) if m != model]
                edges.append((row[model] - max([0.0, *others]), i))
            price[model], taken = 0.0, 0
            for edge, i in sorted(edges, key=lambda pair: -pair[0]):
                if edge <= 0:
                    break
                taken += need[i]
                if taken > room[model]:
                    price[model] = edge
                    break
        if all(abs(a - b) < 1e-3 * max(a, b, 1e-300) for a, b in zip(before, price, strict=True)):
            return


speeds = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.0]), min_size=3, max_size=3)


@settings(deadline=None, max_examples=60)
@given(st.lists(speeds, min_size=1, max_size=8), st.sampled_from(AIMS[:3]), st.data())
def test_worths_and_prices_are_those_of_a_plain_twin(rows, aim, data):
    cost = [data.draw(st.sampled_from([1.0, 3.0, 8.0])) for _ in range(3)]
    need = [WHOLE * data.draw(st.integers(1, 4)) for _ in rows]
    room = [WHOLE * data.draw(st.integers(0, 5)) for _ in range(3)]
    rate = data.draw(st.sampled_from([0.1, 0.5, 2.0]))
    wanted, found = [], np.zeros((len(rows), 3))
    for i, row in enumerate(rows):
        mean = max(sum(row) / max(sum(s > 0 for s in row), 1), 1e-9)
        wanted.append(plain_worth(aim, row, mean, need[i], rate, cost))
        number = choice.COMPLETION + AIMS.index(aim)
        choice.worth_of(number, np.array(row), mean, float(need[i]), rate, np.array(cost), found[i])
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    prices, kernel = [0.0] * 3, np.zeros(3)
    plain_clear(wanted, need, room, prices)
    choice.clear(found, np.array(need, np.int64), np.array(room, np.int64), kernel)
    np.testing.assert_allclose(kernel, prices, rtol=1e-9)
