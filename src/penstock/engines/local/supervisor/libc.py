"""The few system calls that Python does not offer, by way of libc."""

import ctypes
import os
import signal

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_SYS_MOUNT_SETATTR = 442
"""The same number on every architecture; Linux 5.12."""
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MNT_DETACH = 2
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")]


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def die_with_parent() -> None:
    """Have the kernel kill the calling process once its parent is dead."""
    _check(_LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def adopt_orphans() -> None:
    """Make the calling process the parent of descendants whose own parent ends."""
    _check(_LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def drop_privileges() -> None:
    """Give up every capability for good; no program started later gains any."""
    _check(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check(_LIBC.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2); raises OSError."""
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _check(
        _LIBC.mount(*arguments, ctypes.c_ulong(flags), os.fsencode(data) or None),
        f"mount {source} on {target}",
    )


def set_mount_flags(target: str, flags: int) -> None:
    """Put flags such as read-only on a mount and everything mounted below it."""
    attributes = _MountAttributes(flags, 0, 0, 0)
    path, size = os.fsencode(target), ctypes.sizeof(attributes)
    result = _LIBC.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        path,
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(size),
    )
    _check(result, f"mount_setattr {target}")


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2); raises OSError."""
    _check(_LIBC.pivot_root(os.fsencode(new), os.fsencode(old)), "pivot_root")


def detach(target: str) -> None:
    """Unmount lazily."""
    _check(_LIBC.umount2(os.fsencode(target), _MNT_DETACH), f"umount {target}")
