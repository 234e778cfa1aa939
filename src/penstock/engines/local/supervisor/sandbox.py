"""Where the tasks of an attempt live. A sandbox is held open by one process; tasks are our own children,
born into its PID namespace and moved into its other namespaces, so their exit codes and signals are exact.

When the supervisor dies, the kernel kills the holder (parent-death signal), which is the first process of
the PID namespace, and with it everything inside.
"""

from __future__ import annotations

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
        self._first, self._messages = 0, os.dup(2)
        self._hold_reader, self._hold = os.pipe()
        self._up, self._up_writer = os.pipe()
        self._filter = b""
        if plan["seccomp"]:
            import binascii  # few attempts have one, and inside no module can be loaded

            self._filter = binascii.a2b_base64(plan["seccomp"])

    def join(self) -> None:
        """Move the calling child into the holder's namespaces, with no capability left."""
        names = ("mnt", "ipc", "uts", *(() if self._plan["network"] else ("net",)))
        opened = [open_namespace(self._first, name) for name in names]  # all, while /proc is the host's
        for namespace in opened:
            os.setns(namespace)
        libc.drop_privileges()
        if self._filter:
            libc.filter_calls(self._filter)

    def kill(self) -> bool:
        """End the first process of the PID namespace: the kernel ends the others."""
        if self._first:
            with Suppressed(ProcessLookupError):
                os.kill(self._first, signal.SIGKILL)
        return True

    def leave(self) -> bool:
        """Out again, unless a user namespace was entered: from that there is no way back."""
        for descriptor in (self._messages, self._hold, self._up):
            os.close(descriptor)
        if os.geteuid() != 0 or not self._first:
            return False
        enter_namespace(os.getpid(), "pid")
        return True

    def _usher(self) -> None:
        """Have a process that does nothing enter the control groups while the sandbox is built.

        The first that enters after a while waits for the kernel, 5 to 15 ms; those that follow it do not. It is for
        tasks that cannot be born before the sandbox is there.
        """
        if self._cgroup.exists and os.fork() == 0:
            try:
                self._cgroup.enter()
            finally:
                os._exit(0)

    def _close_theirs(self) -> None:
        """The holder's ends of the pipes, once it has them."""
        os.close(self._hold_reader)
        os.close(self._up_writer)

    def _await_up(self) -> None:
        """Return once the holder has said so, which stays to be read by others. Raises Unstartable."""
        poll = select.poll()
        poll.register(self._up, select.POLLIN)
        ready = poll.poll(_READY_S * 1000)
        if not ready or not ready[0][1] & select.POLLIN:
            raise Unstartable("sandbox", last_message(self._directory, self._messages))


def open_namespace(pid: int, name: str) -> int:
    """A namespace of another process, as what it can be entered by; closed when a program is started."""
    return os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)


def enter_namespace(pid: int, name: str) -> None:
    """Move the calling process into a namespace of another; a PID namespace takes only its children."""
    descriptor = open_namespace(pid, name)
    try:
        os.setns(descriptor)
    finally:
        os.close(descriptor)


def last_message(directory: str, messages: int = 2) -> str:
    """What was said last while the sandbox was built: in a file, or else on what the supervisor has for errors."""
    try:
        text = read(f"{directory}/{MESSAGES}")
    except FileNotFoundError:
        text = os.pread(messages, 2**16, 0)
    lines = text.decode(errors="replace").splitlines()
    return f"the sandbox could not be set up: {lines[-1] if lines else 'it took too long'}"
