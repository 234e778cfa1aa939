"""The engines that have to keep the contract, each against the real thing.

To add one: a `Harness` that opens it, put into `HARNESSES`. `offers` names what it can do beyond the core
of the contract; tests of the rest are left out for it, and their names say what they need.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from penstock.app.ports import Start, TaskPlan
from penstock.engines.local.engine import LocalEngine
from penstock.engines.local.host import Isolation
from penstock.lease.job import FINAL_ATTEMPT_STATES, Checkpoint, JobSpec, Resources
from penstock.lease.seen import Seen

PATIENCE_S = 30.0
CPUS = sorted(os.sched_getaffinity(0))


class Harness(NamedTuple):
    """How the contract's tests open an engine: twice the same directory is twice the same engine."""

    name: str
    open: Callable[[Path], Any]
    offers: Callable[[Any], set[str]]


def _local(isolation: Isolation | None, **options: Any) -> Callable[[Path], LocalEngine]:
    expose = (Path(sys.prefix), Path(sys.base_prefix))
    return lambda root: LocalEngine(root, expose=expose, isolation=isolation, **options)


def _local_offers(engine: LocalEngine) -> set[str]:
    offers = set() if engine.host.isolation is Isolation.PROCESS_GROUPS else {"volumes"}
    offers |= {"memory"} if engine.host.limits_by("memory") else set()
    return offers | ({"processes"} if engine.host.limits_by("pids") or not engine.host.is_root else set())


HARNESSES = (
    Harness("bubblewrap", _local(Isolation.BUBBLEWRAP), _local_offers),
    Harness("namespaces", _local(Isolation.NAMESPACES), _local_offers),
    Harness("process-groups", _local(Isolation.PROCESS_GROUPS), _local_offers),
    Harness("no-control-groups", _local(Isolation.PROCESS_GROUPS, control_groups=False), _local_offers),
)


class Opened:
    """An engine on a directory; opening takes a moment, so tests that leave it alone share one."""

    def __init__(self, harness: Harness, root: Path) -> None:
        self.harness, self.root = harness, root
        self.engine = harness.open(root)

    def reopen(self) -> None:
        """Let go of the engine and open it again, as a server does that starts anew."""
        self.engine.close()
        self.engine = self.harness.open(self.root)


