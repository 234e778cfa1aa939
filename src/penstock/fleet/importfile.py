"""Reads a fleet from a CSV or YAML text: nodes, and groups of like devices on them.

CSV has one line per group; the node's own columns may stay empty from its second line on:

    node,model,count,cpu_cores,memory_gib,leaf,fabric,site,commissioned_at,cost_per_device,tranche,life_years
    n001,h200,8,192,2048,leaf1,ib1,wuhan,2026-03-01,236500.00,2026a,5
    n002,ascend910b3,8,192,1024,leaf2,roce1,wuhan,2026-05-01T08:00:00+08:00,110000,2026b,5

YAML says the same with nodes that hold their groups; `leaf`, `fabric`, `site`, `region`, `engine`, `state`,
`commissioned_at`, `tranche` and `life_years` may also stand once at the top, for all:

    site: wuhan
    commissioned_at: 2026-03-01
    nodes:
      - node: n001
        cpu_cores: 192
        memory_gib: 2048
        leaf: leaf1
        devices:
          - {model: h200, count: 8, cost_per_device: 236500.00, tranche: 2026a}

Further columns or fields: `region`, `engine`, `address`, and `state` (planned, available, cordoned, draining,
maintenance, down). `count` is devices: a card of two devices counts two. A date is 00:00 UTC of its day. A
group with a date is `available`, one without is `planned`, unless `state` says otherwise. Device ids are made
of node and place (`n001-0`); no device is accepted for sale before it was calibrated.
"""

from datetime import datetime
from typing import Literal

import msgspec

from penstock.base.money import Micros
from penstock.base.refusal import Refusal, invalid
from penstock.fleet.accelerators import Accelerator, Catalogue, device_rates, find, nearest
from penstock.fleet.device import Device, DeviceState, Node
from penstock.fleet.importrows import NODE_FIELDS, REFUSALS_MAX, Row, read_csv
from penstock.fleet.importvalues import Values
from penstock.fleet.importyaml import read_yaml

TEXT_MAX = {"csv": 16 * 2**20, "yaml": 4 * 2**20}
DEVICES_MAX = 1_000_000
COUNT_MAX = 1024
_BYTES_PER_GIB = 2**30
_STATES = tuple(s for s in DeviceState if s is not DeviceState.RETIRED)


class FleetFile(msgspec.Struct, frozen=True):
    """A checked fleet file."""

    nodes: tuple[Node, ...]
    devices: tuple[Device, ...]


def parse_fleet(
    text: str, form: Literal["csv", "yaml"], known: Catalogue, name: str = "fleet"
) -> FleetFile | tuple[Refusal, ...]:
    """The whole fleet, or every mistake in the file with its line and column (the first hundred)."""
    if len(text) > TEXT_MAX[form]:
        return (invalid("file_too_large", f"more than {TEXT_MAX[form]} characters", "split it", name),)
    rows, refusals = (read_csv if form == "csv" else read_yaml)(text, name)
    fleet = _Fleet(known)
    for row in rows:
        refusals += fleet.add(row)
        if len(refusals) > REFUSALS_MAX or len(fleet.devices) > DEVICES_MAX:
            break
    if len(fleet.devices) > DEVICES_MAX:
        refusals.append(invalid("fleet_too_large", f"more than {DEVICES_MAX} devices", "split it", name))
    if not (rows or refusals):
        refusals.append(invalid("fleet_empty", "the file names no device", "add a line for each group", name))
    return (
        tuple(refusals[:REFUSALS_MAX]) if refusals else FleetFile((*fleet.nodes.values(),), (*fleet.devices,))
    )


