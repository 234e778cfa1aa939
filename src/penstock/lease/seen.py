"""What an engine reports of an attempt: the only thing the job's state machine ever learns from outside."""

from datetime import datetime

import msgspec

from penstock.lease.job import ACCOUNTING, AWAITED, AttemptState, TaskExit


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine knows of one attempt, by its own clock.

    `state` is running, succeeded, failed, stopped, lost, evicted (the engine itself took the devices back),
    or starting while it waits in the engine's queue or sets up. A final state is never taken back, and is
    reported until `forget`. `ended_at` without a final state says that it has ended and its record is not
    complete yet: nothing later is charged. A final state with `limits[ACCOUNTING] == AWAITED` is final, and its
    devices are free, but its times may yet become those of the engine's accounting. `waiting` says in the engine's
    words what keeps it from beginning.
    """

    attempt: str
    state: AttemptState
    began_at: datetime | None = None
    running_at: datetime | None = None
    ended_at: datetime | None = None
    exits: tuple[TaskExit, ...] = ()
    cause: str = ""
    checkpoints: tuple[datetime, ...] = ()
    stalls: tuple[tuple[datetime, datetime], ...] = ()
    limits: dict[str, str] = {}
    cpu_seconds: float = 0.0
    memory_peak_bytes: int = 0
    waiting: str = ""

    @property
    def awaits_accounting(self) -> bool:
        """Its times are not confirmed by the engine's accounting yet."""
        return self.limits.get(ACCOUNTING) == AWAITED
