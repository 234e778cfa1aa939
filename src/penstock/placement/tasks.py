"""How the tasks of a gang divide the devices of its nodes."""

from collections.abc import Sequence

from penstock.base.refusal import Refusal, invalid
from penstock.lease.job import JobSpec


def check_split(spec: JobSpec) -> Refusal | None:
    """Refuse a job whose tasks cannot divide the devices of a node evenly.

    With D devices and T tasks a node, either D is a multiple of T (each task has D/T devices of its own)
    or T is a multiple of D (T/D tasks share each device).
    """
    devices, tasks = spec.resources.devices_per_node, spec.tasks_per_node
    if devices >= 1 and tasks >= 1 and (devices % tasks == 0 or tasks % devices == 0):
        return None
    return invalid(
        "tasks_not_divisible",
        f"{tasks} tasks cannot share {devices} devices of a node evenly",
        "make one a multiple of the other",
        "tasks_per_node",
    )


def split(devices: Sequence[str], tasks: int) -> tuple[tuple[str, ...], ...]:
    """The devices of each task of one node, in rank order; see `check_split`."""
    if tasks > len(devices):
        return tuple((devices[rank * len(devices) // tasks],) for rank in range(tasks))
    share = len(devices) // tasks
    return tuple(tuple(devices[rank * share : (rank + 1) * share]) for rank in range(tasks))
