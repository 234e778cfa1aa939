"""What takes its time and nobody should stand still for: done by a thread of its own, one at a time."""

import threading
from collections.abc import Callable

_LEAVE_S = 1.0


class Errand:
    """One thing to do, now and then. Whoever sends for it learns later how it went."""

    def __init__(self, do: Callable[[], object], name: str) -> None:
        self._do, self._name = do, name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._busy = self._again = False
        self._error: BaseException | None = None

    def send(self) -> None:
        """Have it done; once more where it is being done at this moment."""
        with self._lock:
            self._again = self._busy
            if self._busy:
                return
            self._busy = True
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what it met the last time."""
        if self._error is not None:
            raise self._error.with_traceback(None)

    def close(self) -> None:
        """Send no more; what is under way is left a moment."""
        with self._lock:
            self._again = False
        if self._thread is not None:
            self._thread.join(_LEAVE_S)

    def _run(self) -> None:
        while True:
            error = None
            try:
                self._do()
            except BaseException as met:  # noqa: BLE001 - raised again where it is asked for
                error = met
            with self._lock:
                self._error = error
                if not self._again:
                    self._busy = False
                    return
                self._again = False
