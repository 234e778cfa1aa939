"""The queue before the supervisors: some attempts are built at the same time, the others wait for their turn."""

import os
import select
import socket
import threading

from penstock.engines.local.supervisor.workers import BUILDING_MAX, BUILT, FREE, MESSAGE_BYTES, Workers


class Yard:
    """Workers that say what they took up, and say that it is built when they are let."""

    def __init__(self) -> None:
        self.server, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._taken, self._writer = os.pipe()
        self._gate, self.let = os.pipe()
        self._workers = Workers(requests, self._work)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while request := self._workers.next_request():
            self._workers.give(request)

    def _work(self, channel: socket.socket) -> None:
        while request := channel.recv(MESSAGE_BYTES):
            os.write(self._writer, request)
            word = os.read(self._gate, 1)
            if word == b"d":
                return
            channel.send(BUILT)
            if word == b"f":
                channel.send(FREE)

    def taken(self, count: int) -> list[int]:
        """The next requests that were taken up, each of one byte."""
        return sorted(number for _ in range(count) for number in os.read(self._taken, 1))

    def nothing_taken(self) -> bool:
        """Whether no request is taken up for a while."""
        return not select.select([self._taken], [], [], 0.2)[0]


def test_so_many_are_built_at_once_and_the_next_begins_when_one_is_built_or_dead():
    yard = Yard()
    for number in range(BUILDING_MAX + 3):
        yard.server.send(bytes([number]))
    yard.server.send(bytes([BUILDING_MAX]))
    assert yard.taken(BUILDING_MAX) == list(range(BUILDING_MAX))
    assert yard.nothing_taken()
    for number, word in enumerate((b"b", b"f", b"d"), BUILDING_MAX):
        os.write(yard.let, word)
        assert yard.taken(1) == [number]
    os.write(yard.let, b"d" * BUILDING_MAX)
    yard.server.close()
    assert yard.nothing_taken()
