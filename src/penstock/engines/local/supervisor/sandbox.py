"""Where the tasks of an attempt live. A sandbox is held open by one process; tasks are our own children,
born into its PID namespace and moved into its other namespaces, so their exit codes and signals are exact.

When the supervisor dies, the kernel kills the holder (parent-death signal), which is the first process of
the PID namespace, and with it everything inside.
"""

from __future__ import annotations

import binascii
import os
import select

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.format import MESSAGES
from penstock.engines.local.supervisor.launch import program
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, read, signal
from penstock.engines.local.supervisor.process import Unstartable, start_gang

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.engines.local.supervisor.cgroup import Cgroup
    from penstock.engines.local.supervisor.shapes import Entry, Plan

_READY_S = 300.0
"""A host that starts a thousand sandboxes at once is slow, not broken."""


class Sandbox:
    """What the tasks run in; this one isolates nothing."""

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: str) -> None:
        self._plan, self._cgroup, self._directory = plan, cgroup, directory

    def wait(self) -> None:
        """Return once tasks can be put in; raises Unstartable."""

    def start(
        self, entries: Sequence[Entry], arguments: list[str], outputs: Mapping[int, int]
    ) -> dict[int, int]:
        """Start a program for each entry, all or none; process id -> rank. Raises Unstartable."""
        given = self._plan, self._cgroup, self.join
        return start_gang([program(one, arguments, outputs[one["rank"]], *given) for one in entries])

    def join(self) -> None:
        """Move the calling child in, with no capability left."""
        libc.drop_privileges()

    def kill(self) -> bool:
        """End every process inside; False where that is not sure to end all tasks."""
        return False

    def leave(self) -> bool:
        """Let go of it once nothing runs inside; False where this process cannot get out again."""
        return True


class Held(Sandbox):
    """Namespaces kept open by a holder process until the pipe to it is closed.

    The holder is ours, so it is in no control group of the attempt: it dies with us, or once it is told to.
    """

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: str) -> None:
        super().__init__(plan, cgroup, directory)
        self._namespaces: list[int] = []
        self._first = 0
        self._hold_reader, self._hold = os.pipe()
        self._up, self._up_writer = os.pipe()

    def join(self) -> None:
        """Move the calling child into the holder's namespaces, with no capability left."""
        for descriptor in self._namespaces:
            os.setns(descriptor)
        libc.drop_privileges()
        if self._plan["seccomp"]:
            libc.filter_calls(binascii.a2b_base64(self._plan["seccomp"]))

    def kill(self) -> bool:
        """End the first process of the PID namespace: the kernel ends the others."""
        if self._first:
            with Suppressed(ProcessLookupError):
                os.kill(self._first, signal.SIGKILL)
        return True

    def leave(self) -> bool:
        """Out again, unless a user namespace was entered: from that there is no way back."""
        for descriptor in (self._hold, self._up, *self._namespaces):
            os.close(descriptor)
        if os.geteuid() != 0 or not self._first:
            return False
        enter_namespace(os.getpid(), "pid")
        return True

    def _usher(self) -> None:
        """Have a process that does nothing enter the control groups while the sandbox is built.

        The first that enters after a while waits for the kernel, 5 to 15 ms; those that follow it do not.
        """
        if self._cgroup.exists and os.fork() == 0:
            try:
                self._cgroup.enter()
            finally:
                os._exit(0)

    def _open_namespaces(self) -> None:
        for name in ("mnt", "ipc", "uts", *(() if self._plan["network"] else ("net",))):
            self._namespaces.append(os.open(f"/proc/{self._first}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC))

    def _await_up(self) -> None:
        os.close(self._up_writer)
        readable, _, _ = select.select([self._up], [], [], _READY_S)
        if not readable or not os.read(self._up, 1):
            raise Unstartable("sandbox", last_message(self._directory))


def enter_namespace(pid: int, name: str) -> None:
    """Move the calling process into a namespace of another; a PID namespace takes only its children."""
    descriptor = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.setns(descriptor)
    finally:
        os.close(descriptor)


def last_message(directory: str) -> str:
    """What was said last while the sandbox was built."""
    lines = read(f"{directory}/{MESSAGES}").decode(errors="replace").splitlines()
    return f"the sandbox could not be set up: {lines[-1] if lines else 'it took too long'}"
