"""What is kept as files: synced working directories, checkpoints and volumes."""

import errno
import hashlib
import io
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from penstock.base.refusal import Fault, Refused, disk_full, invalid

WORKDIR_LIMIT_BYTES = 256 * 2**20
WORKDIR_LIMIT_FILES = 20_000
_PADDING_MAX_BYTES = 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT)

_UNPACKING = ".unpacking-"


class Files:
    """Directories under the data directory, made when first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("workdirs", "checkpoints", "volumes"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Remove what uploads that were cut off with their process left half unpacked."""
        for left in (self.root / "workdirs").glob(f"{_UNPACKING}*"):
            shutil.rmtree(left, ignore_errors=True)

    def workdir(self, content_id: str) -> Path | None:
        """The directory of a synced working directory, if it was uploaded."""
        path = self.root / "workdirs" / content_id
        return path if content_id and path.is_dir() else None

    def checkpoint(self, job: str) -> Path:
        """A job's checkpoint directory, kept across its attempts."""
        return _made(self.root / "checkpoints" / job)

    def volume(self, volume_id: str) -> Path:
        """A volume's directory."""
        return _made(self.root / "volumes" / volume_id)

    def add_workdir(self, archive: bytes) -> str:
        """Unpack a gzipped tar of regular files and directories; the id is its SHA-256. Safe to repeat."""
        content_id = hashlib.sha256(archive).hexdigest()
        target = self.root / "workdirs" / content_id
        if target.is_dir():
            return content_id
        with (
            _outside("unpacking a working directory"),
            tempfile.TemporaryDirectory(prefix=_UNPACKING, dir=target.parent) as beside,
        ):
            unpacked = Path(beside) / "whole"
            _unpack(archive, unpacked)
            try:
                unpacked.rename(target)
            except OSError:
                if not target.is_dir():  # otherwise another upload of the same content was quicker
                    raise
        return content_id


def _unpack(archive: bytes, target: Path) -> None:
    target.mkdir()
    try:
        _extract(archive, target)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        said = f"the archive cannot be unpacked: {error}"
        raise Refused(invalid("workdir_malformed", said, "send a .tar.gz", "workdir")) from error


def _extract(archive: bytes, target: Path) -> None:
    total_bytes = 0
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for count, member in enumerate(tar):
            total_bytes += member.size
            if count >= WORKDIR_LIMIT_FILES or total_bytes > WORKDIR_LIMIT_BYTES:
                raise Refused(
                    invalid(
                        "workdir_too_large",
                        f"a working directory has at most {WORKDIR_LIMIT_FILES} files and "
                        f"{WORKDIR_LIMIT_BYTES // 2**20} MiB",
                        "put data on a volume, and list what to leave out in .penstockignore",
                        "workdir",
                    )
                )
            if member.isreg() or member.isdir():
                tar.extract(member, target, filter="data")
        assert tar.fileobj is not None, "an open archive has its file"
        tar.fileobj.read(_PADDING_MAX_BYTES)  # up to its end, where the checksum is


@contextmanager
def _outside(doing: str) -> Generator[None]:
    """Turn what the disk did to us into a refusal where it is full, and into a fault otherwise."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Refused(disk_full()) from error
        raise Fault(f"{doing}: {error}") from error


def _made(path: Path) -> Path:
    with _outside(f"making {path.name}"):
        path.mkdir(parents=True, exist_ok=True)
    return path
