"""Two ways to start: `serve` supervisors from a warm process, or be the supervisor of one directory."""

import gc
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.attempt import Attempt
from penstock.engines.local.supervisor.bases import leave_server
from penstock.engines.local.supervisor.format import MESSAGES
from penstock.engines.local.supervisor.hierarchies import discover
from penstock.engines.local.supervisor.record import Record

_MESSAGE_BYTES = 4096
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
    """Fork a supervisor for each directory named on the socket, until the other end is closed.

    Any other name asks for the control groups of that name, which are answered as JSON.
    """
    gc.freeze()
    while request := requests.recv(_MESSAGE_BYTES):
        if request.startswith(b"/"):
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            _fork_supervisor(Path(os.fsdecode(request)), requests)
        else:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            groups = discover(request.decode())
            leave_server(groups)
            requests.send(json.dumps(groups).encode())


def _fork_supervisor(directory: Path, requests: socket.socket) -> None:
    if os.fork() == 0:
        requests.close()
        try:
            supervise(directory)
        finally:
            os._exit(0)


def supervise(directory: Path) -> None:
    """Run the attempt of a directory to its end, or do nothing where another supervisor did or does."""
    os.setsid()
    os.umask(0o077)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _redirect(directory)
    try:
        record = Record(directory)
        if record.take():
            plan = record.plan()
            leave_server(plan["groups"])
            libc.adopt_orphans()
            Attempt(record, plan).live()
    except Exception:  # noqa: BLE001 - the engine sees the attempt as lost; this is where the reason stays
        traceback.print_exc()


def _redirect(directory: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    messages = os.open(directory / MESSAGES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, null), (1, messages), (2, messages)):
        os.dup2(source, target)
    os.close(null)
    os.close(messages)
