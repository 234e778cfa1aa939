"""Reads a directory of source: only kinds of files that are wanted, no links, within bounds. Runs nothing."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.portability.model import Skipped

_PASSED_OVER = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        "__pycache__",
        "node_modules",
        ".mypy_cache",
        ".ruff_cache",
    }
    | {".pytest_cache", ".eggs", "site-packages", ".cache", ".tools"}
)
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one reading. `entries` counts everything met, wanted or not; `depth` counts directories."""

    entries: int = 200_000
    files: int = 50_000
    file_bytes: int = 4_000_000
    total_bytes: int = 512 * 2**20
    unpacked_bytes: int = 2 * 2**30
    """Everything that an archive unpacks to, wanted or not."""
    archive_bytes: int = 256 * 2**20
    depth: int = 40
    seconds: float = 120.0


class Source(msgspec.Struct, frozen=True):
    """Contents by path from the root, with `/`, and what was passed over for a reason worth telling."""

    files: dict[str, bytes]
    skipped: tuple[Skipped, ...] = ()


type Wanted = Callable[[str], bool]


class Gathering:
    """Files as they come in, within bounds; `full` says which bound was met."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.files: dict[str, bytes] = {}
        self.skipped: list[Skipped] = []
        self.total_bytes = 0
        self.entries = 0

    def full(self) -> Refusal | None:
        """The refusal of a tree that is larger than its bounds, None as long as there is room."""
        bounds = (
            ("entries", self.entries, self.limits.entries),
            ("files", len(self.files), self.limits.files),
            ("bytes", self.total_bytes, self.limits.total_bytes),
        )
        for noun, have, most in bounds:
            if have > most:
                return too_large(noun, most)
        return None

    def skip(self, path: str, reason: str) -> None:
        """Note a file that is not read; the first thousand are kept."""
        if len(self.skipped) < 1000:
            self.skipped.append(Skipped(path, reason))

    def add(self, path: str, data: bytes) -> None:
        """Keep a file; a later one of the same name takes its place."""
        self.total_bytes += len(data) - len(self.files.get(path, b""))
        self.files[path] = data

    def done(self) -> Source:
        """What was gathered."""
        return Source(self.files, tuple(self.skipped))


def too_large(noun: str, most: int) -> Refusal:
    """The refusal of a tree or archive that passes a bound."""
    return invalid(
        "source_too_large",
        f"more than {most} {noun}",
        "check a part of it, or exclude what is not yours",
        "source",
    )


def read_tree(root: Path, wanted: Wanted, limits: Limits | None = None) -> Source | Refusal:
    """Every wanted file below a directory. Links are not followed, pipes and devices not opened.

    Caches, environments and version control are passed over. A single wanted file may be given as root.
    """
    bounds = limits or Limits()
    gathering = Gathering(bounds)
    if root.is_file():
        data = _read(str(root.resolve()), None, bounds.file_bytes)
        gathering.add(root.name, data) if isinstance(data, bytes) else gathering.skip(root.name, data)
        return gathering.done()
    if not root.is_dir():
        return invalid("source_missing", f"{root} is no directory", "give the root of a repository", "source")
    for folder, names, directory in _walk(root, bounds.depth, gathering):
        for name in names:
            path = _path(folder, name)
            if wanted(path):
                data = _read(name, directory, bounds.file_bytes)
                gathering.add(path, data) if isinstance(data, bytes) else gathering.skip(path, data)
        refusal = gathering.full()
        if refusal:
            return refusal
    return gathering.done()


def _walk(root: Path, depth: int, gathering: Gathering) -> Iterator[tuple[str, list[str], int]]:
    """(folder, names of files, descriptor of the folder) for each directory, in the order of names."""
    for folder, directories, names, directory in os.fwalk(root.resolve(), follow_symlinks=False):
        relative = os.path.relpath(folder, root.resolve())
        relative = "" if relative == "." else relative
        gathering.entries += len(directories) + len(names)
        if relative.count(os.sep) + 1 >= depth and directories:
            gathering.skip(_path(relative, ""), f"deeper than {depth} directories")
            directories.clear()
        directories[:] = sorted(d for d in directories if d not in _PASSED_OVER)
        yield relative, sorted(names), directory
        if gathering.full():
            return


def _read(name: str, directory: int | None, most: int) -> bytes | str:
    """Contents of a regular file, or why it is not read. `directory` is the descriptor of its folder."""
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=directory)
    except OSError as fault:
        return "a link" if fault.errno in {40, 62} else f"cannot be opened: {fault.strerror}"
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return "no regular file"
        if status.st_size > most:
            return f"larger than {most} bytes"
        data = file.read(most + 1)
        return data if len(data) <= most else f"larger than {most} bytes"


def _path(folder: str, name: str) -> str:
    """A path as text: names that are no UTF-8 get replacement characters."""
    path = f"{folder}/{name}" if folder else name
    return os.fsencode(path).decode("utf-8", "replace")
