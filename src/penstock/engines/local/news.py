"""A pipe in the engine's directory by which supervisors say that an attempt has ended, so that nobody need ask often.

Only a saving of time: what it says is in the attempt's own directory, and is seen there in any case.
"""

import contextlib
import os
import selectors
import threading
from collections.abc import Callable
from pathlib import Path

from penstock.engines.local.supervisor.format import NEWS

_READ_BYTES = 2**16


class News:
    """Calls `tell` whenever an attempt of the engine in `root` has ended, in a thread of its own."""

    def __init__(self, root: Path, tell: Callable[[], object]) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(root / NEWS, 0o600)
        # Open for writing too, so that it never ends, and that nobody who writes finds it without a reader.
        self._pipe = os.open(root / NEWS, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        self._ended, self._end = os.pipe()  # our own, for another process may listen to the same news
        self._tell = tell
        self._thread = threading.Thread(target=self._listen, name="news", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        os.write(self._end, b"c")
        self._thread.join()
        for descriptor in (self._pipe, self._ended, self._end):
            os.close(descriptor)

    def _listen(self) -> None:
        with selectors.DefaultSelector() as told:
            told.register(self._pipe, selectors.EVENT_READ)
            told.register(self._ended, selectors.EVENT_READ)
            while self._ended not in {key.fd for key, _ in told.select()}:
                with contextlib.suppress(BlockingIOError):  # it was read by the other process
                    os.read(self._pipe, _READ_BYTES)
                self._tell()
