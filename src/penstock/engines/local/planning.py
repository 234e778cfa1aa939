"""From what the app wants to what the supervisor does: one file without choices left."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from penstock.app.ports import Start, TaskPlan
from penstock.base.quantity import WHOLE
from penstock.engines.local.environment import cpus_of, task_environment
from penstock.engines.local.filetree import (
    SCRIPTS_AT,
    TMP,
    WORKSPACE,
    attempt_mounts,
    bad_target,
    device_patterns,
    scripts,
)
from penstock.engines.local.host import Host, Isolation, attempt_mark
from penstock.engines.local.images.store import Image, find, rootfs_of
from penstock.engines.local.images.tree import blocked, image_mounts
from penstock.engines.local.stacks import CPU, device_files, stack_of
from penstock.engines.local.supervisor.format import PLAN, PRIVATE_TMP, WORKDIR
from penstock.engines.local.supervisor.shapes import Entry, Mount, Plan
from penstock.engines.local.supervisor.shown import device_mounts
from penstock.lease.job import Checkpoint, JobSpec

_BASH = "/bin/bash"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine treats every attempt: what it shows, and when it calls one stalled."""

    expose: tuple[Path, ...] = ()
    network: bool = True
    stall_after_s: float = 300.0
    stall_share: float = 0.02
    devices_given: bool = False
    """A scheduler has given the devices and answers for them: their files are not looked for."""
    workdir_limit_bytes: int = 16 * 2**30
    images: Path | None = None
    """Where the images of this host are; None where none are run."""
    image_isolation: Isolation = Isolation.NAMESPACES
    """What runs a job in an image."""
    seccomp: str = ""
    seccomp_profile: str = ""
    """The filter of system calls for jobs in images, as base64, and the file that it was made of."""


def attempt_files(
    plan: Start, directory: Path, host: Host, settings: Settings, system: Sequence[Mount]
) -> dict[str, bytes]:
    """What the directory of an attempt starts with: its plan and its scripts."""
    image = image_of(plan.spec, settings)
    if image is not None and host.isolation is not Isolation.PROCESS_GROUPS:
        host = msgspec.structs.replace(host, isolation=settings.image_isolation)
        settings = msgspec.structs.replace(settings, expose=tuple(map(Path, image.shown)))
        shown = [*_image_mounts(plan, image, settings), *_device_mounts(plan, vendors=())]
    else:
        shown = [*system, *_device_mounts(plan)]
    files = {PLAN: msgspec.json.encode(supervisor_plan(plan, directory, host, settings, shown))}
    return files | {name: text.encode() for name, text in scripts(plan.spec).items()}


def image_of(spec: JobSpec, settings: Settings) -> Image | None:
    """The image that the job runs in, where it names one that is on this host."""
    return find(settings.images, spec.image) if spec.image and settings.images is not None else None


def _image_mounts(plan: Start, image: Image, settings: Settings) -> list[Mount]:
    assert settings.images is not None
    return image_mounts(rootfs_of(settings.images, image.name), _targets(plan), settings.expose)


def _device_mounts(plan: Start, vendors: Sequence[str] = ("/opt",)) -> list[Mount]:
    handles = {handle for task in plan.tasks for handle in task.handles}
    return device_mounts(device_patterns(plan), handles, vendors)


