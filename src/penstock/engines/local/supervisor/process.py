"""Starting a gang: every member is prepared behind a gate, and the gate opens for all or for none."""

from __future__ import annotations

import os
import select
import time

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

_PREPARE_S = 300.0
_GO = b"g"
_READY = b"r"
_DEFAULT_SIGNALS = (
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGCHLD,
)


class Unstartable(Exception):
    """A member could not be prepared. The first argument is a code, the second a sentence."""


class Member:
    """What to start: `prepare` runs before the gate, `run` after it and does not return.

    With `executes`, `run` replaces the process by a program; else it is work of our own.
    """

    def __init__(
        self,
        rank: int,
        output: int,
        prepare: Callable[[], None],
        run: Callable[[], NoReturn],
        *,
        executes: bool = True,
    ) -> None:
        self.rank, self.output = rank, output
        self.prepare, self.run, self.executes = prepare, run, executes


class _Child:
    def __init__(self, rank: int, pid: int, ready: int) -> None:
        self.rank, self.pid, self.ready = rank, pid, ready


def start_gang(members: Sequence[Member]) -> dict[int, int]:
    """Process id -> rank of the started members, each leader of a session of its own.

    Raises Unstartable when one cannot be prepared; then none has run and all are gone.
    """
    gate_reader, gate = os.pipe()
    children: list[_Child] = []
    try:
        for member in members:
            children.append(_fork(member, gate_reader, gate))  # noqa: PERF401 - what was forked must be known
        deadline = time.monotonic() + _PREPARE_S
        for child in children:
            _expect(child, _READY, deadline)
        os.write(gate, _GO * len(children))
        for child in children:
            _expect(child, b"", deadline)
    except (Unstartable, OSError) as error:
        for child in children:
            with Suppressed(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
        if isinstance(error, OSError):
            raise Unstartable("start", f"a process could not be started: {error}") from error
        raise
    finally:
        for descriptor in (gate_reader, gate, *(child.ready for child in children)):
            os.close(descriptor)
    return {child.pid: child.rank for child in children}


def _fork(member: Member, gate_reader: int, gate: int) -> _Child:
    ready, ready_writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(ready_writer)
        return _Child(member.rank, pid, ready)
    try:
        os.close(gate)
        _become(member, ready_writer, gate_reader)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        code, text = error.args if isinstance(error, Unstartable) else ("start", f"{error}")
        os.write(ready_writer, f"{code}\n{text}"[:4000].encode())
    finally:
        os._exit(127)


def _become(member: Member, ready_writer: int, gate_reader: int) -> None:
    os.setsid()
    for number in _DEFAULT_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(member.output, 1)
    os.dup2(member.output, 2)
    member.prepare()
    os.write(ready_writer, _READY)
    if os.read(gate_reader, 1) != _GO:
        return
    if not member.executes:
        os.close(ready_writer)
    member.run()


def _expect(child: _Child, wanted: bytes, deadline: float) -> None:
    """Read one message of a child: ready, or (with nothing wanted) that its program has replaced it."""
    readable, _, _ = select.select([child.ready], [], [], max(0.0, deadline - time.monotonic()))
    message = os.read(child.ready, 4096) if readable else b"start\ntook too long to start"
    if message == wanted:
        return
    code, _, text = message.decode(errors="replace").partition("\n")
    raise Unstartable(code or "start", f"task {child.rank}: {text or 'died while it was started'}")
