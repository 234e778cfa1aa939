"""A rehearsal in rounds: jobs that can be checkpointed move between accelerator models as their aim wants.

As in Gavel (Narayanan et al., "Heterogeneity-Aware Cluster Scheduling Policies for Deep Learning Workloads",
OSDI 2020), whose rounds last six minutes as well.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from penstock.base.refusal import Refusal, invalid
from penstock.placement.fill import REASONS
from penstock.placement.jobs import Jobs
from penstock.placement.replay import LINES, Replayed
from penstock.placement.workload import WHOLE, Fleet

AIMS = ("fifo", "shortest", "fair-share", "completion", "fairness", "cost")
ROUND_S = 360.0


class Rounds(msgspec.Struct, frozen=True, kw_only=True, tag="rounds"):
    """How to deal. `fifo`, `shortest` and `fair-share` (least served first) order the jobs; `completion`,
    `fairness` and `cost` price the models. `aware`: by each job's speed on each model; otherwise by its mean.
    """

    aim: str = "completion"
    aware: bool = True
    round_s: float = ROUND_S
    restart_s: float = 0.0


def check_rounds(rounds: Rounds) -> Rounds | Refusal:
    """A known aim, and rounds longer than a restart."""
    if rounds.aim not in AIMS:
        remedy = f"use one of {', '.join(AIMS)}"
        return invalid("queue_unknown", f"there is no aim {rounds.aim!r}", remedy, "queue")
    if not 0 <= rounds.restart_s < rounds.round_s < float("inf"):
        message = f"rounds of {rounds.round_s:g} s with restarts of {rounds.restart_s:g} s"
        return invalid("rounds_absurd", message, "make rounds longer than a restart", "rounds")
    return rounds


def replay_rounds(
    fleet: Fleet,
    jobs: Jobs,
    rounds: Rounds,
    edges: Sequence[float],
    cost: Mapping[str, float] | None = None,
) -> Replayed:
    """Play all jobs through in rounds. `cost` is that of an hour of a device by model, for the aim `cost`.

    Models form pools without nodes. A job that no pool can hold is refused; `attempts` counts moves.
    """
    from penstock.placement.kernels import rounds as kernel
    from penstock.placement.kernels.book import LINES as LINE_COUNT

    models, count = len(fleet.models), len(jobs.nodes)
    room = np.bincount(fleet.model, fleet.devices * WHOLE, minlength=models).astype(np.int64)
    able = np.isfinite(jobs.run_s) & (jobs.volume[:, None] <= room)
    for model in range(models):
        able[:, model] &= (jobs.work.models[jobs.work.tasks] >> model) & 1 == 1
    speed = np.where(able, 1 / np.maximum(jobs.run_s, 1e-6), 0.0)
    hours = np.array([(cost or {}).get(model, 1.0) for model in fleet.models])
    play = kernel.Play(
        jobs.submit_s,
        jobs.volume,
        speed,
        np.ones(count),
        np.zeros(count),
        np.zeros(count),
        np.full(count, -1, np.int64),
        np.full(count, np.inf),
        np.full(count, np.inf),
        np.zeros(count, np.int64),
    )
    rules = kernel.Rules(AIMS.index(rounds.aim), rounds.aware, rounds.round_s, rounds.restart_s, hours)
    window = np.asarray(edges, np.float64)
    spent, waited = np.zeros((len(window) - 1, models, LINE_COUNT)), np.zeros(len(window) - 1)
    kernel.play_rounds(play, rules, room, window, spent, waited)
    assert spent.shape[2] == len(LINES)
    refused = np.where(speed.max(axis=1) > 0, 0, -1 - REASONS.index("no_fit_model"))
    no_cheap = np.zeros(spent.shape[:2])
    return Replayed(
        play.start, play.end, play.model, refused, play.moves, spent / WHOLE, waited / WHOLE, no_cheap
    )
