"""CPU cores as accelerator devices: which of them this process may use, in groups that belong together."""

import os
from pathlib import Path

from penstock.base.refusal import Refusal, invalid
from penstock.fleet.cpulist import format_cpu_list
from penstock.fleet.device import Device, Node
from penstock.probes.limits import cpu_quota

_TOPOLOGY = Path("/sys/devices/system/cpu")


def usable_cpus() -> tuple[int, ...]:
    """CPUs that affinity and quota leave to this process; threads of one physical core stand together."""
    allowed = sorted(os.sched_getaffinity(0), key=_place)
    quota = cpu_quota()
    return tuple(allowed if quota is None else allowed[: max(1, int(quota))])


def core_groups(cpus: tuple[int, ...], cores_per_device: int) -> tuple[tuple[int, ...], ...] | Refusal:
    """Groups of the same size; what does not fill a group stays with the host."""
    if not 1 <= cores_per_device <= len(cpus):
        return invalid(
            "cores_per_device_out_of_range",
            f"{cores_per_device} cores per device are asked for, this process may use {len(cpus)}",
            f"give 1 to {len(cpus)}",
            "cores_per_device",
        )
    whole = len(cpus) // cores_per_device * cores_per_device
    return tuple(cpus[i : i + cores_per_device] for i in range(0, whole, cores_per_device))


def core_devices(node: Node, groups: tuple[tuple[int, ...], ...]) -> tuple[Device, ...]:
    """One device of model `cpu` per group; each has its share of the node's memory."""
    return tuple(
        Device(
            id=f"{node.id}-cpu{index}",
            node=node.id,
            model="cpu",
            handle=format_cpu_list(group),
            index=index,
            card=f"{node.id}-cpu{index}",
            stack="cpu",
            memory_bytes=node.memory_bytes * len(group) // node.cpu_cores,
        )
        for index, group in enumerate(groups)
    )


def _place(cpu: int) -> tuple[int, int, int]:
    topology = _TOPOLOGY / f"cpu{cpu}" / "topology"
    return _number(topology / "physical_package_id"), _number(topology / "core_id"), cpu


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
