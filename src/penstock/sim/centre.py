"""A whole centre in one process: the real app and a real database, a virtual clock and a simulated engine."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from penstock.app import opening, reports
from penstock.app.access import SYSTEM
from penstock.app.context import App, Policy
from penstock.app.loop import cycle
from penstock.app.ports import Engine
from penstock.base.refusal import Fault
from penstock.fleet.device import Device, DeviceState, Node
from penstock.sim.clock import VirtualClock
from penstock.sim.engine import SimulatedEngine
from penstock.store import fleet
from penstock.store.database import Database
from penstock.store.files import Files

OPENING = datetime(2026, 1, 5, tzinfo=UTC)
GIB = 2**30


class SimulatedCentre:
    """Opens on a directory, or on a PostgreSQL by its URL.

    `restart` opens it again as after a crash. The engine and time go on.
    """

    def __init__(
        self, directory: Path, seed: int, policy: Policy | None = None, database: str | None = None
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.random = Random(seed)  # noqa: S311
        self.clock = VirtualClock(OPENING)
        self.engine = SimulatedEngine(self.clock, Random(seed + 1))  # noqa: S311
        self.policy = policy or Policy()
        self._url = database
        self.app = self._open()

    def _open(self) -> App:
        database = Database(self._url or self.directory)
        database.migrate()
        engines: Mapping[str, Engine] = {self.engine.name: self.engine}
        app = App(database, Files(self.directory), self.clock, engines, self.policy)
        opening.open_books(app)
        return app

    def restart(self) -> None:
        """What a new process would do after a crash."""
        self.app.database.close()
        self.app = self._open()

    def close(self) -> None:
        """Give back the database."""
        self.app.database.close()

    def install(self, model: str, nodes: int, devices_per_node: int, nodes_per_leaf: int = 16) -> None:
        """Commission and accept a fleet now."""
        now = self.clock.now()
        with self.app.database.write() as tx:
            for number in range(nodes):
                node = f"{model}-{number:04d}"
                fleet.save_node(tx, _node(node, number // nodes_per_leaf, self.engine.name))
                for index in range(devices_per_node):
                    fleet.save_device(tx, fleet.accept(_device(node, model, index), now), now, "installed")

    def run(self, duration: timedelta, step: timedelta) -> None:
        """Let virtual time pass, and turn the loop once after each step."""
        until = self.clock.now() + duration
        while self.clock.now() < until:
            self.clock.advance(min(step, until - self.clock.now()))
            self.turn()

    def turn(self) -> None:
        """One turn of the loop; an outside fault is left to the next one."""
        try:
            cycle(self.app)
        except Fault:
            return

    def check(self) -> reports.CheckReport:
        """Both books."""
        return reports.check_books(self.app, SYSTEM)


def _node(name: str, leaf: int, engine: str) -> Node:
    return Node(id=name, cpu_cores=128, memory_bytes=1024 * GIB, engine=engine, leaf=f"leaf-{leaf}")


def _device(node: str, model: str, index: int) -> Device:
    return Device(
        id=f"{node}.{index}",
        node=node,
        model=model,
        handle=str(index),
        state=DeviceState.PLANNED,
        index=index,
        stack="simulated",
        memory_bytes=80 * GIB,
        cost_micros=200_000_000_000,
        tranche="first",
    )
