"""Accounting records, asked for in the background and of many jobs at once: slurmdbd takes its time."""

import threading
import time
from collections.abc import Iterable

from penstock.base.refusal import Fault
from penstock.engines.slurm.cluster import Cluster
from penstock.engines.slurm.model import SlurmJob

AT_ONCE = 200
"""So many jobs in one question; their numbers fit into an address."""
_PAUSE_S, _PAUSE_AWAY_S = 0.1, 2.0
_LEAVE_S = 1.0
_NAMELESS = "allocation"
"""What slurmdbd calls a job until its controller has sent the name, seconds after its end."""
_PAUSES = 2
"""So many times as long as slurmdbd worked on an answer is it left alone."""
_STANDSTILL_S = 0.45
"""For each answer slurmrestd and slurmdbd of 22.05 wait so long for delayed acknowledgements, and work for 10 ms."""


class Records:
    """The records of jobs that somebody waits for, as they arrive. Used by one thread beside its own."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._change = threading.Condition()
        self._wanted: dict[int, str] = {}
        self._found: dict[int, SlurmJob] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def of(self, number: int, name: str) -> SlurmJob | None:
        """The record of a job that is over, once there is one; asked for from now on."""
        with self._change:
            record = self._found.get(number)
            if record is None and number not in self._wanted:
                self._wanted[number] = name
                self._change.notify()
                if self._thread is None:
                    self._thread = threading.Thread(target=self._ask, name="accounting", daemon=True)
                    self._thread.start()
            return record

    def forget(self, number: int) -> None:
        """It is wanted no more."""
        with self._change:
            self._wanted.pop(number, None)
            self._found.pop(number, None)

    def close(self) -> None:
        """Ask no more."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join(_LEAVE_S)

    def _ask(self) -> None:
        while (numbers := self._next()) is not None:
            began_s = time.monotonic()
            try:
                records = self._cluster.accounted(numbers)
                pause_s = max(_PAUSE_S, _PAUSES * (time.monotonic() - began_s - _STANDSTILL_S))
            except Fault:
                records, pause_s = {}, _PAUSE_AWAY_S
            self._keep(records.values(), numbers)
            with self._change:
                self._change.wait_for(lambda: self._closed, pause_s)

    def _next(self) -> list[int] | None:
        """What to ask for, those first that have waited longest; None to end."""
        with self._change:
            self._change.wait_for(lambda: self._closed or self._wanted)
            return None if self._closed else list(self._wanted)[:AT_ONCE]

    def _keep(self, records: Iterable[SlurmJob], asked: list[int]) -> None:
        with self._change:
            for record in records:
                # a number may have been another job's, before the cluster was set up anew
                is_ours = record.name in (self._wanted.get(record.id), _NAMELESS)
                if is_ours and record.is_over and record.end_s:
                    self._found[record.id] = record
                    self._wanted.pop(record.id, None)
            for number in asked:  # the others have their turn first
                if number in self._wanted:
                    self._wanted[number] = self._wanted.pop(number)
