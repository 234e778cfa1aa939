"""A sandbox built by bubblewrap, which others have reviewed; what it leaves open we close in the plan."""

import contextlib
import json
import os
import signal
from pathlib import Path

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.cgroup import Cgroup
from penstock.engines.local.supervisor.format import Mount, Plan
from penstock.engines.local.supervisor.sandbox import Held, enter_namespace


class Bubblewrap(Held):
    """Built by bubblewrap: its first process collects orphans, and a `cat` keeps it open."""

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: Path) -> None:
        super().__init__(plan, cgroup, directory)
        self._info, info_writer = os.pipe()
        os.write(self._hold, b"\n")
        self._outer = os.fork()
        if self._outer == 0:
            try:
                self._execute(info_writer)
            finally:
                os._exit(1)
        os.close(info_writer)
        self._usher()

    def wait(self) -> None:
        """Return once `cat` answers inside; from then on our children are born in its PID namespace."""
        os.close(self._hold_reader)
        self._await_up()
        with os.fdopen(self._info, "rb") as info:
            self._first = json.load(info)["child-pid"]
        if os.geteuid() != 0:
            enter_namespace(self._first, "user")
        enter_namespace(self._first, "pid")
        self._open_namespaces()

    def kill(self) -> None:
        """End what is inside; before that is known, what builds it."""
        if self._first:
            super().kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._outer, signal.SIGKILL)

    def _execute(self, info_writer: int) -> None:
        libc.die_with_parent()
        os.dup2(self._hold_reader, 0)
        os.dup2(self._up_writer, 1)
        os.set_inheritable(info_writer, True)
        options = self._options(info_writer)
        hidden = os.memfd_create("options", 0)  # in the arguments, the job could read the host's paths
        os.write(hidden, "\0".join(options).encode())
        os.lseek(hidden, 0, os.SEEK_SET)
        path = f"{os.defpath}:/usr/local/bin"
        os.execvpe("bwrap", ["bwrap", "--args", str(hidden), "--", "/bin/cat"], {"PATH": path})  # noqa: S606

    def _options(self, info_writer: int) -> list[str]:
        options = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
        options += ["--info-fd", str(info_writer)]
        options += [] if self._plan["network"] else ["--unshare-net"]
        options += ["--unshare-user", "--uid", "0", "--gid", "0"] if os.geteuid() != 0 else []
        for mount in self._plan["mounts"]:
            options += bubblewrap_option(mount)
        return [*options, "--remount-ro", "/"]


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
