"""Where the groups of a gang go: all of them or none, on one leaf or at least in one fabric."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from penstock.fleet.device import Device, Node
from penstock.lease.job import JobSpec
from penstock.placement import reasons
from penstock.placement.filters import ANY_MODEL
from penstock.placement.occupancy import Occupancy

type Groups = tuple[tuple[str, ...], ...]
type Domain = tuple[str, ...]


def place(spec: JobSpec, free: Iterable[Device], world: Occupancy) -> Groups | Counter[str]:
    """The devices of each gang node, or why each free device is left over.

    A gang has devices of one model, the first of its models that fits. Locality comes first, then
    distinct nodes: one leaf with a node for each group, one leaf with several groups a node, one fabric
    with distinct nodes, one fabric with shared ones. Of several such domains the tightest is taken, and in
    it the nodes with the least room, so that large gaps stay large.
    """
    by_model: dict[str, dict[str, list[Device]]] = defaultdict(lambda: defaultdict(list))
    for device in free:
        by_model[device.model][device.node].append(device)
    counts: Counter[str] = Counter()
    for model in _preference(spec.resources.models, by_model, world):
        on_nodes = by_model[model]
        room = {node: _room(spec, node, devices, world) for node, devices in on_nodes.items()}
        chosen = _choose(spec.nodes, room, world.nodes)
        if chosen is not None:
            return _groups(chosen, on_nodes, spec.resources.devices_per_node)
        counts += _leftover(spec, room, on_nodes)
    return counts


def _preference(models: Sequence[str], offered: Iterable[str], world: Occupancy) -> list[str]:
    """The models in the order in which the job names them; in the centre's where any will do, then by name."""
    if not models or ANY_MODEL in models:
        return sorted(offered, key=lambda model: (world.preference.get(model, len(world.preference)), model))
    return [model for model in dict.fromkeys(models) if model in offered]


def _room(spec: JobSpec, node: str, devices: Sequence[Device], world: Occupancy) -> int:
    """How many groups of the gang the node can host."""
    groups = len(devices) // spec.resources.devices_per_node
    if spec.resources.memory_bytes:
        groups = min(groups, world.memory_free(node) // spec.resources.memory_bytes)
    return max(groups, 0)


def _choose(groups: int, room: Mapping[str, int], nodes: Mapping[str, Node]) -> dict[str, int] | None:
    """Groups per node in the first kind of domain that can hold the gang, or None."""
    for level in (4, 3):
        domains: dict[Domain, dict[str, int]] = defaultdict(dict)
        for name, count in room.items():
            if count:
                node = nodes[name]
                domains[(node.engine, node.site, node.fabric, node.leaf)[:level]][name] = count
        for distinct in (True, False):
            sized = ((len(d) if distinct else sum(d.values()), key) for key, d in domains.items())
            tightest = min(((size, key) for size, key in sized if size >= groups), default=None)
            if tightest is not None:
                return _fill(groups, domains[tightest[1]], distinct=distinct)
    return None


def _fill(groups: int, room: Mapping[str, int], *, distinct: bool) -> dict[str, int]:
    """One group on each of the tightest nodes; shared: on as few nodes as possible, the last one tight."""
    if distinct:
        return dict.fromkeys(sorted(room, key=lambda node: (room[node], node))[:groups], 1)
    chosen: dict[str, int] = {}
    left = dict(room)
    while groups:
        tight = [node for node in left if left[node] >= groups]
        node = min(tight, key=lambda n: (left[n], n)) if tight else max(left, key=lambda n: (left[n], n))
        chosen[node] = min(groups, left.pop(node))
        groups -= chosen[node]
    return chosen


def _groups(chosen: Mapping[str, int], on_nodes: Mapping[str, list[Device]], size: int) -> Groups:
    """The devices of each group; of a node the most broken packages first, then by index."""
    groups: list[tuple[str, ...]] = []
    for node, count in sorted(chosen.items()):
        devices = on_nodes[node]
        siblings = Counter(device.card or device.id for device in devices)
        ordered = sorted(devices, key=lambda d: (siblings[d.card or d.id], d.index, d.id))
        groups += [tuple(d.id for d in ordered[i * size : (i + 1) * size]) for i in range(count)]
    return tuple(groups)


def _leftover(spec: JobSpec, room: Mapping[str, int], on_nodes: Mapping[str, list[Device]]) -> Counter[str]:
    """Why the free devices of one model do not make up the gang, device by device."""
    size = spec.resources.devices_per_node
    total = sum(map(len, on_nodes.values()))
    counts: Counter[str] = Counter()
    for node, devices in on_nodes.items():
        if total < spec.devices:
            counts[reasons.TOO_FEW] += len(devices)
        elif len(devices) < size:
            counts[reasons.FRAGMENTATION] += len(devices)
        elif room[node] == 0:
            counts[reasons.HOST_MEMORY] += len(devices)
        else:
            whole = sum(room.values()) >= spec.nodes
            counts[reasons.TOPOLOGY if whole else reasons.FRAGMENTATION] += len(devices)
    return counts
