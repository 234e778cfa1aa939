"""Rehearse a trace file on a fleet, once for each policy and seed: what the command and the benchmarks call."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from penstock.base.money import Micros
from penstock.base.refusal import Refusal, ensure
from penstock.placement.jobs import Jobs
from penstock.placement.replay import How, check_how
from penstock.placement.rounds import Rounds, check_rounds
from penstock.placement.workload import Fleet
from penstock.sim.rehearsal import Rehearsal, rehearse, window
from penstock.sim.trace.fleets import fleet_of
from penstock.sim.trace.jobfile import read_jobs
from penstock.sim.trace.throughput import Speeds, read_speeds
from penstock.sim.trace.traced import JobTrace, arrays


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """All runs over one trace on one fleet; equal input and seeds give equal bytes.

    `skipped` counts bad rows left out on request, `left_out` those that ask for nothing.
    """

    trace: str
    jobs: int
    skipped: int
    first_skipped: tuple[Refusal, ...]
    left_out: int
    nodes: int
    devices: dict[str, int]
    currency: str
    prices_micros: dict[str, Micros]
    runs: tuple[Rehearsal, ...]


def load(
    trace: Path, fleet: str, throughput: Path | None, *, skip_bad: bool = False
) -> tuple[JobTrace, Fleet, Jobs]:
    """A trace and a fleet as a rehearsal takes them; raises `Refused` with the place of a mistake."""
    known: Speeds | None = read_speeds(throughput, skip_bad=skip_bad) if throughput is not None else None
    whole = fleet_of(fleet, skip_bad=skip_bad)
    read = read_jobs(trace, whole, known, skip_bad=skip_bad)
    return read, whole, arrays(read, whole, known)


def run_replay(
    trace: Path,
    fleet: str,
    hows: Iterable[How | Rounds],
    seeds: Iterable[int],
    *,
    throughput: Path | None = None,
    prices: Mapping[str, Micros] | None = None,
    currency: str = "CNY",
    skip_bad: bool = False,
    progress: Callable[[int], object] | None = None,
) -> ReplayReport:
    """One run for each way and seed; rounds, which know no seed, run once. Raises `Refused`."""
    ways = list(hows)
    for how in ways:
        ensure(check_rounds(how) if isinstance(how, Rounds) else check_how(how))
    read, whole, jobs = load(trace, fleet, throughput, skip_bad=skip_bad)
    edges, every, runs = window(jobs), list(seeds), []
    for how in ways:
        for seed in every[:1] if isinstance(how, Rounds) else every:
            runs.append(rehearse(whole, jobs, how, seed, edges, prices=prices))
            if progress is not None:
                progress(len(runs))
    counts = {model: int(whole.devices[whole.model == i].sum()) for i, model in enumerate(whole.models)}
    return ReplayReport(
        trace=trace.name,
        jobs=len(read.jobs),
        skipped=read.skipped,
        first_skipped=read.first_skipped,
        left_out=read.left_out,
        nodes=len(whole.cpu),
        devices=counts,
        currency=currency,
        prices_micros=dict(sorted((prices or {}).items())),
        runs=tuple(runs),
    )
