"""Which variable tells a program its devices on each software stack, and which device files it needs.

Names of stacks are those of the accelerator catalogue. The variable asks the vendor's runtime to show only
these devices; it is no barrier. Only on CUDA are the files of other devices also kept out of the sandbox.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from penstock.app.ports import TaskPlan
from penstock.lease.variants import VISIBILITY

CPU = "cpu"
CUDA = "cuda"
_NVIDIA_PROC = Path("/proc/driver/nvidia/gpus")
_NVIDIA_COMMON = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")


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
    handles = tuple(sorted({handle for task in tasks for handle in task.handles}))
    found: set[str] = set()
    for name, task in {task.stack: task for task in tasks}.items():
        stack = stack_of(task) or Stack("")
        named = _nvidia_files(handles) if name == CUDA else ()
        found.update(named or (path for pattern in stack.device_files for path in _matching(pattern)))
    return tuple(sorted(found))


def _matching(pattern: str) -> list[str]:
    return [str(path) for path in Path("/").glob(pattern.removeprefix("/"))]


def _nvidia_files(handles: tuple[str, ...]) -> tuple[str, ...]:
    """The files of exactly these GPUs; none where a handle is not the UUID of a whole GPU."""
    minors = _nvidia_minors()
    if not handles or any(handle not in minors for handle in handles):
        return ()
    files = (*_NVIDIA_COMMON, *(f"/dev/nvidia{minors[handle]}" for handle in handles))
    return tuple(path for path in files if Path(path).exists())


def _nvidia_minors() -> dict[str, str]:
    """GPU UUID -> number of its device file, as the driver lists them."""
    minors = {}
    for path in sorted(_NVIDIA_PROC.glob("*/information")):
        fields = dict(re.findall(r"^(GPU UUID|Device Minor):\s*(\S+)", path.read_text(), re.MULTILINE))
        if len(fields) == 2:
            minors[fields["GPU UUID"]] = fields["Device Minor"]
    return minors
