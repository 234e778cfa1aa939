"""The fleet as arrays. A row is the devices of one model on one node, a column one of them.

Made once for a fleet: the same nodes and devices (the very objects) have the same layout.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from penstock.fleet.cpulist import parse_cpu_list
from penstock.fleet.device import Device, DeviceState, Node

MILLICORES = 1000
_CPU_STACK = "cpu"
_KEPT = 4


def sellable(device: Device) -> bool:
    """Whether the device is in service and passed its calibration."""
    return device.state == DeviceState.AVAILABLE and device.accepted_at is not None


def commissioned(device: Device) -> bool:
    """Whether the device counts at all: neither planned nor retired."""
    return device.state not in {DeviceState.PLANNED, DeviceState.RETIRED}


@dataclass(frozen=True, eq=False)
class Layout:
    """One entry a row (`model`, `node`, `leaf`, `fabric`, `shares`: may be shared,
    `images`: runs images), a cell (row and column), or a node.

    `leaf` and `fabric` number the interconnect domains, `card` the package of a device among all.
    CPU is in thousandths of a core, memory in bytes; `cores` are those that a processor device itself is.
    """

    nodes: tuple[Node, ...]
    models: tuple[str, ...]
    ids: tuple[tuple[str, ...], ...]
    place: dict[str, tuple[int, int]]
    model: np.ndarray
    node: np.ndarray
    leaf: np.ndarray
    fabric: np.ndarray
    exists: np.ndarray
    sellable: np.ndarray
    memory: np.ndarray
    card: np.ndarray
    cores: np.ndarray
    node_cpu: np.ndarray
    node_memory: np.ndarray
    any_cores: bool
    shares: np.ndarray
    images: np.ndarray
    kind: np.ndarray
    kinds: tuple[Device, ...]
    """One device of each kind, a kind being a model with its software stack."""

    def devices(self, cells: Iterable[tuple[int, int]]) -> tuple[str, ...]:
        """The ids of the devices in these cells."""
        return tuple(self.ids[row][column] for row, column in cells)

    def cells(self, devices: Iterable[str]) -> list[tuple[int, int]]:
        """Where these devices are; those that no longer count are left out."""
        return [self.place[device] for device in devices if device in self.place]

    def mask(self, devices: Iterable[str]) -> np.ndarray:
        """True in the cells of these devices."""
        chosen = np.zeros(self.exists.shape, np.bool_)
        cells = self.cells(devices)
        if cells:
            rows, columns = zip(*cells, strict=True)
            chosen[list(rows), list(columns)] = True
        return chosen


_KNOWN: OrderedDict[tuple[int, int], tuple[Sequence[Node], Sequence[Device], Layout]] = OrderedDict()


def layout_of(nodes: tuple[Node, ...], devices: tuple[Device, ...]) -> Layout:
    """The layout of a fleet; the last few are remembered."""
    key = id(nodes), id(devices)
    known = _KNOWN.get(key)
    if known is not None and known[0] is nodes and known[1] is devices:
        return known[2]
    layout = _layout(nodes, devices)
    _KNOWN[key] = (nodes, devices, layout)
    while len(_KNOWN) > _KEPT:
        _KNOWN.popitem(last=False)
    return layout


def _layout(given_nodes: Iterable[Node], given: Iterable[Device]) -> Layout:
    nodes = tuple(sorted(given_nodes, key=lambda node: node.id))
    index = {node.id: i for i, node in enumerate(nodes)}
    devices = sorted(filter(commissioned, given), key=lambda d: (index[d.node], d.model, d.index, d.id))
    models = tuple(sorted({device.model for device in devices}))
    number = {model: i for i, model in enumerate(models)}
    rows: dict[tuple[int, int], list[Device]] = {}
    for device in devices:
        rows.setdefault((index[device.node], number[device.model]), []).append(device)
    keys, held = list(rows), list(rows.values())
    shape = (len(held), max(map(len, held), default=1))
    exists, fit = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    memory, card, cores, kind = (np.zeros(shape, np.int64) for _ in range(4))
    kinds: dict[tuple[str, str], Device] = {}
    cards: dict[str, int] = {}
    place = {}
    for row, members in enumerate(held):
        for column, device in enumerate(members):
            place[device.id] = row, column
            exists[row, column], fit[row, column] = True, sellable(device)
            memory[row, column] = device.memory_bytes
            card[row, column] = cards.setdefault(device.card or device.id, len(cards))
            cores[row, column] = _cores(device)
            kinds.setdefault((device.model, device.stack), device)
            kind[row, column] = list(kinds).index((device.model, device.stack))
    node = np.array([key[0] for key in keys], np.int64)
    of_devices = np.zeros(len(nodes), np.int64)
    np.add.at(of_devices, node, cores.sum(axis=1))
    leaf, fabric = _domains(nodes)
    return Layout(
        nodes=nodes,
        models=models,
        ids=tuple(tuple(device.id for device in members) for members in held),
        place=place,
        model=np.array([key[1] for key in keys], np.int64),
        node=node,
        leaf=leaf[node],
        fabric=fabric[node],
        exists=exists,
        sellable=fit,
        memory=memory,
        card=card,
        cores=cores,
        node_cpu=np.maximum(np.array([n.cpu_cores for n in nodes], np.int64) * MILLICORES, of_devices),
        node_memory=np.array([n.memory_bytes for n in nodes], np.int64),
        any_cores=bool(cores.any()),
        shares=np.array([n.shares_devices for n in nodes], np.bool_)[node],
        images=np.array([n.runs_images for n in nodes], np.bool_)[node],
        kind=kind,
        kinds=tuple(kinds.values()),
    )


def _domains(nodes: Sequence[Node]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each node's leaf and fabric, in the order of their names."""
    leaves = [(node.engine, node.site, node.fabric, node.leaf) for node in nodes]
    numbered = []
    for level in (4, 3):
        names = {name: i for i, name in enumerate(sorted({leaf[:level] for leaf in leaves}))}
        numbered.append(np.array([names[leaf[:level]] for leaf in leaves], np.int64))
    return numbered[0], numbered[1]


def _cores(device: Device) -> int:
    if device.stack != _CPU_STACK:
        return 0
    cpus = parse_cpu_list(device.handle)
    return MILLICORES * len(cpus) if isinstance(cpus, tuple) else 0
