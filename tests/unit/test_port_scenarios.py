"""Scenarios S44 to S47 as a person meets them: `penstock port check` on a tree, and what it says and ends with."""

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.main import main

TRAINER = {
    "pretrain.py": "from trainer import core\nif __name__ == '__main__':\n    core.main()\n",
    "trainer/__init__.py": "",
    "trainer/core.py": (
        "import torch\nimport transformer_engine.pytorch as te\n"
        "try:\n    from apex.optimizers import FusedAdam\nexcept ImportError:\n    FusedAdam = None\n"
        "def main():\n    from flash_attn import flash_attn_func\n    with te.fp8_autocast():\n"
        "        flash_attn_func(torch.ones(1).cuda())\n"
    ),
    "kernels/setup.py": "from torch.utils.cpp_extension import CUDAExtension\nCUDAExtension('k', ['k.cu'])\n",
    "kernels/k.cu": "__global__ void f() {}\n",
}


class Desk:
    """A directory, and the command line beside it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys

    def check(self, files: dict[str, str], status: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The answer for Ascend 910B, and its effects with their findings laid over them."""
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        assert main(["port", "check", str(self.root), "--to", "ascend910b", "--json"]) == status
        value = json.loads(self.capsys.readouterr().out)
        (target,) = value["targets"]
        return target, [value["findings"][e["finding"]] | e for e in target["effects"]]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_s44_a_vendor_fork_is_needed_for_a_large_trainer(desk: Desk) -> None:
    """Blockers (transformer engine with FP8, CUDA kernels), guarded imports, lines for the shim, an effort range."""
    target, effects = desk.check(TRAINER, status=1)
    unguarded = {e["rule"]: e["severity"] for e in effects if e.get("guard", "none") == "none"}
    assert target["verdict"] == "needs_kernel_rewrite_or_vendor_fork"
    assert {"DST-008", "AMP-004", "EXT-001", "EXT-002", "DEV-001"} <= unguarded.keys()
    assert (unguarded["EXT-002"], unguarded["DEV-001"]) == ("blocker", "auto")
    guarded = {e["rule"]: e["guard"] for e in effects if e.get("guard", "none") != "none"}
    assert guarded == {"LIB-004": "try", "LIB-001": "in_function"}
    assert target["counts"]["guarded"] == 2 and target["counts"]["auto"] == 1
    assert any("MindSpeed" in e["remedy"] for e in effects)
    assert 0 < target["effort"]["low_days"] < target["effort"]["high_days"]


def test_s45_a_gpt_written_for_cuda_runs_with_one_import(desk: Desk) -> None:
    """No blocker; what the shim carries over, and what it does not and somebody must look at, in counts."""
    source = Path(__file__).parent / "nano_gpt_cuda"
    files = {path.name.removesuffix(".txt"): path.read_text() for path in source.glob("*.py.txt")}
    target, _effects = desk.check(files, status=0)
    assert target["verdict"] == "runs_with_one_import"
    assert target["shim"] == "from torch_npu.contrib import transfer_to_npu"
    counts = target["counts"]
    assert (counts["blocker"], counts["auto"], counts["manual"]) == (0, 11, 3)


def test_s46_a_comparison_with_nccl_is_manual_and_silent(desk: Desk) -> None:
    source = "import torch.distributed as d\nd.init_process_group('nccl')\nif d.get_backend() == 'nccl':\n    pass\n"
    target, effects = desk.check({"a.py": source}, status=0)
    (found,) = (e for e in effects if e["rule"] == "DST-002")
    assert (found["line"], found["severity"], found["consequence"]) == (3, "manual", "edit")
    assert "silently" in found["hazard"]
    assert target["verdict"] == "needs_edits"


def test_s47_a_double_tensor_becomes_a_float_tensor_in_silence(desk: Desk) -> None:
    source = "import torch\nx = torch.cuda.DoubleTensor(2)\ny = torch.cuda.FloatTensor(2)\n"
    _target, effects = desk.check({"a.py": source}, status=0)
    hazards = [e["hazard"] for e in effects if e["rule"] == "DEV-013"]
    assert hazards == ["under transfer_to_npu a DoubleTensor silently becomes a FloatTensor", ""]
