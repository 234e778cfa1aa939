"""What one device delivers, by PyTorch: `python torch_bench.py --device npu --plugin torch_npu` prints JSON.

Runs under any Python that has PyTorch 2.7 or newer, be it a vendor's; the device is the one that the
vendor's variable leaves visible. Products by precision, and STREAM's triad. On CPU it measures the process's
own threads.
"""

import argparse
import dataclasses
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

from sampling import (  # ty: ignore[import-not-found]
    BenchReport,
    Figure,
    as_rate,
    settle,
    unsteady,
)

_PRODUCT_S = 0.01
_SIZE_MAX = {"cpu": 4096}
_TRIAD_ELEMENTS = 2**28
_TRIAD_ELEMENTS_CPU = 2**24
_KINDS = {"fp64": "float64", "fp32": "float32", "tf32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_TOLERANCE = {"fp64": 1e-10, "fp32": 1e-3, "tf32": 2e-2, "bf16": 1e-1, "fp16": 2e-2}
"""Of Freivalds' check, relative to the largest element of the result."""


class Device:
    """One device of PyTorch, by torch.accelerator where there is one."""

    def __init__(self, torch: Any, kind: str) -> None:
        self.torch, self.kind = torch, kind
        self.module = torch.get_device_module(kind)

    @property
    def there(self) -> bool:
        """Whether PyTorch sees it."""
        return self.kind == "cpu" or bool(self.module.is_available())

    def timed(self, operation: Callable[[], object]) -> float:
        """Seconds from an idle device to an idle device."""
        self.wait()
        start = time.perf_counter()
        operation()
        self.wait()
        return time.perf_counter() - start

    def wait(self) -> None:
        """Until the device has done all that it was told."""
        if self.kind != "cpu":
            self.torch.accelerator.synchronize()

    def free_bytes(self) -> int:
        """Memory that is free; a gigabyte where the plug-in does not say."""
        ask = getattr(self.module, "mem_get_info", None)
        return int(ask()[0]) if ask else 2**30


def measure(kind: str, plugin: str, budget_s: float, warm_up_s: float) -> BenchReport:
    """Products and memory bandwidth of the one visible device.

    Without PyTorch, its plug-in or the device the report says so and holds no figures.
    """
    try:
        torch: Any = importlib.import_module("torch")
        if plugin:
            importlib.import_module(plugin)
    except ImportError as error:
        return BenchReport(
            findings=(f"torch_missing: {error}; name a Python that has it in PENSTOCK_TORCH_PYTHON",)
        )
    device = Device(torch, kind)
    if not device.there:
        return BenchReport(findings=(f"device_not_visible: PyTorch sees no {kind} device",))
    rates, findings, remarks = {}, [], []
    for precision in _KINDS:
        if precision == "tf32" and not _has_tf32(device):
            continue
        try:
            figure = _product(device, precision, budget_s, warm_up_s if not rates else 0.0)
        except (RuntimeError, NotImplementedError, TypeError) as error:
            remarks.append(f"precision_not_there: {precision}: {str(error).splitlines()[0][:120]}")
            continue
        if figure is None:
            findings.append(f"product_wrong: the {precision} matrix product is not right")
        else:
            rates[precision] = figure
    memory = _triad(device, budget_s)
    remarks += unsteady({**rates, "memory": memory})
    return BenchReport(rates, memory, _software(device, plugin), tuple(findings), tuple(remarks))


def _has_tf32(device: Device) -> bool:
    """Ampere and later; other vendors have no such mode that PyTorch could switch."""
    ask = getattr(device.module, "get_device_capability", None)
    return (
        device.kind == "cuda"
        and device.torch.version.cuda is not None
        and ask is not None
        and ask() >= (8, 0)
    )


def _product(device: Device, precision: str, budget_s: float, warm_up_s: float) -> "Figure | None":
    """TFLOPS of square products of about a hundredth of a second or of the largest size; None if one is wrong."""
    torch = device.torch
    if device.kind == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    size, most = 512, _SIZE_MAX.get(device.kind, 8192)
    for _ in range(2):
        left, right, out = _matrices(device, precision, size)
        elapsed = min(device.timed(lambda: torch.matmul(left, right, out=out)) for _ in range(3))  # noqa: B023
        size = min(most, max(256, round(size * (_PRODUCT_S / elapsed) ** (1 / 3) / 64) * 64))
    left, right, out = _matrices(device, precision, size)
    seconds = settle(
        lambda: device.timed(lambda: torch.matmul(left, right, out=out)),
        time.perf_counter,
        budget_s,
        warm_up_s,
    )
    return as_rate(seconds, 2 * size**3 / 1e12) if _right(torch, precision, left, right, out) else None


def _matrices(device: Device, precision: str, size: int) -> "tuple[Any, Any, Any]":
    kind = getattr(device.torch, _KINDS[precision])
    left, right = (device.torch.randn((size, size)).to(device.kind).to(kind) for _ in range(2))
    return left, right, device.torch.empty_like(left)


def _right(torch: Any, precision: str, left: Any, right: Any, out: Any) -> bool:
    """Freivalds' check on the CPU, in double precision: both sides times a vector of signs."""
    a, b, c = (matrix.cpu().double() for matrix in (left, right, out))
    vector = torch.randint(0, 2, (len(a),)).double() * 2 - 1
    off = (c @ vector - a @ (b @ vector)).abs().max()
    return bool(off <= _TOLERANCE[precision] * (c.abs().max() * len(a) ** 0.5))


def _triad(device: Device, budget_s: float) -> "Figure":
    """Bytes per second of a = b + s * c in fp32, counted as STREAM does: two reads and one write."""
    torch = device.torch
    most = _TRIAD_ELEMENTS_CPU if device.kind == "cpu" else _TRIAD_ELEMENTS
    length = min(most, device.free_bytes() // 16)
    b, c = (torch.full((length,), 0.5, device=device.kind) for _ in range(2))
    out = torch.empty_like(b)
    seconds = settle(
        lambda: device.timed(lambda: torch.add(b, c, alpha=3.0, out=out)), time.perf_counter, budget_s
    )
    return as_rate(seconds, 3 * 4 * length)


def _software(device: Device, plugin: str) -> "dict[str, str]":
    torch = device.torch
    found = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda or "",
        "hip": getattr(torch.version, "hip", None) or "",
        plugin.partition(".")[0]: str(getattr(sys.modules.get(plugin), "__version__", "")) if plugin else "",
        "threads": str(torch.get_num_threads()) if device.kind == "cpu" else "",
        "kernel": platform.release(),
    }
    return {name: version for name, version in found.items() if name and version}


def main() -> int:
    """Exit status 0 with a report on standard output, whatever the report says."""
    parser = argparse.ArgumentParser(description="Measure one device by PyTorch; print JSON.")
    parser.add_argument("--device", default="cpu", help="type of device as PyTorch calls it")
    parser.add_argument("--plugin", default="", help="module that brings the device to PyTorch")
    parser.add_argument("--cpus", default="", help="CPUs to stay on, such as 0,1")
    parser.add_argument("--budget-s", type=float, default=1.5, help="seconds for each measurement")
    parser.add_argument("--warm-up-s", type=float, default=0.0, help="seconds of load before the first one")
    options = parser.parse_args()
    if options.cpus:
        cpus = {int(one) for one in options.cpus.split(",")}
        os.sched_setaffinity(0, cpus)
        os.environ["OMP_NUM_THREADS"] = str(len(cpus))
    report = measure(options.device, options.plugin, options.budget_s, options.warm_up_s)
    print(json.dumps(dataclasses.asdict(report)))  # noqa: T201 - the answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
