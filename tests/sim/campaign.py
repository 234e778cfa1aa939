"""The crash campaign: a real server, killed with SIGKILL at seeded points of a real walk, and started again.

    python -m tests.sim.campaign [--points 200] [--instants 40] [--seed N] [--only DEATH[,DEATH…]] [--cold]

A point is a line of the platform and how often it was reached; an instant is so many seconds after the start.
Every fourth walk dies a second time, every tenth begins with an empty directory: the first opening, its
migration and the measurement of devices are then under fire too. Prints one line for each walk that fails,
with the command that repeats it, and the figures at the end.
"""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.sim.launcher import prepare
from tests.sim.live import Failed, Live
from tests.sim.live_check import findings, survivors
from tests.sim.live_walk import install, walk

SECOND_DEATH_EVERY, COLD_EVERY = 4, 10
VISITS_MAX = 100
WALK_S = 8.0
"""About how long a walk without a death takes."""
BURIAL_S = 20.0


class Trial(NamedTuple):
    """One walk: when its servers die, and whether it begins with an empty directory."""

    deaths: tuple[str, ...]
    cold: bool = False

    @property
    def again(self) -> str:
        """The command that repeats it."""
        return (
            f"python -m tests.sim.campaign --only {','.join(self.deaths) or 'never'}{' --cold' * self.cold}"
        )


class Outcome(NamedTuple):
    """What a walk came to: findings, how often a server died, and for how many seconds it went on."""

    trial: Trial
    findings: list[str]
    kills: int
    seconds: float


def try_out(folder: Path, trial: Trial, record: Path | None = None) -> Outcome:
    """Walk with these deaths, look at everything, stop, and see that nothing is left."""
    began_s = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="walk-", dir=folder))
    data, token = place / "data", ""
    if not trial.cold:
        bell = shutil.ignore_patterns(".news")  # a pipe, which its engine makes anew
        shutil.copytree(folder / "template" / "data", data, ignore=bell)
        token = (folder / "template" / "token").read_text()
    live = None
    try:
        live = Live(data, list(trial.deaths), token, record)
        if trial.cold:
            install(live)
        walk(live, place.name)
        found = findings(live)
        live.close()
        found += left_over(place.name, data)
    except Failed as failure:
        found = [str(failure)]
    except Exception:  # noqa: BLE001 - a fault of the campaign itself is shown as it is
        found = [traceback.format_exc()]
    finally:
        if live is not None:
            live.destroy()
    if not found:
        shutil.rmtree(place)
    return Outcome(trial, found, live.kills if live else 0, time.monotonic() - began_s)


def left_over(marker: str, data: Path) -> list[str]:
    """Processes that outlive the server and its jobs: orphans come to us, so we have no child at all."""
    deadline = time.monotonic() + BURIAL_S
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
        except ChildProcessError:
            return [f"left over: {process}" for process in survivors(marker, data)]
    return [f"left over: {process}" for process in survivors(marker, data) or ["a child"]]


def make_template(folder: Path) -> None:
    """An opened centre with two measured devices and a price, which most walks begin from."""
    place = folder / "template"
    place.mkdir()
    live = Live(place / "data", [])
    install(live)
    live.close()
    (place / "token").write_text(live.token)


def trials(folder: Path, seed: int, points: int, instants: int) -> Iterator[Trial]:
    """A seeded choice: lines without repetition, each at a small number of visits, and instants."""
    chooser = Random(seed)
    decks = {
        cold: chooser.sample(found, len(found))
        for cold in ((False, True) if points >= COLD_EVERY else (False,))
        for found in [recorded(folder, cold=cold)]
    }
    for number in range(points):
        cold = number % COLD_EVERY == COLD_EVERY - 1
        deaths = [point(chooser, decks[cold], number)]
        if number % SECOND_DEATH_EVERY == 0:
            deaths.append(point(chooser, decks[False], chooser.randrange(len(decks[False]))))
        yield Trial(tuple(deaths), cold)
    for _ in range(instants):
        yield Trial(
            tuple(f"{chooser.uniform(0.1, WALK_S / 2):.3f}s" for _ in range(chooser.choice((1, 1, 2, 3))))
        )


def point(chooser: Random, deck: list[tuple[str, int, int]], number: int) -> str:
    """One line of the deck, at a visit that it had; small numbers are the likelier."""
    file, line, visits = deck[number % len(deck)]
    return f"{file}:{line}:{int(math.exp(chooser.uniform(0, math.log(min(visits, VISITS_MAX)))))}"


def recorded(folder: Path, *, cold: bool) -> list[tuple[str, int, int]]:
    """Every line that a walk without a death comes along, and how often."""
    record = folder / f"lines-{cold}.json"
    if (outcome := try_out(folder, Trial((), cold), record)).findings:
        raise Failed(f"the walk fails without a death: {outcome.findings}")
    return [(file, line, visits) for file, line, visits in json.loads(record.read_text())]


def main() -> int:
    """Run the campaign; 1 if anything failed."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--points", type=int, default=200)
    options.add_argument("--instants", type=int, default=40)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="")
    options.add_argument("--cold", action="store_true")
    options.add_argument("--at-once", type=int, default=2)
    asked = options.parse_args()
    prepare()
    folder = Path(tempfile.mkdtemp(prefix="campaign-"))
    make_template(folder)
    if asked.only:
        chosen = [
            Trial(
                tuple(asked.only.replace("never", "").split(",")) if asked.only != "never" else (), asked.cold
            )
        ]
    else:
        chosen = list(trials(folder, asked.seed, asked.points, asked.instants))
    failed = run(folder, chosen, asked.at_once)
    if not failed:
        shutil.rmtree(folder)
    return 1 if failed else 0


def run(folder: Path, chosen: list[Trial], at_once: int) -> int:
    """Every trial, some at once; how many failed."""
    began_s, outcomes = time.monotonic(), []
    with ProcessPoolExecutor(at_once, mp_context=get_context("fork"), initializer=prepare) as pool:
        for done in as_completed([pool.submit(try_out, folder, trial) for trial in chosen]):
            outcome = done.result()
            outcomes.append(outcome)
            if outcome.findings:
                print(f"FAILED  {outcome.trial.again}", *outcome.findings, sep="\n    ", flush=True)
            elif sys.stdout.isatty() or len(outcomes) % 20 == 0:
                end = "\r" if sys.stdout.isatty() else "\n"
                print(f"{len(outcomes)}/{len(chosen)} walks done", end=end, flush=True)
    failed = [outcome for outcome in outcomes if outcome.findings]
    places = {death.rpartition(":")[0] for trial in chosen for death in trial.deaths if ":" in death}
    print(
        f"{len(outcomes)} walks with {sum(len(trial.deaths) for trial in chosen)} deaths planned"
        f" at {len(places)} distinct lines and {sum(death.endswith('s') for trial in chosen for death in trial.deaths)} instants;"
        f" {sum(outcome.kills for outcome in outcomes)} servers were killed; {len(failed)} walks failed;"
        f" {(time.monotonic() - began_s) / len(outcomes):.1f} s a walk"
    )
    if failed:
        print(f"what they left is in {folder}")
    return len(failed)


if __name__ == "__main__":
    raise SystemExit(main())
