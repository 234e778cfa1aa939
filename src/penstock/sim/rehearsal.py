"""A trace rehearsed on a fleet, and what a centre wants to know of it: ladder, waits, refusals, revenue."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import msgspec
import numpy as np

from penstock.base.money import Micros
from penstock.base.window import EPOCH
from penstock.insight.ladder import RUNG_OF
from penstock.insight.model import RUNGS, Ladder, LadderLine, Line, ladder_numbers, population
from penstock.placement.fill import REASONS
from penstock.placement.jobs import Faults, Jobs
from penstock.placement.replay import LINES, How, Replayed, replay
from penstock.placement.rounds import Rounds, replay_rounds
from penstock.placement.workload import Fleet
from penstock.sim.compiled import prepare

SECONDS_PER_HOUR = 3600


class Waits(msgspec.Struct, frozen=True):
    """Seconds from submission to the first start, of the jobs of one label that started."""

    label: str
    jobs: int
    started: int
    mean_s: float
    median_s: float
    p90_s: float
    p99_s: float


class Part(msgspec.Struct, frozen=True):
    """A part of the window: busy card-hours by model, and on average percent busy and cards waited for."""

    start_s: float
    end_s: float
    busy_card_hours: tuple[float, ...]
    allocated_percent: float
    waiting_cards: float


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Times are seconds after the first submission; the ladder and parts cover the window.

    Completion is from submission to the end, over jobs that ended; `makespan_s` is the last end.
    `revenue_micros` is productive card time of the window at the prices, by model.
    """

    how: How | Rounds
    seed: int
    jobs: int
    ended: int
    restarts: int
    average_completion_s: float
    p99_completion_s: float
    makespan_s: float
    waits: tuple[Waits, ...]
    refused: dict[str, int]
    ladder: Ladder
    models: tuple[str, ...]
    parts: tuple[Part, ...]
    revenue_micros: dict[str, Micros]
    unpriced_card_hours: float


def rehearse(
    fleet: Fleet,
    jobs: Jobs,
    how: How | Rounds,
    seed: int,
    edges: Sequence[float],
    *,
    faults: Faults | None = None,
    prices: Mapping[str, Micros] | None = None,
) -> Rehearsal:
    """Play the jobs through and sum up. `edges` part the window; `prices` are micros per card-hour by model.

    Rounds know neither seed nor faults.
    """
    prepare()
    if isinstance(how, Rounds):
        played = replay_rounds(fleet, jobs, how, edges, {m: float(p) for m, p in (prices or {}).items()})
    else:
        played = replay(fleet, jobs, how, seed, edges, faults)
    return summary(fleet, jobs, how, seed, edges, played, prices or {})


def window(jobs: Jobs, parts: int = 200) -> list[float]:
    """The time from the first to the last submission in equal parts; a second where there is but one."""
    return [float(edge) for edge in np.linspace(0, max(jobs.submit_s.max(initial=0), 1), parts + 1)]


def summary(
    fleet: Fleet,
    jobs: Jobs,
    how: How | Rounds,
    seed: int,
    edges: Sequence[float],
    played: Replayed,
    prices: Mapping[str, Micros],
) -> Rehearsal:
    """What came of a run."""
    ended = np.isfinite(played.end_s)
    completion = played.end_s[ended] - jobs.submit_s[ended]
    productive = played.spent[:, :, LINES.index("productive")].sum(axis=0) / SECONDS_PER_HOUR
    hours = {model: float(productive[i]) for i, model in enumerate(fleet.models)}
    return Rehearsal(
        how=how,
        seed=seed,
        jobs=len(jobs.nodes),
        ended=int(ended.sum()),
        restarts=int(played.attempts.sum()),
        average_completion_s=_mean(completion),
        p99_completion_s=_quantile(completion, 0.99),
        makespan_s=float(played.end_s[ended].max(initial=0)),
        waits=waits(jobs, played),
        refused=refused(played),
        ladder=ladder(fleet, edges, played, prices),
        models=fleet.models,
        parts=parts(fleet, edges, played),
        revenue_micros={model: round(hours[model] * prices[model]) for model in hours if model in prices},
        unpriced_card_hours=sum(hours[model] for model in hours if model not in prices),
    )


