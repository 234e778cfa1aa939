"""Fix: what it writes, what it leaves, that it changes nothing twice, and that the result trains on a CPU."""

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portability_labels import snippets
from torch_python import python_with_torch

from penstock.portability.check import check
from penstock.portability.fix import fix
from penstock.portability.model import Guard, Options, Verdict
from penstock.portability.targets import target

ROOT = Path(__file__).parents[2]
ASCEND = target("ascend910b")
HELPER = """
_accelerator_type = "cpu"
if torch.accelerator.is_available():
    _accelerator_type = torch.accelerator.current_accelerator().type
"""


def nano_gpt() -> dict[str, bytes]:
    folder = Path(__file__).parent / "nano_gpt_cuda"
    return {p.name.removesuffix(".txt"): p.read_bytes() for p in sorted(folder.glob("*.py.txt"))}


def fixed(source: str) -> str:
    contents = fix({"a.py": source.encode()}, (ASCEND,)).files.get("a.py")
    return source if contents is None else contents.decode()


REWRITES = [
    ("ok = torch.cuda.is_available()", "ok = torch.accelerator.is_available()"),
    ("a.to(b, non_blocking=d.device.type == 'cuda')", "a.to(b, non_blocking=d.device.type != 'cpu')"),
    (
        "if torch.cuda.is_available():\n    x = y.cuda()",
        "if torch.accelerator.is_available():\n    x = y.to(_accelerator_type)",
    ),
    (
        "x = y.cuda() if not torch.cuda.is_available() else 1",
        "x = y.to(_accelerator_type) if not torch.accelerator.is_available() else 1",
    ),
    ("n = torch.cuda.device_count()", "n = torch.accelerator.device_count()"),
    ("torch.cuda.set_device(rank)", "torch.accelerator.set_device_index(rank)"),
    ("torch.cuda.synchronize()", "torch.accelerator.synchronize()"),
    ("device = 'cuda'  # the card", "device = _accelerator_type  # the card"),
    ('x = y.to("cuda:1")', 'x = y.to(f"{_accelerator_type}:1")'),
    ("d = torch.device(f'cuda:{rank}')", "d = torch.device(f'{_accelerator_type}:{rank}')"),
    ("x = y.cuda()", "x = y.to(_accelerator_type)"),
    ("x = y.cuda(2, non_blocking=True)", 'x = y.to(f"{_accelerator_type}:2", non_blocking=True)'),
    ("x = y.cuda(rank)", "x = y.to(rank)"),
    ("x = y.cuda( non_blocking=True )", "x = y.to( _accelerator_type, non_blocking=True )"),
    (
        "s = torch.cuda.amp.GradScaler(init_scale=2)",
        "s = torch.amp.GradScaler(_accelerator_type, init_scale=2)",
    ),
    (
        "c = torch.cuda.amp.autocast(on, torch.float16)",
        "c = torch.amp.autocast(_accelerator_type, enabled=on, dtype=torch.float16)",
    ),
    ("c = torch.autocast('cuda')", "c = torch.autocast(_accelerator_type)"),
    ("kind = 'a' if device == 'cuda' else 'b'", "kind = 'a' if device != 'cpu' else 'b'"),
    ("kind = 'a' if 'cuda' not in device else 'b'", "kind = 'a' if 'cpu' in device else 'b'"),
    (
        "kind = 'a' if device.startswith('cuda') else 'b'",
        "kind = 'a' if (not device.startswith('cpu')) else 'b'",
    ),
]


@pytest.mark.parametrize(("before", "after"), REWRITES)
def test_rewrites(before: str, after: str) -> None:
    helper = HELPER + "\n" if "_accelerator_type" in after else ""
    assert fixed(f"import torch\n{before}\n") == f"import torch\n{helper}{after}\n"


LEFT = [
    "def is_cuda_there():\n    return torch.cuda.is_available()",
    "assert torch.cuda.is_available(), 'needs CUDA'",
    "rocm = torch.version.hip is not None and torch.cuda.is_available()",
    "if torch.cuda.is_available():\n    other.use_gpu()",
    "table = {'cuda': 'cuda:0'}",
    "def cuda(self):\n    return self.apply('cuda')",
    "x = call('cuda', torch.cuda.memory_allocated)",
    "device = 'cuda' if torch.cuda.is_available() else 'mps'",
    "import cupy\nx = y.cuda()",
    "kind = torch.accelerator if hasattr(torch, 'accelerator') else 'cuda'",
    "if device.type == 'cuda':\n    y = kernels.run(x)",
    "same = x.device.type == 'cuda'\nreturn_it(same, x.device.type == 'cuda')\nif same:\n    launch(x)",
    "torch.cuda.empty_cache()",
    "print('cuda')",
    "ok = torch.cuda.is_available() and torch.cuda.get_device_capability()[0] > 7",
    "if torch.cuda.is_available():\n    side = torch.cuda.Stream()",
    "if x.is_cuda:\n    y = kernels.run(x)",
    "if x.device.type == 'cuda':\n    y = kernels.run(x)",
    "def f(x):\n    if not torch.cuda.is_available():\n        return x\n    return torch.cuda.DoubleTensor(x)",
    "use = torch.cuda.is_available()\nif use:\n    m = torch.cuda.mem_get_info()",
    "class A:\n    def cuda(self):\n        return self\nA().cuda()",
    "backend = 'nccl'",
    "import functools\nfrom torch.cuda.amp import autocast\nf = functools.partial(autocast, enabled=True)",
]


