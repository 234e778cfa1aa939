"""What server and supervisor tell each other, as JSON files in the directory of an attempt.

Instants are integer microseconds since 1970, UTC.
"""

from __future__ import annotations

from penstock.engines.local.supervisor.lean import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.engines.local.supervisor.shapes import Status

PLAN = "plan.json"
STATUS = "status.json"
STOP = "stop.json"
LOCK = "lock"
MESSAGES = "supervisor.log"
WORKDIR = "workdir"
PRIVATE_TMP = "tmp"
STAGE = "stage"
NEWS = ".news"
"""Beside the attempts: a pipe that wakes whoever wants to hear of ends."""
FINAL_STATES = ("succeeded", "failed", "stopped", "lost")


def blank_status(limits: dict[str, str]) -> Status:
    """Of an attempt of which nothing has been seen yet."""
    return {
        "state": "starting",
        "cause": "",
        "began_us": None,
        "running_us": None,
        "ended_us": None,
        "exits": [],
        "checkpoints_us": [],
        "stalls_us": [],
        "limits": limits,
        "cpu_seconds": 0.0,
        "memory_peak_bytes": 0,
    }