def supervisor_plan(
    plan: Start, directory: Path, host: Host, settings: Settings, shown: Sequence[Mount]
) -> Plan:
    """What the supervisor is told; `shown` is what its sandbox shows of the host."""
    image = image_of(plan.spec, settings)
    refused = _refusal(plan, host, settings, image)
    entries = [] if refused else [_entry(plan, task, directory, host, settings, image) for task in plan.tasks]
    inside = host.isolation is not Isolation.PROCESS_GROUPS
    place = SCRIPTS_AT if inside else str(directory)
    shell = image.shell if image else _BASH
    return {
        "attempt": plan.attempt,
        "boot": host.boot,
        "refused": refused,
        "isolation": host.isolation.value,
        "network": _has_network(plan, settings),
        "seccomp": settings.seccomp if image else "",
        "mounts": _mounts(plan, directory, shown, settings.expose) if inside and not refused else [],
        "workdir_source": plan.workdir,
        "workdir": WORKSPACE if inside else str(directory / WORKDIR),
        "workdir_limit_bytes": settings.workdir_limit_bytes,
        "run": [shell, f"{place}/run"],
        "setup": [shell, f"{place}/setup"],
        "setups": _first_of_each_node(plan, entries) if plan.spec.setup.strip() else [],
        "tasks": entries or [{"rank": task.rank, "env": {}, "cpus": []} for task in plan.tasks],
        "mark": attempt_mark(directory),
        "groups": host.groups,
        "cpu_millicores": _cpu_millicores(plan, entries),
        "memory_bytes": _memory_bytes(plan),
        "max_processes": plan.spec.max_processes,
        "resource_limits": _resource_limits(plan, host),
        "log_limit_bytes": plan.spec.log_limit_bytes,
        "time_limit_s": plan.spec.time_limit_s,
        "grace_s": plan.spec.grace_s,
        "checkpoint": plan.checkpoint,
        "stall_after_s": settings.stall_after_s,
        "stall_cores": _cores(entries) * settings.stall_share * _share(plan) / WHOLE,
        "limits": _limits(plan, host, settings, image),
    }


def _mounts(plan: Start, directory: Path, shown: Sequence[Mount], expose: Sequence[Path]) -> list[Mount]:
    return [*shown, *attempt_mounts(plan, directory, _checkpoint_at(plan), expose)]


def _has_network(plan: Start, settings: Settings) -> bool:
    return settings.network and plan.spec.network == "host"


def _refusal(plan: Start, host: Host, settings: Settings, image: Image | None) -> str:
    """Why this host cannot start the gang, as code, line feed, sentence; '' where it can."""
    for task in plan.tasks:
        if stack_of(task) is None:
            return f"device_unavailable\nthis engine does not know the software stack {task.stack!r}"
        given = task.stack == CPU or settings.devices_given
        if not given and not device_files((task,)):
            return f"device_unavailable\nno device file of the stack {task.stack!r} is on this host"
        try:
            cpus_of(task)
        except ValueError as error:
            return f"device_unavailable\ntask {task.rank}: {error}"
    if plan.spec.network == "none" and host.isolation is Isolation.PROCESS_GROUPS:
        return "network_unavailable\nthis host gives us no namespaces, so no job can be kept off its network"
    if plan.volumes and host.isolation is Isolation.PROCESS_GROUPS:
        return "volumes_unavailable\nthis host gives us no mount namespaces, so no volume can be mounted"
    if (target := bad_target(_targets(plan))) is not None:
        return f"mount_path\nnothing can be mounted at {target!r}"
    return _image_refusal(plan, host, settings, image) if plan.spec.image else ""


def _targets(plan: Start) -> list[str]:
    """Where the job's own directories are mounted."""
    return [*([_checkpoint_at(plan)] if plan.checkpoint else []), *plan.volumes]


def _image_refusal(plan: Start, host: Host, settings: Settings, image: Image | None) -> str:
    if settings.images is None or host.isolation is Isolation.PROCESS_GROUPS:
        return "images_unavailable\nno images are run here"
    if image is None:
        return f"image_unknown\nthere is no image {plan.spec.image} on this host"
    for target in _targets(plan):
        if blocked(rootfs_of(settings.images, image.name), target):
            what = f"the image {image.name} has a file or a link there"
            return f"mount_path\nnothing can be mounted at {target!r}: {what}"
    return ""


def _entry(
    plan: Start, task: TaskPlan, directory: Path, host: Host, settings: Settings, image: Image | None
) -> Entry:
    inside = host.isolation is not Isolation.PROCESS_GROUPS
    environment = task_environment(
        plan,
        task,
        home=WORKSPACE if inside else str(directory / WORKDIR),
        tmp=TMP if inside else str(directory / PRIVATE_TMP),
        checkpoint=_checkpoint_at(plan) if inside else plan.checkpoint,
        expose=settings.expose,
        image=image,
    )
    name, _, value = attempt_mark(directory).partition("=")
    environment[name] = value
    return {"rank": task.rank, "env": environment, "cpus": list(cpus_of(task))}