@pytest.mark.parametrize("source", LEFT)
def test_leaves_what_is_not_safe(source: str) -> None:
    assert fixed(f"import torch\n{source}\n") == f"import torch\n{source}\n"


def test_imports_of_amp_move_with_their_calls() -> None:
    source = "import torch\nfrom torch.cuda.amp import autocast, GradScaler\n\nwith autocast():\n    s = GradScaler()\n"
    after = fixed(source)
    assert "from torch.amp import autocast, GradScaler\n" in after
    assert "with autocast(_accelerator_type):\n    s = GradScaler(_accelerator_type)\n" in after


def test_a_back_end_is_asked_for_where_the_file_is_distributed() -> None:
    after = fixed("import torch\nimport torch.distributed as dist\n\ndist.init_process_group('nccl')\n")
    assert (
        "dist.init_process_group(torch.distributed.get_default_backend_for_device(_accelerator_type))"
        in after
    )


def test_line_ends_marks_and_alphabets_are_kept() -> None:
    source = "\ufeffimport torch\r\nname = '智算'; x = y.cuda()  # 卡\r\n"
    after = fix({"a.py": source.encode()}, (ASCEND,)).files["a.py"].decode()
    assert after.startswith("\ufeffimport torch\r\n")
    assert "name = '智算'; x = y.to(_accelerator_type)  # 卡\r\n" in after
    assert after.count("\n") == after.count("\r\n")


def test_nothing_is_written_for_nvidia_or_outside_of_torch() -> None:
    source = {"a.py": b"import torch\nx = y.cuda()\n"}
    assert not fix(source, (target("h100"),)).files
    assert not fix({"a.py": b"x = y.cuda()\n", "b.txt": b"cuda"}, (ASCEND,)).files
    assert not fix(source, (ASCEND,), Options(exclude=("*.py",))).files


def test_what_cannot_be_read_is_skipped_and_said() -> None:
    patch = fix({"a.py": b"import torch\nprint 'cuda'\n"}, (ASCEND,))
    assert [s.path for s in patch.skipped] == ["a.py"]


@pytest.mark.parametrize("snippet", [s for s in snippets() if s.path == "a.py"], ids=lambda s: s.where)
def test_fix_is_idempotent_and_stays_python(snippet) -> None:
    source = "import torch\n" + snippet.source
    once = fixed(source)
    ast.parse(once)
    assert fixed(once) == once


@given(st.lists(st.sampled_from([b for b, _ in REWRITES] + [x for x in LEFT if "\n" not in x]), max_size=6))
def test_any_mixture_is_fixed_once_and_for_all(lines: list[str]) -> None:
    source = "import torch\n\n" + "\n".join(lines) + "\n"
    once = fixed(source)
    ast.parse(once)
    assert fixed(once) == once


def test_the_diff_is_the_files(tmp_path: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("needs git to apply the diff")
    for name, data in nano_gpt().items():
        (tmp_path / name).write_bytes(data)
    patch = fix(nano_gpt(), (ASCEND,))
    subprocess.run([git, "apply", "-"], input=patch.diff.encode(), cwd=tmp_path, check=True, timeout=60)
    assert {name: (tmp_path / name).read_bytes() for name in patch.files} == patch.files


def test_a_gpt_written_for_cuda_needs_one_import_before_and_nothing_after() -> None:
    """Scenario S45: no blockers; after the fix only things to look at are left."""
    before = check(nano_gpt(), (ASCEND,)).targets[0]
    assert before.verdict is Verdict.ONE_IMPORT
    assert before.shim == "from torch_npu.contrib import transfer_to_npu"
    assert before.counts["blocker"] == 0
    assert (before.counts["auto"], before.counts["manual"]) == (11, 3)
    patch = fix(nano_gpt(), (ASCEND,))
    after = check({**nano_gpt(), **patch.files}, (ASCEND,)).targets[0]
    silent = [e.finding for e in after.effects if e.finding.rule == "DEV-004"]
    assert [(f.path, f.guard) for f in silent] == [("model.py", Guard.AVAILABILITY)]
    assert not fix({**nano_gpt(), **patch.files}, (ASCEND,)).files


def test_the_fixed_gpt_trains_and_samples_on_a_cpu(tmp_path: Path) -> None:
    python = python_with_torch()
    files = {**nano_gpt(), **fix(nano_gpt(), (ASCEND,)).files}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    limited = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [python, *arguments],
            cwd=tmp_path,
            env=limited,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    lines = run("train.py", "61", "ckpt.pt").splitlines()
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in lines if "loss" in line]
    assert losses[-1] < losses[0] - 0.5
    assert "device cpu" in lines[0]
    assert len(run("sample.py", "ckpt.pt").strip()) > 32
