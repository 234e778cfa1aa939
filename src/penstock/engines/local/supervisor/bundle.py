"""What crun is told of a container: the file tree of the plan as an OCI runtime configuration (version 1.0)."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.lean import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from penstock.engines.local.supervisor.shapes import Entry, Mount, Plan

_ROOT, _SHM = "root", "shm"
_CAPABILITY_SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")
_FLAGS = {"ro": ("ro", "nosuid", "nodev"), "rw": ("nosuid", "nodev"), "dev": ("nosuid",)}
_CGROUPS = "/sys/fs/cgroup"


def build_stage(mounts: list[Mount], stage: str) -> None:
    """In a mount namespace of our own: what all containers share, on a tmpfs that goes with it.

    crun looks at the control groups even where it is told to leave them alone, and refuses versions 1 and 2
    side by side; so it sees none.
    """
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("tmpfs", stage, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=0755,size=64m")
    libc.mount("tmpfs", _CGROUPS, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=0555,size=4k")
    os.umask(0o022)
    os.mkdir(f"{stage}/{_ROOT}")
    os.mkdir(f"{stage}/{_SHM}")
    libc.mount("tmpfs", f"{stage}/{_SHM}", "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=1777")
    for mount in mounts:
        if mount["kind"] == "link":
            place = f"{stage}/{_ROOT}{mount['target']}"
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.symlink(mount["source"], place)


def config(plan: Plan, entry: Entry, arguments: list[str], stage: str, holder: int) -> dict[str, Any]:
    """One task of the plan, in the namespaces of the holder."""
    shared = ["pid", "ipc", "uts", *([] if plan["network"] else ["network"])]
    files = {"network": "net"}
    limits = plan["resource_limits"].items()
    return {
        "ociVersion": "1.0.0",
        "root": {"path": f"{stage}/{_ROOT}", "readonly": True},
        "process": {
            "args": arguments,
            "cwd": plan["workdir"],
            "env": [f"{name}={value}" for name, value in entry["env"].items()],
            "user": {"uid": 0, "gid": 0, "umask": 0o022},
            "capabilities": {name: [] for name in _CAPABILITY_SETS},
            "noNewPrivileges": True,
            "rlimits": [{"type": f"RLIMIT_{name}", "hard": value, "soft": value} for name, value in limits],
        },
        "mounts": [one for mount in plan["mounts"] for one in _mounts(mount, stage)],
        "linux": {
            "namespaces": [
                {"type": "mount"},
                *({"type": name, "path": f"/proc/{holder}/ns/{files.get(name, name)}"} for name in shared),
            ]
        },
        "annotations": {"run.oci.seccomp_bpf_data": plan["seccomp"]} if plan["seccomp"] else {},
    }


def _mounts(mount: Mount, stage: str) -> list[dict[str, Any]]:
    source, target = mount["source"], mount["target"]
    match mount["kind"]:
        case "link":
            return []
        case "proc":
            return [_mount("proc", "proc", target, ["nosuid", "nodev", "noexec"])]
        case "devfs":
            pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
            return [
                _mount("tmpfs", "tmpfs", target, ["nosuid", "mode=0755", "size=64k"]),
                _mount("devpts", "devpts", f"{target}/pts", pts),
                _mount("bind", f"{stage}/{_SHM}", f"{target}/shm", ["bind", *_FLAGS["rw"]]),
            ]
        case kind:
            return [_mount("bind", source, target, _bind(source, _FLAGS[kind]))]


def _bind(source: str, flags: Iterable[str]) -> list[str]:
    """Flags for all that is mounted below a directory; crun takes those for directories alone."""
    return ["rbind", *(f"r{flag}" for flag in flags)] if os.path.isdir(source) else ["bind", *flags]


def _mount(kind: str, source: str, target: str, options: list[str]) -> dict[str, Any]:
    return {"type": kind, "source": source, "destination": target, "options": options}
