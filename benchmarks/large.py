"""Decision time and memory of our policy on large fleets with work that comes and goes.

    python -m benchmarks large [--data FOLDER] [--arrivals N] [--largest CARDS]

Lives are exponential, arrivals Poisson, the load a share of capacity. A decision includes its departure, and
times are seconds of one core. Exit code 1 where a limit of large.yaml is missed.
"""

import argparse
import resource
import time
from pathlib import Path

import msgspec
import numpy as np
import yaml

from penstock.placement.stream import Stream, events_of
from penstock.placement.workload import Fleet
from penstock.sim.compiled import prepare
from penstock.sim.trace.openb import Trace, read_trace

HERE = Path(__file__).parent
DEFAULT_DATA = HERE.parent.parent / "shared" / "data"


class Measured(msgspec.Struct, frozen=True):
    """One run."""

    cards: int
    arrivals: int
    decision_us: float
    refused_percent: float
    used_percent: float
    resident_mib: int


def main() -> int:
    """Run the curve and the large fleet, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--arrivals", type=int, help="instead of the scenario's for the large fleet")
    parser.add_argument("--largest", type=int, default=0, help="one more point of the curve, in cards")
    chosen = parser.parse_args()
    folder = chosen.data / "traces" / "openb"
    if not folder.is_dir():
        print(f"large: skipped, {folder} is not there")
        return 0
    prepare()
    scenario = yaml.safe_load((HERE / "large.yaml").read_text())
    trace = read_trace(folder / "nodes.csv", folder / "pods_default.csv")
    measure(trace, 1000, 1000, scenario["load"])
    print(f"{'cards':>10}{'arrivals':>10}{'us/decision':>13}{'refused %':>11}{'in use %':>10}{'MiB':>7}")
    points = [*scenario["curve"].items()]
    if chosen.largest:
        points.append((chosen.largest, 3 * chosen.largest))
    for cards, arrivals in points:
        show(measure(trace, cards, arrivals, scenario["load"]))
    large = scenario["fleet"]
    found = measure(trace, large["cards"], chosen.arrivals or large["arrivals"], scenario["load"])
    show(found)
    limits = scenario["limits"]
    held = found.decision_us <= limits["decision_us"] and found.resident_mib <= limits["resident_mib"]
    print("all limits hold" if held else f"missed: {limits}")
    return 0 if held else 1


def measure(trace: Trace, cards: int, arrivals: int, load: float) -> Measured:
    """One stream on a fleet of eight-card nodes drawn from the trace's."""
    fleet = eight_card_fleet(trace.fleet, cards // 8)
    random = np.random.default_rng(1)
    tasks = random.choice(trace.work.tasks, arrivals)
    gap = trace.work.volumes[tasks].mean() / (load * fleet.capacity)
    starts = np.cumsum(random.exponential(gap, arrivals))
    events = events_of(starts, starts + random.exponential(1.0, arrivals))
    events = events[: np.flatnonzero(events > 0)[-1] + 1]
    stream = Stream(fleet, trace.work)
    began = time.process_time()
    result = stream.run(tasks, events)
    seconds = time.process_time() - began
    return Measured(
        cards,
        arrivals,
        seconds / arrivals * 1e6,
        float((result.nodes < 0).mean() * 100),
        result.used / fleet.capacity * 100,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


def eight_card_fleet(fleet: Fleet, count: int) -> Fleet:
    """So many nodes like the trace's with eight devices."""
    pick = np.random.default_rng(1).choice(np.flatnonzero(fleet.devices == 8), size=count)
    columns = {name: getattr(fleet, name)[pick] for name in ("cpu", "memory", "devices", "model")}
    return Fleet(**columns, models=fleet.models)


def show(found: Measured) -> None:
    """One line of the table."""
    print(
        f"{found.cards:>10}{found.arrivals:>10}{found.decision_us:>13.1f}{found.refused_percent:>11.2f}"
        f"{found.used_percent:>10.1f}{found.resident_mib:>7}",
        flush=True,
    )
