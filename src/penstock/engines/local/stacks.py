"""Which variable tells a program its devices on each software stack, and which device files it needs.

Names of stacks are those of the accelerator catalogue. The variable asks the vendor's runtime to show only
these devices; it is no barrier. Only on CUDA are the files of other devices also kept out of the sandbox.
"""

from collections.abc import Sequence

import msgspec

from penstock.app.ports import TaskPlan
from penstock.engines.local.supervisor import shown
from penstock.engines.local.supervisor.shown import CPU, CUDA
from penstock.lease.variants import VISIBILITY


class Stack(msgspec.Struct, frozen=True):
    """How a stack is told its devices."""

    variable: str
    device_files: tuple[str, ...] = ()


STACKS = {
    CPU: Stack(""),
    CUDA: Stack(VISIBILITY[CUDA], ("/dev/nvidia*",)),
    "cann": Stack(VISIBILITY["cann"], ("/dev/davinci*", "/dev/devmm_svm", "/dev/hisi_hdc")),
    "corex": Stack(VISIBILITY["corex"], ("/dev/iluvatar*", "/dev/itrctl*")),
    "neuware": Stack(VISIBILITY["neuware"], ("/dev/cambricon*",)),
    "dtk": Stack(VISIBILITY["dtk"], ("/dev/kfd", "/dev/mkfd", "/dev/dri")),
    "rocm": Stack(VISIBILITY["rocm"], ("/dev/kfd", "/dev/dri")),
    "xpu": Stack(VISIBILITY["xpu"], ("/dev/xpu*",)),
    "musa": Stack(VISIBILITY["musa"], ("/dev/mtgpu*", "/dev/dri")),
    "birensupa": Stack(VISIBILITY["birensupa"], ("/dev/biren*",)),
    "topsrider": Stack(VISIBILITY["topsrider"], ("/dev/gcu*",)),
    "maca": Stack(VISIBILITY["maca"], ("/dev/mxcd*", "/dev/mxgvm*", "/dev/dri")),
    "ppu": Stack(VISIBILITY["ppu"], ("/dev/alixpu*",)),
    "synapse": Stack(VISIBILITY["synapse"], ("/dev/accel*", "/dev/infiniband")),
}


def stack_of(task: TaskPlan) -> Stack | None:
    """The stack of a task, by the site's own catalogue where only that has it; None where nothing is known."""
    own = Stack(task.visible_devices, task.device_files) if task.device_files else None
    return STACKS.get(task.stack, own)


def device_files(tasks: Sequence[TaskPlan]) -> tuple[str, ...]:
    """The files that a gang with these devices needs, as far as they are on this host."""
    handles = sorted({handle for task in tasks for handle in task.handles})
    patterns = {task.stack: (stack_of(task) or Stack("")).device_files for task in tasks}
    return tuple(sorted({path for name in patterns for path in shown.device_files(name, patterns, handles)}))
