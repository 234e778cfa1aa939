"""Trees and archives are read within bounds, whatever is in them; hostile ones are refused or survived."""

import gzip
import io
import lzma
import os
import resource
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.base.refusal import Refusal
from penstock.portability.check import check
from penstock.portability.model import Options
from penstock.portability.targets import target
from penstock.probes.source_archive import read_archive, safe_name
from penstock.probes.source_check import check_source
from penstock.probes.source_tree import Limits, Source, read_tree

SMALL = Limits(
    entries=200, files=50, file_bytes=20_000, total_bytes=100_000, unpacked_bytes=3_000_000, depth=8
)
ASCEND = (target("ascend910b"),)


def python(path: str) -> bool:
    return path.endswith(".py")


def zipped(members: dict[str, bytes], mode: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return stream.getvalue()


def tarred(
    members: dict[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "", packed: str = ""
) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{packed}") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


PLAIN = {"repo-1/a.py": b"x.cuda()\n", "repo-1/pkg/b.py": b"", "repo-1/note.bin": b"\0"}


@pytest.mark.parametrize(
    "archive", [zipped(PLAIN), *(tarred(PLAIN, packed=p) for p in ("", "gz", "bz2", "xz"))]
)
def test_an_archive_gives_its_wanted_files_without_its_top_directory(archive: bytes) -> None:
    source = read_archive(archive, python, SMALL)
    assert isinstance(source, Source)
    assert source.files == {"a.py": b"x.cuda()\n", "pkg/b.py": b""}


def bomb_zip() -> bytes:
    return zipped({"a.py": b"0" * 5_000_000})


def forged_zip() -> bytes:
    """Says that a member is small, and unpacks to much."""
    data = bytearray(bomb_zip())
    central = data.rindex(b"PK\1\2")
    data[central + 24 : central + 28] = (10).to_bytes(4, "little")
    return bytes(data)


def encrypted_zip() -> bytes:
    data = bytearray(zipped({"a.py": b"x"}))
    central = data.rindex(b"PK\1\2")
    data[central + 8] |= 1
    data[6] |= 1
    return bytes(data)


def long_header_tar() -> bytes:
    """A name of four megabytes, packed to nothing."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("d/" * 2_000_000 + "a.py"), io.BytesIO(b""))
    return stream.getvalue()


REFUSED = {
    "traversal zip": (zipped({"../../etc/a.py": b""}), "archive_traversal"),
    "traversal with backslashes": (zipped({"..\\..\\a.py": b""}), "archive_traversal"),
    "absolute zip": (zipped({"/etc/a.py": b""}), "archive_traversal"),
    "drive": (zipped({"C:/a.py": b""}), "archive_traversal"),
    "traversal tar": (tarred({"ok/../../a.py": b""}), "archive_traversal"),
    "absolute tar": (tarred({"/a.py": b""}), "archive_traversal"),
    "too many entries in a zip": (zipped({f"f{i}.bin": b"" for i in range(300)}), "source_too_large"),
    "too many entries in a tar": (tarred({f"f{i}.bin": b"" for i in range(300)}), "source_too_large"),
    "too many files": (zipped({f"f{i}.py": b"" for i in range(60)}), "source_too_large"),
    "too many bytes": (zipped({f"f{i}.py": b"x" * 15_000 for i in range(10)}), "source_too_large"),
    "gzip bomb": (gzip.compress(tarred({"big.bin": b"0" * 9_000_000})), "source_too_large"),
    "xz bomb": (tarred({"big.bin": b"0" * 9_000_000}, packed="xz"), "source_too_large"),
    "long header": (long_header_tar(), "source_too_large"),
    "no archive": (b"hello", "archive_broken"),
    "empty": (b"", "archive_broken"),
    "cut zip": (zipped(PLAIN)[:-30], "archive_broken"),
    "cut gzip": (tarred({"a.py": os.urandom(9000)}, packed="gz")[:-4000], "archive_broken"),
    "cut xz": (tarred({"a.py": os.urandom(9000)}, packed="xz")[:-4000], "archive_broken"),
    "xz that wants much memory": (
        lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]),
        "archive_broken",
    ),
}


@pytest.mark.parametrize(("archive", "code"), REFUSED.values(), ids=REFUSED)
def test_hostile_archives_are_refused(archive: bytes, code: str) -> None:
    refusal = read_archive(archive, python, SMALL)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


SURVIVED = {
    "zip bomb": (bomb_zip(), "larger than 20000 bytes"),
    "link in a zip": (zipped({"a.py": b"/etc/passwd"}, stat.S_IFLNK | 0o777), "a link"),
    "encrypted": (encrypted_zip(), "encrypted"),
    "link in a tar": (tarred({"a.py": b""}, tarfile.SYMTYPE, "/etc/passwd"), "a link"),
    "hard link": (tarred({"a.py": b""}, tarfile.LNKTYPE, "../secret"), "a link"),
}


@pytest.mark.parametrize(("archive", "reason"), SURVIVED.values(), ids=SURVIVED)
def test_members_that_are_no_plain_files_are_passed_over(archive: bytes, reason: str) -> None:
    source = read_archive(archive, python, SMALL)
    assert isinstance(source, Source)
    assert not source.files
    assert [s.reason for s in source.skipped] == [reason]


def test_zeros_are_an_empty_archive() -> None:
    assert read_archive(gzip.compress(b"\0" * 900_000), python, SMALL) == Source({})


def test_forged_sizes_are_not_believed() -> None:
    outcome = read_archive(forged_zip(), python, SMALL)
    assert isinstance(outcome, Refusal) or sum(map(len, outcome.files.values())) <= SMALL.file_bytes


def test_devices_and_deep_or_odd_names_are_passed_over() -> None:
    device = read_archive(tarred({"a.py": b""}, tarfile.CHRTYPE), python, SMALL)
    deep = read_archive(
        zipped({"d/" * 20 + "a.py": b"", "\ud83d.py".encode("utf-16", "surrogatepass").hex(): b""}),
        python,
        SMALL,
    )
    assert isinstance(device, Source)
    assert isinstance(deep, Source)
    assert not device.files
    assert not deep.files


def test_names() -> None:
    assert safe_name("a/./b.py", 8) == "a/b.py"
    assert safe_name("a/", 8) == ""
    assert safe_name("a/../b", 8) is None
    assert safe_name("a\0b", 8) is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_archives_never_raise(data: st.DataObject) -> None:
    base = data.draw(
        st.sampled_from(
            [zipped(PLAIN), tarred(PLAIN), tarred(PLAIN, packed="gz"), tarred(PLAIN, packed="xz")]
        )
    )
    damaged = bytearray(base)
    for _ in range(data.draw(st.integers(1, 12))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    outcome = read_archive(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]), python, SMALL)
    assert isinstance(outcome, Refusal | Source)
    if isinstance(outcome, Source):
        assert all(safe_name(path, SMALL.depth) == path for path in outcome.files)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=30), st.binary(max_size=200))
def test_any_name_and_contents(name: str, contents: bytes) -> None:
    try:
        archive = zipped({name: contents})
    except (ValueError, UnicodeEncodeError):
        return
    outcome = read_archive(archive, lambda _: True, SMALL)
    assert isinstance(outcome, Refusal | Source)


KINDS = [
    "a.py",
    "a.cu",
    "a.sh",
    "Dockerfile",
    "a.yaml",
    "a.json",
    "requirements.txt",
    "pyproject.toml",
    "setup.cfg",
]
KINDS += ["CMakeLists.txt", "README.md", "environment.yml", "setup.py"]
WORDS = [
    "cuda",
    "nccl",
    "#",
    '"',
    "'",
    "(",
    "\\",
    "\n",
    "```bash",
    "$(",
    "<<<",
    'R"x(',
    "/*",
    "#if 0",
    "&a [*a]",
    "import ",
    "{",
    "--gpus",
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(KINDS), st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(WORDS), max_size=40))
)
def test_any_contents_of_any_kind_give_a_report(path: str, contents: bytes | list[str]) -> None:
    data = contents if isinstance(contents, bytes) else " ".join(contents).encode()
    report = check({path: data}, ASCEND)
    assert all(f.line >= 1 and f.column >= 1 for f in report.findings)


HOSTILE = {
    "unclosed.py": b"import a\n" + b'"""' + b"ab\\n" * 200_000 + b"\nimport b\n",
    "quotes.py": b"import a\n" + b"'" * 300_001 + b"\nimport b\n",
    "imports.py": b"import a\n" * 300_000,
    "parens.py": b"from a import (" * 100_000 + b"\nimport b\n",
    "binary.py": b"\x7fELF\0\0" + bytes(range(256)) * 10,
    "nested.py": b"x = " + b"[" * 100_000 + b"]" * 100_000,
    "added.py": b"x = " + b"+".join([b"1"] * 60_000),
    "indented.py": b"".join(b" " * i + b"if x:\n" for i in range(300)),
    "elif.py": b"if x:\n  pass\n" + b"elif x.cuda():\n  pass\n" * 5_000,
    "attributes.py": b"x" + b".cuda()" * 20_000,
    "line.py": b"x = '" + b"a" * 3_900_000 + b"'",
    "comment.cu": b"/*" * 500_000,
    "slashes.cu": b"\\\n" * 500_000 + b"<" * 500_000,
    "string.cu": b'"' + b"\\" * 1_000_000,
    "quotes.sh": b"'\"" * 200_000,
    "braces.sh": b"${" * 200_000,
    "words.sh": b"cuda " * 300_000,
    "laughs.yaml": b"nccl: &a [x]\n"
    + b"".join(b"k%d: &b%d [%s]\n" % (i, i, b"*a, " * 50) for i in range(1000)),
    "deep.yaml": b"nccl: " + b"[" * 50_000,
    "deep.json": b'{"nccl":' * 50_000,
    "fences.md": b"```bash\ncuda --gpus\n" * 40_000,
    "CMakeLists.txt": b"(" * 500_000 + b"[==[" * 100_000,
    "requirements.txt": b"a" * 1_000_000 + b"[" * 100_000,
    "pyproject.toml": b"a = " + b"[" * 100_000,
    "setup.cfg": b"[options]\n" + b" x\n" * 200_000,
}


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_files_are_survived(path: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = check({path: HOSTILE[path]}, ASCEND)
    assert report.files_read + len(report.skipped) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_000_000


def test_hostile_files_are_done_within_their_time() -> None:
    report = check_source(Source(dict(HOSTILE)), ASCEND, isolated=True, limits=Limits(seconds=120.0))
    assert report.files_read + len(report.skipped) == len(HOSTILE)
    assert not [s for s in report.skipped if s.reason.startswith("not done")]


def test_a_line_of_a_hundred_megabytes_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_bytes(b"x" * 100_000_000)
    source = read_tree(tmp_path, python)
    assert isinstance(source, Source)
    assert [s.reason for s in source.skipped] == ["larger than 4000000 bytes"]


@pytest.mark.parametrize(
    "pack", [zipped, lambda members: tarred(members, packed="gz")], ids=["zip", "tar.gz"]
)
def test_a_line_of_a_hundred_megabytes_in_an_archive_is_passed_over(
    pack: Callable[[dict[str, bytes]], bytes],
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = read_archive(pack({"long.py": b"x" * 100_000_000, "b.py": b""}), python)
    assert isinstance(source, Source)
    assert [s.reason for s in source.skipped] == ["larger than 4000000 bytes"]
    assert set(source.files) == {"b.py"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_an_archive_in_an_archive_stays_shut() -> None:
    source = read_archive(
        zipped({"inner.zip": bomb_zip(), "inner.whl": bomb_zip(), "b.py": b""}), python, SMALL
    )
    assert source == Source({"b.py": b""})


def test_a_tree_is_read_without_links_pipes_and_caches(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    (root / "pkg").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.py").write_text("x.cuda()")
    (root / "pkg" / "a.py").write_text("")
    (root / ".venv").mkdir()
    (root / ".venv" / "b.py").write_text("")
    (root / "linked.py").symlink_to(outside / "secret.py")
    (root / "loop").symlink_to(root)
    (root / "away").symlink_to(outside)
    os.mkfifo(root / "pipe.py")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.py")).write_text("")
    source = read_tree(root, python)
    assert isinstance(source, Source)
    assert set(source.files) == {"pkg/a.py", "\ufffd.py"}
    assert {(s.path, s.reason) for s in source.skipped} == {
        ("linked.py", "a link"),
        ("pipe.py", "no regular file"),
    }


def test_a_tree_has_bounds(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    (deep / "a.py").write_text("")
    shallow = read_tree(tmp_path, python, SMALL)
    assert isinstance(shallow, Source)
    assert not shallow.files
    for number in range(60):
        (tmp_path / f"{number}.py").write_text("")
    refusal = read_tree(tmp_path, python, SMALL)
    assert isinstance(refusal, Refusal)
    assert isinstance(read_tree(tmp_path / "none", python), Refusal)
    single = read_tree(tmp_path / "1.py", python)
    assert isinstance(single, Source)
    assert set(single.files) == {"1.py"}


def test_processes_say_the_same_as_one() -> None:
    files = {f"m{i}.py": b"import m%d\nx.cuda()\n" % (i + 1) for i in range(100)}
    source = Source(files)
    assert check_source(source, ASCEND) == check(files, ASCEND, Options())


def test_what_is_not_done_in_time_is_said() -> None:
    report = check_source(Source({"a.py": b"x.cuda()\n"}), ASCEND, isolated=True, limits=Limits(seconds=0.0))
    assert [s.reason for s in report.skipped] == ["not done within 0 s"]
