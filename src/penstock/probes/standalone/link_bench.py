"""Bus bandwidth of an all-reduce, started once in each process of a gang: `RANK=0 WORLD_SIZE=2 python link_bench.py`.

RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are those that every gang has, so the same script measures the
devices of one node and, run as a job over several, its nodes. Rank 0 prints JSON. With `--backend ring` it
is NumPy over TCP and needs `ring_allreduce.py` beside it or on PYTHONPATH; any other back end is
torch.distributed's (nccl, hccl, cncl, mccl, gloo).
"""

import argparse
import atexit
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

from sampling import figure_of, unsteady  # ty: ignore[import-not-found]

_MESSAGE_BYTES = 64 * 2**20
_TESTED = 1.5


def main() -> int:
    """0 where all processes met and the sums were right."""
    parser = argparse.ArgumentParser(description="Measure an all-reduce; rank 0 prints JSON.")
    parser.add_argument("--backend", default=os.environ.get("PENSTOCK_COLLECTIVE", "ring"))
    parser.add_argument("--device", default=os.environ.get("PENSTOCK_TORCH_DEVICE", "cpu"))
    parser.add_argument("--plugin", default=os.environ.get("PENSTOCK_TORCH_PLUGIN", ""))
    parser.add_argument("--message-bytes", type=int, default=_MESSAGE_BYTES)
    parser.add_argument("--cpus", default="", help="CPUs to stay on, such as 0,1 or 0-3")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    if options.cpus:
        ends = [part.split("-") for part in options.cpus.split(",")]
        os.sched_setaffinity(0, {cpu for part in ends for cpu in range(int(part[0]), int(part[-1]) + 1)})
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    opened = _ring if options.backend == "ring" else _torch
    once, right, software = opened(options, rank, world)
    for _ in range(options.repeats // 2):
        once()
    figure = figure_of([once() for _ in range(options.repeats)])  # all processes repeat equally often
    if not right():
        print("the sums are wrong", file=sys.stderr)  # noqa: T201
        return 1
    if rank == 0:
        moved = 2 * (world - 1) / world * options.message_bytes
        report = {
            "world": world,
            "backend": options.backend,
            "message_bytes": options.message_bytes,
            "bus_bytes_per_s": moved / figure.value,
            "spread": figure.spread,
            "software": software,
            "findings": list(unsteady({"all-reduce": figure})),
        }
        print(json.dumps(report))  # noqa: T201 - the answer
    return 0


def _ring(
    options: Any, rank: int, world: int
) -> "tuple[Callable[[], float], Callable[[], bool], dict[str, str]]":
    np: Any = importlib.import_module("numpy")
    ring_module: Any = importlib.import_module("ring_allreduce")
    ring = ring_module.Ring(rank, world, os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    vector = np.zeros(options.message_bytes // 4, np.float32)

    def once() -> float:
        start = time.perf_counter()
        ring.all_reduce(vector)
        return time.perf_counter() - start

    def right() -> bool:
        vector[:] = _TESTED
        ring.all_reduce(vector)
        return bool((vector == _TESTED * world).all())

    return (
        once,
        right,
        {"python": platform.python_version(), "numpy": np.__version__, "kernel": platform.release()},
    )


def _torch(
    options: Any, rank: int, world: int
) -> "tuple[Callable[[], float], Callable[[], bool], dict[str, str]]":
    torch: Any = importlib.import_module("torch")
    if options.plugin:
        importlib.import_module(options.plugin)
    distributed: Any = importlib.import_module("torch.distributed")
    distributed.init_process_group(options.backend, rank=rank, world_size=world)
    atexit.register(distributed.destroy_process_group)  # else its threads may end the process with an abort
    device = options.device
    if device != "cpu":
        device = f"{device}:{os.environ.get('LOCAL_RANK', '0')}"
        torch.accelerator.set_device_index(int(os.environ.get("LOCAL_RANK", "0")))
    vector = torch.zeros(options.message_bytes // 4, device=device)

    def wait() -> None:
        if options.device != "cpu":
            torch.accelerator.synchronize()

    def once() -> float:
        wait()
        start = time.perf_counter()
        distributed.all_reduce(vector)
        wait()
        return time.perf_counter() - start

    def right() -> bool:
        vector.fill_(_TESTED)
        distributed.all_reduce(vector)
        wait()
        return bool((vector == _TESTED * world).all())

    return (
        once,
        right,
        {"python": platform.python_version(), "torch": str(torch.__version__), "kernel": platform.release()},
    )


if __name__ == "__main__":
    sys.exit(main())
