"""Packing a working directory: the same files, the same bytes; what is ignored stays behind."""

import gzip
import io
import os
import shutil
import subprocess
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.sdk.errors import SdkRefused
from penstock.sdk.ignore import ignored, parse_ignore
from penstock.sdk.workdir import pack_workdir, workdir_files


def tree(root, files: dict[str, str]):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def names(root) -> list[str]:
    return [name for name, _path in workdir_files(root)]


def test_the_same_files_make_the_same_bytes(tmp_path):
    files = {"b.py": "b", "a/x.py": "x", "a.txt": "a"}
    one = tree(tmp_path / "one", files)
    other = tree(tmp_path / "other", dict(reversed(files.items())))
    os.utime(other / "b.py", (0, 0))
    (other / "a.txt").chmod(0o600)
    assert pack_workdir(one) == pack_workdir(other)


def test_the_archive_has_names_contents_and_modes_but_no_times_or_owners(tmp_path):
    root = tree(tmp_path / "w", {"run.sh": "exit 0", "数据/说明.md": "…"})
    (root / "run.sh").chmod(0o755)
    packed = pack_workdir(root)
    assert packed[4:8] == b"\0\0\0\0", "gzip's own time"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        members = {member.name: member for member in tar}
        assert tar.extractfile("数据/说明.md").read().decode() == "…"
    assert list(members) == ["run.sh", "数据/说明.md"]
    assert {(m.mtime, m.uid, m.gid, m.uname) for m in members.values()} == {(0, 0, 0, "")}
    assert [m.mode for m in members.values()] == [0o755, 0o644]


def test_other_content_or_another_mode_makes_other_bytes(tmp_path):
    root = tree(tmp_path / "w", {"a": "1"})
    before = pack_workdir(root)
    (root / "a").chmod(0o755)
    executable = pack_workdir(root)
    (root / "a").write_text("2")
    assert len({before, executable, pack_workdir(root)}) == 3


def test_git_and_ignored_files_stay_behind(tmp_path):
    root = tree(
        tmp_path / "w",
        {
            ".git/HEAD": "", "sub/.git": "gitdir: x", ".penstockignore": "*.pt\n!keep.pt\n/out/\n", ".gitignore": "*.py",
            "a.py": "", "m.pt": "", "keep.pt": "", "out/x": "", "sub/out/y": "",
        },
    )  # fmt: skip
    assert names(root) == [".gitignore", "a.py", "keep.pt", "sub/out/y"]


def test_without_its_own_file_the_one_of_git_counts(tmp_path):
    root = tree(tmp_path / "w", {".gitignore": "data/\n", "data/big": "", "a.py": ""})
    assert names(root) == [".gitignore", "a.py"]


def test_a_link_to_a_file_inside_is_sent_as_that_file(tmp_path):
    root = tree(tmp_path / "w", {"a": "1"})
    (root / "b").symlink_to("a")
    assert names(root) == ["a", "b"]


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside", "loop", "folder", "gone"])
def test_a_link_elsewhere_is_refused(tmp_path, target):
    root = tree(tmp_path / "w", {"folder/a": "1"})
    tree(tmp_path, {"outside": "secret"})
    (root / "loop").symlink_to(target)
    with pytest.raises(SdkRefused, match="workdir_special_file"):
        names(root)


def test_a_special_file_is_refused_unless_ignored(tmp_path):
    root = tree(tmp_path / "w", {"a": "1"})
    os.mkfifo(root / "pipe")
    with pytest.raises(SdkRefused, match="workdir_special_file"):
        pack_workdir(root)
    tree(root, {".penstockignore": "pipe"})
    assert names(root) == ["a"]


def test_limits_are_refused(tmp_path):
    root = tree(tmp_path / "w", {"a": "12345", "b": "1"})
    assert pack_workdir(root, limit_bytes=6, limit_files=2)
    for limits in ({"limit_bytes": 5}, {"limit_files": 1}):
        with pytest.raises(SdkRefused, match="workdir_too_large"):
            pack_workdir(root, **limits)


def test_a_directory_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SdkRefused, match="workdir_missing"):
        pack_workdir(tmp_path / "none")


ATOMS = ["a", "b", "*", "?", "**", "*.py", "a*", "x.py"]
SEGMENTS = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=3).map("/".join)
PATTERNS = st.builds(
    lambda negated, tied, body, folder: f"{negated}{tied}{body}{folder}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    SEGMENTS,
    st.sampled_from(["", "/"]),
)
FILES = ["a", "b", "x.py", "c/a", "c/x.py", "c/b/a", "c/b/x.py", "aa/x.py", "aa/b/c/d"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")
@settings(max_examples=60, deadline=None)
@given(st.lists(PATTERNS, min_size=1, max_size=4))
def test_patterns_mean_what_they_mean_to_git(tmp_path_factory, lines):
    root = tree(tmp_path_factory.mktemp("w"), dict.fromkeys(FILES, ""))
    (root / ".gitignore").write_text("\n".join(lines))
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    kept = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    assert names(root) == sorted(kept.stdout.split(), key=lambda name: name.split("/"))


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("# note", "# note", False),
        (r"\#x", "#x", True),
        (r"\!x", "!x", True),
        ("a b", "a b", True),
        ("x ", "x", True),
    ],
)
def test_comments_escapes_and_spaces(pattern, path, expected):
    assert ignored(parse_ignore(pattern), path, directory=False) == expected
