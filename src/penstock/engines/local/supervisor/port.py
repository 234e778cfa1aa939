"""A TCP port for the program's rendezvous, kept for one attempt among all attempts of this host.

It lies below the ports that the kernel hands out by itself, was free when it was chosen, and is reserved by
the name of a local socket, which goes when the supervisor does. The port itself is left to the program.
"""

from __future__ import annotations

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, socket

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST, _LAST = 20000, 32000


def reserve_port(attempt: str) -> tuple[int, socket.socket]:
    """A free port and its reservation, which lasts until closed. Raises OSError when all are taken."""
    for port in _candidates(attempt):
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            reservation.bind(f"\0penstock-port-{port}")
            _try(port)
        except OSError:
            reservation.close()
        else:
            return port, reservation
    raise OSError("no free port for the rendezvous")


def _candidates(attempt: str) -> Iterator[int]:
    """Every port once, from a place that depends on the attempt, so that attempts rarely meet."""
    span = _LAST - _FIRST
    first = int.from_bytes(attempt.encode()) % span
    return (_FIRST + (first + step) % span for step in range(span))


def _try(port: int) -> None:
    trial = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        trial.bind(("", port))
    finally:
        trial.close()
