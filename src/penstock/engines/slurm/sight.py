"""What the controller was last seen to say of jobs: one question for many, and none where no news can be."""

import math
import time
from collections.abc import Collection

from penstock.engines.slurm.cluster import Cluster
from penstock.engines.slurm.model import SlurmJob

_PAUSE_S, _PAUSES = 0.1, 20
"""What need not be new is asked for again after a pause, so many times as long as the answer took."""
_ONE_S = 0.005
"""What a question for one job takes; more of them than take as long as a list of all are asked for by that list."""
_FEW = 3
"""So many of those that need not be new are asked for one by one in one look, longest ago first."""


class Sight:
    """The jobs of the controller, some of them some seconds old."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._jobs: dict[int, SlurmJob] = {}
        self._directories: dict[str, SlurmJob] = {}
        self._asked_s: dict[int, float] = {}
        self._list_took_s = 0.0
        self._next_s = -math.inf

    def look(self, due: Collection[int], others: Collection[int], *, by_directory: bool) -> None:
        """Ask for what there must be news of (`due`), and for `others` now and then; Fault while it is away."""
        began_s = time.monotonic()
        turn = bool(others) and began_s >= self._next_s
        asked = {*due, *others} if turn else {*due}
        many = len(asked) > _FEW and len(asked) * _ONE_S > self._list_took_s
        if by_directory or many or (asked and not self._cluster.asks_singly):
            jobs = self._cluster.jobs()
            self._directories = {job.directory: job for job in jobs}
            self._jobs = {job.id: job for job in jobs}
            self._asked_s = dict.fromkeys((*due, *others), began_s)
            self._list_took_s = time.monotonic() - began_s
        else:
            for number in (*due, *sorted(asked - {*due}, key=self.asked_s)[:_FEW]):
                self._ask(number)
        if turn:
            took_s = time.monotonic() - began_s
            self._next_s = began_s + took_s + max(_PAUSE_S, _PAUSES * took_s)

    def job(self, number: int, directory: str) -> SlurmJob | None:
        """By its number, or its directory where that is not known; None where the controller does not know it."""
        return self._jobs.get(number) if number else self._directories.get(directory)

    def asked_s(self, number: int) -> float:
        """When the controller was last asked for it, by the monotonic clock; -inf for never."""
        return self._asked_s.get(number, -math.inf)

    def forget(self, number: int) -> None:
        """It is asked for no more."""
        self._jobs.pop(number, None)
        self._asked_s.pop(number, None)

    def _ask(self, number: int) -> None:
        began_s = time.monotonic()
        job = self._cluster.job(number)
        self.forget(number)
        self._asked_s[number] = began_s
        if job is not None:
            self._jobs[number] = job
