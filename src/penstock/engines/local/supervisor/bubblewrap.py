"""A sandbox built by bubblewrap, which others have reviewed; what it leaves open we close in the plan."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, from_json, signal
from penstock.engines.local.supervisor.sandbox import Held, enter_namespace

if TYPE_CHECKING:
    from penstock.engines.local.supervisor.cgroup import Cgroup
    from penstock.engines.local.supervisor.shapes import Mount, Plan

_PLACES = (*os.defpath.split(os.pathsep), "/usr/local/bin")


class Bubblewrap(Held):
    """Built by bubblewrap: its first process collects orphans, and a `cat` keeps it open."""

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: str) -> None:
        super().__init__(plan, cgroup, directory)
        self._info, info_writer = os.pipe()
        os.write(self._hold, b"\n")
        self._outer = self._spawn(info_writer)
        os.close(info_writer)
        self._close_theirs()
        self._usher()

    def wait(self) -> None:
        """Return once `cat` answers inside; from then on our children are born in its PID namespace."""
        self._await_up()
        self._first = from_json(os.read(self._info, 4096))["child-pid"]
        os.close(self._info)
        if os.geteuid() != 0:
            enter_namespace(self._first, "user")
        enter_namespace(self._first, "pid")

    def kill(self) -> bool:
        """End what is inside; before that is known, what builds it."""
        if not self._first:
            with Suppressed(ProcessLookupError):
                os.kill(self._outer, signal.SIGKILL)
        return super().kill()

    def _spawn(self, info_writer: int) -> int:
        """Start it without a copy of our memory. Where we die before it has asked to die with us, `cat` ends."""
        os.set_inheritable(info_writer, True)
        options = self._options(info_writer)
        hidden = os.memfd_create("options", 0)  # in the arguments, the job could read the host's paths
        try:
            os.write(hidden, "\0".join(options).encode())
            os.lseek(hidden, 0, os.SEEK_SET)
            words = ["bwrap", "--args", str(hidden), "--", "/bin/cat"]
            held = [(os.POSIX_SPAWN_DUP2, self._hold_reader, 0), (os.POSIX_SPAWN_DUP2, self._up_writer, 1)]
            return os.posix_spawn(_program(), words, {}, file_actions=held)
        finally:
            os.close(hidden)

    def _options(self, info_writer: int) -> list[str]:
        options = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
        options += ["--info-fd", str(info_writer)]
        options += [] if self._plan["network"] else ["--unshare-net"]
        options += ["--unshare-user", "--uid", "0", "--gid", "0"] if os.geteuid() != 0 else []
        for mount in self._plan["mounts"]:
            options += bubblewrap_option(mount)
        return [*options, "--remount-ro", "/"]


def _program() -> str:
    return next((path for place in _PLACES if os.access(path := f"{place}/bwrap", os.X_OK)), "bwrap")


def bubblewrap_option(mount: Mount) -> list[str]:
    """One mount as bubblewrap writes it."""
    source, target = mount["source"], mount["target"]
    match mount["kind"]:
        case "proc":
            return ["--proc", target]
        case "devfs":
            return ["--dev", target]
        case "link":
            return ["--symlink", source, target]
        case "ro":
            return ["--ro-bind", source, target]
        case "dev":
            return ["--dev-bind", source, target]
        case "rw":
            return ["--bind", source, target]
