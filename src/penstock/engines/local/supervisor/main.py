"""Two ways to start: `serve` supervisors from a warm process, or be the supervisor of one directory."""

from __future__ import annotations

import gc
import os
import resource
import sys

from penstock.engines.local.supervisor import processes, watch  # noqa: F401 - once for all workers
from penstock.engines.local.supervisor.attempt import sandbox_of
from penstock.engines.local.supervisor.bases import leave_server
from penstock.engines.local.supervisor.hierarchies import discover
from penstock.engines.local.supervisor.lean import Suppressed, signal, socket, to_json
from penstock.engines.local.supervisor.supervise import become_supervisor, supervise, take_up
from penstock.engines.local.supervisor.workers import BUILT, FREE, MESSAGE_BYTES, Workers

_ATTEMPTS_MAX = 1000


def main(arguments: list[str]) -> None:
    """Entry point."""
    match arguments:
        case ["serve"]:
            _serve(socket.socket(fileno=0))
        case [directory]:
            supervise(os.path.abspath(directory))
        case _:
            sys.exit("usage: supervisor serve | DIRECTORY")


def _serve(requests: socket.socket) -> None:
    """Have a worker take up each directory named on the socket, until the other end is closed.

    Any other name asks for the control groups of that name, which are answered as JSON.
    """
    for isolation in ("bubblewrap", "crun", "namespaces"):
        sandbox_of(isolation)  # once for all workers
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
            requests.send(to_json(groups))
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _open_files() -> tuple[int, int]:
    """Allow ourselves as many open files as may be, one for each worker; returns what was usual."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual[1], usual[1]))
    return usual


def _work(channel: socket.socket, open_files: tuple[int, int]) -> None:
    """Supervise one attempt after another; ends with the warm process, or when one has left its traces."""
    resource.setrlimit(resource.RLIMIT_NOFILE, open_files)
    become_supervisor()
    gc.disable()  # the little that goes round in circles ends with the worker
    for _ in range(_ATTEMPTS_MAX):
        request = channel.recv(MESSAGE_BYTES)
        if not request or not take_up(os.fsdecode(request), lambda: _say(channel, BUILT)):
            return
        _say(channel, FREE)


def _say(channel: socket.socket, message: bytes) -> None:
    """Tell the warm process; where that has ended, the attempt goes on all the same."""
    with Suppressed(OSError):
        channel.send(message)
