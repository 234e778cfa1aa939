"""The file tree of a sandbox, built by the first process of new mount and PID namespaces.

Only what the plan lists is there. The old tree is detached before anything of the job runs.
"""

from __future__ import annotations

import os

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed

if TYPE_CHECKING:
    from penstock.engines.local.supervisor.shapes import Mount

_OLD = "/.old"
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def build(mounts: list[Mount], stage: str) -> None:
    """Replace the calling process's file tree by the listed one; `stage` is any directory."""
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("tmpfs", stage, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=0755,size=16m")
    os.mkdir(f"{stage}{_OLD}")
    libc.pivot_root(stage, f"{stage}{_OLD}")
    os.chdir("/")
    os.umask(0o022)
    for mount in mounts:
        _BUILDERS[mount["kind"]](mount["source"], mount["target"])
    libc.detach(_OLD)
    os.rmdir(_OLD)
    libc.mount("none", "/", None, libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY)


def _bind(source: str, target: str, flags: int) -> None:
    origin = f"{_OLD}{source}"
    (_make_directory if os.path.isdir(origin) else _make_file)(target)
    libc.mount(origin, target, None, libc.MS_BIND | libc.MS_REC)
    libc.set_mount_flags(target, flags)


def _read_only(source: str, target: str) -> None:
    _bind(source, target, libc.MS_RDONLY | libc.MS_NOSUID | libc.MS_NODEV)


def _writable(source: str, target: str) -> None:
    _bind(source, target, libc.MS_NOSUID | libc.MS_NODEV)


def _device(source: str, target: str) -> None:
    _bind(source, target, libc.MS_NOSUID)


def _link(source: str, target: str) -> None:
    try:
        os.symlink(source, target)
    except FileNotFoundError:
        _make_directory(os.path.dirname(target))
        os.symlink(source, target)


def _make_directory(target: str) -> None:
    with Suppressed(FileExistsError):
        try:
            os.mkdir(target)
        except FileNotFoundError:
            _make_directory(os.path.dirname(target))
            os.mkdir(target)


def _make_file(target: str) -> None:
    with Suppressed(FileExistsError):
        try:
            os.mknod(target, 0o644)
        except FileNotFoundError:
            _make_directory(os.path.dirname(target))
            os.mknod(target, 0o644)


def _proc(_source: str, target: str) -> None:
    os.mkdir(target)
    libc.mount("proc", target, "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)


def _devices(_source: str, target: str) -> None:
    os.mkdir(target)
    libc.mount("tmpfs", target, "tmpfs", libc.MS_NOSUID, "mode=0755")
    for name in _DEVICES:
        _device(f"/dev/{name}", f"{target}/{name}")
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        os.symlink(f"/proc/self/fd/{number}", f"{target}/{name}")
    os.symlink("/proc/self/fd", f"{target}/fd")
    os.mkdir(f"{target}/shm")
    libc.mount("tmpfs", f"{target}/shm", "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=1777")
    os.mkdir(f"{target}/pts")
    libc.mount("devpts", f"{target}/pts", "devpts", libc.MS_NOSUID, "newinstance,ptmxmode=0666,mode=620")
    os.symlink("pts/ptmx", f"{target}/ptmx")


_BUILDERS = {
    "ro": _read_only,
    "rw": _writable,
    "dev": _device,
    "link": _link,
    "proc": _proc,
    "devfs": _devices,
}
