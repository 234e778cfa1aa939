"""Where the time of all devices goes while a rehearsal runs, by model and by part of the window."""

from typing import NamedTuple

import numpy as np
from numba import njit

from penstock.placement.kernels.fill import BUSY, FRAGMENTED, HELD, NO_CPU, NO_MEMORY, NO_MODEL
from penstock.placement.kernels.state import volume

PRODUCTIVE, LOST, NO_DEMAND, MODEL, MEMORY, FRAGMENT, PRICE, DOWN, STARTING = range(9)
LINES = 9


class Book(NamedTuple):
    """`spent[part, model, line]` in thousandths of a device times seconds; parts lie between `edges`.

    `free`, `used` and `down` are thousandths of devices by model now; `line` is scratch. `cheap` is what of `used`
    pays a lower price, and `spent_cheap[part, model]` its productive part.
    """

    edges: np.ndarray
    spent: np.ndarray
    waited: np.ndarray
    free: np.ndarray
    used: np.ndarray
    down: np.ndarray
    line: np.ndarray
    cheap: np.ndarray
    spent_cheap: np.ndarray


@njit(cache=True, _nrt=False)
def line_of(reason):
    """The line of the card-hour book for free devices that a reason kept from waiting work."""
    if reason == NO_MODEL:
        return MODEL
    if reason == NO_MEMORY:
        return MEMORY
    if reason == HELD:
        return PRICE
    return FRAGMENT if reason in (FRAGMENTED, NO_CPU, BUSY) else NO_DEMAND


@njit(cache=True, _nrt=False)
def attribute(book, waiting, shapes, shape_of, groups):
    """Split what is free by the waiting work, kind by kind, until either runs out; the work that waits."""
    models, total = len(book.free), 0
    for model in range(models):
        book.line[model, :] = 0
        book.line[model, PRODUCTIVE], book.line[model, DOWN] = book.used[model], book.down[model]
        book.line[model, NO_DEMAND] = book.free[model]
    for i in range(waiting.actives[0]):
        kind = waiting.active[i]
        shape = shape_of[kind]
        wanted = volume(shapes, shape) * groups[kind] * waiting.length[kind]
        total += wanted
        for other in range(2):
            for model in range(models):
                serves = (shapes.models[shape] >> model) & 1
                if serves == other or wanted == 0:
                    continue
                claimed = min(wanted, book.line[model, NO_DEMAND])
                line = MODEL if other else line_of(waiting.reason[kind])
                book.line[model, NO_DEMAND] -= claimed
                book.line[model, line] += claimed
                wanted -= claimed
    return total


@njit(cache=True, _nrt=False)
def pass_time(book, part, now, until, wanted):
    """Enter [now, until) into its parts of the window; the part where it ends."""
    parts = len(book.edges) - 1
    while part < parts and book.edges[part + 1] <= now:
        part += 1
    here = part
    while here < parts and book.edges[here] < until:
        length = min(until, book.edges[here + 1]) - max(now, book.edges[here])
        if length > 0:
            for model in range(book.line.shape[0]):
                for line in range(LINES):
                    book.spent[here, model, line] += length * book.line[model, line]
                book.spent_cheap[here, model] += length * book.cheap[model]
            book.waited[here] += length * wanted
        here += 1
    return part


@njit(cache=True, _nrt=False)
def enter(book, model, taken, start, end, line, cheap):
    """What ran over [start, end) is no productive time but of another line, in every part of the window."""
    for part in range(len(book.edges) - 1):
        length = min(end, book.edges[part + 1]) - max(start, book.edges[part])
        if length > 0:
            book.spent[part, model, PRODUCTIVE] -= length * taken
            book.spent[part, model, line] += length * taken
            if cheap:
                book.spent_cheap[part, model] -= length * taken
