"""The directory of one attempt, made whole in one step; and requests that are left in it."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.format import STOP
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Name, Suppressed, socket, to_json
from penstock.engines.local.supervisor.record import control_name, replace_file, write_new

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
    with Suppressed(OSError):  # nobody listens: whoever takes it up reads the request first
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        caller.setblocking(False)
        try:
            caller.sendto(b"s", control_name(directory))
        finally:
            caller.close()
