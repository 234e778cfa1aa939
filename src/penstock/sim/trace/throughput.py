"""Throughput tables: how fast a type of job runs on each accelerator model, measured or given."""

from pathlib import Path

import msgspec

from penstock.base.refusal import Refused, invalid
from penstock.sim.trace.table import Row, read

COLUMNS = ("accelerator", "job_type", "scale_factor", "steps_per_s")


class Speeds(msgspec.Struct, frozen=True):
    """Steps per second by (model in lower case, job type, devices), devices close together."""

    measured: dict[tuple[str, str, int], float]

    @property
    def job_types(self) -> frozenset[str]:
        """The types with a row."""
        return frozenset(job_type for _, job_type, _ in self.measured)

    def rates(self, job_type: str, devices: int, models: tuple[str, ...]) -> list[float]:
        """Steps per second on each model; 0 where it was measured not to run, or never.

        Where that number of devices was not measured, the nearest smaller one that was, times the ratio of
        the numbers: derived, and too kind to large gangs.
        """
        return [self._rate(model.lower(), job_type, devices) for model in models]

    def _rate(self, model: str, job_type: str, devices: int) -> float:
        for fewer in range(devices, 0, -1):
            rate = self.measured.get((model, job_type, fewer))
            if rate is not None:
                return rate * devices / fewer
        return 0.0


def read_speeds(path: Path, *, skip_bad: bool = False) -> Speeds:
    """A table in the columns of Gavel's; rows that are not `consolidated` are left out. Raises `Refused`."""
    rows = read(path, COLUMNS, ("consolidated",), _parse, skip_bad=skip_bad)
    if not rows.values:
        raise Refused(invalid("throughput_empty", f"{path} has no row", "give one a measurement", str(path)))
    return Speeds(dict(rows.values))


def _parse(row: Row) -> tuple[tuple[str, str, int], float] | None:
    if row.cells["consolidated"].strip() == "0":
        return None
    key = (row.cells["accelerator"].strip().lower(), row.cells["job_type"].strip())
    if not all(key):
        raise row.bad("accelerator", "an accelerator or a job type without a name", "name both")
    return (*key, row.whole("scale_factor", 2**20)), row.number("steps_per_s")
