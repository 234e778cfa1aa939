"""Sums a vector over all processes of a gang, in a ring of TCP connections.

Each of W processes sends 2 (W - 1) / W of the vector, so the time hardly grows with W (Patarasuk and Yuan,
2009): first every process gathers the sum of one part (reduce-scatter), then the sums go round (all-gather).
The ring fixes the order of additions: the same input gives the same bits, the same ones in all processes.
"""

import selectors
import socket
from collections.abc import Callable
from itertools import pairwise
from typing import Self

import numpy as np
from rendezvous import PeerLost, neighbours  # ty: ignore[import-not-found]


class Ring:
    """One process's place in the ring. Every call must be made by all processes, in the same order."""

    def __init__(self, rank: int, world: int, address: str, port: int, timeout_s: float = 60.0) -> None:
        """Meet the others at rank 0's address and port; PeerLost if not all come in time."""
        self.rank, self.world, self.timeout_s = rank, world, timeout_s
        self._connections: tuple[socket.socket, ...] = ()
        if world > 1:
            self._connections = neighbours(rank, world, (address, port), timeout_s)
        for connection in self._connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)

    def all_reduce(self, vector: np.ndarray) -> None:
        """Replace a vector by the sum of all processes' vectors, which have the same length and type."""
        edges = [len(vector) * i // self.world for i in range(self.world + 1)]
        parts = [vector[a:b] for a, b in pairwise(edges)]
        arrived = np.empty(max(map(len, parts)), vector.dtype)
        for step in range(self.world - 1):
            mine, theirs = self._part(parts, -step), self._part(parts, -step - 1)
            self._exchange(mine, arrived[: len(theirs)])
            theirs += arrived[: len(theirs)]
        for step in range(self.world - 1):
            self._exchange(self._part(parts, 1 - step), self._part(parts, -step))

    def broadcast(self, vector: np.ndarray) -> None:
        """Replace the vector of every process by rank 0's: a sum in which all others are zero."""
        if self.rank:
            vector[:] = 0
        self.all_reduce(vector)

    def close(self) -> None:
        """End the connections; a neighbour that waits for data sees it at once."""
        for connection in self._connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _part(self, parts: list[np.ndarray], offset: int) -> np.ndarray:
        return parts[(self.rank + offset) % self.world]

    def _exchange(self, outgoing: np.ndarray, incoming: np.ndarray) -> None:
        """Send ahead while receiving from behind, so that full buffers cannot block the ring."""
        ahead, behind = self._connections
        unsent, unread = outgoing.view(np.uint8).data, incoming.view(np.uint8).data
        with selectors.DefaultSelector() as selector:
            if unsent:
                selector.register(ahead, selectors.EVENT_WRITE)
            if unread:
                selector.register(behind, selectors.EVENT_READ)
            while selector.get_map():
                ready = [key.fileobj for key, _ in selector.select(self.timeout_s)]
                if not ready:
                    raise PeerLost(f"rank {self.rank}: no neighbour moved for {self.timeout_s:g} s")
                if ahead in ready:
                    unsent = unsent[self._through(1, ahead.send, unsent) :]
                    if not unsent:
                        selector.unregister(ahead)
                if behind in ready:
                    unread = unread[self._through(-1, behind.recv_into, unread) :]
                    if not unread:
                        selector.unregister(behind)

    def _through(self, offset: int, move: Callable[[memoryview], int], data: memoryview) -> int:
        """Bytes that went through to or from a neighbour; PeerLost where it has left."""
        neighbour = (self.rank + offset) % self.world
        try:
            count = move(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise PeerLost(f"rank {self.rank}: rank {neighbour} is gone: {error}") from error
        if not count:
            raise PeerLost(f"rank {self.rank}: rank {neighbour} closed its connection")
        return count
