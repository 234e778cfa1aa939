"""Upper bounds of the fill experiment by relaxation: devices only, CPU, memory, nodes and models ignored.

A linear programme over the ways to fill one device (patterns of shares), solved by HiGHS.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

WHOLE = 1000


def patterns(sizes: list[int]) -> list[tuple[int, ...]]:
    """All maximal multisets of the sizes (large ones first) that fit one device."""
    found: list[tuple[int, ...]] = []

    def extend(i: int, left: int, counts: tuple[int, ...]) -> None:
        if i == len(sizes):
            if left < sizes[-1]:
                found.append(counts)
            return
        for count in range(left // sizes[i], -1, -1):
            extend(i + 1, left - count * sizes[i], (*counts, count))

    extend(0, WHOLE, ())
    return found


def bound(
    shares: np.ndarray, devices: np.ndarray, capacity_devices: int, *, takes_all: bool, taken: int = 0
) -> float:
    """Most percent of capacity that any policy can allocate of these arrivals, knowing them all in advance.

    `taken`: it has placed all of the first so many tasks.

    `takes_all`: the policy places whatever fits. While a whole device is free every share fits; so if it
    places a fraction D of the work for whole devices, it has placed at least D of every smaller size.
    """
    whole = int(devices[(devices > 0) & (shares == WHOLE)].sum())
    counted = np.unique(shares[(devices > 0) & (shares < WHOLE)], return_counts=True)
    sizes, came = list(map(int, counted[0][::-1])), counted[1][::-1]
    ways = np.array(patterns(sizes)).T
    count, kinds = ways.shape[1], len(sizes)
    width = count + 1 + kinds  # devices by pattern, D, placed by size
    rows = []
    for i in range(kinds):
        placed = np.zeros(width)
        placed[:count], placed[count + 1 + i] = -ways[i], 1
        rows.append((placed, 0))
        if takes_all:
            forced = np.zeros(width)
            forced[count], forced[count + 1 + i] = came[i], -1
            rows.append((forced, 0))
    room = np.zeros(width)
    room[:count], room[count] = 1, whole
    rows.append((room, capacity_devices))
    gain = np.concatenate([np.zeros(count), [whole], np.array(sizes) / WHOLE])
    early, few = shares[:taken], devices[:taken]
    least = [int(((early == size) & (few > 0)).sum()) for size in sizes]
    first = int(few[(few > 0) & (early == WHOLE)].sum()) / max(whole, 1)
    limits = [(0, None)] * count + [(first, 1)] + list(zip(least, map(float, came), strict=True))
    matrix = csr_array(np.array([row for row, _ in rows]))
    solved = linprog(-gain, A_ub=matrix, b_ub=[b for _, b in rows], bounds=limits, method="highs")
    return float(-solved.fun / capacity_devices * 100)
