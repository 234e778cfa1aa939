"""The engines that have to keep the contract, each against the real thing. A new one is one more of these."""

import contextlib
import itertools
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from tests.contract.bench import Bench, Harness
from tests.contract.images import layout
from tests.contract.ray_harness import RayHarness
from tests.contract.slurm_harness import SlurmHarness

from penstock.app.ports import TaskPlan
from penstock.base.refusal import Fault
from penstock.engines.local.engine import LocalEngine
from penstock.engines.local.host import Isolation
from penstock.engines.local.images import store
from penstock.engines.local.supervisor.directory import supervisor_of
from penstock.sim.clock import VirtualClock
from penstock.sim.engine import NOWHERE, SimulatedEngine

PATH = f"PATH={Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"


class LocalHarness(Harness):
    """The local engine at one level of isolation."""

    def __init__(self, name: str, isolation: Isolation | None, **options: Any) -> None:
        self.name, self._isolation, self._options = name, isolation, options

    def open(self, root: Path) -> LocalEngine:
        expose = (Path(sys.prefix), Path(sys.base_prefix))
        return LocalEngine(root, expose=expose, isolation=self._isolation, **self._options)

    def offers(self, engine: LocalEngine) -> set[str]:
        offers = {"programs", "handles", "server", "one host"}
        offers |= set() if engine.host.isolation is Isolation.PROCESS_GROUPS else {"volumes"}
        offers |= {"memory"} if engine.host.limits_by("memory") else set()
        return offers | ({"processes"} if engine.host.limits_by("pids") or not engine.host.is_root else set())

    def impossible_task(self, rank: int) -> TaskPlan:
        return msgspec.structs.replace(self.task(rank), handles=("4000",))

    def lose(self, bench: Bench, attempt: str) -> None:
        """Its supervisor is killed: the host is the engine's own, so nothing less can be lost."""
        directory = bench.root / bench.id(attempt)
        os.kill(bench.wait(lambda: supervisor_of(directory), "a supervisor"), signal.SIGKILL)

    def restart(self, bench: Bench, meanwhile: Any) -> None:
        """The warm process is killed, from which supervisors are forked."""
        _, process = bench.engine._spawner._warm
        process.kill()
        process.wait()
        meanwhile()


class ImageHarness(LocalHarness):
    """The local engine with every attempt in an image, by crun where that is installed.

    The image has the host's programs as an operator's `--show`.
    """

    image = "localhost/contract:1"

    def open(self, root: Path) -> LocalEngine:
        folder = root.with_name(f"{root.name}-images")
        if store.find(folder, self.image) is None:
            links = {name: f"->usr/{name}" for name in ("lib", "lib64") if Path("/usr", name).is_dir()}
            made = layout(
                root.with_name(f"{root.name}-layout"), links | {"bin/bash": "->/usr/bin/bash"}, env=(PATH,)
            )
            shown = (Path("/usr"), Path(sys.prefix), Path(sys.base_prefix))
            store.add(folder, self.image, str(made), shown)
        return LocalEngine(root, images=folder, **self._options)


class SimulatedHarness(Harness):
    """The simulated engine under a virtual clock, of which each pause takes a second."""

    name = "simulated"

    def __init__(self) -> None:
        self._engines: dict[Path, SimulatedEngine] = {}
        self._clock = VirtualClock(datetime(2026, 1, 5, tzinfo=UTC))
        self._devices = itertools.count()

    def open(self, root: Path) -> SimulatedEngine:
        return self._engines.setdefault(root, SimulatedEngine(self._clock, Random(7)))

    def offers(self, engine: SimulatedEngine) -> set[str]:
        return {"memory", "eviction"}

    def task(self, rank: int) -> TaskPlan:
        device = f"d{next(self._devices)}"  # each is used once, for the engine checks that none is used twice
        return TaskPlan(
            rank=rank, node="host", local_rank=rank, devices=(device,), handles=(device,), stack="cpu"
        )

    def impossible_task(self, rank: int) -> TaskPlan:
        return msgspec.structs.replace(self.task(rank), node=NOWHERE)

    def pause(self) -> None:
        self._clock.advance(timedelta(seconds=1))

    def runs(self, bench: Bench, attempt: str) -> int:
        seen = bench.engine.observe([attempt])
        return sum(one.running_at is not None for one in seen)

    def lose(self, bench: Bench, attempt: str) -> None:
        plan = bench.engine._runs[bench.id(attempt)].plan
        bench.engine.lose({plan.tasks[0].devices[0]})

    def evict(self, bench: Bench, attempt: str) -> None:
        bench.engine.evict(bench.id(attempt))

    def kill_during(self, bench: Bench, verb: str, calls: list[tuple[Any, ...]]) -> None:
        """It lives in our process: its answers are lost instead, before or after the call took effect."""
        bench.engine.fault_rate = 0.5
        for call in calls:
            with contextlib.suppress(Fault):
                getattr(bench.engine, verb)(*call)
        bench.engine.fault_rate = 0.0


HARNESSES: dict[str, Harness] = {
    harness.name: harness
    for harness in (
        LocalHarness("bubblewrap", Isolation.BUBBLEWRAP),
        LocalHarness("namespaces", Isolation.NAMESPACES),
        LocalHarness("process-groups", Isolation.PROCESS_GROUPS),
        LocalHarness("no-control-groups", Isolation.PROCESS_GROUPS, control_groups=False),
        ImageHarness("image", None),
        SimulatedHarness(),
        SlurmHarness("slurm", spread=True),
        SlurmHarness("slurm-host", spread=False),
        RayHarness(),
    )
}
LOCAL = ("bubblewrap", "namespaces", "process-groups", "no-control-groups")
EVERY = tuple(name for name in HARNESSES if name != "slurm-host")
_ALL = "PENSTOCK_CONTRACT_ATTEMPTS" in os.environ
PROGRAMS = tuple(name for name in HARNESSES if name not in ("simulated", "slurm") and (_ALL or name != "ray"))
"""Those that run real programs. On Ray's hosts it is the same agent as on Slurm's, and each attempt costs
seconds: there they run in the campaign."""
