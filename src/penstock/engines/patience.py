"""Leaving a server alone for a while after it did not answer."""

import time
from collections.abc import Callable

from penstock.base.refusal import Fault, Refused

_REST_FIRST_S, _REST_LAST_S = 0.5, 30.0


class Patience:
    """After a Fault further calls fail at once for a time that doubles up to half a minute.

    So a cluster that is away, or hangs, never holds up the loop for longer than one call now and then.
    """

    def __init__(self) -> None:
        self._pause_s = 0.0
        self._closed_until_s = 0.0
        self._error: Fault | Refused | None = None

    def call[T](self, ask: Callable[[], T], *, refuses: bool = False) -> T:
        """The answer. A server that will not have us counts as away, unless the caller wants to know."""
        if time.monotonic() < self._closed_until_s and self._error is not None:
            if refuses and isinstance(self._error, Refused):
                raise self._error
            raise Fault(f"the cluster was away a moment ago: {self._error}")
        try:
            answer = ask()
        except (Fault, Refused) as error:
            if time.monotonic() >= self._closed_until_s:  # else another call, beside this one, met the same
                self._pause_s = min(max(self._pause_s * 2, _REST_FIRST_S), _REST_LAST_S)
                self._closed_until_s = time.monotonic() + self._pause_s
            self._error = error
            if isinstance(error, Refused) and not refuses:
                raise Fault(str(error)) from error
            raise
        self._pause_s, self._error = 0.0, None
        return answer
