"""What a supervisor waits for: output of tasks, an ended child, a request, the time."""

from __future__ import annotations

import os
import select

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, signal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.engines.local.supervisor.logs import BoundedLog


class Events:
    """Sleeps until something happens; moves output to its log on the way."""

    def __init__(self, logs: Iterable[BoundedLog]) -> None:
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._logs = {log.reader: log for log in logs}
        self._poll = select.poll()
        for descriptor in (self._woken, *self._logs):
            self._poll.register(descriptor, select.POLLIN)

    def wait(self, timeout_s: float) -> bool:
        """Whether a child has ended, or somebody who left a request said so in the same way."""
        woken = False
        for descriptor, _ in self._poll.poll(max(0.0, timeout_s) * 1000):
            if log := self._logs.get(descriptor):
                log.pump()
            else:
                os.read(descriptor, 4096)
                woken = True
        return woken

    def close(self) -> None:
        """Wait for nothing any more."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._woken)
        os.close(self._wake)
