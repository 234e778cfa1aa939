"""A rehearsal in time: jobs come, wait, run and end on a fleet, by the kernels that place the fill experiment.

jobs, fleet, how, seed -> Replayed: starts and ends of jobs, and where the time of all devices went.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from penstock.base.refusal import Refusal, invalid
from penstock.placement import fill
from penstock.placement.jobs import FOREVER, Faults, Jobs, distinct, no_faults
from penstock.placement.workload import Fleet

if TYPE_CHECKING:
    from penstock.placement.kernels.book import Book
    from penstock.placement.kernels.replay import Market
    from penstock.placement.kernels.seat import Bar, Work

QUEUES = ("fifo", "shortest", "fair-share")
PASSES = ("strict", "greedy", "easy")
LINES = (
    "productive",
    "lost_work",
    "no_demand",
    "no_fit_model",
    "no_fit_memory",
    "no_fit_fragmentation",
    "no_fit_price",
    "down",
    "starting",
)
"""Lines of the card-hour book that a rehearsal can tell apart."""
PLANS = 50
"""Our policy's worths are made anew each fiftieth of the arrivals."""


class How(msgspec.Struct, frozen=True, kw_only=True, tag="queue"):
    """How to choose: the policy for nodes, the order of the queue, and who may pass whom.

    `strict`: no one passes the first that does not fit. `greedy`: all who fit do. `easy`: those who do not
    delay the start that is kept for the first (EASY backfilling: Lifka, "The ANL/IBM SP scheduling system",
    1995). `fastest`: models are tried in the order of the job's own speed; otherwise the policy is blind to it.
    """

    policy: str = "penstock"
    queue: str = "fifo"
    passing: str = "greedy"
    fastest: bool = False
    spot: bool = False
    """Work of negative priority gives way to other work, with notice: it loses nothing where it checkpoints."""
    move_s: float | None = None
    """Work that checkpoints is moved closer together where that lets a gang in, and stands still so long."""


class Replayed(msgspec.Struct, frozen=True):
    """What came of it. Times in seconds; a job that never started has start and end inf.

    `start_s` is the first start. `outcome` is 0, or of a job that did not start -1 - index of
    `fill.REASONS`. `spent[part, model, line]` are device-seconds by the parts of the window and `LINES`;
    `waited_device_s[part]` is what waiting jobs asked for, over time; `cheap_device_s[part, model]` what of the
    productive time was cheap work's. `attempts` counts restarts, those of evicted and moved work too.
    """

    start_s: np.ndarray
    end_s: np.ndarray
    model: np.ndarray
    outcome: np.ndarray
    attempts: np.ndarray
    spent: np.ndarray
    waited_device_s: np.ndarray
    cheap_device_s: np.ndarray


def check_how(how: How) -> How | Refusal:
    """A known policy, queue and passing."""
    checked = fill.check_policy(how.policy)
    if isinstance(checked, Refusal):
        return checked
    for name, given, known in (("queue", how.queue, QUEUES), ("passing", how.passing, PASSES)):
        if given not in known:
            remedy = f"use one of {', '.join(known)}"
            return invalid(f"{name}_unknown", f"there is no {name} {given!r}", remedy, name)
    return how


