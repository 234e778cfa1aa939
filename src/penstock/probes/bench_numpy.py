"""What CPU cores deliver, by NumPy: matrix products through its BLAS, and STREAM's triad.

Every core of the device works at once, each on matrices and arrays of its own. Time is core time, so a
figure is what the cores give while they are ours; that something else had them meanwhile is remarked.
"""

import platform
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from penstock.probes.standalone.sampling import BenchReport, Figure, as_rate, settle, unsteady

type Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]

_PRODUCT_S = 0.01
_TRIAD_FACTOR = 3.0
_BLOCK = 16_384
"""Elements of one block of the triad: three blocks of doubles fit any second-level cache."""
_ARRAY_BYTES_MIN, _ARRAY_BYTES_MAX = 32 * 2**20, 128 * 2**20
_L3 = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
_SHARE_MIN = 0.9


class Cores:
    """One thread for each core, started together; counts how much of the time the cores were ours."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.core_s = self.wall_s = 0.0
        self._gate = threading.Barrier(count)
        self._threads = ThreadPoolExecutor(count)

    def time(self, task: Callable[[Arrays], None], parts: Sequence[Arrays]) -> float:
        """Core seconds of the slowest thread, each doing the task on its own part."""
        start = time.perf_counter()
        spent = max(self._threads.map(lambda part: self._timed(task, part), parts))
        self.wall_s += time.perf_counter() - start
        self.core_s += spent
        return spent

    def _timed(self, task: Callable[[Arrays], None], part: Arrays) -> float:
        self._gate.wait()
        start = time.thread_time()
        task(part)
        return time.thread_time() - start


def measure(count: int, memory_bytes: int, budget_s: float) -> BenchReport:
    """Products in fp64 and fp32 and memory bandwidth on `count` cores, each within about `budget_s`.

    BLAS must have been limited to one thread before NumPy was loaded. `memory_bytes` is what the device
    may use; the triad takes a fifth of it at most.
    """
    cores = Cores(count)
    rates: dict[str, Figure] = {}
    findings: list[str] = []
    for precision, kind in (("fp64", np.float64), ("fp32", np.float32)):
        figure = _products(cores, np.dtype(kind), budget_s)
        if figure is None:
            findings.append(f"product_wrong: the {precision} matrix product is not right")
        else:
            rates[precision] = figure
    memory = _triad(cores, _array_bytes(memory_bytes) // 8 // count, budget_s)
    share = cores.core_s / cores.wall_s
    busy = (
        f"host_busy: other programs had the cores for {1 - share:.0%} of the time; figures are per core time"
    )
    return BenchReport(
        rates=rates,
        memory=memory,
        software=_software(),
        findings=tuple(findings),
        remarks=(*((busy,) if share < _SHARE_MIN else ()), *unsteady({**rates, "memory": memory})),
    )


def _products(cores: Cores, kind: np.dtype, budget_s: float) -> Figure | None:
    """TFLOPS of square products that take about a hundredth of a second; None if a result is wrong."""
    size = 512
    for _ in range(2):
        parts = [_matrices(size, kind) for _ in range(cores.count)]
        elapsed = min(cores.time(_product, parts) for _ in range(5))
        size = min(8192, max(256, round(size * (_PRODUCT_S / elapsed) ** (1 / 3) / 64) * 64))
    parts = [_matrices(size, kind) for _ in range(cores.count)]
    seconds = settle(lambda: cores.time(_product, parts), time.perf_counter, budget_s)
    return as_rate(seconds, cores.count * 2 * size**3 / 1e12) if all(map(_is_product, parts)) else None


def _matrices(size: int, kind: np.dtype) -> Arrays:
    random = np.random.default_rng(7)
    left, right = (random.standard_normal((size, size)).astype(kind) for _ in range(2))
    return left, right, np.empty((size, size), kind)


def _product(part: Arrays) -> None:
    left, right, out = part
    np.matmul(left, right, out=out)


def _is_product(part: Arrays) -> bool:
    """Freivalds' check: both sides times a vector, far cheaper than a second product."""
    left, right, out = part
    vector = np.ones(len(left), left.dtype)
    expected, seen = left @ (right @ vector), out @ vector
    return bool(np.allclose(seen, expected, rtol=0, atol=len(left) * 100 * np.finfo(left.dtype).eps))


def _array_bytes(memory_bytes: int) -> int:
    wanted = min(max(4 * _last_level_cache_bytes(), _ARRAY_BYTES_MIN), _ARRAY_BYTES_MAX)
    return min(wanted, max(memory_bytes // 16, 2**20))


def _last_level_cache_bytes() -> int:
    try:
        return int(_L3.read_text().strip().removesuffix("K")) * 1024
    except (OSError, ValueError):
        return 0


def _triad(cores: Cores, length: int, budget_s: float) -> Figure:
    """Bytes per second of a = b + s * c, counted as STREAM does: two reads and one write."""
    parts = [(np.zeros(length), np.full(length, 2.0), np.full(length, 0.5)) for _ in range(cores.count)]
    seconds = settle(lambda: cores.time(_triad_pass, parts), time.perf_counter, budget_s)
    return as_rate(seconds, cores.count * 3 * 8 * length)


def _triad_pass(part: Arrays) -> None:
    """Block by block, so that the product is still in the cache when the sum reads it."""
    a, b, c = part
    for start in range(0, len(a), _BLOCK):
        block = slice(start, start + _BLOCK)
        np.multiply(c[block], _TRIAD_FACTOR, out=a[block])
        np.add(a[block], b[block], out=a[block])


def _software() -> dict[str, str]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name', '')} {blas.get('version', '')}".strip(),
        "kernel": platform.release(),
        "processor": _processor(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
