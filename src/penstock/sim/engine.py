"""A simulated engine: it runs nothing, and says at each virtual instant what a real one would have seen.

A job says in its environment how it behaves: `SIMULATED_SECONDS` (of work), `SIMULATED_EXIT` (the exit code)
or `SIMULATED_SIGNAL` of task `SIMULATED_RANK` (0), which ends the others, `SIMULATED_OUT_OF_MEMORY`,
`SIMULATED_LINES` (of output, numbered), `SIMULATED_CHECKPOINT_S` (how often it saves). What it has saved, it
does not do again. A task at a node called `nowhere` cannot start, and so none does. The engine
outlives the platform, as a real one does, and checks what no platform may do: run two attempts on one
device, or one attempt twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from signal import SIGKILL, SIGTERM

from penstock.app.ports import Capacity, Clock, Kept, Start
from penstock.base.quantity import WHOLE
from penstock.base.refusal import Fault
from penstock.lease.job import FINAL_ATTEMPT_STATES, AttemptState, TaskExit
from penstock.lease.seen import Seen

SETUP = timedelta(seconds=20)
NOWHERE = "nowhere"
_FINAL = FINAL_ATTEMPT_STATES


@dataclass
class _Run:
    plan: Start | None
    began_at: datetime
    done_before: timedelta = timedelta(0)
    stop_at: datetime | None = None
    cause: str = ""
    final: Seen | None = None


@dataclass
class SimulatedEngine:
    """An engine for as many nodes as wanted, under a virtual clock. `fault_rate`: share of calls that fail."""

    clock: Clock
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311
    fault_rate: float = 0.0
    name: str = "simulated"
    starts_at_once: int = 1
    _runs: dict[str, _Run] = field(default_factory=dict)
    _on_device: dict[str, dict[str, int]] = field(default_factory=dict)
    _saved: dict[str, timedelta] = field(default_factory=dict)
    starts: int = 0

    def capacity(self) -> Capacity:
        """No hosts: the simulated centre installs them. It runs nothing, in whatever image."""
        return Capacity(shares_devices=True, images=())

    def keep(self, leases: Sequence[Kept]) -> None:
        """Nothing to do: nobody but us uses its devices."""

    def start(self, plan: Start) -> None:
        """Begin; the same attempt again changes nothing. The call may fail before or after it took effect."""
        self._maybe_fail()
        if plan.attempt not in self._runs:
            now = self.clock.now()
            for task in plan.tasks:
                for device in task.devices:
                    users = self._on_device.setdefault(device, {})
                    users[plan.attempt] = task.share
                    taken = {
                        user: share for user, share in users.items() if not self._over(user, plan.attempt)
                    }
                    assert sum(taken.values()) <= WHOLE, f"{device} is used by {taken}"
            self._runs[plan.attempt] = _Run(plan, now, self._saved.get(plan.job, timedelta(0)))
            self.starts += 1
        self._maybe_fail()

    def observe(self, attempts: Iterable[str]) -> Sequence[Seen]:
        """What would be seen now."""
        self._maybe_fail()
        return [self._seen(name, self._runs[name]) for name in attempts if name in self._runs]

    def stop(self, attempt: str, grace_s: float) -> None:
        """End after up to the grace; before `start` arrived, it then never begins."""
        self._maybe_fail()
        now = self.clock.now()
        run = self._runs.setdefault(attempt, _Run(None, now))
        if run.stop_at is None:
            run.stop_at = now + timedelta(seconds=self.random.uniform(0, grace_s)) if run.plan else now
        self._maybe_fail()

    def logs(self, attempt: str, rank: int, offset: int, limit_bytes: int) -> bytes:
        """One line that says it is simulated, or the numbered lines of task 0 as far as it has come."""
        run = self._runs.get(attempt)
        if run is None or run.plan is None or rank >= len(run.plan.tasks):
            return b""
        lines = int(run.plan.spec.env.get("SIMULATED_LINES", "0"))
        if not lines or rank:
            text = f"simulated output of {attempt} rank {rank}: no such node as {NOWHERE} is used\n"
            return text.encode()[offset : offset + limit_bytes]
        seen = self._seen(attempt, run)
        done = (seen.ended_at or self.clock.now()) - (seen.running_at or self.clock.now())
        count = lines if done >= _work(run) else int(lines * (done / _work(run)))
        return b"".join(b"%d\n" % number for number in range(count))[offset : offset + limit_bytes]

    def forget(self, attempt: str) -> None:
        """Drop a finished attempt."""
        if attempt in self._runs and self._ended(attempt):
            del self._runs[attempt]

    def close(self) -> None:
        """Nothing to let go."""

    def lose(self, devices: set[str]) -> None:
        """These devices' node fails now: what runs on them is lost."""
        for name, run in self._runs.items():
            used = {d for task in run.plan.tasks for d in task.devices} if run.plan else set()
            if used & devices and not self._ended(name):
                self._finish(name, run, AttemptState.LOST, self.clock.now(), "node_lost")

    def evict(self, attempt: str) -> None:
        """The engine takes the devices of one attempt back for somebody else."""
        if not self._ended(attempt):
            self._finish(attempt, self._runs[attempt], AttemptState.EVICTED, self.clock.now(), "preempted")

    def _maybe_fail(self) -> None:
        if self.fault_rate and self.random.random() < self.fault_rate:
            raise Fault("simulated: the engine did not answer")

    def _over(self, user: str, starting: str) -> bool:
        return user != starting and self._ended(user)

    def _ended(self, name: str) -> bool:
        run = self._runs.get(name)
        return run is None or self._seen(name, run).state in _FINAL

    def _seen(self, name: str, run: _Run) -> Seen:
        if run.final is not None:
            return run.final
        now = self.clock.now()
        if run.plan is None:
            return self._finish(name, run, AttemptState.STOPPED, now, "stop")
        if any(task.node == NOWHERE for task in run.plan.tasks):
            return self._finish(name, run, AttemptState.FAILED, run.began_at, "device_unavailable")
        running_at = run.began_at + SETUP
        left = max(_work(run) - run.done_before, timedelta(seconds=1))
        ends = [(running_at + left, *_outcome(run))]
        if run.plan.spec.time_limit_s is not None:
            limit = run.began_at + timedelta(seconds=run.plan.spec.time_limit_s)
            ends.append((limit, AttemptState.FAILED, "time_limit"))
        if run.stop_at is not None:
            ends.append((run.stop_at, AttemptState.STOPPED, "stop"))
        at, state, cause = min(ends, key=lambda end: end[0])
        if at <= now:
            return self._finish(name, run, state, at, cause)
        started = now >= running_at
        return Seen(
            attempt=name,
            state=AttemptState.RUNNING if started else AttemptState.STARTING,
            began_at=run.began_at,
            running_at=running_at if started else None,
            checkpoints=self._checkpoints(run, now),
            cpu_seconds=_cpu_seconds(run, running_at, now),
        )

    def _checkpoints(self, run: _Run, until: datetime) -> tuple[datetime, ...]:
        assert run.plan is not None
        every = float(run.plan.spec.env.get("SIMULATED_CHECKPOINT_S", "0"))
        if not every or run.plan.spec.checkpoint is None:
            return ()
        running_at = run.began_at + SETUP
        count = int((until - running_at).total_seconds() // every)
        return tuple(running_at + timedelta(seconds=every * (n + 1)) for n in range(max(count, 0)))[-3:]

    def _finish(self, name: str, run: _Run, state: AttemptState, at: datetime, cause: str) -> Seen:
        running_at = run.began_at + SETUP if run.plan and at >= run.began_at + SETUP else None
        checkpoints = self._checkpoints(run, at) if run.plan and running_at else ()
        if run.plan and running_at and checkpoints:
            self._saved[run.plan.job] = run.done_before + (checkpoints[-1] - running_at)
        run.final = Seen(
            attempt=name,
            state=state,
            began_at=run.began_at if run.plan else None,
            running_at=running_at,
            ended_at=at,
            exits=_exits(run, state, cause) if running_at else (),
            cause=cause,
            checkpoints=checkpoints,
            cpu_seconds=_cpu_seconds(run, running_at, at),
        )
        return run.final


def _work(run: _Run) -> timedelta:
    assert run.plan is not None
    return timedelta(seconds=float(run.plan.spec.env.get("SIMULATED_SECONDS", "60")))


def _cpu_seconds(run: _Run, running_at: datetime | None, until: datetime) -> float:
    """Each task of a simulated program uses one processor all the time."""
    if run.plan is None or running_at is None:
        return 0.0
    return max((until - running_at).total_seconds(), 0.0) * len(run.plan.tasks)


def _outcome(run: _Run) -> tuple[AttemptState, str]:
    assert run.plan is not None
    env = run.plan.spec.env
    if "SIMULATED_OUT_OF_MEMORY" in env:
        return AttemptState.FAILED, "out_of_memory"
    failed = env.get("SIMULATED_EXIT", "0") != "0" or "SIMULATED_SIGNAL" in env
    return (AttemptState.FAILED, "exit") if failed else (AttemptState.SUCCEEDED, "")


def _exits(run: _Run, state: AttemptState, cause: str) -> tuple[TaskExit, ...]:
    """How each task ended: one that fails ends the others by SIGTERM, and so does a stop."""
    if run.plan is None or state in (AttemptState.LOST, AttemptState.EVICTED):
        return ()
    ranks = range(len(run.plan.tasks))
    if state is AttemptState.SUCCEEDED:
        return tuple(TaskExit(rank=rank, exit_code=0) for rank in ranks)
    exits = [TaskExit(rank=rank, signal=SIGTERM) for rank in ranks]
    env, first = run.plan.spec.env, int(run.plan.spec.env.get("SIMULATED_RANK", "0"))
    if cause == "out_of_memory":
        exits[first] = TaskExit(rank=first, signal=SIGKILL, out_of_memory=True)
    elif cause == "exit" and "SIMULATED_SIGNAL" in env:
        exits[first] = TaskExit(rank=first, signal=int(env["SIMULATED_SIGNAL"]))
    elif cause == "exit":
        exits[first] = TaskExit(rank=first, exit_code=int(env["SIMULATED_EXIT"]))
    return tuple(exits)
