"""The images of a host: a directory each, made whole in one step and changed by nobody after.

ID/image.json    what is said of it, its name included
ID/rootfs/       its file system, shown read-only to jobs
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import msgspec

from penstock.base.refusal import Refusal, Refused
from penstock.engines.local import folder
from penstock.engines.local.images.unpacking import Unpacked, let_owner_in, prepare, shell_of, unpack
from penstock.engines.local.outside import fault
from penstock.engines.local.supervisor.directory import NEW, TRASH

FOLDER = "images"
_ABOUT, ROOTFS = "image.json", "rootfs"


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One image. `shown` are paths of the host that its jobs see at the same place, such as a driver's.

    `unused` is what it says itself and no job keeps to, such as `WORKDIR /app`.
    """

    name: str
    digest: str
    architecture: str
    shell: str
    size_bytes: int
    env: dict[str, str] = {}
    shown: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


_images = msgspec.json.Decoder(Image)


def place_of(root: Path, name: str) -> Path:
    """The directory of the image of this name."""
    return root / hashlib.sha256(name.encode()).hexdigest()[:32]


def rootfs_of(root: Path, name: str) -> Path:
    """Its file system."""
    return place_of(root, name) / ROOTFS


def find(root: Path, name: str) -> Image | None:
    """The image of this name, where it is on this host."""
    return _read(place_of(root, name))


def known(root: Path) -> tuple[Image, ...]:
    """Every image of this host, by name."""
    found = [_read(path) for path in root.iterdir()] if root.is_dir() else []
    return tuple(sorted((image for image in found if image), key=lambda image: image.name))


def add(
    root: Path,
    name: str,
    source: str,
    shown: Sequence[Path] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Image:
    """Unpack an archive, a layout or an image of podman under this name; leaves nothing half made.

    Raises Refused, and Fault where the host fails us, such as by a full disk.
    """
    with fault(f"adding the image {name}"), _alone(root):
        if place_of(root, name).exists():
            raise Refused(
                Refusal("image_exists", f"there is an image {name}", "remove it first, or add it as another")
            )
        new = root / f"{NEW}{os.urandom(8).hex()}"
        new.mkdir(mode=0o700)
        try:
            found = unpack(source, new / ROOTFS, tell)
            prepare(new / ROOTFS, shown)
            image = _about(name, found, shell_of(new / ROOTFS, shown), shown)
            (new / _ABOUT).write_bytes(msgspec.json.encode(image))
            new.rename(place_of(root, name))
        finally:
            _delete(new)
    return image


def remove(root: Path, name: str, attempts: Path) -> None:
    """Take an image away, unless an attempt in the engine's directory uses it. Raises Refused, or Fault."""
    root = root.resolve()
    with fault(f"removing the image {name}"), _alone(root):
        place, trash = place_of(root, name), root / f"{TRASH}{os.urandom(8).hex()}"
        if find(root, name) is None:
            raise unknown(root, name)
        _refuse_in_use(name, place, attempts)
        place.rename(trash)  # from now on nobody begins with it
        try:
            _refuse_in_use(name, place, attempts)
        except Refused:
            trash.rename(place)
            raise
        _delete(trash)


def _refuse_in_use(name: str, place: Path, attempts: Path) -> None:
    if users := _users(place, attempts):
        what = f"{name} is used by {', '.join(users[:5])}"
        raise Refused(Refusal("image_in_use", what, "wait until they have ended, or stop them"))


def unknown(root: Path, name: str) -> Refused:
    """What is said of a name that no image has."""
    there = ", ".join(image.name for image in known(root)) or "none"
    return Refused(
        Refusal(
            "image_unknown",
            f"there is no image {name} on this host; there is: {there}",
            "name one of those, or have an operator add it with `penstock image add`",
        )
    )


def _about(name: str, found: Unpacked, shell: str, shown: Sequence[Path]) -> Image:
    return Image(
        name=name,
        digest=found.digest,
        architecture=found.architecture,
        shell=shell,
        size_bytes=found.size_bytes,
        env=found.env,
        unused=found.unused,
        shown=tuple(map(str, shown)),
    )


def _read(place: Path) -> Image | None:
    if place.name.startswith("."):
        return None
    try:
        return _images.decode((place / _ABOUT).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _users(place: Path, attempts: Path) -> list[str]:
    """Attempts that have not ended and show something of the image."""
    found = []
    for path in sorted(attempts.iterdir()) if attempts.is_dir() else ():
        plan = None if path.name.startswith(".") else folder.read_plan(path)
        if plan is None or folder.is_final(folder.read_status(path)):
            continue
        if any(Path(one["source"]).is_relative_to(place) for one in plan["mounts"]):
            found.append(path.name)
    return found


@contextlib.contextmanager
def _alone(root: Path) -> Generator[None]:
    """Nobody else changes the images meanwhile; what somebody left half done is cleared away."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in root.iterdir():
            if path.name.startswith((NEW, TRASH)):
                _delete(path)
        yield


def _delete(path: Path) -> None:
    """Delete a tree whose directories may forbid it to their owner."""
    let_owner_in(path)
    shutil.rmtree(path, ignore_errors=True)
