"""A Python with PyTorch, which this project does not install: named in PENSTOCK_TORCH_PYTHON, or found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python_with_torch() -> str:
    named = os.environ.get("PENSTOCK_TORCH_PYTHON")
    cached = ROOT / ".cache" / "torch" / "bin" / "python"
    candidates = [
        named,
        sys.executable,
        str(cached),
        *(shutil.which(f"python3.{n}") for n in range(14, 9, -1)),
    ]
    probe = "import torch; torch.accelerator.is_available"
    for candidate in filter(None, candidates):
        if (
            Path(candidate).exists()
            and not subprocess.run([candidate, "-c", probe], capture_output=True, check=False).returncode
        ):
            return candidate
    pytest.skip(
        "no Python with torch 2.7 or newer; name one in PENSTOCK_TORCH_PYTHON or put it in .cache/torch"
    )
