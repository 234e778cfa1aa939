"""What a sandbox shows of the host it is on, whatever runs in it: an allow-list. What is not named is not there."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Name, Suppressed, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from penstock.engines.local.supervisor.shapes import Mount, MountKind

CPU, CUDA = "cpu", "cuda"
TMP = "/tmp"  # noqa: S108 - private to each sandbox
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
_NVIDIA_PROC = "/proc/driver/nvidia/gpus"
_NVIDIA_COMMON = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")

type Patterns = Mapping[str, Sequence[str]]
"""Software stack -> patterns of its device files."""


def system_mounts(expose: Sequence[Name]) -> list[Mount]:
    """The part that is the same for every attempt on this host: programs, libraries, a few settings."""
    mounts = [mount("ro", "/usr", "/usr")]
    for name in _SYSTEM:
        path = f"/{name}"
        if os.path.islink(path):
            mounts.append(mount("link", os.readlink(path), path))
        elif os.path.exists(path):
            mounts.append(mount("ro", path, path))
    mounts += [mount("ro", path, path) for path in _existing("/etc", _SETTINGS)]
    mounts += [mount("link", TMP, "/var" + TMP), *kernel_mounts()]
    return mounts + exposed_mounts(path for path in expose if not below(path, TMP))


def kernel_mounts() -> list[Mount]:
    """What the kernel shows of itself, without the files that obey a root user."""
    return [
        mount("proc", "", "/proc"),
        mount("devfs", "", "/dev"),
        *(mount("ro", path, path) for path in _existing("/proc", _PROC_READ_ONLY)),
        *(mount("ro", "/dev/null", path) for path in _existing("/proc", _PROC_EMPTY)),
    ]


def exposed_mounts(paths: Iterable[Name]) -> list[Mount]:
    """What the operator shows to every job."""
    return [mount("ro", str(path), str(path)) for path in paths if not below(path, "/usr")]


def below(path: Name, directory: str) -> bool:
    """Whether a path is this directory, or leads into it."""
    return f"{path}/".startswith(f"{directory}/")


def device_mounts(
    patterns: Patterns, handles: Iterable[str], vendors: Sequence[str] = ("/opt",)
) -> list[Mount]:
    """The files of a gang's devices, where the kernel describes them, and where vendors put their software."""
    wanted = sorted(handles)
    paths = [path for stack in patterns if stack != CPU for path in device_files(stack, patterns, wanted)]
    shown = ("/sys/devices/system",) if set(patterns) == {CPU} else ("/sys", *vendors)
    return [
        *(mount("dev", path, path) for path in sorted(set(paths))),
        *(mount("ro", path, path) for path in shown if os.path.isdir(path)),
    ]


def device_files(stack: str, patterns: Patterns, handles: Iterable[str]) -> tuple[str, ...]:
    """The files that a gang with these devices needs, as far as they are on this host."""
    if stack == CUDA and (named := _nvidia_files(tuple(handles))):
        return named
    return tuple(sorted(path for pattern in patterns[stack] for path in _matching(pattern)))


def mount(kind: MountKind, source: str, target: str) -> Mount:
    """One piece of the tree."""
    return {"kind": kind, "source": source, "target": target}


def _existing(parent: str, names: Iterable[str]) -> list[str]:
    return [path for name in names if os.path.exists(path := f"{parent}/{name}")]


def _matching(pattern: str) -> list[str]:
    stem = pattern.removesuffix("*")
    if "*" in stem:
        from glob import glob  # loads regular expressions; nearly all patterns end in their only star

        return glob(pattern)
    if stem == pattern:
        return [pattern] if os.path.exists(pattern) else []
    directory, start = os.path.split(stem)
    with Suppressed(OSError):
        return [f"{directory}/{file}" for file in os.listdir(directory) if file.startswith(start)]
    return []


def _nvidia_files(handles: tuple[str, ...]) -> tuple[str, ...]:
    """The files of exactly these GPUs; none where a handle is not the UUID of a whole GPU."""
    minors = _nvidia_minors()
    if not handles or any(handle not in minors for handle in handles):
        return ()
    files = (*_NVIDIA_COMMON, *(f"/dev/nvidia{minors[handle]}" for handle in handles))
    return tuple(path for path in files if os.path.exists(path))


def _nvidia_minors() -> dict[str, str]:
    """GPU UUID -> number of its device file, as the driver lists them."""
    minors = {}
    for card in sorted(os.listdir(_NVIDIA_PROC)) if os.path.isdir(_NVIDIA_PROC) else ():
        lines = read(f"{_NVIDIA_PROC}/{card}/information").decode().splitlines()
        fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if {"GPU UUID", "Device Minor"} <= fields.keys():
            minors[fields["GPU UUID"]] = fields["Device Minor"]
    return minors
