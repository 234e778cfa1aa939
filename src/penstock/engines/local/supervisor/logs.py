"""The output of one task: what its processes write to a pipe, kept in a file up to a limit."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.lean import Name, Suppressed

_CHUNK_BYTES = 2**16


class BoundedLog:
    """Moves a pipe to a file. Past the limit output is read and dropped, so that no writer ever waits."""

    def __init__(self, path: Name, limit_bytes: int) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._limit_bytes = limit_bytes
        self._left_bytes = limit_bytes

    def pump(self) -> bool:
        """Move what is there, one chunk; False when nothing is (for now, or for good)."""
        try:
            data = os.read(self.reader, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._keep(data)
        return bool(data)

    def say(self, message: str) -> None:
        """Add a line of our own."""
        self._write(f"penstock: {message}\n".encode())

    def close(self) -> None:
        """Move the rest, which ends as soon as no process can write any more."""
        os.close(self.writer)
        while self.pump():
            pass
        os.close(self.reader)
        os.close(self._file)

    def _keep(self, data: bytes) -> None:
        if self._left_bytes < 0:
            return
        self._write(data[: self._left_bytes])
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            self._write(b"\n")
            self.say(f"log limit of {self._limit_bytes} bytes reached, later output is dropped")

    def _write(self, data: bytes) -> None:
        with Suppressed(OSError):  # a full disk ends the log, not the job
            while data:
                data = data[os.write(self._file, data) :]
