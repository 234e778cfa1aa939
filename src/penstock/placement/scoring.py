"""The policy's view of a snapshot: what a job costs on each row, by the kernels of the fill experiment."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from penstock.base.quantity import WHOLE
from penstock.lease.job import Job, JobSpec
from penstock.placement import fill
from penstock.placement.filters import takes_any
from penstock.placement.fits import Fit, open_now
from penstock.placement.need import Need
from penstock.placement.snapshot import Snapshot
from penstock.placement.workload import ANY_MODEL as EVERY_MODEL
from penstock.placement.workload import Fleet, Workload, workload

if TYPE_CHECKING:
    from penstock.placement.kernels.fgd import Target
    from penstock.placement.kernels.state import Nodes, Shapes
    from penstock.placement.kernels.worth import Outlook

TIGHTEST = "tightest"
"""The row with the least room; needs no kernel."""
POLICIES = (TIGHTEST, *(name for name in fill.POLICIES if name != "penstock-accept"))
MIB = 2**20
_BITS = 62
_DIGITS = 6
"""Losses in thousandths of a device that differ by less are equal."""


class Scorer:
    """The policy over one snapshot. Kernels are loaded when the first choice between rows is to be made."""

    def __init__(self, policy: str, snapshot: Snapshot, mix: Iterable[Job], seed: int) -> None:
        layout = snapshot.layout
        narrow = layout.exists.shape[1] <= _BITS and len(layout.models) <= _BITS
        self.policy = policy if narrow else TIGHTEST
        self.snapshot = snapshot
        self._mix, self._seed = tuple(mix), seed
        self._scores: dict[object, Scores] = {}
        self._arrays: tuple[Nodes, Target, Outlook] | None = None
        self._seen = 0

    def of(self, kind: object, need: Need, spec: JobSpec) -> "Scores | None":
        """What jobs of this kind cost; None where the tightest row is to be taken."""
        if self.policy == TIGHTEST:
            return None
        if kind not in self._scores:
            self._scores[kind] = Scores(self, need, spec)
        return self._scores[kind]

    def arrays(self) -> "tuple[Nodes, Target, Outlook]":
        """The snapshot as the kernels take it, up to date."""
        if self._arrays is None:
            self._arrays = self._prepare()
        elif self._seen < len(self.snapshot.changed):
            self._copy(self._arrays[0], np.unique(self.snapshot.changed[self._seen :]))
        self._seen = len(self.snapshot.changed)
        return self._arrays

    def _prepare(self) -> "tuple[Nodes, Target, Outlook]":
        layout, work = self.snapshot.layout, self._workload()
        count = len(layout.model)
        devices = layout.exists.sum(axis=1)
        zeros = np.zeros(count, np.int64)
        fleet = Fleet(
            cpu=zeros, memory=zeros.copy(), devices=devices, model=layout.model, models=layout.models
        )
        nodes = fill.nodes_of(fleet, np.arange(count))
        self._copy(nodes, np.arange(count))
        outlook = fill.empty_outlook(fleet, work)
        if self.policy == fill.OURS:
            fill.look_ahead(work, nodes, outlook)
        return nodes, fill.target_of(work), outlook

    def _copy(self, nodes: "Nodes", rows: np.ndarray) -> None:
        snapshot, node = self.snapshot, self.snapshot.layout.node[rows]
        fit = snapshot.layout.sellable[rows]
        nodes.free[rows] = np.where(fit, np.maximum(snapshot.room[rows], 0), 0)
        nodes.cpu[rows] = np.maximum(snapshot.cpu[node], 0)
        nodes.memory[rows] = np.maximum(snapshot.memory[node], 0) // MIB

    def _workload(self) -> Workload:
        """The mix of what runs and waits; the shapes of a gang count once a node."""
        tasks = [self.shape(job.spec) for job in self._mix for _ in range(min(job.spec.nodes, _BITS))]
        return workload(tasks or [(0, 0, 1, WHOLE, EVERY_MODEL)])

    def shape(self, spec: JobSpec) -> tuple[int, int, int, int, int]:
        """A group of the job as (CPU, memory, devices, share, models)."""
        need, models = spec.resources, self.snapshot.layout.models
        wanted = EVERY_MODEL
        if not takes_any(need):
            wanted = sum(1 << models.index(model) for model in set(need.models) if model in models)
        memory = -(-need.memory_bytes // MIB)
        return need.cpu_millicores, memory, need.devices_per_node, need.device_share, wanted

    def random(self, rows: np.ndarray) -> np.ndarray:
        """An order of the rows by the seed and by how much has been placed."""
        random = np.random.default_rng((self._seed, len(self.snapshot.changed)))
        return random.permutation(len(rows))


class Scores:
    """What one kind of job costs on each row, kept until the row changes."""

    def __init__(self, scorer: Scorer, need: Need, spec: JobSpec) -> None:
        self._scorer, self._need = scorer, need
        self._shape = scorer.shape(spec)
        rows = len(need.right)
        self._loss, self._device = np.full(rows, np.inf), np.full(rows, -1, np.int64)
        self._shapes: Shapes | None = None
        self._seen = 0
        self.found: Fit | None = None
        self.fit_seen = 0

    def losses(self, rows: np.ndarray) -> np.ndarray:
        """What is lost on each of these rows."""
        if self._scorer.policy == "first-fit":
            return rows
        if self._scorer.policy == "random":
            return self._scorer.random(rows)
        self._refresh()
        return np.round(self._loss[rows], _DIGITS)

    def prefers(self, row: int, columns: np.ndarray) -> np.ndarray:
        """A share goes to the device by which the row was rated."""
        return (columns != self._device[row]) & self._need.partial

    def _refresh(self) -> None:
        from penstock.placement.kernels import live
        from penstock.placement.kernels.state import Shapes

        snapshot = self._scorer.snapshot
        nodes, target, outlook = self._scorer.arrays()
        if self._shapes is None:
            cpu, memory, devices, share, models = self._shape
            share = int(self._need.share.min(initial=share)) if self._need.partial else share
            columns = ([cpu], [memory], [devices], [share], [models])
            self._shapes = Shapes(*(np.array(column, np.int64) for column in columns))
            rows = np.arange(len(self._loss))
        elif self._seen < len(snapshot.changed):
            rows = np.unique(snapshot.changed[self._seen :])
        else:
            return
        self._seen = len(snapshot.changed)
        is_open = self._need.right & open_now(self._need, snapshot) if len(rows) > 64 else self._open(rows)
        policy = fill.number_of(self._scorer.policy)
        live.losses(policy, nodes, is_open, rows, self._shapes, target, outlook, self._loss, self._device)

    def _open(self, rows: np.ndarray) -> np.ndarray:
        """As for all rows, but right only at these."""
        is_open = np.zeros(self._need.right.shape, np.bool_)
        is_open[rows] = self._need.right[rows] & open_now(self._need, self._scorer.snapshot, rows)
        return is_open
