"""Processes that supervise one attempt after another, so that most attempts cost no fork of a supervisor.

Each has its own socket to the warm process: a directory goes to it, `free` comes back, and when either end
is gone the other sees it. A worker never has two attempts at once.
"""

import os
import select
import socket
from collections.abc import Callable

MESSAGE_BYTES = 4096
_IDLE_MAX = 32
"""A worker holds 2 to 3 MB."""


class Workers:
    """The workers of the warm process; those that are free wait, the last one that worked is used first."""

    def __init__(self, requests: socket.socket, work: Callable[[socket.socket], None]) -> None:
        self._requests, self._work = requests, work
        self._channels: dict[int, socket.socket] = {}
        self._idle: list[socket.socket] = []
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
        """Have a free worker, or else a new one, take a directory up."""
        while self._idle:
            channel = self._idle.pop()
            try:
                channel.send(request)
            except OSError:  # it has died meanwhile
                self._part_from(channel)
            else:
                return
        self._fork().send(request)

    def _hear(self, channel: socket.socket) -> None:
        if _received(channel) and len(self._idle) < _IDLE_MAX:
            self._idle.append(channel)
        else:
            self._part_from(channel)

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
