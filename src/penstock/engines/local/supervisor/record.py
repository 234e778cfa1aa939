"""What a supervisor leaves on disk: its lock while it lives, that it began, and what it has seen."""

from __future__ import annotations

import errno
import os
import time

from penstock.engines.local.supervisor.format import (
    LOCK,
    NEWS,
    PLAN,
    STATUS,
    STOP,
)
from penstock.engines.local.supervisor.lean import (
    TYPE_CHECKING,
    Name,
    Suppressed,
    from_json,
    read,
    to_json,
)

if TYPE_CHECKING:
    from penstock.engines.local.supervisor.shapes import Plan, Status, Stop

_LOCK_TRIES = 20
_LOCK_PAUSE_S = 0.02


def now_us() -> int:
    """Microseconds since 1970 by the host's clock."""
    return time.time_ns() // 1000


def replace_file(path: Name, data: bytes, *, durable: bool) -> None:
    """Replace a file in one step; with `durable` it has reached the disk on return."""
    parent, name = os.path.split(path)
    temporary = f"{parent}/.{name}.{os.getpid()}-{time.monotonic_ns()}"
    write_new(temporary, data, durable=durable)
    os.replace(temporary, path)
    if durable:
        sync_directory(parent)


def write_new(path: Name, data: bytes, *, mode: int = 0o666, durable: bool = False) -> None:
    """Write a file that is not there yet. Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        written = os.write(file, data)
        if written != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        if durable:
            os.fsync(file)
    finally:
        os.close(file)


def sync_directory(path: Name) -> None:
    """Have the names in a directory reach the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Record:
    """The directory of one attempt, held by one supervisor: the lock goes when the process does."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._lock = os.open(f"{directory}/{LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> bool:
        """Whether this process is now the one that may run the attempt; a moment's wait for a reader."""
        for _ in range(_LOCK_TRIES):
            with Suppressed(BlockingIOError, PermissionError):
                os.lockf(self._lock, os.F_TLOCK, 0)
                return not os.fstat(self._lock).st_size and not os.path.exists(f"{self.directory}/{STATUS}")
            time.sleep(_LOCK_PAUSE_S)
        return False

    def begin(self) -> None:
        """Mark that the attempt has begun: no other supervisor will ever run it.

        The attempt's name has to outlast a loss of power, no more: what an earlier start of the host knew is lost.
        """
        os.write(self._lock, b"began\n")
        sync_directory(os.path.dirname(self.directory))

    def beat(self) -> None:
        """Show that the supervisor lives: the lock file's time."""
        os.utime(self._lock)

    def close(self) -> None:
        """Let go of the attempt; the lock goes with it."""
        os.close(self._lock)

    def plan(self) -> Plan:
        """What to run."""
        return from_json(read(f"{self.directory}/{PLAN}"))

    def stop(self) -> Stop | None:
        """The request to stop, where there is one."""
        try:
            return from_json(read(f"{self.directory}/{STOP}"))
        except FileNotFoundError:
            return None

    def write(self, status: Status) -> None:
        """Publish what has been seen.

        It need not have reached the disk: whoever relies on a final state keeps it himself, and after a loss
        of power an attempt without one is lost with its host.
        """
        replace_file(f"{self.directory}/{STATUS}", to_json(status), durable=False)

    def tell(self) -> None:
        """Wake whoever wants to hear of ends."""
        with Suppressed(OSError):  # nobody does
            news = os.open(
                f"{os.path.dirname(self.directory)}/{NEWS}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
            )
            try:
                os.write(news, b"e")
            finally:
                os.close(news)
