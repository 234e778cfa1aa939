"""A sandbox that we build ourselves, in one process and without a program of its own. Linux 5.12."""

from __future__ import annotations

import os
import sys

from penstock.engines.local.supervisor import libc, rootfs
from penstock.engines.local.supervisor.format import PRIVATE_TMP
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, signal, socket, write
from penstock.engines.local.supervisor.process import Unstartable
from penstock.engines.local.supervisor.sandbox import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.engines.local.supervisor.cgroup import Cgroup
    from penstock.engines.local.supervisor.shapes import Entry, Plan

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


class Namespaces(Held):
    """Built by us: the holder is the first process of the namespaces and collects orphans.

    Tasks are born into its PID namespace while it builds, and wait for it where they need it.
    """

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: str) -> None:
        super().__init__(plan, cgroup, directory)
        if os.geteuid() != 0:
            _become_root_of_user_namespace()
        self._fork_holder()
        self._close_theirs()

    def start(
        self, entries: Sequence[Entry], arguments: list[str], outputs: Mapping[int, int]
    ) -> dict[int, int]:
        """Process id -> rank; all tasks are ready before the first begins. Raises Unstartable."""
        try:
            return super().start(entries, arguments, outputs)
        except Unstartable:
            self._await_up()  # where the tree could not be built, what waited for it has died with the holder
            raise

    def join(self) -> None:
        """Move the calling child in once the file tree is built; raises Unstartable where that failed."""
        self._await_up()
        super().join()

    def _fork_holder(self) -> None:
        os.unshare(os.CLONE_NEWPID)
        self._first = fork(self._hold_open)

    def _build_tree(self) -> None:
        rootfs.build(self._plan["mounts"], f"{self._directory}/{PRIVATE_TMP}")

    def _hold_open(self) -> None:
        libc.die_with_parent()
        network = 0 if self._plan["network"] else os.CLONE_NEWNET
        os.unshare(os.CLONE_NEWNS | os.CLONE_NEWIPC | os.CLONE_NEWUTS | network)
        if network:
            _raise_loopback()
        self._build_tree()
        keep_only(self._hold_reader, self._up_writer)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries orphans at once
        os.write(self._up_writer, b"\n")
        os.read(self._hold_reader, 1)  # ends when the supervisor does


def fork(work: Callable[[], object]) -> int:
    """Have a child do this and end; its number."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except OSError as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(1)
    return pid


def _become_root_of_user_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    write("/proc/self/setgroups", b"deny")
    write("/proc/self/uid_map", b"0 %d 1" % user)
    write("/proc/self/gid_map", b"0 %d 1" % group)


def _raise_loopback() -> None:
    import fcntl  # few jobs want no network

    any_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    request = b"lo".ljust(16, b"\0") + _IFF_UP.to_bytes(2, sys.byteorder) + bytes(22)  # struct ifreq
    fcntl.ioctl(any_socket.fileno(), _SIOCSIFFLAGS, request)
    any_socket.close()


def keep_only(*descriptors: int) -> None:
    """Close all descriptors but these and the standard ones."""
    previous = 2
    for descriptor in sorted(descriptors):
        os.closerange(previous + 1, descriptor)
        previous = descriptor
    os.closerange(previous + 1, 2**20)
