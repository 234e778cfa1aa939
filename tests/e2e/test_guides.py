"""The guides' commands, run in order against a real centre, in both languages; they are the same commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from centre import centre

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guide"


def blocks(name: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (GUIDES / name).read_text(encoding="utf-8"), re.DOTALL)


def commands(name: str) -> str:
    return "set -eu\n" + "\n".join(blocks(name, "sh"))


def run(script: str, folder: Path, url: str, token: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        "PENSTOCK_URL": url,
        "PENSTOCK_TOKEN": token,
        "PENSTOCK_LANG": "en",
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("guide", ["operator", "tenant"])
def test_languages_name_the_same_commands(guide: str) -> None:
    assert blocks(f"{guide}.md", "sh") == blocks(f"{guide}.zh-CN.md", "sh")
    assert len(blocks(f"{guide}.md", "console")) == len(blocks(f"{guide}.zh-CN.md", "console"))


def test_guides_run_as_written(tmp_path: Path) -> None:
    first, full, *_ = blocks("tenant.md", "yaml")
    (tmp_path / "job.yaml").write_text(first, encoding="utf-8")
    (tmp_path / "full.yaml").write_text(full, encoding="utf-8")
    with centre(tmp_path / "data", "--cpu-only") as running:
        said = run(commands("operator.md"), tmp_path, running.url, running.token)
        assert "money: holds" in said
        issue = "penstock token issue --tenant acme --member ann --json"
        secret = json.loads(run(issue, tmp_path, running.url, running.token))["secret"]
        said = run(commands("tenant.md"), tmp_path, running.url, secret)
        assert "rank 0 of 1 on acme.first" in said
        run("penstock run full.yaml --check", tmp_path, running.url, secret)
        said = run("penstock ledger check", tmp_path, running.url, running.token)
        assert said.count("holds") >= 3
