"""Which devices could serve a job now, and for each of the others the first reason why not."""

from collections import Counter

from penstock.base.window import Window
from penstock.fleet.device import Device
from penstock.lease.job import Job, Resources
from penstock.lease.offer import LeaseState
from penstock.lease.tenant import TenantState
from penstock.placement import calendar, reasons, software
from penstock.placement.occupancy import Occupancy

ANY_MODEL = "any"


def gate(job: Job, world: Occupancy) -> str | None:
    """What keeps the job from every device, whichever it is."""
    tenant = world.tenants.get(job.tenant)
    if tenant is not None and tenant.state == TenantState.SUSPENDED:
        return reasons.TENANT_SUSPENDED
    if job.lease is not None:
        lease = world.leases.get(job.lease)
        if lease is None or lease.state != LeaseState.ACTIVE or not lease.window.contains(world.now):
            return reasons.LEASE_NOT_ACTIVE
    return reasons.QUOTA if world.over_quota(job) else None


def fitting(job: Job, world: Occupancy) -> tuple[list[Device], Counter[str]]:
    """The free devices that could serve the job, and the others counted by reason.

    A device booked by a lease serves no job on demand that has not surely ended when the booking starts;
    without a time limit that is any device with a booking ahead.
    """
    closed = gate(job, world)
    window = Window(world.now, calendar.sure_end(job, world.now)) if job.lease is None else None
    free: list[Device] = []
    counts: Counter[str] = Counter()
    for device in world.considered(job.lease):
        reason = _unfit(device, job) or closed or _not_free(device, window, world)
        if reason is None:
            free.append(device)
        else:
            counts[reason] += 1
    return free, counts


def _unfit(device: Device, job: Job) -> str | None:
    need = job.spec.resources
    if not calendar.sellable(device):
        return reasons.NOT_IN_SERVICE
    if not names(need, device):
        return reasons.MODEL
    if software.against(job, device):
        return reasons.SOFTWARE
    return reasons.MEMORY if device.memory_bytes < need.device_memory_bytes else None


def names(need: Resources, device: Device) -> bool:
    """Whether the device's model is one that the job takes."""
    return takes_any(need) or device.model in need.models


def takes_any(need: Resources) -> bool:
    """Whether any model will do."""
    return not need.models or ANY_MODEL in need.models


def _not_free(device: Device, window: Window | None, world: Occupancy) -> str | None:
    if device.id in world.taken:
        return reasons.BUSY
    if window is None:
        return None
    clashes = [booked for booked in world.booked.get(device.id, ()) if window.overlap(booked)]
    if not clashes:
        return None
    return reasons.LEASED if clashes[0].start <= world.now else reasons.RESERVED
