"""Each transcript against a fresh centre. PENSTOCK_GOLDEN=record writes what is shown now; review the diff."""

import difflib
import os
import shutil
import time
from pathlib import Path

import pytest

from centre import centre
from transcript import run

HERE = Path(__file__).parent


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A directory with the files of the transcripts, an own home, a zone and a language."""
    place = tmp_path / "work"
    shutil.copytree(HERE / "files", place)
    monkeypatch.chdir(place)
    for name in ("PENSTOCK_URL", "PENSTOCK_TOKEN", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"LANG": "C.UTF-8", "PENSTOCK_LANG": "en", "TZ": "Asia/Shanghai"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    time.tzset()
    yield place
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(path, workplace, tmp_path, monkeypatch):
    expected = path.read_text()
    if path.stem.endswith(".zh"):
        monkeypatch.setenv("PENSTOCK_LANG", "zh")
    record = os.environ.get("PENSTOCK_GOLDEN") == "record"
    cores = str(len(os.sched_getaffinity(0)))
    with centre(
        tmp_path / "data", "--cpu-only", "--cores-per-device", cores, "--metering-seconds", "1"
    ) as running:
        monkeypatch.setenv("PENSTOCK_URL", running.url)
        tokens = {"": running.token, "nobody": "pst_unknown", "saved": ""}
        monkeypatch.setenv("GOLDEN_DATA", str(tmp_path / "data"))
        shown = run(expected, os.environ, tokens, record=record)
    if record:
        path.write_text(shown)
    changed = difflib.unified_diff(
        expected.splitlines(), shown.splitlines(), "expected", "shown", n=3, lineterm=""
    )
    assert record or not (lines := list(changed)), "\n".join(lines)