def waits(jobs: Jobs, played: Replayed) -> tuple[Waits, ...]:
    """Waiting times by label, all jobs first under the empty label, then in the order of the numbers in them."""
    rows = []
    for label in ("", *sorted({*jobs.labels} - {""}, key=_in_order)):
        chosen = jobs.label == jobs.labels.index(label) if label else np.ones(len(jobs.label), np.bool_)
        started = chosen & np.isfinite(played.start_s)
        waited = played.start_s[started] - jobs.submit_s[started]
        quantiles = (_quantile(waited, share) for share in (0.5, 0.9, 0.99))
        if chosen.any():
            rows.append(Waits(label, int(chosen.sum()), int(started.sum()), _mean(waited), *quantiles))
    return tuple(rows)


def refused(played: Replayed) -> dict[str, int]:
    """How many jobs never ran, by reason."""
    reasons, counts = np.unique(played.outcome[played.outcome < 0], return_counts=True)
    return {REASONS[-1 - int(r)]: int(n) for r, n in sorted(zip(reasons, counts, strict=True), reverse=True)}


def parts(fleet: Fleet, edges: Sequence[float], played: Replayed) -> tuple[Part, ...]:
    """The window part by part."""
    busy = played.spent[:, :, LINES.index("productive")] + played.spent[:, :, LINES.index("lost_work")]
    found = []
    for i, (start, end) in enumerate(pairwise(edges)):
        length = end - start
        found.append(
            Part(
                float(start),
                float(end),
                tuple(round(float(spent) / SECONDS_PER_HOUR, 6) for spent in busy[i]),
                round(float(busy[i].sum()) / length / fleet.capacity * 1e5, 4),
                round(float(played.waited_device_s[i]) / length, 4),
            )
        )
    return tuple(found)


def ladder(fleet: Fleet, edges: Sequence[float], played: Replayed, prices: Mapping[str, Micros]) -> Ladder:
    """The card-hour book of the window. A rehearsal knows no leases: what is occupied was sold."""
    per_model = np.array([prices.get(model, 0) for model in fleet.models]) / SECONDS_PER_HOUR
    spent = played.spent.sum(axis=0)
    time_us = {Line(name): round(float(spent[:, i].sum()) * 1e6) for i, name in enumerate(LINES)}
    value = {Line(name): round(float(spent[:, i] @ per_model)) for i, name in enumerate(LINES)}
    unpriced = [i for i, model in enumerate(fleet.models) if model not in prices]
    capacity = sum(time_us.values())
    lost = {rung: sum(time_us.get(line, 0) for line in lines) for rung, lines in RUNGS.items()}
    available = capacity - lost["not_available"]
    sold = available - lost["not_sold"]
    active = sold - lost["not_occupied"] - lost["not_active"]
    start, end = (EPOCH + timedelta(seconds=float(edge)) for edge in (edges[0], edges[-1]))
    return Ladder(
        start=start,
        end=end,
        devices=int(fleet.devices.sum()),
        capacity_card_us=capacity,
        available_card_us=available,
        sold_card_us=sold,
        occupied_card_us=sold - lost["not_occupied"],
        active_card_us=active,
        effective_card_us=active - lost["not_effective"],
        lines=tuple(
            LadderLine(
                rung=RUNG_OF[line],
                line=line,
                card_us=time_us.get(line, 0),
                share=time_us.get(line, 0) / capacity if capacity else 0.0,
                list_value_micros=value.get(line, 0),
                carried_cost_micros=0,
            )
            for line in RUNG_OF
        ),
        unpriced_card_us=round(float(spent[unpriced].sum()) * 1e6),
        uncosted_devices=int(fleet.devices.sum()),
        population=f"rehearsed: {population(int(fleet.devices.sum()), start, end)}",
        numbers=ladder_numbers("CNY", "derived"),
    )


def _in_order(label: str) -> tuple[int, str]:
    number = label.partition(" ")[0]
    return (int(number), label) if number.isdecimal() else (0, label)


def _mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 3) if len(values) else 0.0


def _quantile(values: np.ndarray, share: float) -> float:
    return round(float(np.quantile(values, share)), 3) if len(values) else 0.0
