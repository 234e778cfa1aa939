"""Working directories that people upload: whole or not at all, whoever else uploads the same."""

import gzip
import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock.base.refusal import Refused
from penstock.store import files
from penstock.store.files import Files


def archive(**contents: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def left(root: Path) -> list[str]:
    return [path.name for path in (root / "workdirs").iterdir()]


def spoiled(how: str) -> bytes:
    good = archive(train=bytes(range(256)) * 1_000)
    match how:
        case "no archive":
            return b"not a tar"
        case "cut off":
            return good[: len(good) // 2]
        case "a wrong byte":
            middle = len(good) // 2
            return good[:middle] + bytes([good[middle] ^ 0xFF]) + good[middle + 1 :]
        case "no tar in it":
            return gzip.compress(b"not a tar" * 1_000)
        case "a file where a folder is":
            return archive(**{"a": b"1", "a/b": b"2"})
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how", ["no archive", "cut off", "a wrong byte", "no tar in it", "a file where a folder is"]
)
def test_what_cannot_be_unpacked_is_refused_and_leaves_nothing(tmp_path: Path, how: str) -> None:
    with pytest.raises(Refused, match="workdir_malformed"):
        Files(tmp_path).add_workdir(spoiled(how))
    assert left(tmp_path) == []


def test_what_is_too_large_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WORKDIR_LIMIT_BYTES", 1_000)
    with pytest.raises(Refused, match="workdir_too_large"):
        Files(tmp_path).add_workdir(archive(small=b"x" * 900, more=b"x" * 200))
    assert left(tmp_path) == []


def test_the_same_uploaded_many_times_at_once_is_there_once(tmp_path: Path) -> None:
    packed = archive(**{f"file{number}": b"x" * 1_000 for number in range(200)})
    store = Files(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        (name,) = set(pool.map(lambda _: store.add_workdir(packed), range(16)))
    assert left(tmp_path) == [name]
    found = store.workdir(name)
    assert found is not None
    assert len(list(found.iterdir())) == 200


def test_what_a_kill_left_half_unpacked_is_swept_at_the_start(tmp_path: Path) -> None:
    store = Files(tmp_path)
    name = store.add_workdir(archive(train=b"x"))
    (tmp_path / "workdirs/.unpacking-killed/whole").mkdir(parents=True)
    (tmp_path / "workdirs/.unpacking-killed/whole/train").write_bytes(b"x")
    store.sweep()
    assert left(tmp_path) == [name]
