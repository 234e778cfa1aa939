"""What is taken of a fleet, by whom and until when, as arrays that change with each placement."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from penstock.base.quantity import WHOLE
from penstock.lease.job import Slots
from penstock.placement.layout import Layout
from penstock.placement.need import NEVER_US

type Cell = tuple[int, int]
"""A row and a column of the layout: one device."""

type Groups = tuple[tuple[Cell, ...], ...]
"""The devices of each node of a gang."""


class Holding(NamedTuple):
    """What one attempt or placed job takes: a share of each cell, and CPU and memory of each node.

    `nodes` has one entry a group. `until_us` is when it has surely ended.
    """

    name: str
    cells: tuple[Cell, ...]
    share: int
    slots: tuple[Slots, ...]
    nodes: tuple[int, ...]
    cpu: int
    memory: int
    until_us: int


class Booked(NamedTuple):
    """Cells that are somebody's over [start, end): a lease's, or promised to a job that waits."""

    name: str
    cells: tuple[Cell, ...]
    start_us: int
    end_us: int
    promise: bool
    nodes: tuple[int, ...] = ()
    cpu: int = 0
    memory: int = 0


class Snapshot:
    """Room of each cell in thousandths, CPU and memory of each node, and from when each cell is not free.

    `leased` and `promised` are when the first booking of either kind begins that has not ended; `lent` are
    cells whose lease lends what is idle. Spot work is told `notice_us` before it must go. `changed` logs
    the rows in the order in which they changed.
    """

    def __init__(self, layout: Layout, now_us: int, notice_us: int = 0) -> None:
        self.layout, self.now_us, self.notice_us = layout, now_us, notice_us
        self.room = np.where(layout.exists, WHOLE, 0)
        self.cpu, self.memory = layout.node_cpu.copy(), layout.node_memory.copy()
        self.leased = np.full(layout.exists.shape, NEVER_US, np.int64)
        self.promised = self.leased.copy()
        self.lent = np.zeros(layout.exists.shape, np.bool_)
        self.holdings: dict[str, Holding] = {}
        self.booked: dict[str, Booked] = {}
        self.changed: list[int] = []
        self._cell_log, self._node_log = _Log(4), _Log(4)
        self._ends: Counter[int] = Counter()
        self._ready: np.ndarray | None = None
        self._tables: tuple[np.ndarray, np.ndarray] | None = None
        self._taken: dict[Cell, list[tuple[int, int]]] = {}
        self._on_cell: dict[Cell, dict[str, Booked]] = {}
        self._rows_of_node: list[list[int]] = [[] for _ in layout.nodes]
        for row, node in enumerate(layout.node.tolist()):
            self._rows_of_node[node].append(row)

    def take(
        self,
        name: str,
        groups: Groups,
        share: int,
        need: tuple[int, int],
        until_us: int,
        slots: tuple[Slots, ...] = (),
    ) -> Holding:
        """Occupy a share of the groups' cells, and on each node the need of CPU and memory of its groups.

        A processor device takes its own cores where those are more than the CPU asked for.
        """
        cells = tuple(cell for group in groups for cell in group)
        nodes = tuple(int(self.layout.node[group[0][0]]) for group in groups if group)
        cores = max((self._cores(group) * share // WHOLE for group in groups), default=0)
        found = slots or tuple(self._slots(cell, share) for cell in cells)
        holding = Holding(name, cells, share, found, nodes, max(need[0], cores), need[1], until_us)
        self.put_back(holding)
        return holding

    def release(self, name: str) -> None:
        """Undo `take`."""
        self._apply(self.holdings.pop(name), -1)

    def put_back(self, holding: Holding) -> None:
        """Take again what was released."""
        self._apply(holding, 1)
        self.holdings[holding.name] = holding

    def book(self, booked: Booked) -> None:
        """Keep cells for somebody over a time."""
        self.booked[booked.name] = booked
        for cell in booked.cells:
            self._on_cell.setdefault(cell, {})[booked.name] = booked
        self._rebooked(booked)

    def unbook(self, name: str) -> None:
        """Undo `book`."""
        booked = self.booked.pop(name)
        for cell in booked.cells:
            del self._on_cell[cell][name]
        self._rebooked(booked)

    def _rebooked(self, booked: Booked) -> None:
        self._tables = None
        for cell in booked.cells:
            self._renew(cell)
        for node in booked.nodes:
            self.changed += self._rows_of_node[node]

    def _cores(self, group: Sequence[Cell]) -> int:
        return int(sum(self.layout.cores[cell] for cell in group)) if self.layout.any_cores else 0

    def _slots(self, cell: Cell, share: int) -> Slots:
        """The lowest free thousandths of the cell; all of it where it has not the room (it is in use twice)."""
        free, low = [], 0
        for since, until in sorted(self._taken.get(cell, ())):
            if low < since:
                free.append((low, since))
            low = max(low, until)
        free.append((low, WHOLE))
        found: list[tuple[int, int]] = []
        for since, until in free:
            size = min(share, until - since)
            if size > 0:
                found.append((since, since + size))
                share -= size
        return tuple(found)

    def _apply(self, holding: Holding, sign: int) -> None:
        self._ends[holding.until_us] += sign
        if sign < 0:
            self._ready = None
        for cell, slots in zip(holding.cells, holding.slots, strict=True):
            self.room[cell] -= sign * holding.share
            if self._ready is not None:
                self._ready[cell] = max(self._ready[cell], holding.until_us)
            self._cell_log.add((*cell, sign * holding.share, holding.until_us))
            taken = self._taken.setdefault(cell, [])
            for slot in slots:
                if sign > 0:
                    taken.append(slot)
                else:
                    taken.remove(slot)
        for node in holding.nodes:
            self.cpu[node] -= sign * holding.cpu
            self.memory[node] -= sign * holding.memory
            self._node_log.add((node, sign * holding.cpu, sign * holding.memory, holding.until_us))
            self.changed += self._rows_of_node[node]

    def _renew(self, cell: Cell) -> None:
        """From when the cell is booked."""
        for promise, first in ((False, self.leased), (True, self.promised)):
            first[cell] = min(
                (
                    one.start_us
                    for one in self._on_cell[cell].values()
                    if one.promise == promise and one.end_us > self.now_us
                ),
                default=NEVER_US,
            )
        self.changed.append(cell[0])

    def at(
        self, instant_us: int, until_us: int, *, promises_alone: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Room of each cell, CPU and memory of each node over [instant, until), by what is known.

        What surely ends by then has ended; a cell booked within that time has no room.
        """
        room = self.room.copy()
        rows, columns, shares, _ = self._cell_log.until(instant_us)
        np.add.at(room, (rows, columns), shares)
        table = self._bookings()[0]
        cells = table[:, (table[0] < until_us) & (table[1] > instant_us) & (table[2] >= promises_alone)]
        room[cells[3], cells[4]] = 0
        return room, *self.hosts(instant_us, until_us)

    def hosts(self, instant_us: int, until_us: int) -> tuple[np.ndarray, np.ndarray]:
        """The least CPU and memory that each node has left at any time in [instant, until), by what is known.

        What runs gives back its own when it has surely ended; what is promised takes its own from then on.
        """
        promised = self._bookings()[1]
        ending = self._node_log.until(max(until_us - 1, instant_us))
        after = ending[3] > instant_us
        cpu, memory = self.cpu.copy(), self.memory.copy()
        for left, given in ((cpu, ending[1]), (memory, ending[2])):
            np.add.at(left, ending[0][~after], given[~after])
        promised = promised[:, promised[3] < until_us]
        if not promised.size:
            return cpu, memory
        concerned = np.zeros(cpu.size, np.bool_)
        concerned[promised[0]] = True
        events = np.concatenate([ending[:, after & concerned[ending[0]]], promised], axis=1)
        early = events[:, events[3] <= instant_us]
        events = events[:, events[3] > instant_us]
        for left, given in ((cpu, early[1]), (memory, early[2])):
            np.add.at(left, early[0], given)
        events = events[:, np.lexsort((-events[1], -events[2], events[3], events[0]))]
        for left, given in ((cpu, events[1]), (memory, events[2])):
            _lower(left, events[0], given)
        return cpu, memory

    def _bookings(self) -> tuple[np.ndarray, np.ndarray]:
        """With each cell of a booking its start, end and whether it is a promise; and what promises do to nodes.

        The latter as the log of what runs has it: node, change of CPU and memory, instant.
        """
        if self._tables is None:
            cells, hosts = [], []
            for one in self.booked.values():
                cells += [(one.start_us, one.end_us, int(one.promise), *cell) for cell in one.cells]
                for node in one.nodes if one.cpu or one.memory else ():
                    hosts += [(node, -one.cpu, -one.memory, one.start_us)]
                    hosts += [(node, one.cpu, one.memory, one.end_us)]
            self._tables = (
                np.array(cells, np.int64).reshape(-1, 5).T,
                np.array(hosts, np.int64).reshape(-1, 4).T,
            )
        return self._tables

    def ready_us(self) -> np.ndarray:
        """From when each cell is surely whole again, by what runs."""
        if self._ready is None:
            self._ready = np.full(self.room.shape, self.now_us, np.int64)
            for holding in self.holdings.values():
                for cell in holding.cells:
                    self._ready[cell] = max(self._ready[cell], holding.until_us)
        return self._ready

    def ends_us(self) -> list[int]:
        """The instants at which something surely frees up, in order."""
        ends = {end for end, count in self._ends.items() if count}
        ends |= {booked.end_us for booked in self.booked.values()}
        return sorted(end for end in ends if self.now_us < end < NEVER_US)


