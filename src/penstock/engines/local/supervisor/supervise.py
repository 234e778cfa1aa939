"""Being the supervisor of one directory: whoever calls is it from then on."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.attempt import Attempt
from penstock.engines.local.supervisor.bases import leave_server
from penstock.engines.local.supervisor.format import MESSAGES
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, signal
from penstock.engines.local.supervisor.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A supervisor ends with its attempt; ask the engine to stop it."""
_MESSAGES_BYTES = 2**20


def supervise(directory: str) -> None:
    """Run the attempt of a directory to its end, or do nothing where another supervisor did or does."""
    become_supervisor()
    take_up(directory, lambda: None)


def become_supervisor() -> None:
    """Live apart from whoever started us, and be the parent of all that we start."""
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    if null != 0:  # standard input may have been closed
        os.dup2(null, 0)
        os.close(null)
    os.setsid()
    os.umask(0o077)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    libc.adopt_orphans()


def take_up(directory: str, built: Callable[[], None]) -> bool:
    """Supervise one attempt; whether this process is afterwards as it was before, and fit for another."""
    if not os.path.isdir(directory):  # stopped and forgotten while it waited for its turn
        return True
    messages = os.memfd_create("messages")
    os.dup2(messages, 1)
    os.dup2(messages, 2)
    try:
        return _run(directory, built)
    finally:
        _keep(messages, directory)
        os.close(messages)


def _run(directory: str, built: Callable[[], None]) -> bool:
    unmarked = True
    try:
        record = Record(directory)
        if record.take():
            plan = record.plan()
            leave_server(plan["groups"])
            unmarked = Attempt(record, plan, built).live()
        record.close()
    except Exception:  # noqa: BLE001 - the engine sees the attempt as lost; this is where the reason stays
        import traceback  # takes as long to load as all the rest

        traceback.print_exc()
        return False
    return unmarked


def _keep(messages: int, directory: str) -> None:
    """A file for those attempts alone that there is something to say of."""
    if text := os.pread(messages, _MESSAGES_BYTES, 0):
        with Suppressed(OSError):
            file = os.open(
                f"{directory}/{MESSAGES}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            os.write(file, text)
            os.close(file)
