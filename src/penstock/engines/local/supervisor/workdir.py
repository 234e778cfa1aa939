"""A copy of a directory of synced content: plain files, directories and links, within a limit."""

import contextlib
import os
from pathlib import Path


class TooLarge(Exception):
    """The content is past the limit."""


def copy_tree(source: Path, target: Path, limit_bytes: int) -> None:
    """Copy into an existing directory; raises TooLarge, or OSError for anything that is no plain file.

    Blocks are shared where the file system can; links are kept as they are and not followed.
    """
    left_bytes = limit_bytes
    for parent, directories, files in source.walk():
        place = target / parent.relative_to(source)
        for name in [*directories, *files]:
            origin, copy = parent / name, place / name
            if origin.is_symlink():
                copy.symlink_to(origin.readlink())
            elif origin.is_dir():
                copy.mkdir()
            else:
                left_bytes -= _copy_file(origin, copy, left_bytes)


def _copy_file(source: Path, target: Path, limit_bytes: int) -> int:
    if not source.is_file():
        raise OSError(f"{source} is no plain file")
    with source.open("rb") as reader, target.open("xb") as writer:
        size_bytes = os.fstat(reader.fileno()).st_size
        if size_bytes > limit_bytes:
            raise TooLarge(f"the working directory is past its limit at {source.name}")
        _copy_blocks(reader.fileno(), writer.fileno(), size_bytes)
        os.fchmod(writer.fileno(), source.stat().st_mode & 0o777)
    return size_bytes


def _copy_blocks(reader: int, writer: int, size_bytes: int) -> None:
    left_bytes = size_bytes
    with contextlib.suppress(OSError):  # not between these file systems, or not on this kernel
        while left_bytes > 0 and (copied := os.copy_file_range(reader, writer, left_bytes)):
            left_bytes -= copied
    while left_bytes > 0 and (copied := os.sendfile(writer, reader, None, left_bytes)):
        left_bytes -= copied
