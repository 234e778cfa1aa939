"""A copy of a directory of synced content: plain files, directories and links, within a limit."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.lean import Name, Suppressed


class TooLarge(Exception):
    """The content is past the limit."""


def copy_tree(source: Name, target: Name, limit_bytes: int) -> None:
    """Copy into an existing directory; raises TooLarge, or OSError for anything that is no plain file.

    Blocks are shared where the file system can; links are kept as they are and not followed.
    """
    left_bytes = limit_bytes
    waiting = [(os.fspath(source), os.fspath(target))]
    for parent, place in waiting:
        for name in os.listdir(parent):
            origin, copy = f"{parent}/{name}", f"{place}/{name}"
            if os.path.islink(origin):
                os.symlink(os.readlink(origin), copy)
            elif os.path.isdir(origin):
                os.mkdir(copy)
                waiting.append((origin, copy))
            else:
                left_bytes -= _copy_file(origin, copy, left_bytes)


def _copy_file(source: str, target: str, limit_bytes: int) -> int:
    if not os.path.isfile(source):
        raise OSError(f"{source} is no plain file")
    with open(source, "rb") as reader, open(target, "xb") as writer:
        found = os.fstat(reader.fileno())
        if found.st_size > limit_bytes:
            raise TooLarge(f"the working directory is past its limit at {os.path.basename(source)}")
        _copy_blocks(reader.fileno(), writer.fileno(), found.st_size)
        os.fchmod(writer.fileno(), found.st_mode & 0o777)
    return found.st_size


def _copy_blocks(reader: int, writer: int, size_bytes: int) -> None:
    left_bytes = size_bytes
    with Suppressed(OSError):  # not between these file systems, or not on this kernel
        while left_bytes > 0 and (copied := os.copy_file_range(reader, writer, left_bytes)):
            left_bytes -= copied
    while left_bytes > 0 and (copied := os.sendfile(writer, reader, None, left_bytes)):
        left_bytes -= copied
