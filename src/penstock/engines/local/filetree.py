"""What a sandbox shows of the host: an allow-list. What is not named here is not there."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from penstock.app.ports import Start
from penstock.base.refusal import Refusal, Refused
from penstock.engines.local.stacks import CPU, device_files
from penstock.engines.local.supervisor.format import PRIVATE_TMP, SCRIPTS, WORKDIR, Mount, MountKind

WORKSPACE = "/workspace"
TMP = "/tmp"  # noqa: S108 - private to each sandbox
SCRIPTS_AT = "/penstock"
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SETTINGS = (
    "alternatives",
    "crypto-policies",
    "group",
    "hosts",
    "ld.so.cache",
    "localtime",
    "nsswitch.conf",
    "passwd",
    "pki",
    "resolv.conf",
    "ssl",
)
"""Of /etc. Each costs bubblewrap a tenth of a millisecond at every start."""
_PROC_READ_ONLY = ("acpi", "bus", "fs", "irq", "mtrr", "scsi", "sys", "sysrq-trigger")
_PROC_EMPTY = ("kcore", "keys", "latency_stats", "sched_debug", "timer_list")
"""Files of the kernel that obey the root user even without capabilities; some would give it the host."""
_RESERVED = ("/usr", "/etc", "/proc", "/sys", "/dev", WORKSPACE, SCRIPTS_AT)


def system_mounts(expose: Sequence[Path]) -> list[Mount]:
    """The part that is the same for every attempt on this host: programs, libraries, a few settings."""
    mounts = [_mount("ro", "/usr", "/usr")]
    for name in _SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            mounts.append(_mount("link", str(path.readlink()), str(path)))
        elif path.exists():
            mounts.append(_mount("ro", str(path), str(path)))
    mounts += [_mount("ro", str(path), str(path)) for path in _existing("/etc", _SETTINGS)]
    mounts += [_mount("proc", "", "/proc"), _mount("devfs", "", "/dev"), _mount("link", TMP, "/var" + TMP)]
    mounts += [_mount("ro", str(path), str(path)) for path in _existing("/proc", _PROC_READ_ONLY)]
    mounts += [_mount("ro", "/dev/null", str(path)) for path in _existing("/proc", _PROC_EMPTY)]
    return mounts + _exposed(path for path in expose if not path.is_relative_to(TMP))


def _exposed(paths: Iterable[Path]) -> list[Mount]:
    return [_mount("ro", str(path), str(path)) for path in paths if not path.is_relative_to("/usr")]


@cache
def _exposed_below_tmp(expose: tuple[Path, ...]) -> list[Mount]:
    return _exposed(path for path in expose if path.is_relative_to(TMP))


@cache
def _is_directory(path: str) -> bool:
    """Of the kernel's own, which come and go with a module at most."""
    return Path(path).is_dir()


def attempt_mounts(
    plan: Start, directory: Path, checkpoint_at: str, expose: Sequence[Path] = ()
) -> list[Mount]:
    """The part of one attempt: its own directories, its volumes, the files of its devices.

    What is exposed below /tmp comes after the private /tmp, which would hide it.
    """
    mounts = [
        _mount("rw", f"{directory}/{PRIVATE_TMP}", TMP),
        *_exposed_below_tmp(tuple(expose)),
        _mount("rw", f"{directory}/{WORKDIR}", WORKSPACE),
        _mount("ro", f"{directory}/{SCRIPTS}", SCRIPTS_AT),
    ]
    if plan.checkpoint:
        mounts.append(_mount("rw", plan.checkpoint, checkpoint_at))
    mounts += [_mount("rw", source, target) for target, source in sorted(plan.volumes.items())]
    return mounts + _device_mounts(plan)


def bad_target(targets: Iterable[str]) -> str | None:
    """The first of the job's mount paths that cannot be given to it, or None.

    A path has to be absolute and plain, to lie outside the system's own, and no path may lie in another:
    so every place where something is mounted is ours, and no link of the job's making leads elsewhere.
    """
    seen: list[PurePosixPath] = []
    for target in targets:
        path = PurePosixPath(target)
        plain = path.root == "/" and ".." not in path.parts and len(path.parts) > 1
        clash = any(path.is_relative_to(other) or other.is_relative_to(path) for other in seen)
        if not plain or clash or any(path.is_relative_to(reserved) for reserved in _RESERVED):
            return target
        seen.append(path)
    return None


def refuse_exposed(root: Path, exposed: Iterable[Path]) -> None:
    """Raise Refused where jobs would see what is not there, or the platform's data."""
    for path in exposed:
        if not path.is_dir():
            raise Refused(
                Refusal("expose_missing", f"jobs should see {path}, which is no directory", "leave it out")
            )
        if root.is_relative_to(path.resolve()):
            raise Refused(
                Refusal(
                    "data_exposed",
                    f"jobs may read {path}, and the platform's data in {root} lies in it",
                    "keep the data directory elsewhere",
                )
            )


def _device_mounts(plan: Start) -> list[Mount]:
    stacks = {task.stack for task in plan.tasks}
    mounts = [_mount("dev", path, path) for path in device_files(plan.tasks)]
    shown = ("/sys/devices/system",) if stacks == {CPU} else ("/sys", "/opt")
    return mounts + [_mount("ro", path, path) for path in shown if _is_directory(path)]


def _existing(parent: str, names: Iterable[str]) -> list[Path]:
    return [path for name in names if (path := Path(parent) / name).exists()]


def _mount(kind: MountKind, source: str, target: str) -> Mount:
    return {"kind": kind, "source": source, "target": target}