class Bench:
    """An engine with a directory for what jobs leave behind, and plans with little to say."""

    def __init__(self, opened: Opened, base: Path) -> None:
        self.opened, self.harness, self.root = opened, opened.harness, opened.root
        self.base, self.left = base, base / "checkpoint"
        self.left.mkdir(parents=True)
        self._tag = secrets.token_hex(4)
        self._started: set[str] = set()

    @property
    def engine(self) -> Any:
        """The engine, as it is open now."""
        return self.opened.engine

    def needs(self, feature: str) -> None:
        """Skip the test where the engine does not offer this."""
        if not self.offers(feature):
            pytest.skip(f"{self.harness.name} on this host offers no {feature}")

    def offers(self, feature: str) -> bool:
        """Whether the engine has this beyond the core of the contract."""
        return feature in self.harness.offers(self.engine)

    def plan(self, attempt: str, run: str, tasks: int = 1, **spec: object) -> Start:
        """A gang on processors, with its checkpoint directory in `left`."""
        resources = spec.pop("resources", Resources(models=("cpu",), devices_per_node=tasks))
        return Start(
            attempt=self.id(attempt),
            job=f"job-of-{attempt}",
            tenant="tenant",
            spec=JobSpec(
                name="job",
                run=run,
                tasks_per_node=tasks,
                resources=resources,
                checkpoint=Checkpoint(),
                **{"grace_s": 1, **spec},
            ),
            tasks=tuple(self.task(rank) for rank in range(tasks)),
            checkpoint=str(self.left),
        )

    def task(self, rank: int, handle: str | None = None) -> TaskPlan:
        """One task on one CPU."""
        handle = handle or str(CPUS[rank % len(CPUS)])
        return TaskPlan(
            rank=rank, node="host", local_rank=rank, devices=(f"d{rank}",), handles=(handle,), stack="cpu"
        )

    def start(self, attempt: str, run: str, tasks: int = 1, **spec: object) -> Start:
        """Start such a plan."""
        plan = self.plan(attempt, run, tasks, **spec)
        self.begin(plan)
        return plan

    def begin(self, plan: Start) -> None:
        """Start a plan and see to its end after the test."""
        self.adopt(plan.attempt.removesuffix(f"-{self._tag}"))
        self.engine.start(plan)

    def id(self, attempt: str) -> str:
        """The attempt's id, which no other test has."""
        return f"{attempt}-{self._tag}"

    def adopt(self, attempt: str) -> None:
        """See to the end of an attempt that somebody else starts."""
        self._started.add(attempt)

    def survivors(self, attempt: str) -> list[str]:
        """What is left of its processes."""
        return survivors(self.id(attempt))

    def stop(self, attempt: str, grace_s: float) -> None:
        """Stop it."""
        self.engine.stop(self.id(attempt), grace_s)

    def see(self, attempt: str) -> Seen | None:
        """What the engine sees of it."""
        seen = self.engine.observe([self.id(attempt)])
        return seen[0] if seen else None

    def until(self, attempt: str, *states: str) -> Seen:
        """Wait for one of the states."""
        return wait_for(lambda: (seen := self.see(attempt)) and seen.state in states and seen, attempt)

    def end(self, attempt: str) -> Seen:
        """Wait for the end."""
        return self.until(attempt, *FINAL_ATTEMPT_STATES)

    def file(self, name: str) -> Path:
        """Wait for a file that a job writes into its checkpoint directory."""
        return wait_for(lambda: (path := self.left / name).exists() and path, name)

    def wait[T](self, look: Callable[[], T], what: str = "it") -> T:
        """Poll until something is there; fails the test when it never is."""
        return wait_for(look, what)

    def log(self, attempt: str, rank: int = 0) -> str:
        """All that a task has printed."""
        return self.engine.logs(self.id(attempt), rank, 0, 2**30).decode()

    def reopen(self) -> None:
        """Let go of the engine and open it again."""
        self.opened.reopen()

    def end_all(self) -> None:
        """End everything that this test has started and prove that nothing is left."""
        for attempt in self._started:
            self.stop(attempt, 0)
        for attempt in self._started:
            self.end(attempt)
            assert self.survivors(attempt) == []
            self.engine.forget(self.id(attempt))
            assert self.see(attempt) is None


def wait_for[T](look: Callable[[], T], what: str) -> T:
    """Poll until something is there; fails the test when it never is."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    pytest.fail(f"waited {PATIENCE_S} s in vain for {what}")


def survivors(attempt: str) -> list[str]:
    """Command lines of processes that carry the attempt's id in their environment and are not dead."""
    mark = f"PENSTOCK_ATTEMPT={attempt}".encode()
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (directory / "environ").read_bytes().split(b"\0"):
                found.append((directory / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture(scope="module", params=HARNESSES, ids=lambda harness: harness.name)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Each engine in turn."""
    one = Opened(request.param, tmp_path_factory.mktemp(request.param.name) / "engine")
    yield one
    one.engine.close()


@pytest.fixture
def bench(opened: Opened, tmp_path: Path) -> Iterator[Bench]:
    """Each engine in turn, with a bench of the test's own."""
    one = Bench(opened, tmp_path)
    yield one
    one.end_all()


@pytest.fixture(params=HARNESSES, ids=lambda harness: harness.name)
def own_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Each engine in turn, on a directory that no other test uses."""
    one = Bench(Opened(request.param, tmp_path / "engine"), tmp_path)
    yield one
    one.end_all()
    one.engine.close()


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """A local engine with options of the test's own."""
    benches: list[Bench] = []

    def open_one(isolation: Isolation | None = Isolation.PROCESS_GROUPS, **options: Any) -> Bench:
        harness = Harness("local", _local(isolation, **options), _local_offers)
        base = tmp_path / f"bench-{len(benches)}"
        benches.append(Bench(Opened(harness, base / "engine"), base))
        return benches[-1]

    yield open_one
    for bench in benches:
        bench.end_all()
        bench.engine.close()


@pytest.fixture
def bench_of_plans(open_bench: Callable[..., Bench]) -> Bench:
    """A bench whose plans somebody else runs."""
    return open_bench(control_groups=False)
