"""Processes that supervise one attempt after another, so that most attempts cost no fork of a supervisor.

Each has its own socket to the warm process: a directory goes to it, `built` comes back once its tasks are in
their sandbox and groups, and `free` at the end; when either end is gone the other sees it. A worker never has
two attempts at once. Only some build at the same time and the others wait here, where a stop needs nobody: the
kernel makes control groups one after the other, and the more wait for it the longer each takes.
"""

from __future__ import annotations

import os
import select

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, socket

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE_BYTES = 4096
BUILT, FREE = b"built", b"free"
BUILDING_MAX = 16
"""With 8 and with 32 a burst took as long on two cores; a thousand at once took four times as long."""
_IDLE_MAX = 32
"""A worker holds 2 to 3 MB."""


class Workers:
    """The workers of the warm process; those that are free wait, the last one that worked is used first."""

    def __init__(self, requests: socket.socket, work: Callable[[socket.socket], None]) -> None:
        self._requests, self._work = requests, work
        self._channels: dict[int, socket.socket] = {}
        self._idle: list[socket.socket] = []
        self._building: set[socket.socket] = set()
        self._waiting: dict[bytes, None] = {}
        self._poll = select.poll()
        self._poll.register(requests, select.POLLIN)

    def next_request(self) -> bytes:
        """The next message of the server, empty once it is gone; workers are heard meanwhile."""
        while True:
            ready = [descriptor for descriptor, _ in self._poll.poll()]
            for descriptor in ready:
                if descriptor != self._requests.fileno():
                    self._hear(self._channels[descriptor])
            if self._requests.fileno() in ready:
                return self._requests.recv(MESSAGE_BYTES)

    def give(self, request: bytes) -> None:
        """Have a free worker, or else a new one, take a directory up, once it is its turn."""
        self._waiting[request] = None  # where it waits already, it keeps its place
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and len(self._building) < BUILDING_MAX:
            request = next(iter(self._waiting))
            del self._waiting[request]
            self._building.add(self._taker(request))

    def _taker(self, request: bytes) -> socket.socket:
        while self._idle:
            channel = self._idle.pop()
            try:
                channel.send(request)
            except OSError:  # it has died meanwhile
                self._part_from(channel)
            else:
                return channel
        channel = self._fork()
        channel.send(request)
        return channel

    def _hear(self, channel: socket.socket) -> None:
        message = _received(channel)
        self._building.discard(channel)
        if message == FREE and len(self._idle) < _IDLE_MAX:
            self._idle.append(channel)
        elif message != BUILT:
            self._part_from(channel)
        self._go_on()

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            try:
                for other in (self._requests, ours, *self._channels.values()):
                    other.close()  # else nobody would see the end of the warm process
                self._work(theirs)
            finally:
                os._exit(0)
        theirs.close()
        self._channels[ours.fileno()] = ours
        self._poll.register(ours, select.POLLIN)
        return ours

    def _part_from(self, channel: socket.socket) -> None:
        if channel in self._idle:
            self._idle.remove(channel)
        self._poll.unregister(channel)
        del self._channels[channel.fileno()]
        channel.close()


def _received(channel: socket.socket) -> bytes:
    try:
        return channel.recv(MESSAGE_BYTES)
    except OSError:
        return b""
