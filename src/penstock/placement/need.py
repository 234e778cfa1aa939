"""What one job asks for, against a layout: which cells could ever serve it, and how much of each it takes."""

from datetime import datetime, timedelta

import numpy as np

from penstock.base.quantity import WHOLE
from penstock.base.window import US_PER_SECOND, to_us
from penstock.lease.job import Job, JobSpec, Resources
from penstock.lease.variants import images, on_stack
from penstock.placement import software
from penstock.placement.filters import takes_any
from penstock.placement.layout import Layout

NEVER_US = 1 << 62
"""Later than every instant."""


def share_of(resources: Resources, device_memory_bytes: np.ndarray) -> np.ndarray:
    """Thousandths that a job takes of devices with so much memory: of their compute and their memory alike.

    The greater of what it asks of both, rounded up; more than a whole where the memory does not suffice.
    """
    share, memory = resources.device_share, resources.device_memory_bytes
    if share == WHOLE or not memory:
        return np.full(device_memory_bytes.shape, share, np.int64)
    return np.maximum(share, -(-WHOLE * memory // np.maximum(device_memory_bytes, 1)))


def length_us(spec: JobSpec) -> int:
    """How long the job surely lasts at most: time limit and grace, or `NEVER_US`."""
    return NEVER_US if spec.time_limit_s is None else (spec.time_limit_s + spec.grace_s) * US_PER_SECOND


def sure_end_us(spec: JobSpec | None, start: datetime) -> int:
    """When a job that starts to run then has surely ended: its time limit and grace later, or `NEVER_US`."""
    return NEVER_US if spec is None else min(to_us(start) + length_us(spec), NEVER_US)


def grace(spec: JobSpec) -> timedelta:
    """From the request to stop to the end."""
    return timedelta(seconds=spec.grace_s)


class Need:
    """The job's demand on a layout.

    `share` is what it takes of each cell, `fitting` where model, software and device memory fit, `right` those of
    them that are in service; `models` are the numbers of the models in the order in which the job should have them.
    """

    def __init__(
        self,
        job: Job,
        layout: Layout,
        lease_cells: np.ndarray | None,
        preference: tuple[str, ...] = (),
    ) -> None:
        spec, resources = job.spec, job.spec.resources
        self.groups, self.per_node = spec.nodes, resources.devices_per_node
        self.cpu, self.memory = resources.cpu_millicores, resources.memory_bytes
        self.length, self.grace_us = length_us(spec), spec.grace_s * US_PER_SECOND
        self.lease, self.spot = job.lease, spec.spot
        self.partial = resources.device_share < WHOLE
        self.models = _preference(resources, layout.models, preference)
        self.considered = layout.exists if lease_cells is None else lease_cells
        self.wanted = np.isin(layout.model, self.models)
        self.share = share_of(resources, layout.memory)
        if self.partial and self.groups > 1:
            self._make_even(layout)
        self.enough = self.share <= WHOLE
        if not self.partial:
            self.enough = layout.memory >= resources.device_memory_bytes
        cores = layout.cores.max(axis=1, initial=0) * self.per_node * resources.device_share // WHOLE
        self.row_cpu = np.maximum(self.cpu, cores)
        runs = np.array([not software.against(job, device) for device in layout.kinds], np.bool_)
        self.runs = runs[layout.kind] if job.barred else layout.exists
        if self.partial:
            self.runs = self.runs & layout.shares[:, None]
        self.holds_image = _holds_image(spec, layout)
        self.fitting = self.considered & self.enough & self.runs & self.wanted[:, None] & self.holds_image
        self.right = self.fitting & layout.sellable

    def _make_even(self, layout: Layout) -> None:
        """A gang takes one share of all its devices, so of each model what the smallest that will do asks for."""
        for model in self.models:
            rows = layout.model == model
            share = self.share[rows]
            fitting = share[layout.exists[rows] & (share <= WHOLE)]
            self.share[rows] = np.maximum(share, fitting.max(initial=0))


def _holds_image(spec: JobSpec, layout: Layout) -> np.ndarray:
    """True where the job names no image, or the engine runs it in that image."""
    if not images(spec):
        return layout.exists
    named = np.array([bool(on_stack(spec, device.stack).image) for device in layout.kinds], np.bool_)
    return layout.exists & (layout.images[:, None] | ~named[layout.kind])


def _preference(resources: Resources, known: tuple[str, ...], first: tuple[str, ...]) -> list[int]:
    """The models in the order in which the job names them; those in `first` come first.

    Where any will do, the others follow by name.
    """
    named = known if takes_any(resources) else resources.models
    models = (*(model for model in first if takes_any(resources) or model in named), *named)
    return [known.index(model) for model in dict.fromkeys(models) if model in known]
