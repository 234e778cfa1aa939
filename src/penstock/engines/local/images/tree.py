"""How an image's file system becomes the root of a sandbox: read-only, with the job's own places in it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from penstock.engines.local.supervisor.shapes import Mount
from penstock.engines.local.supervisor.shown import TMP, kernel_mounts, mount

_LINKS_MAX = 40
_SETTINGS = (Path("/etc/resolv.conf"), Path("/etc/hosts"))
"""The host's, as they belong to its network."""
_NOT_THE_IMAGES = ("dev", "penstock", "proc", "sys", "tmp", "workspace")


def image_mounts(rootfs: Path, targets: Iterable[str], shown: Iterable[Path]) -> list[Mount]:
    """What takes the place of the host's system. In each of `targets` something else will be mounted.

    Where a target lies in a directory of the image, that directory is shown entry by entry, for nothing can
    be made in one that is read-only.
    """
    places = tuple(map(PurePosixPath, targets))
    settings = [path for path in _SETTINGS if path.exists()] if real_directory(rootfs, "/etc") else []
    of_host = [*settings, *(path for path in shown if not path.is_relative_to(TMP))]
    return [
        *_entries(rootfs, PurePosixPath("/"), places),
        *kernel_mounts(),
        *(mount("ro", str(path), str(path)) for path in of_host),
    ]


def blocked(rootfs: Path, target: str) -> bool:
    """Whether a link or a file of the image is in the way of this mount path."""
    place = PurePosixPath(target)
    above = [rootfs / str(path)[1:] for path in place.parents if len(path.parts) > 1]
    here = rootfs / str(place)[1:]
    return here.is_symlink() or here.is_file() or any(path.is_symlink() or path.is_file() for path in above)


def real_directory(rootfs: Path, path: str) -> bool:
    """Whether this is a directory of the image itself and no link to one."""
    place = rootfs / path[1:]
    return place.is_dir() and not place.is_symlink()


def resolved(rootfs: Path, path: str) -> Path:
    """Where a path of the image leads, links followed as if the image were the root."""
    pending, place = list(PurePosixPath(path).parts[1:]), PurePosixPath("/")
    for _ in range(_LINKS_MAX):
        while pending:
            part = pending.pop(0)
            place = place.parent if part == ".." else place / part
            here = rootfs / str(place)[1:]
            if here.is_symlink():
                aim = PurePosixPath(here.readlink())
                place = PurePosixPath("/") if aim.is_absolute() else place.parent
                pending = [*(part for part in aim.parts if part != "/"), *pending]
                break
        else:
            return rootfs / str(place)[1:]
    return rootfs / "too many links"


def _can_be_told(entry: os.DirEntry[str]) -> bool:
    """Whether its name, and where it leads, are text: what the supervisor is told is JSON."""
    leads = str(Path(entry.path).readlink()) if entry.is_symlink() else ""
    try:
        (entry.name + leads).encode()
    except UnicodeEncodeError:
        return False
    return True


def _entries(source: Path, at: PurePosixPath, targets: Sequence[PurePosixPath]) -> Iterator[Mount]:
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        place = at / entry.name
        if place in targets or (len(place.parts) == 2 and entry.name in _NOT_THE_IMAGES):
            continue
        if not _can_be_told(entry):
            continue
        if entry.is_symlink():
            yield mount("link", str(Path(entry.path).readlink()), str(place))
        elif entry.is_dir() and any(target.is_relative_to(place) for target in targets):
            yield from _entries(Path(entry.path), place, targets)
        elif entry.is_dir() or entry.is_file():
            yield mount("ro", entry.path, str(place))
