"""Where the tasks of an attempt live. A sandbox is held open by one process; tasks are our own children,
born into its PID namespace and moved into its other namespaces, so their exit codes and signals are exact.

When the supervisor dies, the kernel kills the holder (parent-death signal), which is the first process of
the PID namespace, and with it everything inside.
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import struct
from pathlib import Path
from typing import Protocol

from penstock.engines.local.supervisor import libc, rootfs
from penstock.engines.local.supervisor.cgroup import Cgroup
from penstock.engines.local.supervisor.format import MESSAGES, STAGE, Mount, Plan
from penstock.engines.local.supervisor.process import Unstartable

_READY_S = 30.0
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


class Sandbox(Protocol):
    """What the tasks run in."""

    def wait(self) -> None:
        """Return once tasks can be put in; raises Unstartable."""

    def join(self) -> None:
        """Move the calling child in, with no capability left."""

    def kill(self) -> None:
        """End every process inside."""


class Plain:
    """No isolation: process groups only."""

    def wait(self) -> None:
        """Nothing to wait for."""

    def join(self) -> None:
        """Stay where we are, with no capability left."""
        libc.drop_privileges()

    def kill(self) -> None:
        """Nothing holds the tasks; the caller kills them one by one."""


class Held:
    """Namespaces kept open by a holder process until the pipe to it is closed."""

    _names = ("mnt", "ipc", "uts", "net", "user")

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: Path) -> None:
        self._plan, self._cgroup, self._directory = plan, cgroup, directory
        self._namespaces: list[int] = []
        self._first = 0
        self._hold_reader, self._hold = os.pipe()
        self._up, self._up_writer = os.pipe()

    def join(self) -> None:
        """Move the calling child into the holder's namespaces, with no capability left."""
        for descriptor in self._namespaces:
            os.setns(descriptor)
        libc.drop_privileges()

    def kill(self) -> None:
        """End the first process of the PID namespace: the kernel ends the others."""
        if self._first:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._first, signal.SIGKILL)

    def _open_namespaces(self) -> None:
        """Those of the holder that differ from ours. A user namespace comes last: root needs its own."""
        for name in self._names:
            ours, theirs = Path(f"/proc/self/ns/{name}"), Path(f"/proc/{self._first}/ns/{name}")
            if ours.readlink() != theirs.readlink():
                self._namespaces.append(os.open(theirs, os.O_RDONLY | os.O_CLOEXEC))

    def _await_up(self) -> None:
        os.close(self._up_writer)
        readable, _, _ = select.select([self._up], [], [], _READY_S)
        if not readable or not os.read(self._up, 1):
            raise Unstartable("sandbox", _last_message(self._directory))


class Namespaces(Held):
    """Built by us: the holder is the first process of the namespaces and collects orphans."""

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: Path) -> None:
        super().__init__(plan, cgroup, directory)
        if os.geteuid() != 0:
            _become_root_of_user_namespace()
        os.unshare(os.CLONE_NEWPID)
        self._first = os.fork()
        if self._first == 0:
            try:
                self._hold_open()
            except OSError as error:
                os.write(2, f"{error}\n".encode())
            finally:
                os._exit(1)

    def wait(self) -> None:
        """Return once the file tree is built."""
        self._await_up()
        self._open_namespaces()

    def _hold_open(self) -> None:
        libc.die_with_parent()
        self._cgroup.enter()
        network = 0 if self._plan["network"] else os.CLONE_NEWNET
        os.unshare(os.CLONE_NEWNS | os.CLONE_NEWIPC | os.CLONE_NEWUTS | network)
        if network:
            _raise_loopback()
        rootfs.build(self._plan["mounts"], self._directory / STAGE)
        _keep_only(self._hold_reader, self._up_writer)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries orphans at once
        os.write(self._up_writer, b"\n")
        os.read(self._hold_reader, 1)  # ends when the supervisor does


class Bubblewrap(Held):
    """Built by bubblewrap: its first process collects orphans, and a `cat` keeps it open."""

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: Path) -> None:
        super().__init__(plan, cgroup, directory)
        self._info, info_writer = os.pipe()
        os.write(self._hold, b"\n")
        if os.fork() == 0:
            try:
                self._execute(info_writer)
            finally:
                os._exit(1)
        os.close(info_writer)

    def wait(self) -> None:
        """Return once `cat` answers inside; from then on our children are born in its PID namespace."""
        os.close(self._hold_reader)
        self._await_up()
        with os.fdopen(self._info, "rb") as info:
            self._first = json.load(info)["child-pid"]
        if os.geteuid() != 0:
            _enter_namespace(self._first, "user")
        _enter_namespace(self._first, "pid")
        self._open_namespaces()

    def _execute(self, info_writer: int) -> None:
        libc.die_with_parent()
        self._cgroup.enter()
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


def open_sandbox(plan: Plan, cgroup: Cgroup, directory: Path) -> Sandbox:
    """Begin to set up the sandbox that the plan names; raises OSError where the host refuses."""
    match plan["isolation"]:
        case "bubblewrap":
            return Bubblewrap(plan, cgroup, directory)
        case "namespaces":
            return Namespaces(plan, cgroup, directory)
        case _:
            return Plain()


def _last_message(directory: Path) -> str:
    lines = (directory / MESSAGES).read_text(errors="replace").splitlines()
    return f"the sandbox could not be set up: {lines[-1] if lines else 'it took too long'}"


def _become_root_of_user_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _enter_namespace(pid: int, name: str) -> None:
    descriptor = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    os.setns(descriptor)
    os.close(descriptor)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _keep_only(*descriptors: int) -> None:
    previous = 2
    for descriptor in sorted(descriptors):
        os.closerange(previous + 1, descriptor)
        previous = descriptor
    os.closerange(previous + 1, 2**20)
