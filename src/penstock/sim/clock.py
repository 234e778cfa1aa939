"""A clock that stands still until it is moved."""

from datetime import datetime, timedelta


class VirtualClock:
    """UTC time that only `advance` moves."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The virtual instant."""
        return self._now

    def advance(self, step: timedelta) -> None:
        """Let time pass."""
        assert step >= timedelta(0), "time does not go back"
        self._now += step
