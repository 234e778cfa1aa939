"""What server and driver tell each other in an attempt's directory, beside what the hosts' parts write."""

import contextlib
import math
import time
from pathlib import Path

from penstock.engines.agent.format import CLAIM, EVICTED, FAILED, ORDER
from penstock.engines.local.folder import last_beat_us
from penstock.engines.local.supervisor.record import replace_file

_WAITING = "waiting"
HOST_SILENT_S = 30.0
"""A supervisor shows once a second that it lives, through the caches of a shared file system."""


def claim(directory: Path) -> bool:
    """Become the one that decides what becomes of the attempt; False where another one has."""
    try:
        (directory / CLAIM).mkdir()
    except FileExistsError:
        return False
    return True


def beat(directory: Path) -> None:
    """The driver lives."""
    (directory / CLAIM / "beat").touch()


def silent_s(directory: Path) -> float:
    """Seconds since the driver, or before it the server, last showed that it lives."""
    shown = [directory / CLAIM / "beat", directory / CLAIM, directory / ORDER]
    times = [path.stat().st_mtime for path in shown if path.exists()]
    return time.time() - max(times, default=0.0)


def host_silent_s(part: Path) -> float:
    """Seconds since one host's part last showed that it lives; endless where it never began."""
    return time.time() - last_beat_us(part) / 1e6 if part.is_dir() else math.inf


def say_waiting(directory: Path, why: str) -> None:
    """What keeps the attempt from beginning."""
    replace_file(directory / _WAITING, why.encode(), durable=False)


def waiting(directory: Path) -> str:
    """What keeps the attempt from beginning."""
    with contextlib.suppress(FileNotFoundError):
        return (directory / _WAITING).read_text()
    return ""


def evict(directory: Path) -> None:
    """Ray ends it: every host is told so."""
    (directory / EVICTED).touch()
    (directory / FAILED).touch()


def is_evicted(directory: Path) -> bool:
    """Whether Ray ended it."""
    return (directory / EVICTED).exists()
