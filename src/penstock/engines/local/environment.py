"""The environment of each task: nothing of the server's, the program's own, and what a gang needs."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from penstock.app.ports import Start, TaskPlan
from penstock.base.quantity import WHOLE
from penstock.engines.local.images.store import Image
from penstock.engines.local.stacks import CPU, CUDA, stack_of
from penstock.fleet.accelerators import catalogue
from penstock.fleet.cpulist import parse_cpu_list
from penstock.lease.variants import stack_environment

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MASTER_ADDRESS = "127.0.0.1"
"""Where the whole gang is on one host, its tasks meet on the loopback."""


def task_environment(
    plan: Start,
    task: TaskPlan,
    *,
    home: str,
    tmp: str,
    checkpoint: str,
    expose: Sequence[Path],
    image: Image | None = None,
) -> dict[str, str]:
    """All variables of one task; the engine's own win over the program's, and those over its image's.

    MASTER_PORT is left to the supervisor where the whole gang is on this host.
    """
    nodes = list(dict.fromkeys(one.node for one in plan.tasks))
    beside = sum(one.node == task.node for one in plan.tasks)
    meeting = plan.rendezvous
    own = {
        "MASTER_ADDR": meeting.address if meeting else MASTER_ADDRESS,
        "RANK": str(task.rank),
        "WORLD_SIZE": str(meeting.world_size if meeting else len(plan.tasks)),
        "LOCAL_RANK": str(task.local_rank),
        "LOCAL_WORLD_SIZE": str(beside),
        "NODE_RANK": str(meeting.node_rank if meeting else nodes.index(task.node)),
        "PENSTOCK_JOB": plan.job,
        "PENSTOCK_ATTEMPT": plan.attempt,
    }
    if meeting:
        own["MASTER_PORT"] = str(meeting.port)
    if checkpoint:
        own["PENSTOCK_CHECKPOINT_DIR"] = checkpoint
    asked = _without_port(plan.spec.env)
    return {
        **_base(home, tmp, expose, _without_port(image.env) if image else {}),
        **_defaults(task),
        **stack_environment(task.stack, catalogue()),
        **asked,
        **own,
        **_shared(task),
        **_visible(task),
    }


def cpus_of(task: TaskPlan) -> tuple[int, ...]:
    """The CPUs that a task on processor devices is bound to; none on other stacks. Raises ValueError."""
    if task.stack != CPU:
        return ()
    cpus = parse_cpu_list(",".join(task.handles))
    if not isinstance(cpus, tuple):
        raise ValueError(cpus.message)
    return cpus


def _without_port(env: Mapping[str, str]) -> dict[str, str]:
    """What the program or its image asks for, without what the supervisor sets only where nobody has."""
    return {name: value for name, value in env.items() if name != "MASTER_PORT"}


@cache
def _path(expose: tuple[Path, ...]) -> str:
    """What is exposed is there when the engine opens, and stays."""
    exposed = [str(path / "bin") for path in expose if (path / "bin").is_dir()]
    return ":".join([*exposed, _SYSTEM_PATH])


def _base(home: str, tmp: str, expose: Sequence[Path], of_image: Mapping[str, str]) -> dict[str, str]:
    settings = {"PATH": _path(tuple(expose)), "LANG": "C.UTF-8", "TERM": "dumb"}
    return {**settings, **of_image, "HOME": home, "TMPDIR": tmp}


def _defaults(task: TaskPlan) -> dict[str, str]:
    """What the program may set otherwise: one thread per CPU that the task has, or has its share of."""
    cpus = cpus_of(task)
    return {"OMP_NUM_THREADS": str(max(len(cpus) * task.share // WHOLE, 1))} if cpus else {}


def _shared(task: TaskPlan) -> dict[str, str]:
    """What a program on a share of a device should keep to; NVIDIA's MPS reads the percentage itself."""
    if task.share == WHOLE:
        return {}
    told = {
        "PENSTOCK_DEVICE_SHARE": f"{task.share / WHOLE:g}",
        "PENSTOCK_DEVICE_MEMORY_BYTES": str(task.device_memory_bytes),
    }
    if task.stack == CUDA:
        told["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] = f"{100 * task.share / WHOLE:g}"
    return told


def _visible(task: TaskPlan) -> dict[str, str]:
    stack = stack_of(task)
    return {stack.variable: ",".join(task.handles)} if stack and stack.variable else {}
