"""How the processes of a gang find each other: all meet at rank 0, then each connects to the one ahead.

Addresses are IPv4. Whoever comes and does not say a rank and size of this gang is shown the door.
"""

import contextlib
import json
import socket
import struct
import time

type Place = tuple[str, int]

_LENGTH = struct.Struct("!I")
_MESSAGE_MAX = 2**20
_RETRY_S = 0.05
_HELLO_S = 5.0


class PeerLost(ConnectionError):
    """Another process of the gang never came, ended, or stopped answering."""


def neighbours(
    rank: int, world: int, meeting: Place, timeout_s: float
) -> tuple[socket.socket, socket.socket]:
    """Connections to the rank ahead and from the rank behind; PeerLost if not all meet in time."""
    deadline = time.monotonic() + timeout_s
    with contextlib.ExitStack() as stack:
        if rank == 0:
            own = stack.enter_context(_listen((meeting[0], 0)))
            places = _host_meeting(world, meeting, own.getsockname(), deadline)
        else:
            master = stack.enter_context(_connect(meeting, deadline))
            own = stack.enter_context(_listen((master.getsockname()[0], 0)))
            _send(master, {"rank": rank, "world": world, "place": own.getsockname()})
            places = [(host, port) for host, port in _receive(master, deadline)["places"]]
        ahead = _connect(places[(rank + 1) % world], deadline)
        _send(ahead, {"rank": rank, "world": world})
        behind, _ = _welcome(own, world, {(rank - 1) % world}, deadline)
        return ahead, behind


def _host_meeting(world: int, meeting: Place, own: Place, deadline: float) -> list[Place]:
    """Rank 0: wait for every other rank, then tell each where all are."""
    places: dict[int, Place] = {0: own}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_listen(meeting))
        guests = []
        while len(places) < world:
            guest, said = _welcome(server, world, set(range(world)) - set(places), deadline)
            guests.append(stack.enter_context(guest))
            places[said["rank"]] = said["place"]
        ordered = [places[rank] for rank in range(world)]
        for guest in guests:
            _send(guest, {"places": ordered})
    return ordered


def _welcome(
    server: socket.socket, world: int, missing: set[int], deadline: float
) -> tuple[socket.socket, dict]:
    """The next connection from one of the missing ranks, and what it said."""
    while True:
        server.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            guest, _ = server.accept()
        except TimeoutError:
            raise PeerLost(f"ranks {sorted(missing)} of {world} did not come in time") from None
        try:
            said = _receive(guest, min(deadline, time.monotonic() + _HELLO_S))
        except PeerLost:
            said = {}
        if said.get("world") == world and said.get("rank") in missing:
            return guest, said
        guest.close()


def _listen(place: Place) -> socket.socket:
    try:
        return socket.create_server(place)
    except OSError as error:
        raise PeerLost(f"cannot listen at {place[0]}:{place[1]}: {error}") from error


def _connect(place: Place, deadline: float) -> socket.socket:
    """A connection to a place where nobody may listen yet."""
    while True:
        try:
            return socket.create_connection(place, timeout=max(0.001, deadline - time.monotonic()))
        except OSError as error:
            if time.monotonic() >= deadline:
                raise PeerLost(f"nobody answers at {place[0]}:{place[1]}: {error}") from error
            time.sleep(_RETRY_S)


def _send(connection: socket.socket, message: dict) -> None:
    body = json.dumps(message).encode()
    try:
        connection.sendall(_LENGTH.pack(len(body)) + body)
    except OSError as error:
        raise PeerLost(f"a process left during the meeting: {error}") from error


def _receive(connection: socket.socket, deadline: float) -> dict:
    (length,) = _LENGTH.unpack(_read(connection, _LENGTH.size, deadline))
    if length > _MESSAGE_MAX:
        raise PeerLost("what came is no message of ours")
    try:
        message = json.loads(_read(connection, length, deadline))
    except ValueError as error:
        raise PeerLost("what came is no message of ours") from error
    return message if isinstance(message, dict) else {}


def _read(connection: socket.socket, count: int, deadline: float) -> bytes:
    data = b""
    while len(data) < count:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            more = connection.recv(count - len(data))
        except OSError as error:
            raise PeerLost(f"a process left during the meeting: {error}") from error
        if not more:
            raise PeerLost("a process left during the meeting")
        data += more
    return data
