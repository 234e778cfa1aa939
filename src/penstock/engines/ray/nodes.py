"""The cluster's hosts and devices, as the fleet has them."""

import time

from penstock.app.ports import Capacity, NodeView
from penstock.base.refusal import Refusal, Refused
from penstock.engines.ray.client import RayClient, RayNode
from penstock.engines.ray.settings import RaySettings
from penstock.engines.ray.words import RESOURCES
from penstock.fleet.accelerators import Accelerator, catalogue, find
from penstock.fleet.device import Device, DeviceState, Node

_TYPE = "accelerator_type:"


class Nodes:
    """Asked for at most every few seconds."""

    def __init__(self, client: RayClient, settings: RaySettings) -> None:
        self._client, self._settings, self._engine = client, settings, settings.name
        self._known: tuple[RayNode, ...] = ()
        self._at_s = float("-inf")
        self._version = ""
        self._seen: tuple[tuple[RayNode, ...], Capacity] | None = None

    def addresses(self) -> dict[str, str]:
        """Node id -> address, of every host that the cluster has or had."""
        return {self._id(node): node.node_ip for node in self._fresh()}

    def totals(self, address: str) -> dict[str, float]:
        """The resources of a host that is alive; none otherwise."""
        alive = (node for node in self._fresh() if node.node_ip == address and node.state == "ALIVE")
        return next((node.resources_total for node in alive), {})

    def capacity(self) -> Capacity:
        """Each host once, by its address: a restarted one is the same host. The same object where it is as old."""
        known = self._fresh()
        if self._seen is None or self._seen[0] is not known:
            latest: dict[str, RayNode] = {}
            for node in known:
                if node.state == "ALIVE" or node.node_ip not in latest:
                    latest[node.node_ip] = node
            nodes = tuple(map(self._view, latest.values()))
            found = Capacity(nodes=nodes, version=self._version, accepted=self._settings.accepted)
            self._seen = known, found
        return self._seen[1]

    def _fresh(self) -> tuple[RayNode, ...]:
        if not self._version:
            self._version = self._checked()
        now_s = time.monotonic()
        if now_s - self._at_s > self._settings.look_every_s:
            self._known, self._at_s = self._client.nodes(), now_s
        return self._known

    def _checked(self) -> str:
        """The version of a cluster that we may use."""
        version = self._client.version()
        if not self._settings.open_to_all and self._client.is_open_to_all():
            raise Refused(
                Refusal(
                    "engine_open_to_all",
                    f"the cluster {self._engine} runs what anybody sends who reaches it",
                    "start Ray with RAY_AUTH_MODE=token and a RAY_AUTH_TOKEN",
                )
            )
        return version

    def _id(self, node: RayNode) -> str:
        return f"{self._engine}-{node.node_ip.replace(':', '-')}"

    def _view(self, node: RayNode) -> NodeView:
        alive = node.state == "ALIVE"
        here = Node(
            id=self._id(node),
            cpu_cores=int(node.resources_total.get("CPU", 0)),
            memory_bytes=int(node.resources_total.get("memory", 0)),
            engine=self._engine,
            address=node.node_ip,
        )
        return NodeView(
            node=here,
            devices=tuple(_devices(node, here)),
            state=DeviceState.AVAILABLE if alive else DeviceState.DOWN,
            reason="" if alive else (node.state_message or "Ray says that the host is dead"),
        )


def _devices(node: RayNode, here: Node) -> list[Device]:
    """Its accelerators where it has any, otherwise its processors."""
    total = node.resources_total
    count = next((int(total[name]) for name in ("GPU", *RESOURCES.values()) if total.get(name)), 0)
    model = _model(node)
    if not count or model is None:
        memory_bytes = here.memory_bytes // max(here.cpu_cores, 1)
        return [_device(here, index, "cpu", "cpu", memory_bytes) for index in range(here.cpu_cores)]
    memory_bytes = model.memory_bytes // model.devices_per_card
    return [_device(here, index, model.id, model.stack, memory_bytes) for index in range(count)]


def _device(here: Node, index: int, model: str, stack: str, memory_bytes: int) -> Device:
    return Device(
        id=f"{here.id}-{index}",
        node=here.id,
        model=model,
        handle=str(index),
        index=index,
        card=f"{here.id}-card{index}",
        stack=stack,
        memory_bytes=memory_bytes,
    )


def _model(node: RayNode) -> Accelerator | None:
    """The accelerator that Ray has recognised, e.g. from the resource `accelerator_type:A100`."""
    for name in node.resources_total:
        if name.startswith(_TYPE):
            found = find(name.removeprefix(_TYPE), catalogue())
            if len(found) == 1:
                return found[0]
    return None
