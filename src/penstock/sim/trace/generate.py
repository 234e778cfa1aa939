"""Traces with the statistics of published ones, drawn with a seed, for whoever has not the data themselves.

Figures are those of the traces, counted: openb (Alibaba cluster-trace-gpu-v2023, default mix, 8,152 tasks) and
Philly as Gavel's authors prepared it (15,264 jobs over 125 days).
"""

import csv
import io
from collections.abc import Iterator
from typing import Literal

import numpy as np

from penstock.base.refusal import Refusal, invalid

type Like = Literal["openb", "philly"]
LIKES: tuple[Like, ...] = ("openb", "philly")
JOBS_MAX = 10_000_000
COLUMNS = (
    "job", "submit_s", "run_s", "nodes", "devices_per_node", "device_milli", "cpu_milli", "memory_mib", "tenant",
    "length_from",
)  # fmt: skip

OPENB_SHAPES = (
    (0.1284, 1, 810, 3152, 5600),
    (0.1051, 1, 1000, 11300, 49152),
    (0.0655, 1, 1000, 11400, 48128),
    (0.0577, 1, 1000, 3152, 5600),
    (0.0476, 1, 470, 11908, 47104),
    (0.0447, 0, 1000, 12500, 57344),
    (0.0442, 1, 470, 8000, 30517),
    (0.0348, 0, 1000, 32000, 49152),
    (0.0313, 1, 1000, 18708, 64512),
    (0.0291, 1, 650, 11908, 47104),
    (0.0239, 1, 1000, 9810, 41560),
    (0.0200, 0, 1000, 8000, 30517),
    (0.0194, 1, 1000, 12000, 24576),
    (0.0194, 1, 1000, 15700, 58368),
    (0.0188, 1, 1000, 11908, 47104),
    (0.0147, 0, 1000, 15400, 51200),
    (0.0136, 1, 320, 4000, 22888),
    (0.0132, 1, 1000, 16000, 32768),
    (0.0128, 1, 1000, 8000, 16384),
    (0.0128, 1, 1000, 4000, 24576),
    (0.0121, 1, 1000, 12000, 16384),
    (0.0117, 0, 1000, 16500, 51200),
    (0.0114, 1, 1000, 14200, 58368),
    (0.0103, 1, 230, 4000, 30517),
    (0.0103, 1, 1000, 24200, 93184),
    (0.0096, 1, 320, 4000, 15258),
    (0.0092, 1, 590, 3152, 5600),
    (0.0088, 1, 320, 8000, 30517),
    (0.0088, 1, 550, 4152, 10600),
    (0.0080, 1, 1000, 11400, 77824),
)
"""(share of tasks, devices, thousandths, CPU in thousandths, MiB): the thirty most frequent shapes of openb."""
OPENB_LIFE = (1, 60, 114, 169, 258, 485, 834, 1358, 2639, 6518, 95767)
"""Deciles of the lives of openb's tasks in seconds, from the least to the 99th percentile."""
PHILLY_GANGS = ((1, 0.6866), (2, 0.0303), (4, 0.1339), (8, 0.1255), (16, 0.0167), (32, 0.006), (64, 0.001))
"""(devices, share of jobs) of Philly."""
PHILLY_HOURS = (0.005, 0.16, 0.586, 0.831, 1.223, 2.148, 4.584, 9.843, 20.49, 55.04, 342.6)
"""Deciles of the hours that Philly's jobs of one device take on a V100, to the 97th percentile."""
TENANTS = 15
NODE_DEVICES = 8


def generate(like: Like, jobs: int, cards: int, load: float, seed: int) -> Iterator[str]:
    """Lines of a trace in our own columns: Poisson arrivals at so much of the capacity of so many cards."""
    random = np.random.default_rng(seed)
    draw = _openb if like == "openb" else _philly
    rows, run_s = draw(random, jobs)
    cards_each = np.array([nodes * devices * share / 1000 for nodes, devices, share, _, _ in rows])
    gap = float((cards_each * run_s).mean()) / (load * cards)
    submit = np.cumsum(random.exponential(gap, jobs))
    tenants = random.zipf(1.6, jobs) % TENANTS
    yield _line(COLUMNS)
    for i, (nodes, devices, share, cpu, memory) in enumerate(rows):
        cells = (f"{like}-{i}", f"{submit[i]:.0f}", f"{run_s[i]:.0f}", nodes, devices, share, cpu, memory)
        yield _line((*cells, f"tenant-{tenants[i]:02}", "generated"))


def check_generate(like: str, jobs: int, cards: int, load: float) -> Refusal | None:
    """A known trace, and sizes that make sense."""
    if like not in LIKES:
        return invalid("like_unknown", f"there is no {like!r}", f"use one of {', '.join(LIKES)}", "--like")
    if not (0 < jobs <= JOBS_MAX and cards > 0 and 0 < load <= 10):
        remedy = f"give 1 to {JOBS_MAX:,} jobs, cards, and a load over 0 up to 10"
        return invalid("trace_absurd", f"{jobs} jobs, {cards} cards, load {load}", remedy)
    return None


def _openb(random: np.random.Generator, jobs: int) -> tuple[list[tuple[int, int, int, int, int]], np.ndarray]:
    weights = np.array([shape[0] for shape in OPENB_SHAPES])
    chosen = random.choice(len(OPENB_SHAPES), jobs, p=weights / weights.sum())
    shapes = [(1, *shape[1:]) for shape in OPENB_SHAPES]
    return [shapes[i] for i in chosen], _between(random, OPENB_LIFE, jobs)


def _philly(
    random: np.random.Generator, jobs: int
) -> tuple[list[tuple[int, int, int, int, int]], np.ndarray]:
    sizes, weights = (
        np.array([gang[0] for gang in PHILLY_GANGS]),
        np.array([gang[1] for gang in PHILLY_GANGS]),
    )
    chosen = random.choice(sizes, jobs, p=weights / weights.sum())
    rows = [(-(-int(n) // NODE_DEVICES), min(int(n), NODE_DEVICES), 1000, 0, 0) for n in chosen]
    return rows, _between(random, PHILLY_HOURS, jobs) * 3600


def _between(random: np.random.Generator, deciles: tuple[float, ...], count: int) -> np.ndarray:
    """Lengths whose logarithm lies evenly between neighbouring deciles."""
    at = random.uniform(0, len(deciles) - 1, count)
    return np.exp(np.interp(at, np.arange(len(deciles)), np.log(np.maximum(deciles, 1e-3))))


def _line(cells: tuple[object, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
