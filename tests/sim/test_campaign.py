"""The crash campaign in small, and that its verdict sees what it is there to see."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.sim import live_check
from tests.sim.live_walk import PRICE

ROOT = Path(__file__).parents[2]


def test_a_killed_server_loses_nothing() -> None:
    command = [sys.executable, "-m", "tests.sim.campaign", "--points", "4", "--instants", "2", "--seed", "11"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 walks failed" in done.stdout


def attempt(number: int, state: str, exit_code: int | None) -> dict[str, Any]:
    return {
        "id": f"acme.train.{number}",
        "number": number,
        "state": state,
        "lease": None,
        "began_at": f"2026-01-05T00:00:0{2 * number}.000000Z",
        "ended_at": f"2026-01-05T00:00:0{2 * number + 1}.500000Z",
        "exits": [{"rank": 0, "exit_code": exit_code, "signal": None}],
    }


TRAIN = {
    "job": {"id": "acme.train", "spec": {"name": "train", "nodes": 1, "tasks_per_node": 1}},
    "attempts": [attempt(1, "failed", 17), attempt(2, "succeeded", 0)],
}
SAID = [
    "start acme.train.1",
    "end acme.train.1",
    "start acme.train.2",
    "resumed acme.train.2",
    "end acme.train.2",
]
LINES = [
    {"subject": "acme.train.1", "start": TRAIN["attempts"][0]["began_at"], "end": TRAIN["attempts"][0]["ended_at"], "amount_micros": 2_000},
    {"subject": "acme.train.2", "start": TRAIN["attempts"][1]["began_at"], "end": "2026-01-05T00:00:05.000000Z", "amount_micros": 1_000},
    {"subject": "acme.train.2", "start": "2026-01-05T00:00:05.000000Z", "end": TRAIN["attempts"][1]["ended_at"], "amount_micros": 1_000},
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (SAID, False),
        (SAID[:1] + SAID[2:], True),
        (SAID[2:], True),
        ([*SAID[:2], "twice acme.train.2", *SAID[2:]], True),
        ([SAID[0], SAID[2], SAID[1], *SAID[3:]], True),
        (SAID + SAID[-3:], True),
        ([*SAID, "start acme.train.3"], True),
        ([line for line in SAID if "resumed" not in line], True),
        ([], True),
    ],
)
def test_a_task_that_ran_twice_or_beside_itself_is_seen(tmp_path: Path, said: list[str], seen: bool) -> None:
    (tmp_path / "acme.train.0").write_text("".join(f"{line}\n" for line in said))
    assert bool(list(live_check._runs(tmp_path, [TRAIN]))) == seen


def test_a_task_that_was_ended_may_have_said_less(tmp_path: Path) -> None:
    ended = copy.deepcopy(TRAIN)
    ended["attempts"][0]["exits"][0]["exit_code"] = live_check.SIGTERM_EXIT
    (tmp_path / "acme.train.0").write_text("".join(f"{line}\n" for line in SAID[:1] + SAID[2:]))
    assert list(live_check._runs(tmp_path, [ended])) == []


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        (LINES, False),
        (LINES[::-1], False),
        (LINES[1:], True),
        (LINES[:2], True),
        ([*LINES, LINES[0]], True),
        ([*LINES, LINES[2] | {"amount_micros": 0}], True),
        ([LINES[0] | {"amount_micros": 1_999}, *LINES[1:]], True),
        ([*LINES[:2], LINES[2] | {"start": "2026-01-05T00:00:05.000001Z"}], True),
        ([*LINES, LINES[0] | {"subject": "acme.gone.1"}], True),
        ([], True),
    ],
)
def test_a_charge_that_is_missing_or_doubled_is_seen(lines: list[dict[str, Any]], seen: bool) -> None:
    assert PRICE == 3_600_001
    assert bool(list(live_check._charges([TRAIN], [], lines))) == seen


@pytest.mark.parametrize(
    ("states", "job", "seen"),
    [
        ("failed succeeded", "succeeded", False),
        ("failed", "failed", True),
        ("failed succeeded succeeded", "succeeded", True),
        ("lost failed succeeded", "succeeded", True),
        ("failed succeeded", "running", True),
    ],
)
def test_a_job_that_is_elsewhere_is_seen(states: str, job: str, seen: bool) -> None:
    found = copy.deepcopy(TRAIN)
    found["job"]["state"] = job
    found["attempts"] = [{"state": state} for state in states.split()]
    said = [problem for problem in live_check._jobs([found], []) if problem.startswith("train")]
    assert bool(said) == seen
