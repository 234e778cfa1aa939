"""Ends that accounting had not confirmed in time: its late records are compared with what was taken for true.

A final state is never taken back, so a difference changes no charge by itself: it is said to the operator, who
may give credit for it.
"""

import contextlib
from pathlib import Path

from penstock.base.refusal import Fault
from penstock.engines.slurm import folder
from penstock.engines.slurm.cluster import Cluster
from penstock.engines.slurm.model import SlurmJob
from penstock.engines.slurm.records import AT_ONCE
from penstock.lease.seen import Seen

_TOLERATED_S = 1.0
"""Records are of whole seconds."""


class Reconciling:
    """What is not confirmed yet, and what turned out to differ, as files of the shared directory."""

    def __init__(self, shared: Path, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting, self._different = shared / "unconfirmed", shared / "differences"
        for path in (self._waiting, self._different):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def note(self, attempt: str, number: int) -> None:
        """Accounting has not confirmed the end of this attempt, which this job ran."""
        (self._waiting / attempt).write_text(str(number))

    def look(self, attempts: Path) -> tuple[str, ...]:
        """Compare the records that have come since; every difference that is known, one sentence each."""
        waiting = {path: int(path.read_text() or 0) for path in sorted(self._waiting.iterdir())[:AT_ONCE]}
        records: dict[int, SlurmJob] = {}
        with contextlib.suppress(Fault):
            records = self._cluster.accounted(waiting.values())
        for path, number in waiting.items():
            record = records.get(number)
            if record is None or not record.is_over or not record.end_s:
                continue
            taken = folder.read_final(attempts / path.name)
            recorded_s = float(record.end_s - record.start_s) if record.start_s else 0.0
            if taken is not None and abs(_lasted_s(taken) - recorded_s) > _TOLERATED_S:
                said = f"{path.name}: {_lasted_s(taken):.0f} s were taken, accounting says {recorded_s:.0f} s"
                (self._different / path.name).write_text(said)
            path.unlink()
        return tuple(path.read_text() for path in sorted(self._different.iterdir()))


def _lasted_s(seen: Seen) -> float:
    if seen.began_at is None or seen.ended_at is None:
        return 0.0
    return (seen.ended_at - seen.began_at).total_seconds()
