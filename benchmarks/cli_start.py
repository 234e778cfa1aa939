"""The command line from start to exit, for commands that place nothing, beside the interpreter and its libraries.

    python -m benchmarks cli_start

Milliseconds of CPU, the best of several runs; without a centre, `ps` and `ladder` end when nobody answers (wall
time is longer there: they try again). Exit code 1 where a command passes the limit of cli_start.yaml.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

SCENARIO = Path(__file__).with_suffix(".yaml")
ROOT = Path(__file__).parents[1]
ENTRY = "import sys; from penstock.cli.main import main; sys.exit(main(sys.argv[1:]))"
NOBODY = {"PENSTOCK_URL": "http://127.0.0.1:9", "PENSTOCK_TOKEN": "none"}
LIMITS = {"python -c pass": "pass", "import cyclopts": "import cyclopts", "import httpx": "import httpx"}


def main() -> int:
    """Print the table; 1 where the limit is missed."""
    scenario = yaml.safe_load(SCENARIO.read_text())
    repeats, limit = scenario["repeats"], scenario["limit_ms"]
    print(f"{'':48}{'CPU ms':>8}{'of limit':>10}   load {os.getloadavg()[0]:.1f}")
    for name, code in LIMITS.items():
        print(f"{name:48}{_cpu_ms(['-c', code], repeats):8.0f}")
    missed = False
    for words in scenario["commands"]:
        spent = _cpu_ms(["-c", ENTRY, *words], repeats)
        missed |= spent > limit
        print(f"penstock {' '.join(words):39}{spent:8.0f}{spent / limit:10.2f}", flush=True)
    return int(missed)


def _cpu_ms(arguments: Sequence[str], repeats: int) -> float:
    """Of user and system, the least."""
    return min(_once(arguments) for _ in range(repeats))


def _once(arguments: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=os.environ | NOBODY,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    raise SystemExit(main())
