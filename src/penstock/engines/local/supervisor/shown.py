"""What a sandbox shows of the host it is on, whatever runs in it: an allow-list. What is not named is not there."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from penstock.engines.local.supervisor.format import Mount, MountKind

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
_NVIDIA_PROC = Path("/proc/driver/nvidia/gpus")
_NVIDIA_COMMON = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")

type Patterns = Mapping[str, Sequence[str]]
"""Software stack -> patterns of its device files."""


def system_mounts(expose: Sequence[Path]) -> list[Mount]:
    """The part that is the same for every attempt on this host: programs, libraries, a few settings."""
    mounts = [mount("ro", "/usr", "/usr")]
    for name in _SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            mounts.append(mount("link", str(path.readlink()), str(path)))
        elif path.exists():
            mounts.append(mount("ro", str(path), str(path)))
    mounts += [mount("ro", str(path), str(path)) for path in _existing("/etc", _SETTINGS)]
    mounts += [mount("link", TMP, "/var" + TMP), *kernel_mounts()]
    return mounts + exposed_mounts(path for path in expose if not path.is_relative_to(TMP))


def kernel_mounts() -> list[Mount]:
    """What the kernel shows of itself, without the files that obey a root user."""
    return [
        mount("proc", "", "/proc"),
        mount("devfs", "", "/dev"),
        *(mount("ro", str(path), str(path)) for path in _existing("/proc", _PROC_READ_ONLY)),
        *(mount("ro", "/dev/null", str(path)) for path in _existing("/proc", _PROC_EMPTY)),
    ]


def exposed_mounts(paths: Iterable[Path]) -> list[Mount]:
    """What the operator shows to every job."""
    return [mount("ro", str(path), str(path)) for path in paths if not path.is_relative_to("/usr")]


def device_mounts(
    patterns: Patterns, handles: Iterable[str], vendors: Sequence[str] = ("/opt",)
) -> list[Mount]:
    """The files of a gang's devices, where the kernel describes them, and where vendors put their software."""
    wanted = sorted(handles)
    paths = [path for stack in patterns if stack != CPU for path in device_files(stack, patterns, wanted)]
    shown = ("/sys/devices/system",) if set(patterns) == {CPU} else ("/sys", *vendors)
    return [
        *(mount("dev", path, path) for path in sorted(set(paths))),
        *(mount("ro", path, path) for path in shown if Path(path).is_dir()),
    ]


def device_files(stack: str, patterns: Patterns, handles: Iterable[str]) -> tuple[str, ...]:
    """The files that a gang with these devices needs, as far as they are on this host."""
    if stack == CUDA and (named := _nvidia_files(tuple(handles))):
        return named
    return tuple(sorted(path for pattern in patterns[stack] for path in _matching(pattern)))


def mount(kind: MountKind, source: str, target: str) -> Mount:
    """One piece of the tree."""
    return {"kind": kind, "source": source, "target": target}


def _existing(parent: str, names: Iterable[str]) -> list[Path]:
    return [path for name in names if (path := Path(parent) / name).exists()]


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
