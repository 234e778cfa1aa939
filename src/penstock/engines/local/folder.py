"""The directory of one attempt as the engine reads it while it lives, and settles it after."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator
from pathlib import Path

import msgspec

from penstock.engines.local.supervisor.directory import NEW, TRASH
from penstock.engines.local.supervisor.format import FINAL_STATES, LOCK, PLAN, STATUS, STOP
from penstock.engines.local.supervisor.record import replace_file
from penstock.engines.local.supervisor.shapes import Plan, Status

_HALF_MADE_S = 60.0
_plans = msgspec.json.Decoder(Plan)
_statuses = msgspec.json.Decoder(Status)


def remove_leftovers(root: Path) -> None:
    """Delete directories that were never finished, or not deleted to the end."""
    newest_s = root.stat().st_mtime
    for path in root.iterdir():
        half_made = path.name.startswith(NEW) and path.stat().st_mtime < newest_s - _HALF_MADE_S
        if half_made or path.name.startswith(TRASH):
            shutil.rmtree(path, ignore_errors=True)


def read_plan(directory: Path) -> Plan | None:
    """What the supervisor was told, or None where a crash of the host has left no whole plan."""
    try:
        return _plans.decode((directory / PLAN).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def read_status(directory: Path) -> Status | None:
    """What its supervisor last published, or None before that."""
    try:
        return _statuses.decode((directory / STATUS).read_bytes())
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:  # a crash of the host may have cut it; a running host never shows half a file
        return None


def read_log(path: Path, offset: int, limit_bytes: int) -> bytes:
    """Output of one task from a byte offset, however far that lies; nothing where it has not begun."""
    try:
        with path.open("rb") as log:
            return os.pread(log.fileno(), limit_bytes, offset)
    except FileNotFoundError:
        return b""


def is_final(status: Status | None) -> bool:
    """Whether nothing will ever be added."""
    return status is not None and status["state"] in FINAL_STATES


def has_begun(directory: Path) -> bool:
    """Whether a supervisor has taken up the attempt."""
    try:
        return (directory / LOCK).stat().st_size > 0
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def held(directory: Path) -> Generator[bool]:
    """Hold the attempt ourselves, as a supervisor would; yields False where somebody else does."""
    file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            yield False
        else:
            yield True
    finally:
        os.close(file)


def last_beat_us(directory: Path) -> int:
    """The last instant at which its supervisor, or else its server, is known to have seen to it."""
    shown = directory / LOCK
    return (shown if shown.exists() else directory).stat().st_mtime_ns // 1000


def write_final(directory: Path, status: Status) -> None:
    """Publish a final state in the place of a supervisor that cannot; the caller holds the attempt."""
    replace_file(directory / STATUS, msgspec.json.encode(status), durable=True)


def wants_stop(directory: Path) -> bool:
    """Whether somebody asked it to stop."""
    return (directory / STOP).exists()
