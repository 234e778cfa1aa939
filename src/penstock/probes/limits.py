"""What the kernel lets this process have: the tightest of its control groups, versions 1 and 2."""

from collections.abc import Iterator
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_UNLIMITED_BYTES = 2**60
"""Version 1 writes "no limit" as a number near 2^63."""


def cpu_quota(root: Path = CGROUP_ROOT, membership: Path = MEMBERSHIP) -> float | None:
    """Cores' worth of time per second that the process may use; None without a limit."""
    quotas = [_quota_v2(d) for d in _directories(root, membership, "")]
    quotas += [_quota_v1(d) for d in _directories(root, membership, "cpu")]
    return min((q for q in quotas if q is not None), default=None)


def memory_limit(root: Path = CGROUP_ROOT, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes of memory that the process may use; None without a limit."""
    texts = [_read(d / "memory.max") for d in _directories(root, membership, "")]
    texts += [_read(d / "memory.limit_in_bytes") for d in _directories(root, membership, "memory")]
    limits = [int(t) for t in texts if t.isdigit() and int(t) < _UNLIMITED_BYTES]
    return min(limits, default=None)


def _directories(root: Path, membership: Path, controller: str) -> Iterator[Path]:
    """The group's directory and its ancestors, wherever this controller is mounted ('' for version 2)."""
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controller not in controllers.split(","):
            continue
        mounts = (root / controllers, root / controller) if controller else (root, root / "unified")
        parts = [p for p in path.split("/") if p not in ("", "..")]
        for mount in mounts:
            for depth in range(len(parts) + 1):
                yield mount.joinpath(*parts[:depth])


def _quota_v2(directory: Path) -> float | None:
    words = _read(directory / "cpu.max").split()
    return _cores(words[0], words[1]) if len(words) == 2 else None


def _quota_v1(directory: Path) -> float | None:
    return _cores(_read(directory / "cpu.cfs_quota_us"), _read(directory / "cpu.cfs_period_us"))


def _cores(quota: str, period: str) -> float | None:
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    return int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
