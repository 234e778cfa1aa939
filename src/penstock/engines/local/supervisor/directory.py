"""The directory of one attempt, made whole in one step; and requests that are left in it."""

from __future__ import annotations

import os
import sys

from penstock.engines.local.supervisor.format import LOCK, STOP
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Name, Suppressed, signal, to_json
from penstock.engines.local.supervisor.record import replace_file, write_new

if TYPE_CHECKING:
    from collections.abc import Mapping

NEW, TRASH = ".new-", ".trash-"


def make(directory: Name, files: Mapping[str, bytes]) -> bool:
    """Make a directory with these files in one step; False where it is there already."""
    new = f"{os.path.dirname(directory)}/{NEW}{os.urandom(8).hex()}"
    try:
        os.mkdir(new, 0o700)
        for name, content in files.items():
            write_new(f"{new}/{name}", content, mode=0o644)
        os.rename(new, directory)
    except OSError:
        remove(new)
        if os.path.isdir(directory):
            return False
        raise
    return True


def remove(directory: Name) -> None:
    """Remove in one step for whoever looks, then take the time to delete."""
    trash = f"{os.path.dirname(directory)}/{TRASH}{os.urandom(8).hex()}"
    with Suppressed(FileNotFoundError):
        os.rename(directory, trash)
        remove_tree(trash)


def remove_tree(path: Name) -> None:
    """Delete a directory and all that is in it, as far as that can be."""
    import shutil  # loads what unpacks archives too

    shutil.rmtree(path, ignore_errors=True)


def ask_to_stop(directory: Name, grace_s: float) -> None:
    """Leave a request and wake the supervisor, where there is one."""
    replace_file(f"{directory}/{STOP}", to_json({"grace_s": grace_s}), durable=False)
    if process := supervisor_of(directory):  # else whoever takes it up reads the request first
        with Suppressed(OSError):  # a signal that no process minds, should its number have become another's
            os.kill(process, signal.SIGCHLD)


def supervisor_of(directory: Name) -> int:
    """The process that holds the attempt, or 0; asking takes no lock and disturbs nobody."""
    import fcntl  # no supervisor asks

    try:
        file = os.open(f"{directory}/{LOCK}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        answer = fcntl.fcntl(file, fcntl.F_GETLK, fcntl.F_WRLCK.to_bytes(2, sys.byteorder).ljust(32, b"\0"))
    finally:
        os.close(file)
    # struct flock of 64-bit Linux: type, whence, start, length, process
    kind, process = (int.from_bytes(answer[at : at + size], sys.byteorder) for at, size in ((0, 2), (24, 4)))
    return process if kind != fcntl.F_UNLCK else 0