class _Fleet:
    """Gathers nodes and devices row by row; nothing is kept of a row with a mistake."""

    def __init__(self, known: Catalogue) -> None:
        self.known = known
        self.nodes: dict[str, Node] = {}
        self.devices: list[Device] = []
        self._first: dict[str, Row] = {}
        self._next_index: dict[str, int] = {}

    def add(self, row: Row) -> list[Refusal]:
        """Take one row in, or say what is wrong with it."""
        values = Values(row)
        node = self._node(row, values)
        group = _group(values, self.known)
        if values.refusals or node is None or group is None:
            return values.refusals
        self.nodes.setdefault(node.id, node)
        start = self._next_index.get(node.id, 0)
        self._next_index[node.id] = start + group.count
        self.devices += (_device(group, node.id, start, place) for place in range(group.count))
        return []

    def _node(self, row: Row, values: Values) -> Node | None:
        name = values.id("node", length=56)
        if name not in self._first:
            self._first[name] = row
            return _new_node(name, values)
        for field in NODE_FIELDS:
            said, earlier = row.texts.get(field), self._first[name].texts.get(field)
            if said is not None and said != earlier:
                values.refuse(
                    field,
                    "node_conflict",
                    f"{name!r} had {field} {earlier or 'empty'} before",
                    "agree or leave empty",
                )
        return self.nodes.get(name)


class _Group(msgspec.Struct, frozen=True):
    accelerator: Accelerator
    count: int
    state: DeviceState
    commissioned_at: datetime | None
    cost_micros: Micros
    tranche: str
    life_years: int


def _new_node(name: str, values: Values) -> Node:
    return Node(
        id=name,
        cpu_cores=values.whole("cpu_cores", 1, 8192),
        memory_bytes=values.whole("memory_gib", 1, 262_144) * _BYTES_PER_GIB,
        engine=values.id("engine", "local"),
        site=values.text("site", "site"),
        region=values.text("region", ""),
        fabric=values.text("fabric", "fabric"),
        leaf=values.text("leaf", "leaf"),
        address=values.text("address", "127.0.0.1"),
    )


def _group(values: Values, known: Catalogue) -> _Group | None:
    accelerator = _accelerator(values, known)
    count = values.whole("count", 1, COUNT_MAX)
    commissioned_at = values.instant("commissioned_at")
    state = _state(values, commissioned_at)
    cost = values.amount("cost_per_device")
    tranche = values.text("tranche", "")
    life_years = values.whole("life_years", 1, 30, default=5)
    if accelerator is None:
        return None
    if count % accelerator.devices_per_card:
        values.refuse(
            "count",
            "count_not_whole_cards",
            f"{count} devices are no whole cards: one {accelerator.id} has {accelerator.devices_per_card}",
            f"give a multiple of {accelerator.devices_per_card}",
        )
    return _Group(accelerator, count, state, commissioned_at, cost, tranche, life_years)


def _accelerator(values: Values, known: Catalogue) -> Accelerator | None:
    text = values.text("model")
    if not text:
        return None
    found = find(text, known)
    if len(found) == 1:
        return found[0]
    if found:
        values.refuse(
            "model",
            "model_ambiguous",
            f"{text[:40]!r} is a family",
            f"give one of {', '.join(a.id for a in found)}",
        )
    else:
        close = nearest(text, known)
        remedy = f"did you mean {close!r}?" if close else "see the catalogue"
        values.refuse("model", "model_unknown", f"{text[:40]!r} is not in the catalogue", remedy)
    return None


def _state(values: Values, commissioned_at: datetime | None) -> DeviceState:
    usual = DeviceState.AVAILABLE if values.has("commissioned_at") else DeviceState.PLANNED
    text = values.text("state", usual.value)
    if text not in _STATES:
        values.refuse(
            "state", "state_unknown", f"{text[:40]!r} is no state to import", f"use {', '.join(_STATES)}"
        )
        return usual
    state = DeviceState(text)
    if state is DeviceState.PLANNED and commissioned_at:
        values.refuse(
            "state",
            "state_and_date",
            "a planned device has no commissioning date",
            "drop the date or the state",
        )
    if state is not DeviceState.PLANNED and not values.has("commissioned_at"):
        values.refuse(
            "commissioned_at", "field_missing", f"is missing for state {text}", "say when it was commissioned"
        )
    return state


def _device(group: _Group, node: str, start: int, place: int) -> Device:
    model, index = group.accelerator, start + place
    return Device(
        id=f"{node}-{index}",
        node=node,
        model=model.id,
        handle=str(index),
        state=group.state,
        index=index,
        card=f"{node}-card{index - place % model.devices_per_card}",
        stack=model.stack,
        memory_bytes=model.memory_bytes // model.devices_per_card,
        nominal=device_rates(model),
        commissioned_at=group.commissioned_at,
        cost_micros=group.cost_micros,
        tranche=group.tranche,
        life_years=group.life_years,
    )
