"""What a supervisor watches while tasks run: new checkpoints, and whether the processor is used at all."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.lean import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.engines.local.supervisor.shapes import Status

_KEEP_CHECKPOINTS = 256
_UNFINISHED = ".tmp"


class Checkpoints:
    """Notes the instant of each new checkpoint: the newest change in a directory, once it has settled.

    Only the top of the directory is read; names that end in `.tmp` do not count. A link counts by itself: where it
    leads is the job's to say, and means nothing outside of its sandbox.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._noted_ns = self._last_ns = self._newest_ns()

    def look(self, status: Status, *, settled: bool = False) -> bool:
        """Note a new checkpoint that two looks in a row agree on, or `settled` ones at once."""
        newest_ns = self._newest_ns()
        fresh = newest_ns > self._noted_ns and (settled or newest_ns == self._last_ns)
        self._last_ns = newest_ns
        if fresh:
            self._noted_ns = newest_ns
            status["checkpoints_us"].append(newest_ns // 1000)
            del status["checkpoints_us"][:-_KEEP_CHECKPOINTS]
        return fresh

    def _newest_ns(self) -> int:
        try:
            with os.scandir(self._directory) as entries:
                finished = (entry for entry in entries if not entry.name.endswith(_UNFINISHED))
                return max((one.stat(follow_symlinks=False).st_mtime_ns for one in finished), default=0)
        except OSError:  # gone, or changed under us: the next look tells
            return 0


class Activity:
    """Notes stalls: intervals in which less than `cores` of processor time per second was used.

    A stall is noted once it has lasted `after_us`, and then grows in steps of as much.
    """

    def __init__(self, after_us: int, cores: float, start_us: int, cpu_us: int) -> None:
        self._after_us, self._cores = after_us, cores
        self._sample_us = max(1, after_us // 4)
        self._last_us, self._last_cpu_us = start_us, cpu_us
        self._idle_since_us = start_us
        self._noted = False

    def is_due(self, now_us: int) -> bool:
        """Whether it is time for a sample."""
        return now_us - self._last_us >= self._sample_us

    def look(self, status: Status, now_us: int, cpu_us: int) -> bool:
        """Take a sample; True where the list of stalls has changed."""
        elapsed_us = now_us - self._last_us
        idle = cpu_us - self._last_cpu_us < self._cores * elapsed_us
        last_us, self._last_us, self._last_cpu_us = self._last_us, now_us, cpu_us
        if not idle:
            changed = self._noted and _extend(status, last_us)
            self._idle_since_us, self._noted = now_us, False
            return changed
        if now_us - self._idle_since_us < self._after_us:
            return False
        if self._noted:
            return _extend(status, now_us)
        status["stalls_us"].append((self._idle_since_us, now_us))
        self._noted = True
        return True


def _extend(status: Status, end_us: int) -> bool:
    start_us, old_us = status["stalls_us"][-1]
    status["stalls_us"][-1] = (start_us, end_us)
    return end_us > old_us
