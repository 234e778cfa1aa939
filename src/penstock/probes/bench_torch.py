"""What a CUDA device delivers, by PyTorch: matrix products by precision, and STREAM's triad."""

import importlib
import platform
import time
from typing import Any

from penstock.probes.sampling import BenchReport, Figure, as_rate, settle

_SIZE = 8192
_TRIAD_ELEMENTS = 2**28
_ONE_DEVICE = "cuda:0"


def measure(budget_s: float) -> BenchReport:
    """Products in fp64, fp32, tf32, bf16 and fp16, and memory bandwidth, on the one visible device.

    Without PyTorch, or where it sees no device, the report says so and holds no figures.
    """
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        return BenchReport(findings=("torch_missing: PyTorch with CUDA is needed to measure this device",))
    if not torch.cuda.is_available():
        return BenchReport(findings=("device_not_visible: PyTorch sees no CUDA device",))
    kinds = {
        "fp64": (torch.float64, False),
        "fp32": (torch.float32, False),
        "tf32": (torch.float32, True),
        "bf16": (torch.bfloat16, False),
        "fp16": (torch.float16, False),
    }
    newer = torch.cuda.get_device_capability(0) >= (8, 0)
    rates = {
        precision: _product(torch, kind, tensor_float, budget_s)
        for precision, (kind, tensor_float) in kinds.items()
        if newer or precision not in ("tf32", "bf16")
    }
    software = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "",
        "kernel": platform.release(),
    }
    return BenchReport(rates=rates, memory=_triad(torch, budget_s), software=software)


def _product(torch: Any, kind: Any, tensor_float: bool, budget_s: float) -> Figure:
    torch.backends.cuda.matmul.allow_tf32 = tensor_float
    size = _SIZE // 2 if kind == torch.float64 else _SIZE
    left, right = (torch.randn((size, size), device=_ONE_DEVICE).to(kind) for _ in range(2))
    out = torch.empty_like(left)
    seconds = settle(
        lambda: _timed(torch, lambda: torch.matmul(left, right, out=out)), time.perf_counter, budget_s
    )
    return as_rate(seconds, 2 * size**3 / 1e12)


def _triad(torch: Any, budget_s: float) -> Figure:
    free_bytes, _ = torch.cuda.mem_get_info(0)
    length = min(_TRIAD_ELEMENTS, free_bytes // 4 // 4)
    b, c = (torch.full((length,), 0.5, device=_ONE_DEVICE) for _ in range(2))
    out = torch.empty_like(b)
    seconds = settle(
        lambda: _timed(torch, lambda: torch.add(b, c, alpha=3.0, out=out)), time.perf_counter, budget_s
    )
    return as_rate(seconds, 3 * 4 * length)


def _timed(torch: Any, operation: Any) -> float:
    """Seconds on the device's own clock."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    operation()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000
