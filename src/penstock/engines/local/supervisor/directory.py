"""The directory of one attempt, made whole in one step; and requests that are left in it."""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from penstock.engines.local.supervisor.format import CONTROL, SCRIPTS, STOP
from penstock.engines.local.supervisor.record import replace_file

NEW, TRASH = ".new-", ".trash-"


def make(directory: Path, files: Mapping[str, bytes]) -> bool:
    """Make the directory of an attempt on this host; False where it is there already."""
    return make_whole(directory, files, _open_ways)


def make_whole(
    directory: Path, files: Mapping[str, bytes], prepare: Callable[[Path], None] | None = None
) -> bool:
    """Make a directory with these files, and what `prepare` puts there first, in one step; False where it is there."""
    new = directory.parent / f"{NEW}{os.urandom(8).hex()}"
    try:
        new.mkdir(mode=0o700)
        if prepare is not None:
            prepare(new)
        for name, content in files.items():
            _write(f"{new}/{name}", content)
        new.rename(directory)
    except OSError:
        remove(new)
        if directory.is_dir():
            return False
        raise
    return True


def _open_ways(new: Path) -> None:
    """Where scripts lie, and the pipe by which a supervisor is woken."""
    (new / SCRIPTS).mkdir(mode=0o700)
    os.mkfifo(new / CONTROL, 0o600)


def _write(path: str, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        written = os.write(file, content)
        if written != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    finally:
        os.close(file)


def remove(directory: Path) -> None:
    """Remove in one step for whoever looks, then take the time to delete."""
    trash = directory.parent / f"{TRASH}{os.urandom(8).hex()}"
    with contextlib.suppress(FileNotFoundError):
        directory.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


def ask_to_stop(directory: Path, grace_s: float) -> None:
    """Leave a request and wake the supervisor, where there is one."""
    replace_file(directory / STOP, json.dumps({"grace_s": grace_s}).encode(), durable=False)
    with contextlib.suppress(OSError):  # nobody listens: whoever takes it up reads the request first
        control = os.open(directory / CONTROL, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(control, b"s")
        finally:
            os.close(control)
