"""The hook that the repository offers: its command is one of ours, passes what may run and fails what may not."""

from pathlib import Path

import msgspec
import pytest

from penstock.cli.main import main

(HOOK,) = msgspec.yaml.decode((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_bytes())


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"a.py": "import torch\nx = torch.ones(1).cuda()\n"}, 0),
        ({"k.cu": "__global__ void f() {}\n", "CMakeLists.txt": "project(x CUDA)\n"}, 1),
    ],
)
def test_the_hook_passes_edits_and_fails_rewrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], status: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    program, *arguments = HOOK["entry"].split()
    assert (program, HOOK["language"], HOOK["pass_filenames"]) == ("penstock", "python", False)
    assert main([*arguments, "--to", "ascend910b"]) == status
    assert main([*arguments, "--to", "ascend910z"]) == 1, "a refusal is no pass"
