"""A working directory as a deterministic archive: the same files make the same bytes, and so the same id."""

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from penstock.base.refusal import Refusal, invalid
from penstock.sdk.client import Client
from penstock.sdk.errors import SdkRefused
from penstock.sdk.ignore import ALWAYS, FILES, Pattern, ignored, parse_ignore

LIMIT_BYTES = 256 * 2**20
LIMIT_FILES = 20_000
UPLOAD_TIMEOUT_S = 600.0


def upload_workdir(client: Client, root: Path) -> str:
    """Pack and upload a directory; the answer is its content id."""
    answer = client.post("workdirs", content=pack_workdir(root), timeout_s=UPLOAD_TIMEOUT_S)
    return str(answer["id"])


def pack_workdir(root: Path, limit_bytes: int = LIMIT_BYTES, limit_files: int = LIMIT_FILES) -> bytes:
    """A gzipped tar of the regular files, sorted, without times or owners; ignored files stay behind.

    A link to a file inside the directory is sent as that file. Raises `SdkRefused` for any other special
    file, for a directory that cannot be read, and past a limit (of files, or of their bytes unpacked).
    """
    packed, total_bytes, count = io.BytesIO(), 0, 0
    try:
        with (
            gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0, compresslevel=6) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name, path in workdir_files(root):
                total_bytes += path.stat().st_size
                count += 1
                if total_bytes > limit_bytes or count > limit_files:
                    raise SdkRefused(_too_large(limit_bytes, limit_files))
                _add(tar, name, path)
    except OSError as error:
        raise SdkRefused(
            invalid(
                "workdir_unreadable",
                f"{error.filename or root}: {error.strerror}",
                "make it readable",
                "workdir",
            )
        ) from error
    return packed.getvalue()


def workdir_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of each file to send, in one order everywhere."""
    if not root.is_dir():
        raise SdkRefused(
            invalid("workdir_missing", f"there is no directory {str(root)!r}", "correct the path", "workdir")
        )
    own = next((root / name for name in FILES if (root / name).is_file()), None)
    written = own.read_text(encoding="utf-8", errors="replace") if own else ""
    patterns = (*parse_ignore(written), *parse_ignore("\n".join(ALWAYS)))
    yield from _walk(root.resolve(), root, "", patterns)


def _walk(root: Path, folder: Path, prefix: str, patterns: tuple[Pattern, ...]) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = prefix + path.name
        directory = path.is_dir() and not path.is_symlink()
        if ignored(patterns, name, directory=directory):
            continue
        if directory:
            yield from _walk(root, path, f"{name}/", patterns)
        elif path.is_file() and path.resolve().is_relative_to(root):
            yield name, path
        else:
            raise SdkRefused(
                invalid(
                    "workdir_special_file",
                    f"{name!r} is no regular file, or a link to a directory or out of the working directory",
                    "remove it, or list it in .penstockignore",
                    "workdir",
                )
            )


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    content = path.read_bytes()
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
    tar.addfile(entry, io.BytesIO(content))


def _too_large(limit_bytes: int, limit_files: int) -> Refusal:
    return invalid(
        "workdir_too_large",
        f"a working directory has at most {limit_files} files and {limit_bytes // 2**20} MiB",
        "put data on a volume, and list what to leave out in .penstockignore",
        "workdir",
    )
