"""Two ways to start: `serve` supervisors from a warm process, or be the supervisor of one directory."""

import contextlib
import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.attempt import Attempt
from penstock.engines.local.supervisor.bases import leave_server
from penstock.engines.local.supervisor.format import MESSAGES
from penstock.engines.local.supervisor.hierarchies import discover
from penstock.engines.local.supervisor.record import Record
from penstock.engines.local.supervisor.workers import BUILT, FREE, MESSAGE_BYTES, Workers

_ATTEMPTS_MAX = 1000
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A supervisor ends with its attempt; ask the engine to stop it."""


def main(arguments: list[str]) -> None:
    """Entry point."""
    match arguments:
        case ["serve"]:
            _serve(socket.socket(fileno=0))
        case [directory]:
            supervise(Path(directory))
        case _:
            sys.exit("usage: supervisor serve | DIRECTORY")


def _serve(requests: socket.socket) -> None:
    """Have a worker take up each directory named on the socket, until the other end is closed.

    Any other name asks for the control groups of that name, which are answered as JSON.
    """
    gc.freeze()
    usual = _open_files()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    workers = Workers(requests, lambda channel: _work(channel, usual))
    while request := workers.next_request():
        if request.startswith(b"/"):
            workers.give(request)
        else:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            groups = discover(request.decode())
            leave_server(groups)
            requests.send(json.dumps(groups).encode())
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _open_files() -> tuple[int, int]:
    """Allow ourselves as many open files as may be, one for each worker; returns what was usual."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual[1], usual[1]))
    return usual


def _work(channel: socket.socket, open_files: tuple[int, int]) -> None:
    """Supervise one attempt after another; ends with the warm process, or when one has left its traces."""
    resource.setrlimit(resource.RLIMIT_NOFILE, open_files)
    _become_supervisor()
    gc.disable()  # the little that goes round in circles ends with the worker
    for _ in range(_ATTEMPTS_MAX):
        request = channel.recv(MESSAGE_BYTES)
        if not request or not _supervise(Path(os.fsdecode(request)), lambda: _say(channel, BUILT)):
            return
        _say(channel, FREE)


def supervise(directory: Path) -> None:
    """Run the attempt of a directory to its end, or do nothing where another supervisor did or does."""
    _become_supervisor()
    _supervise(directory, lambda: None)


def _become_supervisor() -> None:
    os.setsid()
    os.umask(0o077)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    libc.adopt_orphans()


def _say(channel: socket.socket, message: bytes) -> None:
    """Tell the warm process; where that has ended, the attempt goes on all the same."""
    with contextlib.suppress(OSError):
        channel.send(message)


def _supervise(directory: Path, built: Callable[[], None]) -> bool:
    """Whether this process is afterwards as it was before, and fit for another attempt."""
    if not directory.is_dir():  # stopped and forgotten while it waited for its turn
        return True
    _redirect(directory / MESSAGES)
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
    _redirect(Path(os.devnull))
    return unmarked


def _redirect(path: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    messages = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, null), (1, messages), (2, messages)):
        os.dup2(source, target)
    os.close(null)
    os.close(messages)
