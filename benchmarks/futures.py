"""Many futures of a planned centre: seconds for all, and for one.

    python -m benchmarks futures [--data FOLDER] [--futures N]

One year of 125 servers of eight cards. Beside it, in the same run, what one future costs in processor time and how
much of that is the placement core. Exit code 1 where the limit of futures.yaml, for its number of futures, is missed.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from penstock.cli.plan_economics import read_plan
from penstock.sim.compiled import prepare
from penstock.sim.planning.build import run, world_of
from penstock.sim.planning.future import play

HERE = Path(__file__).parent
DEFAULT_DATA = HERE.parent.parent / "shared" / "data"
PLAN = """
name: one year of 1,000 cards
start: 2026-01-01
months: 12 months
tranches:
  - name: h800
    model: h800
    servers: 125
    price_per_server: 2.83 M
    accepted: 2026-01-01
    watts_per_server: 10.2 kW
    rent: {{per_server_month: 60k}}
costs: [{{name: staff, kind: staff, amount: 2.25 M}}]
power: {{pue: 1.15, per_kwh: 0.36}}
loans: [{{name: bank, principal: 280 M, rate: 6 %, drawn: 2026-01-01, term: 5 years}}]
rehearse:
  slip: {{low: 0 months, likely: 1 month, high: 6 months}}
  demand:
    traces:
      - {{file: {jobs}, throughput: {speeds}, as_on: v100, share: {share}, ignore_models: true}}
"""


def main() -> int:
    """Prints a table; 1 where the limit is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks futures")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--futures", type=int)
    given = parser.parse_args()
    scenario = yaml.safe_load((HERE / "futures.yaml").read_text("utf-8"))
    jobs = given.data / "traces/philly/jobs.csv"
    if not jobs.is_file():
        print(f"there is no {jobs}: name a folder with --data")
        return 0
    speeds = given.data / "throughput/gavel_simulation.csv"
    prepare()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "plan.yaml"
        file.write_text(
            PLAN.format(jobs=jobs.resolve(), speeds=speeds.resolve(), share=scenario["share"]), "utf-8"
        )
        world = world_of(read_plan(file), file.parent, 1)
    play(world, 0)
    before = time.process_time()
    played = [play(world, number) for number in range(1, 4)]
    one_s = (time.process_time() - before) / len(played)
    count = given.futures or scenario["futures"]
    began = time.perf_counter()
    done = sum(1 for _ in run(world, count, scenario["workers"]))
    seconds = time.perf_counter() - began
    allowed = scenario["limits"]["seconds"] * count / scenario["futures"]
    print("FUTURES  WORKERS  SECONDS  LIMIT  RATIO  ONE FUTURE, CPU SECONDS")
    print(
        f"{done:7}  {scenario['workers']:7}  {seconds:7.1f}  {allowed:5.0f}  {seconds / allowed:5.2f}  {one_s:23.3f}"
    )
    return int(seconds > allowed)