class _Log:
    """Rows of whole numbers whose last column is an instant, as one array that grows."""

    def __init__(self, width: int) -> None:
        self._array = np.zeros((0, width), np.int64)
        self._new: list[tuple[int, ...]] = []

    def add(self, row: tuple[int, ...]) -> None:
        self._new.append(row)

    def until(self, instant_us: int) -> np.ndarray:
        """The columns of the rows up to the instant."""
        if self._new:
            self._array = np.concatenate([self._array, np.array(self._new, np.int64)])
            self._new.clear()
        return self._array[self._array[:, -1] <= instant_us].T


def _lower(left: np.ndarray, node: np.ndarray, change: np.ndarray) -> None:
    """Lower each node's number to the least that its changes, in the order given, bring it to."""
    if not node.size:
        return
    total = np.cumsum(change)
    first = np.flatnonzero(np.diff(node, prepend=-1))
    before = total[first] - change[first]
    least = np.minimum.reduceat(total, first) - before
    left[node[first]] += np.minimum(least, 0)


def groups_of(layout: Layout, devices: Iterable[str], per_node: int) -> Groups:
    """The devices of an attempt in groups: on each row by so many; devices that no longer count are left out."""
    rows: dict[int, list[Cell]] = {}
    for cell in layout.cells(devices):
        rows.setdefault(cell[0], []).append(cell)
    return tuple(
        tuple(cells[i : i + per_node]) for cells in rows.values() for i in range(0, len(cells), per_node)
    )
