"""What a supervisor leaves on disk: its lock while it lives, that it began, and what it has seen."""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path

from penstock.engines.local.supervisor.format import (
    BEGAN,
    CONTROL,
    LOCK,
    NEWS,
    PLAN,
    STATUS,
    STOP,
    Plan,
    Status,
    Stop,
)

_LOCK_TRIES = 20
_LOCK_PAUSE_S = 0.02


def now_us() -> int:
    """Microseconds since 1970 by the host's clock."""
    return time.time_ns() // 1000


def replace_file(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace a file in one step; with `durable` it has reached the disk on return."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}")
    with temporary.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(path)
    if durable:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Have the names in a directory reach the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Record:
    """The directory of one attempt, held by one supervisor: the lock goes when the process does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.control = os.open(directory / CONTROL, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def take(self) -> bool:
        """Whether this process is now the one that may run the attempt; a moment's wait for a reader."""
        for _ in range(_LOCK_TRIES):
            with contextlib.suppress(BlockingIOError, PermissionError):
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return not (self.directory / BEGAN).exists() and not (self.directory / STATUS).exists()
            time.sleep(_LOCK_PAUSE_S)
        return False

    def begin(self) -> None:
        """Mark that the attempt has begun: no other supervisor will ever run it.

        Its name has to outlast a loss of power, no more: what an earlier start of the host knew is lost.
        """
        (self.directory / BEGAN).touch()
        sync_directory(self.directory.parent)

    def beat(self) -> None:
        """Show that the supervisor lives: the lock file's time."""
        os.utime(self._lock)

    def close(self) -> None:
        """Let go of the attempt; the lock goes with it."""
        os.close(self.control)
        os.close(self._lock)

    def plan(self) -> Plan:
        """What to run."""
        return json.loads((self.directory / PLAN).read_bytes())

    def stop(self) -> Stop | None:
        """The request to stop, where there is one."""
        try:
            return json.loads((self.directory / STOP).read_bytes())
        except FileNotFoundError:
            return None

    def write(self, status: Status) -> None:
        """Publish what has been seen.

        It need not have reached the disk: whoever relies on a final state keeps it himself, and after a loss
        of power an attempt without one is lost with its host.
        """
        replace_file(self.directory / STATUS, json.dumps(status).encode(), durable=False)

    def tell(self) -> None:
        """Wake whoever wants to hear of ends."""
        with contextlib.suppress(OSError):  # nobody does
            news = os.open(self.directory.parent / NEWS, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(news, b"e")
            finally:
                os.close(news)