def _first_of_each_node(plan: Start, entries: Sequence[Entry]) -> list[Entry]:
    first: dict[str, Entry] = {}
    for task, entry in zip(plan.tasks, entries, strict=True):
        first.setdefault(task.node, entry)
    return list(first.values())


def _checkpoint_at(plan: Start) -> str:
    return (plan.spec.checkpoint or Checkpoint()).path if plan.checkpoint else ""


def _memory_bytes(plan: Start) -> int:
    """The limit is per node of the gang; all of them are this host."""
    return plan.spec.resources.memory_bytes * len({task.node for task in plan.tasks})


def _cpu_millicores(plan: Start, entries: Sequence[Entry]) -> int:
    """The share of the cores that are the gang's devices, or the CPU asked for beside its devices; 0: no limit."""
    if any(task.stack != CPU for task in plan.tasks):
        return plan.spec.resources.cpu_millicores * len({task.node for task in plan.tasks})
    if _share(plan) == WHOLE:
        return 0
    return len({cpu for entry in entries for cpu in entry["cpus"]}) * _share(plan)


def _share(plan: Start) -> int:
    return min((task.share for task in plan.tasks), default=WHOLE)


def _cores(entries: Sequence[Entry]) -> int:
    """Processors the gang holds; 0 where its devices are others, whose activity is not ours to judge."""
    return sum(len(entry["cpus"]) for entry in entries)


def _resource_limits(plan: Start, host: Host) -> dict[str, int]:
    limits = {"CORE": 0}
    if plan.spec.resources.memory_bytes and not host.limits_by("memory"):
        limits["DATA"] = plan.spec.resources.memory_bytes
    if not host.limits_by("pids"):
        limits["NPROC"] = plan.spec.max_processes
    return limits


def _limits(plan: Start, host: Host, settings: Settings, image: Image | None) -> dict[str, str]:
    """Which limits hold, and by what; the words that the job's record shows."""
    inside = host.isolation is not Isolation.PROCESS_GROUPS
    processor = all(task.stack == CPU for task in plan.tasks)
    bound = "affinity+cpuset" if host.limits_by("cpuset") else "affinity"
    return {
        "isolation": host.isolation.value,
        "files": "allow-list" if inside else "none",
        "network": "host" if _has_network(plan, settings) or not inside else "none",
        "memory": _memory_limit(plan, host),
        "processes": host.limits_by("pids") or ("none" if host.is_root else "prlimit, per user"),
        "cpu": _cpu_limit(plan, host, bound if processor else "none"),
        "devices": bound if processor else "visibility variable",
        **({"share": _share_limit(host, processor=processor)} if _share(plan) < WHOLE else {}),
        "disk": "none",
        **(_image_limits(image, settings) if image else {}),
        "log": "bounded",
    }


def _image_limits(image: Image, settings: Settings) -> dict[str, str]:
    return {"image": f"{image.name} {image.digest}", "system_calls": settings.seccomp_profile or "none"}


def _cpu_limit(plan: Start, host: Host, bound: str) -> str:
    quota = host.limits_by("cpu")
    if not quota or not (plan.spec.resources.cpu_millicores or _share(plan) < WHOLE):
        return bound
    return f"quota, {quota}" if bound == "none" else f"{bound}+quota"


def _share_limit(host: Host, *, processor: bool) -> str:
    """Whether a job is kept to its share of a device that others use too."""
    if not processor:
        return "told to the program"
    return f"quota, {host.limits_by('cpu')}" if host.limits_by("cpu") else "none"


def _memory_limit(plan: Start, host: Host) -> str:
    if not plan.spec.resources.memory_bytes:
        return "not asked for"
    return host.limits_by("memory") or "prlimit, per process"
