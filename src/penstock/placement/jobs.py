"""Jobs with their times as arrays: what a rehearsal plays through on a `Fleet`."""

import msgspec
import numpy as np

from penstock.placement.workload import Workload

FOREVER = float("inf")


class Jobs(msgspec.Struct, frozen=True, kw_only=True):
    """One entry a job, in order of submission; `work.tasks` are the shapes of their gang nodes.

    `run_s[job, model]` is the length on each model of the fleet (inf: cannot run there); `limit_s` what the
    queue believes of it (inf: nothing); `save_s` how often it checkpoints (inf: never). `tenant` and `label`
    index `tenants` and `labels`; waiting times are told by label.
    """

    work: Workload
    nodes: np.ndarray
    submit_s: np.ndarray
    run_s: np.ndarray
    limit_s: np.ndarray
    save_s: np.ndarray
    priority: np.ndarray
    tenant: np.ndarray
    label: np.ndarray
    tenants: tuple[str, ...] = ("",)
    labels: tuple[str, ...] = ("",)
    cheap: np.ndarray | None = None
    """Which pay a lower price; none where it is not said."""

    @property
    def volume(self) -> np.ndarray:
        """Thousandths of devices that each job takes."""
        return self.work.volumes[self.work.tasks] * self.nodes


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes that are out of service over [start_s, end_s); windows of one node do not touch.

    `warned`: which of them were announced in time for a checkpoint; none where it is not said.
    """

    node: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    warned: np.ndarray | None = None


def no_faults() -> Faults:
    """All nodes stay."""
    return Faults(node=np.zeros(0, np.int64), start_s=np.zeros(0), end_s=np.zeros(0))


def distinct(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of rows given as columns of whole numbers: the first of each kind, and the kind of each; kinds in order of rows.

    The same as numpy's `unique` along an axis, which compares whole rows and takes several times as long.
    """
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, rank = np.unique(column, return_inverse=True)
        _, code = np.unique(code * len(values) + rank, return_inverse=True)
    _, example = np.unique(code, return_index=True)
    return example, code.astype(np.int64)
