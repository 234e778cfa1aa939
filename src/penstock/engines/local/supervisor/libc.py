"""The few system calls that Python does not offer, by way of libc."""

from __future__ import annotations

import _ctypes
import os
import sys

from penstock.engines.local.supervisor.lean import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _INSTRUCTION_BYTES = 22, 2, 8
_CAPABILITY_VERSION_3 = 0x20080522
_MNT_DETACH = 2
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000


class _Int(_ctypes._SimpleCData):  # noqa: SLF001 - what `ctypes` is made of, a quarter of its time to load
    _type_ = "i"


class _Long(_ctypes._SimpleCData):  # noqa: SLF001
    _type_ = "l"


class _Text(_ctypes._SimpleCData):  # noqa: SLF001
    _type_ = "z"


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Int


_LIBC = _ctypes.dlopen(None, os.RTLD_NOW)  # ty: ignore[invalid-argument-type] - None is what we have loaded already
_prctl, _capset, _mount, _umount2, _pivot_root, _syscall = (
    _Function(_ctypes.dlsym(_LIBC, name))
    for name in ("prctl", "capset", "mount", "umount2", "pivot_root", "syscall")
)

_MOUNT_SETATTR, _HERE, _RECURSIVE, _ATTRIBUTES_BYTES = _Long(442), _Int(-100), _Long(0x8000), _Long(32)
"""The number of mount_setattr(2), the same everywhere (Linux 5.12), AT_FDCWD, AT_RECURSIVE, its argument's size."""


def _check(result: int, *what: str | None) -> None:
    if result != 0:
        number = _ctypes.get_errno()
        raise OSError(number, f"{' '.join(map(str, what))}: {os.strerror(number)}")


def _words(size: int, *values: int) -> bytes:
    return b"".join(value.to_bytes(size, sys.byteorder) for value in values)


def die_with_parent() -> None:
    """Have the kernel kill the calling process once its parent is dead."""
    _check(_prctl(_PR_SET_PDEATHSIG, _Long(signal.SIGKILL), _Long(0), _Long(0), _Long(0)), "prctl")


def adopt_orphans() -> None:
    """Make the calling process the parent of descendants whose own parent ends."""
    _check(_prctl(_PR_SET_CHILD_SUBREAPER, _Long(1), _Long(0), _Long(0), _Long(0)), "prctl")


def drop_privileges() -> None:
    """Give up every capability for good; no program started later gains any."""
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, _Long(1), _Long(0), _Long(0), _Long(0)), "prctl")
    _check(_capset(_words(4, _CAPABILITY_VERSION_3, 0), bytes(24)), "capset")


def filter_calls(program: bytes) -> None:
    """Let the calling process make only the system calls that a seccomp filter allows, for good."""
    pointer = bytes(_Text(program))
    length = _words(2, len(program) // _INSTRUCTION_BYTES)
    told = length.ljust(len(pointer), b"\0") + pointer  # struct sock_fprog
    _check(_prctl(_PR_SET_SECCOMP, _Long(_SECCOMP_MODE_FILTER), told, _Long(0), _Long(0)), "seccomp")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2); raises OSError."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _check(_mount(*texts, _Long(flags), os.fsencode(data) or None), "mount", source, "on", target)


def set_mount_flags(target: str, flags: int) -> None:
    """Put flags such as read-only on a mount and everything mounted below it."""
    attributes = flags.to_bytes(8, sys.byteorder) + bytes(
        24
    )  # and none cleared, no propagation, no user namespace
    _check(
        _syscall(_MOUNT_SETATTR, _HERE, os.fsencode(target), _RECURSIVE, attributes, _ATTRIBUTES_BYTES),
        "mount_setattr",
        target,
    )


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2); raises OSError."""
    _check(_pivot_root(os.fsencode(new), os.fsencode(old)), "pivot_root")


def detach(target: str) -> None:
    """Unmount lazily."""
    _check(_umount2(os.fsencode(target), _MNT_DETACH), "umount", target)
