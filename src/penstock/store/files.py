"""What is kept as files: synced working directories, checkpoints, volumes and the engine's own folder."""

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

from penstock.base.refusal import Refused, invalid

WORKDIR_LIMIT_BYTES = 256 * 2**20
WORKDIR_LIMIT_FILES = 20_000


class Files:
    """Directories under the data directory, made when first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("workdirs", "checkpoints", "volumes", "attempts"):
            (root / name).mkdir(parents=True, exist_ok=True)

    @property
    def attempts(self) -> Path:
        """Where the local engine keeps its attempts."""
        return self.root / "attempts"

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
        unpacking = target.with_suffix(".unpacking")
        shutil.rmtree(unpacking, ignore_errors=True)
        try:
            _unpack(archive, unpacking)
        except (tarfile.TarError, EOFError, OSError) as error:
            shutil.rmtree(unpacking, ignore_errors=True)
            raise Refused(
                invalid(
                    "workdir_malformed",
                    f"the archive cannot be unpacked: {error}",
                    "send a .tar.gz",
                    "workdir",
                )
            ) from error
        unpacking.rename(target)
        return content_id


def _unpack(archive: bytes, target: Path) -> None:
    target.mkdir()
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


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
