"""The host's own seccomp profile for containers, compiled once: which system calls a program in an image may make.

The profile is the one that podman reads (containers-common, seccomp.json(5)); libseccomp, which crun needs in any
case, makes a filter of it. Compiled at each start it would cost 20 ms of processor time each.
"""

import base64
import ctypes
import os
import platform
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

PROFILES = (Path("/etc/containers/seccomp.json"), Path("/usr/share/containers/seccomp.json"))
_LIBRARY = "libseccomp.so.2"
_ACTIONS = {
    "SCMP_ACT_ALLOW": 0x7FFF0000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
}
_OPERATORS = ("", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")
_OPTIMIZE, _BINARY_TREE = 8, 2
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "loongarch64": "loong64", "ppc64le": "ppc64le"}
_EPERM = 1


class _Condition(msgspec.Struct, frozen=True):
    """Rules hold only for these machines, or with these capabilities; jobs have none."""

    arches: tuple[str, ...] | None = None
    caps: tuple[str, ...] | None = None
    min_kernel: str = msgspec.field(name="minKernel", default="")


class _Argument(msgspec.Struct, frozen=True):
    index: int
    value: int
    op: str
    second: int = msgspec.field(name="valueTwo", default=0)


class _Rule(msgspec.Struct, frozen=True):
    names: tuple[str, ...]
    action: str
    args: tuple[_Argument, ...] | None = None
    includes: _Condition = _Condition()
    excludes: _Condition = _Condition()
    errno: int | None = msgspec.field(name="errnoRet", default=None)


class _Map(msgspec.Struct, frozen=True):
    architecture: str
    below: tuple[str, ...] | None = msgspec.field(name="subArchitectures", default=None)


class Profile(msgspec.Struct, frozen=True):
    """What seccomp.json(5) says, as far as it is for a program without capabilities."""

    action: str = msgspec.field(name="defaultAction")
    syscalls: tuple[_Rule, ...]
    errno: int | None = msgspec.field(name="defaultErrnoRet", default=None)
    machines: tuple[_Map, ...] = msgspec.field(name="archMap", default=())


class _Compared(ctypes.Structure):
    _fields_ = [
        ("index", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


@cache
def find_filter() -> tuple[str, str]:
    """The filter of this host as base64 and the file that it was made of; empty where there is none."""
    path = next((path for path in PROFILES if path.is_file()), None)
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return "", ""
    if path is None:
        return "", ""
    program = compiled(msgspec.json.decode(path.read_bytes(), type=Profile), library)
    return base64.b64encode(program).decode(), str(path)


def compiled(profile: Profile, library: ctypes.CDLL) -> bytes:
    """A profile as a program for the kernel's filter machine. Raises OSError."""
    library.seccomp_init.restype = ctypes.c_void_p
    default = _action(profile.action, profile.errno)
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(default)))
    try:
        library.seccomp_attr_set(context, _OPTIMIZE, _BINARY_TREE)
        for name in _other_machines(profile):
            library.seccomp_arch_add(context, library.seccomp_arch_resolve_name(name.encode()))
        for rule in profile.syscalls:
            if _holds(rule.includes) and not _excluded(rule.excludes):
                _add(library, context, rule, default)
        with tempfile.TemporaryFile() as file:
            _check(library.seccomp_export_bpf(context, file.fileno()), "seccomp_export_bpf")
            file.seek(0)
            return file.read()
    finally:
        library.seccomp_release(context)


def _add(library: ctypes.CDLL, context: ctypes.c_void_p, rule: _Rule, default: int) -> None:
    action = _action(rule.action, rule.errno)
    arguments = rule.args or ()
    compared = (_Compared * len(arguments))(*map(_compared, arguments))
    for name in rule.names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number != -1 and action != default:  # a profile may be newer than the library
            done = library.seccomp_rule_add_array(
                context, ctypes.c_uint32(action), number, ctypes.c_uint(len(arguments)), compared
            )
            _check(done, f"seccomp rule for {name}")


def _compared(one: _Argument) -> _Compared:
    return _Compared(one.index, _OPERATORS.index(one.op.removeprefix("SCMP_CMP_")), one.value, one.second)


def _action(name: str, errno: int | None) -> int:
    return _ACTIONS[name] | ((_EPERM if errno is None else errno) if name == "SCMP_ACT_ERRNO" else 0)


def _other_machines(profile: Profile) -> Iterable[str]:
    """Other sets of system calls that the same processor runs, as libseccomp calls them."""
    for one in profile.machines:
        if one.architecture.removeprefix("SCMP_ARCH_").lower() == platform.machine():
            yield from (name.removeprefix("SCMP_ARCH_").lower() for name in one.below or ())


def _here() -> str:
    return _MACHINES.get(platform.machine(), platform.machine())


def _holds(condition: _Condition) -> bool:
    if condition.caps or (condition.arches and _here() not in condition.arches):
        return False
    return not condition.min_kernel or _release(os.uname().release) >= _release(condition.min_kernel)


def _excluded(condition: _Condition) -> bool:
    return bool(condition.arches and _here() in condition.arches)


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("-", maxsplit=1)[0].split(".")[:2])


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")
