"""The file tree of a sandbox, built by the first process of new mount and PID namespaces.

Only what the plan lists is there. The old tree is detached before anything of the job runs.
"""

import os
from pathlib import Path

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.format import Mount

_OLD = "/.old"
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def build(mounts: list[Mount], stage: Path) -> None:
    """Replace the calling process's file tree by the listed one; `stage` is any empty directory."""
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("tmpfs", str(stage), "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=0755,size=16m")
    Path(f"{stage}{_OLD}").mkdir()
    libc.pivot_root(str(stage), f"{stage}{_OLD}")
    os.chdir("/")
    os.umask(0o022)
    for mount in mounts:
        _BUILDERS[mount["kind"]](mount["source"], mount["target"])
    libc.detach(_OLD)
    Path(_OLD).rmdir()
    libc.mount("none", "/", None, libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY)


def _bind(source: str, target: str, flags: int) -> None:
    origin, place = Path(f"{_OLD}{source}"), Path(target)
    if origin.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    libc.mount(str(origin), target, None, libc.MS_BIND | libc.MS_REC)
    libc.set_mount_flags(target, flags)


def _read_only(source: str, target: str) -> None:
    _bind(source, target, libc.MS_RDONLY | libc.MS_NOSUID | libc.MS_NODEV)


def _writable(source: str, target: str) -> None:
    _bind(source, target, libc.MS_NOSUID | libc.MS_NODEV)


def _device(source: str, target: str) -> None:
    _bind(source, target, libc.MS_NOSUID)


def _link(source: str, target: str) -> None:
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).symlink_to(source)


def _proc(_source: str, target: str) -> None:
    Path(target).mkdir()
    libc.mount("proc", target, "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)


def _devices(_source: str, target: str) -> None:
    Path(target).mkdir()
    libc.mount("tmpfs", target, "tmpfs", libc.MS_NOSUID, "mode=0755")
    for name in _DEVICES:
        _device(f"/dev/{name}", f"{target}/{name}")
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        _link(f"/proc/self/fd/{number}", f"{target}/{name}")
    _link("/proc/self/fd", f"{target}/fd")
    Path(f"{target}/shm").mkdir()
    libc.mount("tmpfs", f"{target}/shm", "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=1777")
    Path(f"{target}/pts").mkdir()
    libc.mount("devpts", f"{target}/pts", "devpts", libc.MS_NOSUID, "newinstance,ptmxmode=0666,mode=620")
    _link("pts/ptmx", f"{target}/ptmx")


_BUILDERS = {
    "ro": _read_only,
    "rw": _writable,
    "dev": _device,
    "link": _link,
    "proc": _proc,
    "devfs": _devices,
}
