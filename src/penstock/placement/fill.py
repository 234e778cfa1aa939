"""The published fill experiment: tasks arrive until demand is a given share of capacity, none leaves.

What does not fit is dropped. Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 6.
"""

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from penstock.base.refusal import Refusal, invalid
from penstock.placement.workload import Fleet, Workload, resolution, typical

if TYPE_CHECKING:
    from penstock.placement.kernels.fgd import Target
    from penstock.placement.kernels.fill import Rules
    from penstock.placement.kernels.state import Memo, Nodes, Shapes
    from penstock.placement.kernels.worth import Outlook

PLAN_EVERY = 0.02
MEMORY_TASKS = 4000.0

_POLICIES = (
    "first-fit",
    "best-fit",
    "dot-product",
    "gpu-packing",
    "gpu-clustering",
    "random",
    "fgd",
    "penstock",
)
POLICIES = (*_POLICIES, "penstock-accept")
"""`penstock` holds a task that would waste more room than it takes when enough other work is to come;
`penstock-accept` takes whatever fits, as the published ones do."""

REASONS = ("held", "no_fit_model", "no_fit_cpu", "no_fit_memory", "no_fit_fragmentation", "busy")


class Filled(msgspec.Struct, frozen=True):
    """For each task in order its shape, and the node that took it or -1 - index of the reason."""

    tasks: np.ndarray
    outcome: np.ndarray


def arrivals(work: Workload, capacity: int, until: float, seed: int) -> np.ndarray:
    """All tasks once, then uniform draws until the next would pass `until` of capacity, shuffled.

    A workload that is already past it loses tasks at random instead.
    """
    random = np.random.default_rng(seed)
    volumes, limit = work.volumes, until * capacity
    total = int(volumes[work.tasks].sum())
    if total > limit or total == 0:
        order = random.permutation(work.tasks)
        return order[np.cumsum(volumes[order]) <= limit]
    drawn = [work.tasks]
    while True:
        more = work.tasks[random.integers(len(work.tasks), size=len(work.tasks))]
        reached = total + np.cumsum(volumes[more])
        within = int(np.searchsorted(reached, limit, side="right"))
        drawn.append(more[:within])
        if within < len(more):
            return random.permutation(np.concatenate(drawn))
        total = int(reached[-1])


def check_policy(name: str) -> str | Refusal:
    """One of `POLICIES`."""
    if name in POLICIES:
        return name
    return invalid(
        "policy_unknown", f"there is no policy {name!r}", f"use one of {', '.join(POLICIES)}", "policy"
    )


def fill(
    fleet: Fleet, work: Workload, tasks: np.ndarray, policy: str, seed: int, forecast: float = 0.0
) -> Filled:
    """Place the tasks on the empty fleet, its nodes shuffled by the seed (ties go to the first).

    `forecast`: the demand that our policy is told to expect, as a multiple of capacity; 0: nothing is known.
    """
    from penstock.placement.kernels.fill import place_all

    order = np.random.default_rng(seed).permutation(len(fleet.cpu))
    sizes, size_of = sizes_of(work)
    outcome = place_all(
        rules(policy, forecast),
        nodes_of(fleet, order),
        shapes_of(work),
        size_of,
        sizes,
        tasks,
        target_of(work),
        empty_outlook(fleet, work),
        empty_memo(len(work.cpu), len(order)),
        seed,
    )
    return Filled(tasks, np.where(outcome >= 0, order[np.maximum(outcome, 0)], outcome))


def allocated(fleet: Fleet, work: Workload, filled: Filled, until: float) -> list[float]:
    """Percent of capacity allocated when demand first reaches 0, 1, … percent; the last: at the end."""
    volumes = work.volumes[filled.tasks]
    demand = np.concatenate([[0], np.cumsum(volumes)])
    taken = np.concatenate([[0], np.cumsum(np.where(filled.outcome >= 0, volumes, 0))])
    steps = np.arange(round(until * 100) + 1) * (fleet.capacity / 100)
    reached = np.minimum(np.searchsorted(demand, steps), len(taken) - 1)
    return [float(percent) for percent in taken[reached] * (100 / fleet.capacity)]


def refused(filled: Filled) -> dict[str, int]:
    """How many tasks were dropped, by reason."""
    counts = Counter(int(reason) for reason in filled.outcome if reason < 0)
    return {REASONS[-1 - reason]: count for reason, count in sorted(counts.items(), reverse=True)}


OURS = "penstock"


def number_of(policy: str) -> int:
    """The policy as the kernels know it."""
    return _POLICIES.index(policy)


def look_ahead(work: Workload, nodes: "Nodes", outlook: "Outlook") -> None:
    """Fill the worths that our policy goes by, from what is free and the mix of the workload."""
    from penstock.placement.kernels.fill import plan

    sizes, size_of = sizes_of(work)
    weight = np.bincount(work.tasks, minlength=len(work.cpu)).astype(np.float64)
    plan(1.0, nodes, shapes_of(work), size_of, sizes, weight, np.zeros(len(sizes)), outlook, True)


def rules(policy: str, forecast: float = 0.0) -> "Rules":
    """What the kernels need to know of a policy."""
    from penstock.placement.kernels.fill import Rules

    name = policy.removesuffix("-accept")
    return Rules(_POLICIES.index(name), forecast, policy == "penstock", PLAN_EVERY, MEMORY_TASKS)


def nodes_of(fleet: Fleet, order: np.ndarray) -> "Nodes":
    """The empty fleet in this order."""
    from penstock.placement.kernels.state import Nodes

    width = int(fleet.devices.max(initial=1))
    devices = fleet.devices[order]
    free = np.where(np.arange(width) < devices[:, None], 1000, 0)
    kinds = np.zeros((len(order), width + 1), np.int64)
    return Nodes(fleet.cpu[order], fleet.memory[order], free, devices, fleet.model[order], kinds)


def shapes_of(work: Workload) -> "Shapes":
    """The shapes as the kernels take them."""
    from penstock.placement.kernels.state import Shapes

    return Shapes(work.cpu, work.memory, work.devices, work.share, work.models)


def sizes_of(work: Workload) -> tuple[np.ndarray, np.ndarray]:
    """The distinct shares, in units of the workload's resolution, and which one each shape has."""
    unit = resolution(work)
    sizes, size_of = np.unique(np.where(work.devices > 0, work.share, 1000) // unit, return_inverse=True)
    return sizes, size_of


def target_of(work: Workload) -> "Target":
    """FGD's target workload as the kernels take it."""
    from penstock.placement.kernels.fgd import Target

    columns = list(zip(*typical(work), strict=True))
    return Target(*(np.array(column, np.int64) for column in columns[:4]), np.array(columns[4], np.float64))


def empty_outlook(fleet: Fleet, work: Workload) -> "Outlook":
    """Room for the worths that our policy computes."""
    from penstock.placement.kernels.fill import GRID
    from penstock.placement.kernels.worth import Outlook

    pairs, unit = len(GRID) ** 2, resolution(work)
    worth = np.zeros((pairs, len(fleet.models), 1001))
    return Outlook(np.zeros(pairs), np.zeros(pairs), worth, unit, np.zeros(int(fleet.devices.max(initial=1))))


def empty_memo(shapes: int, nodes: int) -> "Memo":
    """Nothing rated yet."""
    from penstock.placement.kernels.state import Memo

    per_shape = (shapes, nodes)
    return Memo(
        np.zeros(per_shape),
        np.zeros(per_shape, np.int64),
        np.zeros(per_shape, np.int64),
        np.ones(nodes, np.int64),
        np.zeros(nodes),
        np.zeros(nodes, np.int64),
    )