def replay(
    fleet: Fleet, jobs: Jobs, how: How, seed: int, edges: Sequence[float], faults: Faults | None = None
) -> Replayed:
    """Play all jobs through. `edges` are the ends of the window's parts, in seconds, ascending.

    Runs until every job has ended and the window is over. The seed shuffles the nodes, which
    decides ties, and drives the policy `random`.
    """
    from penstock.placement.kernels import replay as kernel
    from penstock.placement.kernels.displace import ATTEMPTS_MAX
    from penstock.placement.kernels.seat import Seats

    order = np.random.default_rng(seed).permutation(len(fleet.cpu))
    nodes, shapes = fill.nodes_of(fleet, order), fill.shapes_of(jobs.work)
    kind, example = _kinds(jobs, how)
    work, kinds = _work(jobs, how, kind, example), len(example)
    count, parts, models = len(jobs.nodes), int(jobs.nodes.sum()), len(fleet.models)
    down = faults or no_faults()
    per_model = np.bincount(fleet.model, fleet.devices * 1000, minlength=models).astype(np.int64)
    window = np.asarray(edges, np.float64)
    book = _book(window, per_model, models)
    seats = Seats(
        np.full(parts, -1, np.int64),
        np.zeros(parts, np.int64),
        *(np.full(count, FOREVER) for _ in range(3)),
        np.full(count, -1, np.int64),
        np.ones(count),
        np.zeros(count, np.int64),
    )
    outcome, room = np.zeros(count, np.int64), count + len(down.node) * count_most(fleet)
    room += count * ATTEMPTS_MAX * (how.spot or how.move_s is not None)
    kernel.replay(
        fill.rules(how.policy if how.policy != "penstock" else "penstock-accept"),
        kernel.Order(
            how.queue == "fair-share",
            PASSES.index(how.passing),
            how.fastest,
            max(count // PLANS, 1),
            how.spot,
            -1.0 if how.move_s is None else how.move_s,
        ),
        work,
        nodes,
        shapes,
        seats,
        kernel.Ends(
            np.zeros(room), np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(1, np.int64)
        ),
        _turns(down, fleet, order),
        _market(fleet, jobs),
        book,
        _waiting(work, kinds),
        _bar(len(order)),
        outcome,
        seed,
    )
    return Replayed(
        seats.first_start,
        seats.end,
        seats.model,
        outcome,
        seats.attempts,
        book.spent / 1000,
        book.waited / 1000,
        book.spent_cheap / 1000,
    )


def _bar(nodes: int) -> "Bar":
    from penstock.placement.kernels.seat import Bar

    nobody, none = np.full(1, -1, np.int64), np.zeros(nodes, np.bool_)
    return Bar(none.copy(), nobody, np.zeros(1), none)


def _book(window: np.ndarray, per_model: np.ndarray, models: int) -> "Book":
    from penstock.placement.kernels.book import LINES as LINE_COUNT
    from penstock.placement.kernels.book import Book

    return Book(
        window,
        np.zeros((len(window) - 1, models, LINE_COUNT)),
        np.zeros(len(window) - 1),
        per_model,
        np.zeros(models, np.int64),
        np.zeros(models, np.int64),
        np.zeros((models, LINE_COUNT), np.int64),
        np.zeros(models, np.int64),
        np.zeros((len(window) - 1, models)),
    )


def count_most(fleet: Fleet) -> int:
    """The most jobs that one node can hold: so many may be lost with it."""
    return int(fleet.devices.max(initial=1)) * 1000


def _kinds(jobs: Jobs, how: How) -> tuple[np.ndarray, np.ndarray]:
    """The kind of each job, and one job of each kind."""
    tenant = jobs.tenant if how.queue == "fair-share" else np.zeros_like(jobs.tenant)
    example, kind = distinct(jobs.work.tasks, jobs.nodes, tenant)
    return kind, example


def _work(jobs: Jobs, how: How, kind: np.ndarray, example: np.ndarray) -> "Work":
    from penstock.placement.kernels.seat import Work

    length = jobs.run_s.min(axis=1, initial=FOREVER)
    key = length if how.queue == "shortest" else jobs.submit_s
    by_rank = np.lexsort((jobs.submit_s, key, -jobs.priority)).astype(np.int64)
    rank = np.empty_like(by_rank)
    rank[by_rank] = np.arange(len(by_rank))
    return Work(
        kind,
        jobs.submit_s,
        jobs.run_s,
        jobs.limit_s,
        jobs.save_s,
        jobs.priority,
        by_rank,
        rank,
        np.concatenate([[0], np.cumsum(jobs.nodes)[:-1]]).astype(np.int64),
        jobs.work.tasks[example],
        jobs.nodes[example],
        (jobs.tenant if how.queue == "fair-share" else np.zeros_like(jobs.tenant))[example],
        np.zeros(len(kind), np.bool_) if jobs.cheap is None else jobs.cheap,
    )


def _waiting(work: "Work", kinds: int) -> object:
    from penstock.placement.kernels.queue import Waiting

    lengths = np.bincount(work.kind, minlength=kinds)
    offset = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    numbers = (np.zeros(kinds, np.int64) for _ in range(3))
    return Waiting(
        np.zeros(len(work.kind), np.int64),
        offset,
        *numbers,
        np.zeros(1, np.int64),
        np.zeros(kinds, np.bool_),
        np.zeros(kinds, np.int64),
    )


def _turns(down: Faults, fleet: Fleet, order: np.ndarray) -> object:
    from penstock.placement.kernels.replay import Faults as Turns

    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    time = np.concatenate([down.start_s, down.end_s])
    up = np.repeat([False, True], len(down.node))
    at = np.lexsort((~up, time))
    node = place[np.concatenate([down.node, down.node]).astype(np.int64)][at]
    warned = np.zeros(len(down.node), np.bool_) if down.warned is None else down.warned
    return Turns(
        time[at],
        node,
        up[at],
        fleet.cpu[order],
        fleet.memory[order],
        fleet.devices[order],
        np.concatenate([warned, warned])[at],
    )


def _market(fleet: Fleet, jobs: Jobs) -> "Market":
    from penstock.placement.kernels.replay import Market

    sizes, size_of = fill.sizes_of(jobs.work)
    return Market(
        fill.target_of(jobs.work),
        fill.empty_outlook(fleet, jobs.work),
        fill.empty_memo(len(jobs.work.cpu), len(fleet.cpu)),
        size_of,
        sizes,
        np.zeros(len(jobs.work.cpu)),
        np.zeros(len(sizes)),
    )
