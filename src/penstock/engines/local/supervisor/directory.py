"""The directory of one attempt, made whole in one step; and requests that are left in it."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.format import CONTROL, SCRIPTS, STOP
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Name, Suppressed, to_json
from penstock.engines.local.supervisor.record import replace_file, write_new

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NEW, TRASH = ".new-", ".trash-"


def make(directory: Name, files: Mapping[str, bytes]) -> bool:
    """Make the directory of an attempt on this host; False where it is there already."""
    return make_whole(directory, files, _open_ways)


def make_whole(
    directory: Name, files: Mapping[str, bytes], prepare: Callable[[str], None] | None = None
) -> bool:
    """Make a directory with these files, and what `prepare` puts there first, in one step; False where it is there."""
    new = f"{os.path.dirname(directory)}/{NEW}{os.urandom(8).hex()}"
    try:
        os.mkdir(new, 0o700)
        if prepare is not None:
            prepare(new)
        for name, content in files.items():
            write_new(f"{new}/{name}", content, mode=0o644)
        os.rename(new, directory)
    except OSError:
        remove(new)
        if os.path.isdir(directory):
            return False
        raise
    return True


def _open_ways(new: str) -> None:
    """Where scripts lie, and the pipe by which a supervisor is woken."""
    os.mkdir(f"{new}/{SCRIPTS}", 0o700)
    os.mkfifo(f"{new}/{CONTROL}", 0o600)


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
    with Suppressed(OSError):  # nobody listens: whoever takes it up reads the request first
        control = os.open(f"{directory}/{CONTROL}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(control, b"s")
        finally:
            os.close(control)
