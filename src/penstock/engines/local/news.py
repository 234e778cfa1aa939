"""A pipe in the engine's directory by which supervisors say that an attempt has ended, so that nobody need ask often.

Only a saving of time: what it says is in the attempt's own directory, and is seen there in any case.
"""

import contextlib
import os
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
        self._pipe = os.open(root / NEWS, os.O_RDWR | os.O_CLOEXEC)
        self._tell = tell
        self._open = True
        self._thread = threading.Thread(target=self._listen, name="news", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._open = False
        os.write(self._pipe, b"c")
        self._thread.join()
        os.close(self._pipe)

    def _listen(self) -> None:
        while self._open:
            os.read(self._pipe, _READ_BYTES)
            self._tell()
