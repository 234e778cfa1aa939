"""Reads an uploaded archive (zip, tar, tar.gz, tar.bz2, tar.xz) in memory, within bounds. Unpacks nothing to disk.

Names that lead out of the archive refuse it whole; links, devices and encrypted members are passed over;
sizes are counted while unpacking and never believed.
"""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from typing import Protocol

from penstock.base.refusal import Refusal, invalid
from penstock.probes.source_tree import Gathering, Limits, Source, Wanted, too_large

_CHUNK_BYTES = 64 * 1024
_HEADER_BYTES = 2 * 2**20
"""Most that headers before one member of a tar may take: long names and attributes are small."""
_XZ_MEMORY_BYTES = 128 * 2**20
_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError,
    OSError, ValueError, NotImplementedError, RuntimeError, IndexError, KeyError, OverflowError, MemoryError,
)  # fmt: skip


class Readable(Protocol):
    """What can be read from the front to the end."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, b'' at the end."""
        ...


class Bound(Exception):
    """An archive unpacks to more than it may."""

    def __init__(self, noun: str, most: int) -> None:
        self.noun = noun
        self.most = most
        super().__init__(noun)


def read_archive(data: bytes, wanted: Wanted, limits: Limits | None = None) -> Source | Refusal:
    """The wanted files of an archive; a directory that holds all of them and can be no package is left off."""
    bounds = limits or Limits()
    if len(data) > bounds.archive_bytes:
        return too_large("bytes in the archive", bounds.archive_bytes)
    gathering = Gathering(bounds)
    try:
        refusal = _read(data, wanted, gathering)
    except Bound as bound:
        return too_large(bound.noun, bound.most)
    except _BROKEN as fault:
        said = f"the archive cannot be read: {type(fault).__name__}"
        return invalid(
            "archive_broken", said, "send a zip or a tar, plain or packed with gzip, bzip2 or xz", "archive"
        )
    return refusal or _without_top(gathering.done())


def safe_name(name: str, depth: int) -> str | None:
    """The path of a member, '' for one to pass over (a directory, too deep), None where it leads outside."""
    path = name.replace("\\", "/")
    parts = [p for p in path.split("/") if p not in {"", "."}]
    if path.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")) or "\0" in path:
        return None
    return "" if path.endswith("/") or not parts or len(parts) > depth else "/".join(parts)


def _read(data: bytes, wanted: Wanted, gathering: Gathering) -> Refusal | None:
    if data.startswith((b"PK\3\4", b"PK\5\6")):
        return _read_zip(data, wanted, gathering)
    return _read_tar(_Counted(_opened(data), gathering.limits.unpacked_bytes), wanted, gathering)


def _read_zip(data: bytes, wanted: Wanted, gathering: Gathering) -> Refusal | None:
    limits = gathering.limits
    if data.count(b"PK\1\2") > limits.entries:
        return too_large("entries", limits.entries)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            gathering.entries += 1
            path = safe_name(info.orig_filename, limits.depth)
            if path is None:
                return _leads_outside(info.orig_filename)
            if not path or not wanted(path):
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                gathering.skip(path, "a link")
            elif info.flag_bits & 1:
                gathering.skip(path, "encrypted")
            else:
                with archive.open(info) as member:
                    _take(member, path, gathering)
            if refusal := gathering.full():
                return refusal
    return None


def _read_tar(stream: "_Counted", wanted: Wanted, gathering: Gathering) -> Refusal | None:
    limits = gathering.limits
    stream.allow(_HEADER_BYTES)
    with tarfile.open(fileobj=stream, mode="r|", errors="replace") as archive:
        while (member := archive.next()) is not None:
            gathering.entries += 1
            path = safe_name(member.name, limits.depth)
            if path is None:
                return _leads_outside(member.name)
            stream.allow(max(0, member.size) + _HEADER_BYTES)
            if member.issym() or member.islnk():
                gathering.skip(path or member.name[:200], "a link")
            elif path and member.isreg() and not member.issparse() and wanted(path):
                file = archive.extractfile(member)
                assert file is not None, "a regular member has contents"
                _take(file, path, gathering)
            if refusal := gathering.full():
                return refusal
    return None


def _take(file: Readable, path: str, gathering: Gathering) -> None:
    """Read one member, as far as its bound; the rest of a longer one is never unpacked."""
    most = gathering.limits.file_bytes
    parts: list[bytes] = []
    size = 0
    while size <= most and (part := file.read(_CHUNK_BYTES)):
        parts.append(part)
        size += len(part)
    if size > most:
        gathering.skip(path, f"larger than {most} bytes")
    else:
        gathering.add(path, b"".join(parts))


def _opened(data: bytes) -> Readable:
    if data.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=io.BytesIO(data))
    if data.startswith(b"BZh"):
        return bz2.BZ2File(io.BytesIO(data))
    if data.startswith(b"\xfd7zXZ\0"):
        return _Xz(data)
    return io.BytesIO(data)


class _Xz:
    """An xz stream whose dictionary may not take more memory than we allow."""

    def __init__(self, data: bytes) -> None:
        self._decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
        self._waiting = data

    def read(self, size: int, /) -> bytes:
        """Up to `size` unpacked bytes, b'' at the end."""
        if self._decompressor.eof:
            return b""
        given, self._waiting = self._waiting, b""
        part = self._decompressor.decompress(given, max_length=size)
        if not part and not self._decompressor.eof and self._decompressor.needs_input:
            raise EOFError("the xz stream ends too early")
        return part


class _Counted(io.BufferedIOBase):
    """A stream that stops with `Bound` where more comes out of it than was allowed."""

    def __init__(self, file: Readable, most: int) -> None:
        self._file = file
        self._most = most
        self._left = most
        self._before_next = 0

    def allow(self, size: int) -> None:
        """So many bytes may come before the next member begins."""
        self._before_next = size + _CHUNK_BYTES

    def read(self, size: int | None = None, /) -> bytes:
        """Up to `size` bytes, never many at once."""
        part = self._file.read(min(size or _CHUNK_BYTES, _CHUNK_BYTES))
        self._left -= len(part)
        self._before_next -= len(part)
        if self._left < 0:
            raise Bound("unpacked bytes", self._most)
        if self._before_next < 0:
            raise Bound("bytes of headers before one member", _HEADER_BYTES)
        return part


def _leads_outside(name: str) -> Refusal:
    return invalid(
        "archive_traversal",
        f"the archive names {name[:80]!r}, which lies outside of it",
        "pack the repository from its root, with relative names",
        "archive",
    )


def _without_top(source: Source) -> Source:
    """Leave off `repository-1.0/`, but no name that could be a package, which its own imports need."""
    tops = {path.partition("/")[0] for path in source.files}
    if len(tops) != 1 or min(tops).isidentifier() or not all("/" in path for path in source.files):
        return source
    return Source({path.partition("/")[2]: data for path, data in source.files.items()}, source.skipped)
