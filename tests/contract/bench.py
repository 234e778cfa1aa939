"""What a test of the contract works with: an engine, plans with little to say, and patience."""

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from penstock.app.ports import Start, TaskPlan
from penstock.lease.job import FINAL_ATTEMPT_STATES, AttemptState, Checkpoint, JobSpec, Resources
from penstock.lease.seen import Seen

PATIENCE_S = 60.0
CPUS = sorted(os.sched_getaffinity(0))
COUNTED = "[ $RANK = 0 ] && echo x >> $PENSTOCK_CHECKPOINT_DIR/ran-$PENSTOCK_ATTEMPT; "


class Program(NamedTuple):
    """One behaviour twice: as a shell program, and as variables that the simulated engine goes by."""

    run: str
    simulated: dict[str, str]


class Harness:
    """How the tests open an engine and do to it what happens to engines; a subclass for each.

    Opening twice the same directory is twice the same engine. `offers` names what it can do beyond the
    core: `programs` (it really runs them), `queue`, `eviction`, `server`, `memory`, `volumes`, `processes`, …
    Tests of what it does not offer are left out for it.
    """

    name: str
    patience_s = PATIENCE_S
    many = 25
    """How many attempts at once the tests ask of it."""
    image = ""
    """The image that its attempts run in."""

    def open(self, root: Path) -> Any:
        """The engine on this directory."""
        raise NotImplementedError

    def offers(self, engine: Any) -> set[str]:
        """What it has beyond the core of the contract."""
        raise NotImplementedError

    def task(self, rank: int) -> TaskPlan:
        """One task on one device that is there."""
        handle = str(CPUS[rank % len(CPUS)])
        return TaskPlan(
            rank=rank, node="host", local_rank=rank, devices=(f"d{rank}",), handles=(handle,), stack="cpu"
        )

    def impossible_task(self, rank: int) -> TaskPlan:
        """One on a device or node that is not there."""
        return msgspec.structs.replace(self.task(rank), node="nowhere")

    def pause(self) -> None:
        """Let a little time pass."""
        time.sleep(0.02)

    def runs(self, bench: "Bench", attempt: str) -> int:
        """How often the first task of the attempt has begun."""
        path = bench.left / f"ran-{attempt}"
        return path.read_text().count("x") if path.exists() else 0

    def lose(self, bench: "Bench", attempt: str) -> None:
        """The host that runs the attempt fails; the next test finds it whole."""
        raise NotImplementedError

    def evict(self, bench: "Bench", attempt: str) -> None:
        """The engine takes the devices of the attempt back."""
        raise NotImplementedError

    def restart(self, bench: "Bench", meanwhile: Callable[[], None]) -> None:
        """The engine's own server is killed, something happens, it is started again."""
        raise NotImplementedError

    def fill(self, bench: "Bench", attempt: str) -> None:
        """Occupy all that it has by an attempt, so that the next one waits in its queue."""
        raise NotImplementedError

    def kill_during(self, bench: "Bench", verb: str, calls: list[tuple[Any, ...]]) -> None:
        """The platform makes these calls, one after the other, and is killed at some line of each."""
        command = [sys.executable, "-m", "tests.contract.killer", self.name, str(bench.root), verb, "1"]
        killer = subprocess.run(command, input=msgspec.json.encode(calls), capture_output=True, check=False)
        assert killer.returncode == 0, killer.stderr.decode()

    @contextlib.contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """While a test uses the engine: beside tests of other processes, or alone where it does it harm."""
        yield

    def troubles(self, root: Path) -> str:
        """What the engine's own logs say, for a test that waits in vain."""
        return ""


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

    def runs(self, attempt: str) -> int:
        """How often its first task has begun, of programs that begin with `COUNTED`."""
        return self.harness.runs(self, self.id(attempt))

    def plan(self, attempt: str, run: str | Program, tasks: int = 1, **spec: Any) -> Start:
        """A gang on processors, with its checkpoint directory in `left`."""
        if isinstance(run, Program):
            spec["env"] = run.simulated | spec.get("env", {})
            run = run.run
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
                **{"grace_s": 1, "image": self.harness.image, **spec},
            ),
            tasks=tuple(self.task(rank) for rank in range(tasks)),
            checkpoint=str(self.left),
        )

    def task(self, rank: int) -> TaskPlan:
        """One task on one device."""
        return self.harness.task(rank)

    def impossible_task(self, rank: int) -> TaskPlan:
        """One that the engine cannot start; what it says of it holds the word `nowhere` or `4000`."""
        return self.harness.impossible_task(rank)

    def start(self, attempt: str, run: str | Program, tasks: int = 1, **spec: Any) -> Start:
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
        return self.wait(lambda: (seen := self.see(attempt)) and seen.state in states and seen, attempt)

    def end(self, attempt: str) -> Seen:
        """Wait for the end."""
        return self.until(attempt, *FINAL_ATTEMPT_STATES)

    def ends(self, attempts: Sequence[str]) -> dict[str, AttemptState]:
        """Wait for the end of each, looked at all together, as a centre does, and half of the time at most."""
        left, ended = {self.id(attempt): attempt for attempt in attempts}, {}
        while left:
            news = self.wait(lambda: self._final(left), f"the end of {len(left)} attempts")
            ended |= {left.pop(seen.attempt): seen.state for seen in news}
        return ended

    def _final(self, attempts: Iterable[str]) -> list[Seen]:
        began_s = time.monotonic()
        seen = self.engine.observe(attempts)
        time.sleep(time.monotonic() - began_s)
        return [one for one in seen if one.state in FINAL_ATTEMPT_STATES]

    def settled(self, attempt: str) -> Seen:
        """Wait for the end, with the times of the engine's accounting where it has one."""
        return self.wait(lambda: not (seen := self.end(attempt)).awaits_accounting and seen, "its accounting")

    def file(self, name: str) -> Path:
        """Wait for a file that a job writes into its checkpoint directory."""
        return self.wait(lambda: (path := self.left / name).exists() and path, name)

    def wait[T](self, look: Callable[[], T], what: str = "it") -> T:
        """Poll until something is there; fails the test when it never is."""
        deadline = time.monotonic() + self.harness.patience_s
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            self.harness.pause()
        pytest.fail(
            f"waited {self.harness.patience_s} s in vain for {what}; {self.harness.troubles(self.root)}"
        )

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
            if self.offers("programs"):
                assert self.survivors(attempt) == []
            self.engine.forget(self.id(attempt))
            assert self.see(attempt) is None


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
