"""Processes found in /proc, for hosts where no control group holds them together."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, read, signal

if TYPE_CHECKING:
    from collections.abc import Iterator


def marked_processes(mark: str) -> list[int]:
    """Processes with this variable in their environment: all of the attempt but those that took it off."""
    found = []
    for pid in _pids():
        with Suppressed(OSError):  # ended, or another user's
            if mark.encode() in read(f"/proc/{pid}/environ").split(b"\0"):
                found.append(pid)
    return found


def processor_us(pids: list[int]) -> int:
    """Processor time of these processes and of the children that they have waited for."""
    ticks = 0
    for pid in pids:
        with Suppressed(OSError):
            ticks += sum(map(int, _stat(pid)[11:15]))
    return ticks * 1_000_000 // os.sysconf("SC_CLK_TCK")


def descendants(ancestor: int) -> list[int]:
    """Every process below this one."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with Suppressed(OSError):
            children.setdefault(int(_stat(pid)[1]), []).append(pid)
    found = list(children.get(ancestor, ()))
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def kill(pids: list[int]) -> None:
    """SIGKILL to each that is still there."""
    for pid in pids:
        with Suppressed(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def _stat(pid: int) -> list[bytes]:
    """The fields that follow the name of its program."""
    return read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
