"""Profiles for containers as filters of the kernel, tried on a real process."""

import ctypes
import errno
import os

import msgspec
import pytest

from penstock.engines.local.images.seccomp import Profile, compiled
from penstock.engines.local.supervisor import libc


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed here")


def refused(program: bytes, call: str) -> int:
    """The error number of a call of os in a process with this filter; 0 where it is allowed."""
    pid = os.fork()
    if pid == 0:
        try:
            libc.drop_privileges()
            libc.filter_calls(program)
            eval(call)
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


RULES = [
    {"names": ["umask", "no_such_call"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOTTY},
    {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["rmdir", "unlinkat"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["sysinfo"], "action": "SCMP_ACT_ERRNO", "includes": {"arches": ["s390"]}},
    {"names": ["sync"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "999.0"}},
    {
        "names": ["getpriority"],
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": errno.EXDEV,
        "args": [{"index": 0, "value": os.PRIO_USER, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
    },
]


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("os.mkdir('/proc/x')", errno.ENOENT),
        ("os.rmdir('/nowhere')", errno.EPERM),
        ("os.sync()", 0),
        ("os.getpriority(os.PRIO_USER, 0)", errno.EXDEV),
        ("os.getpriority(os.PRIO_PROCESS, 0)", 0),
    ],
)
def test_a_profile_holds_as_for_a_program_without_capabilities(library, call, number):
    profile = msgspec.convert({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": RULES}, Profile)
    assert refused(compiled(profile, library), call) == number


def test_what_is_not_named_is_refused_where_the_profile_says_so(library):
    allowed = {"names": ["exit_group", "rt_sigaction", "munmap", "getppid"], "action": "SCMP_ACT_ALLOW"}
    told = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno.ENOSYS, "syscalls": [allowed]}
    program = compiled(msgspec.convert(told, Profile), library)
    assert refused(program, "os.getppid()") == 0
    assert refused(program, "os.listdir('/')") == errno.ENOSYS
