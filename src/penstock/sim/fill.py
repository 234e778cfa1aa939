"""The published fill experiment on trace files: what a command or a benchmark calls."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from penstock.base.refusal import ensure
from penstock.placement.fill import allocated, arrivals, check_policy, fill, refused
from penstock.sim.compiled import prepare
from penstock.sim.trace.openb import Trace, read_trace


class FillResult(msgspec.Struct, frozen=True):
    """One run. `allocated[p]` is percent of capacity when demand first reached p percent; `refused` counts
    tasks by reason; `seconds` of one core went into placing, after compilation."""

    seed: int
    allocated: list[float]
    refused: dict[str, int]
    seconds: float


def run_fill(
    nodes_path: Path,
    tasks_path: Path,
    policy: str,
    seeds: Iterable[int],
    until: float,
    *,
    forecast: float = 0.0,
    skip_bad: bool = False,
    progress: Callable[[int], object] | None = None,
) -> list[FillResult]:
    """One run a seed, in order; `progress` is told how many are done, and our policy the demand to expect.

    Raises `Refused` for a bad file or an unknown policy.
    """
    ensure(check_policy(policy))
    trace = read_trace(nodes_path, tasks_path, skip_bad=skip_bad)
    warm(trace, policy)
    results: list[FillResult] = []
    for seed in seeds:
        results.append(fill_once(trace, policy, seed, until, forecast))
        if progress is not None:
            progress(len(results))
    return results


def warm(trace: Trace, policy: str) -> None:
    """Compile, or load, what the policy needs, by placing one task."""
    prepare()
    fill(trace.fleet, trace.work, trace.work.tasks[:1], policy, 0)


def fill_once(trace: Trace, policy: str, seed: int, until: float, forecast: float = 0.0) -> FillResult:
    """One run of the experiment on a trace already read."""
    tasks = arrivals(trace.work, trace.fleet.capacity, until, seed)
    started = time.process_time()
    filled = fill(trace.fleet, trace.work, tasks, policy, seed, forecast)
    seconds = time.process_time() - started
    shares = [round(percent, 4) for percent in allocated(trace.fleet, trace.work, filled, until)]
    return FillResult(seed, shares, refused(filled), seconds)
