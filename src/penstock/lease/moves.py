"""One step along a table of states, or a refusal that says which steps there are."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from penstock.base.refusal import Refusal
from penstock.fleet.device import DEVICE_MOVES, Device, DeviceState
from penstock.lease.job import JOB_MOVES, Job, JobState
from penstock.lease.offer import LEASE_MOVES, Lease, LeaseState


def move_device(device: Device, state: DeviceState) -> Device | Refusal:
    """The device in its new state; staying is always allowed."""
    problem = _check("device", device.id, device.state, state, DEVICE_MOVES)
    return problem or msgspec.structs.replace(device, state=state)


def move_lease(lease: Lease, state: LeaseState) -> Lease | Refusal:
    """The lease in its new state; staying is always allowed."""
    problem = _check("lease", lease.id, lease.state, state, LEASE_MOVES)
    return problem or msgspec.structs.replace(lease, state=state)


def move_job(job: Job, state: JobState) -> Job | Refusal:
    """The job in its new state; staying is always allowed."""
    problem = _check("job", job.id, job.state, state, JOB_MOVES)
    return problem or msgspec.structs.replace(job, state=state)


def _check[S: StrEnum](
    noun: str, name: str, old: S, new: S, moves: Mapping[S, tuple[S, ...]]
) -> Refusal | None:
    if old == new or new in moves[old]:
        return None
    open_to = ", ".join(moves[old])
    return Refusal(
        f"{noun}_state",
        f"{noun} {name!r} is {old} and cannot become {new}",
        f"from {old} it can become {open_to}" if open_to else f"{old} is final",
        "state",
    )
