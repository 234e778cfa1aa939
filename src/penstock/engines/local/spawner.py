"""Starts supervisors from one warm process, which costs a fork instead of a start of the interpreter."""

import os
import socket
import subprocess
import threading
from pathlib import Path

import msgspec

from penstock.engines.local.host import supervisor_command
from penstock.engines.local.outside import fault
from penstock.engines.local.supervisor.shapes import Groups

_CLOSE_S = 5
_KEEP = ("LD_LIBRARY_PATH",)
"""What the interpreter itself may need to start; jobs do not get it."""
_ANSWER_S = 30.0
_ANSWER_BYTES = 2**16


class Spawner:
    """The warm process ends with us; the supervisors that it forked go on."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._warm: tuple[socket.socket, subprocess.Popen[bytes]] | None = None

    def spawn(self, directory: Path) -> None:
        """Have a supervisor take up a directory; one too many does no harm. Raises Fault."""
        request = os.fsencode(directory)
        with self._mutex, fault(f"starting a supervisor for {directory.name}"):
            try:
                self._connection().send(request)
            except OSError:  # the warm process may have died since the last time
                self._cool()
                self._connection().send(request)

    def groups(self, name: str) -> Groups:
        """The control groups of this host that can be written, under this name. Raises Fault."""
        with self._mutex, fault("looking for control groups"):
            connection = self._connection()
            connection.settimeout(_ANSWER_S)
            connection.send(name.encode())
            return msgspec.json.decode(connection.recv(_ANSWER_BYTES), type=Groups)

    def close(self) -> None:
        """End the warm process."""
        with self._mutex:
            self._cool()

    def _connection(self) -> socket.socket:
        if self._warm is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                process = subprocess.Popen(
                    supervisor_command("serve"),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={name: os.environ[name] for name in _KEEP if name in os.environ},
                    cwd="/",
                    start_new_session=True,
                )
            self._warm = ours, process
        return self._warm[0]

    def _cool(self) -> None:
        if self._warm is not None:
            connection, process = self._warm
            connection.close()
            try:
                process.wait(_CLOSE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._warm = None
