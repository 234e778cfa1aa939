"""Fleets and workloads as arrays: device rooms and CPU cores in thousandths, memory in MiB."""

from collections import Counter
from math import gcd

import msgspec
import numpy as np

WHOLE = 1000
ANY_MODEL = (1 << 62) - 1


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """One entry a node; `model` indexes `models` (at most 62)."""

    cpu: np.ndarray
    memory: np.ndarray
    devices: np.ndarray
    model: np.ndarray
    models: tuple[str, ...]

    @property
    def capacity(self) -> int:
        """Thousandths of devices of the whole fleet."""
        return int(self.devices.sum()) * WHOLE


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """`tasks` in order, each the index of a shape; one entry of the other arrays a shape.

    A task takes `share` thousandths on each of `devices` devices of one node of any model in the bit mask.
    """

    tasks: np.ndarray
    cpu: np.ndarray
    memory: np.ndarray
    devices: np.ndarray
    share: np.ndarray
    models: np.ndarray

    @property
    def volumes(self) -> np.ndarray:
        """Thousandths of devices that each shape takes."""
        return self.devices * self.share


def workload(tasks: list[tuple[int, int, int, int, int]]) -> Workload:
    """Tasks given as (cpu, memory, devices, share, models mask), grouped into shapes."""
    shapes = sorted(set(tasks))
    index = {shape: i for i, shape in enumerate(shapes)}
    columns = np.array(shapes, np.int64).reshape(-1, 5).T
    cpu, memory, devices, share, models = (np.ascontiguousarray(column) for column in columns)
    order = np.array([index[task] for task in tasks], np.int64)
    return Workload(tasks=order, cpu=cpu, memory=memory, devices=devices, share=share, models=models)


def typical(work: Workload, coverage: float = 0.95) -> tuple[tuple[int, int, int, int, float], ...]:
    """The most frequent shapes, without memory, that cover so much of the workload; weights sum to 1.

    FGD's target workload: (cpu, devices, share, models mask, weight), CPU-only tasks included.
    """
    counts: Counter[tuple[int, int, int, int]] = Counter()
    for shape, count in enumerate(np.bincount(work.tasks, minlength=len(work.cpu))):
        cpu, devices, share, models = (
            int(column[shape]) for column in (work.cpu, work.devices, work.share, work.models)
        )
        counts[cpu, devices, share, models] += int(count)
    covered, chosen = 0, []
    for key, count in sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True):
        if covered >= coverage * len(work.tasks):
            break
        chosen.append((key, count))
        covered += count
    return tuple((*key, count / covered) for key, count in chosen)


def resolution(work: Workload) -> int:
    """The largest unit in which every share and a whole device are whole numbers."""
    return gcd(
        WHOLE, *(int(share) for share, devices in zip(work.share, work.devices, strict=True) if devices)
    )
