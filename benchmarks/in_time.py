"""Rehearsals in time: openb with its own times, and Philly by throughput on Gavel's 300 + 300 + 300 fleet.

    python -m benchmarks in_time [--data FOLDER]

FOLDER holds traces/ and throughput/; the guide tells where to get them. Exit code 1 where a limit of
in_time.yaml is missed.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import yaml

from penstock.placement.jobs import Jobs
from penstock.placement.replay import How
from penstock.placement.rounds import Rounds
from penstock.placement.workload import Fleet
from penstock.sim.compiled import prepare
from penstock.sim.rehearsal import Rehearsal, rehearse, window
from penstock.sim.replaying import load
from penstock.sim.trace.fleets import fleet_of
from penstock.sim.trace.jobfile import read_jobs
from penstock.sim.trace.traced import arrays

HERE = Path(__file__).parent
DEFAULT_DATA = HERE.parent.parent / "shared" / "data"
HOUR, DAY = 3600, 86_400
LADDER = ("productive", "no_demand", "no_fit_model", "no_fit_memory", "no_fit_fragmentation")


def main() -> int:
    """Print both tables and tell whether the limits hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    data = parser.parse_args().data
    if not (data / "traces").is_dir():
        print(f"in_time: skipped, {data / 'traces'} is not there")
        return 0
    prepare()
    scenario = yaml.safe_load((HERE / "in_time.yaml").read_text())
    openb(data / "traces" / "openb", scenario["openb"])
    ratios = philly(data, scenario["philly"])
    missed = [aim for aim, ratio in ratios.items() if ratio < scenario["limits"]["aware_over_blind"]]
    print("\n" + ("all limits hold" if not missed else f"missed: {', '.join(missed)}"))
    return 1 if missed else 0


def openb(folder: Path, scenario: dict) -> None:
    """The trace's own arrivals and lives, on all its nodes and on a hundredth of them."""
    whole = fleet_of(str(folder / "nodes.csv"))
    jobs = arrays(read_jobs(folder / "pods_default.csv", whole), whole)
    print(f"\nopenb, {len(jobs.nodes):,} tasks with their own times; hours; seed {scenario['seed']}")
    for count in scenario["nodes"]:
        fleet = drawn(whole, count, scenario["seed"])
        print(f"\non {len(fleet.cpu):,} nodes with {fleet.devices.sum():,} devices")
        heading()
        for policy in scenario["policies"]:
            for queue, passing in scenario["queues"]:
                how = How(policy=policy, queue=queue, passing=passing)
                show(f"{policy} {queue} {passing}", timed(fleet, jobs, how, scenario["seed"]))


def drawn(fleet: Fleet, count: int, seed: int) -> Fleet:
    """So many nodes, drawn with the seed."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(fleet.cpu))[:count])
    columns = {name: getattr(fleet, name)[chosen] for name in ("cpu", "memory", "devices", "model")}
    return Fleet(**columns, models=fleet.models)


def philly(data: Path, scenario: dict) -> dict[str, float]:
    """By each aim with knowledge of the models and without; the ratio of average completion times."""
    table = data / "throughput" / "gavel_simulation.csv"
    read, fleet, jobs = load(data / "traces" / "philly" / "jobs.csv", scenario["fleet"], table)
    shortest = float(jobs.run_s.min(axis=1).mean())
    print(
        f"\nPhilly, {len(read.jobs):,} jobs by type and steps on {scenario['fleet']}; hours; no average can be under "
        f"{shortest / HOUR:.2f}, each job alone on its fastest model\n"
    )
    heading()
    ratios = {}
    for aim in scenario["aims"]:
        runs = {}
        for aware in (False, True):
            rounds = Rounds(
                aim=aim, aware=aware, round_s=scenario["round_s"], restart_s=scenario["restart_s"]
            )
            runs[aware] = timed(fleet, jobs, rounds, 0)
            show(f"{aim} {'by model' if aware else 'blind'}", runs[aware])
        ratios[aim] = runs[False][0].average_completion_s / runs[True][0].average_completion_s
    print("\naverage completion, blind over by model; Gavel reports up to 3.5 (OSDI 2020, abstract)")
    for aim, ratio in ratios.items():
        print(f"{aim:<14}{ratio:>6.2f}")
    return ratios


def timed(fleet: Fleet, jobs: Jobs, how: How | Rounds, seed: int) -> tuple[Rehearsal, float]:
    """One run and the seconds of one core that it took."""
    started = time.process_time()
    run = rehearse(fleet, jobs, how, seed, window(jobs))
    return run, time.process_time() - started


def heading() -> None:
    """The columns of both tables."""
    names = ("average", "99 %", "last end", "mean wait", "never ran", *LADDER, "seconds")
    print(f"{'policy':<34}" + "".join(f"{name.removeprefix('no_fit_')[:10]:>11}" for name in names))


def show(name: str, found: tuple[Rehearsal, float]) -> None:
    """One line; the ladder in percent of capacity until the last submission."""
    run, seconds = found
    lines = {line.line: line.share * 100 for line in run.ladder.lines}
    cells = [
        run.average_completion_s / HOUR,
        run.p99_completion_s / HOUR,
        run.makespan_s / HOUR,
        run.waits[0].mean_s / HOUR,
    ]
    print(
        f"{name:<34}"
        + "".join(f"{cell:>11.2f}" for cell in cells)
        + f"{run.jobs - run.ended:>11}"
        + "".join(f"{lines[line]:>11.2f}" for line in LADDER)
        + f"{seconds:>11.2f}",
        flush=True,
    )
