"""Software fit: which devices a job's program does not run on, and by which rules."""

from collections.abc import Hashable, Iterable

from penstock.fleet.device import Device
from penstock.lease.job import Job

DECLARED = "declared"
"""Stands for a rule id where the job itself names the stacks that it runs on."""


def against(job: Job, device: Device) -> tuple[str, ...]:
    """Ids of the rules that keep the job off a device; none where its software fits.

    A word about the model goes before one about its stack; a variant for the stack settles both.
    """
    if not job.barred or device.stack in job.spec.variants:
        return ()
    return job.barred.get(device.model) or job.barred.get(device.stack, ())


def exclusions(job: Job, devices: Iterable[Device]) -> dict[str, tuple[str, ...]]:
    """Model -> ids of the rules against it, of those that do not fit."""
    models = {device.model: device for device in devices}
    return {model: found for model in sorted(models) if (found := against(job, models[model]))}


def kind(job: Job) -> Hashable:
    """Jobs of one kind are kept off the same devices."""
    return (*sorted(job.barred.items()), *sorted(job.spec.variants)) if job.barred else ()
