"""What the library has too, without all that its modules load.

On a host of a cluster an interpreter starts for each attempt and loads the supervisor anew; pathlib, json, signal,
contextlib, typing and ctypes would take longer than the attempt. So the supervisor and the agent work with the
system's own calls and with names as text, and load of these modules only the part that is written in C.
"""

from __future__ import annotations

import _json
import os

TYPE_CHECKING = False
"""As that of `typing`, which takes 5 ms to load."""
if TYPE_CHECKING:
    import signal
    import socket
    from types import TracebackType
    from typing import Any
else:
    import _signal as signal  # noqa: F401
    import _socket as socket  # noqa: F401

type Name = str | os.PathLike[str]
"""Of a file."""


class Suppressed:
    """As `contextlib.suppress`."""

    def __init__(self, *errors: type[BaseException]) -> None:
        self._errors = errors

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return kind is not None and issubclass(kind, self._errors)


class _Usual:
    """How JSON is read, as `json.decoder` has it."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, float


_scan = _json.make_scanner(_Usual())  # ty: ignore[invalid-argument-type] - it takes what has these names


def _unknown(value: object) -> object:
    raise TypeError(f"{value!r} is no JSON")


_encode = _json.make_encoder(
    None, _unknown, _json.encode_basestring_ascii, None, ":", ",", False, False, False
)  # fmt: skip


def from_json(data: bytes) -> Any:
    """What one of our own files says. Raises ValueError where it is not whole."""
    try:
        return _scan(data.decode(), 0)[0]
    except StopIteration:
        raise ValueError("no JSON") from None


def to_json(value: object) -> bytes:
    """As `json.dumps`, without spaces."""
    return "".join(_encode(value, 0)).encode()


def read(path: Name) -> bytes:
    """All of a file. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = piece = os.read(file, 2**16)
        while piece:  # files of the kernel come in pieces of their own size
            piece = os.read(file, 2**16)
            data += piece
        return data
    finally:
        os.close(file)


def write(path: Name, data: bytes) -> None:
    """Overwrite the beginning of a file that is there, in one call as files of the kernel need it. Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, data)
    finally:
        os.close(file)


def touch(path: Name) -> None:
    """Have an empty file there. Raises OSError."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
