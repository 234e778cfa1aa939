"""Watching over the running processes of an attempt until they have ended, by themselves or made to."""

from __future__ import annotations

import resource
import time

from penstock.engines.local.supervisor.gang import failed
from penstock.engines.local.supervisor.lean import TYPE_CHECKING
from penstock.engines.local.supervisor.record import now_us

if TYPE_CHECKING:
    from penstock.engines.local.supervisor.cgroup import Cgroup
    from penstock.engines.local.supervisor.events import Events
    from penstock.engines.local.supervisor.gang import Gang
    from penstock.engines.local.supervisor.record import Record
    from penstock.engines.local.supervisor.shapes import Exit, Plan, Status
    from penstock.engines.local.supervisor.watch import Activity, Checkpoints

_TICK_S = 1.0
_CHECKPOINT_TICK_S = 0.25
_LINGER_TICK_S = 0.02
_MOMENT_S = 0.01
"""An attempt that ends sooner is written down once."""


class Vigil:
    """Keeps `status` true to what happens, and knows when and why the attempt has to end."""

    def __init__(self, record: Record, plan: Plan, cgroup: Cgroup, events: Events, status: Status) -> None:
        self._record, self._plan, self._cgroup, self._events = record, plan, cgroup, events
        self.status = status
        self._ends_s = float("inf")
        self._checkpoints: Checkpoints | None = None
        self._activity: Activity | None = None
        if plan["checkpoint"]:
            from penstock.engines.local.supervisor.watch import Checkpoints

            self._checkpoints = Checkpoints(plan["checkpoint"])
        self._tick_s = _CHECKPOINT_TICK_S if plan["checkpoint"] else _TICK_S
        self._next_tick_s = 0.0
        self._unpublished = False
        self._oom_kills = 0
        self._cause, self._told = "", False
        self._kill_s = float("inf")

    def begin(self, *, publish: bool) -> None:
        """The attempt has begun: its time limit counts from here, set-up included.

        `publish` says whether somebody should read so before it is running.
        """
        self.status["began_us"] = now_us()
        if self._plan["time_limit_s"] is not None:
            self._ends_s = time.monotonic() + self._plan["time_limit_s"]
        if publish:
            self._record.write(self.status)

    def running(self) -> None:
        """Its programs run: publish so where they still do in a moment.

        From now on, note when the devices are not used; only processors can be judged from here.
        """
        self.status["state"], self.status["running_us"] = "running", now_us()
        self._unpublished = True
        self._next_tick_s = time.monotonic() + _MOMENT_S
        if self._plan["stall_cores"]:
            after_us = int(self._plan["stall_after_s"] * 1_000_000)
            from penstock.engines.local.supervisor.watch import Activity

            self._activity = Activity(after_us, self._plan["stall_cores"], now_us(), self.cpu_us())

    def until_ended(self, gang: Gang) -> str:
        """Return once all members have ended, or were asked to and had their grace; why, or ''."""
        while gang.alive or (self._cause and gang.lingers()):
            if self._events.wait(self._pause_s(gang)):
                self._hear()
            for one in gang.reap():
                self._judge(one)
            now_s = time.monotonic()
            if now_s >= self._next_tick_s:
                self._tick(now_s)
            if now_s >= self._ends_s:
                self._end("time_limit", self._plan["grace_s"])
            if self._cause and not self._told:
                gang.ask_to_end()
                self._told = True
            if now_s >= self._kill_s:
                break
        return self._cause

    def cpu_us(self, *, lives: bool = False) -> int:
        """Processor time of the attempt so far; without control groups, what /proc still shows of one that `lives`."""
        used_us = self._cgroup.cpu_us()
        if used_us is not None:
            return used_us
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        used_us = int((ended.ru_utime + ended.ru_stime) * 1_000_000)
        if lives:
            from penstock.engines.local.supervisor.processes import marked_processes, processor_us

            used_us += processor_us(marked_processes(self._plan["mark"]))
        return used_us

    def memory_peak_bytes(self) -> int:
        """The most memory used at once; without control groups, by the largest process."""
        peak_bytes = self._cgroup.memory_peak_bytes()
        if peak_bytes is not None:
            return peak_bytes
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024

    def last_look(self) -> None:
        """Note a checkpoint that was finished just before the end."""
        if self._checkpoints is not None:
            self._checkpoints.look(self.status, settled=True)

    def _pause_s(self, gang: Gang) -> float:
        now_s = time.monotonic()
        lingering_s = float("inf") if gang.alive else now_s + _LINGER_TICK_S
        return min(self._next_tick_s, self._ends_s, self._kill_s, lingering_s) - now_s

    def _judge(self, one: Exit) -> None:
        if not failed(one):
            return
        kills = self._cgroup.oom_kills()
        one["out_of_memory"] = kills > self._oom_kills
        self._oom_kills = kills
        self._end("out_of_memory" if one["out_of_memory"] else "exit", self._plan["grace_s"])

    def _end(self, cause: str, grace_s: float) -> None:
        """The first cause is kept; a later one can only shorten the grace."""
        self._cause = self._cause or cause
        self._ends_s = float("inf")
        self._kill_s = min(self._kill_s, time.monotonic() + grace_s)

    def _hear(self) -> None:
        if (stop := self._record.stop()) is not None:
            self._end("stop", stop["grace_s"])

    def _tick(self, now_s: float) -> None:
        self._next_tick_s = now_s + self._tick_s
        self._record.beat()
        self._hear()
        changed = self._checkpoints is not None and self._checkpoints.look(self.status)
        if self._activity is not None and self._activity.is_due(now_us()):
            changed |= self._activity.look(self.status, now_us(), self.cpu_us(lives=True))
        if changed or self._unpublished:
            self._record.write(self.status)
            self._unpublished = False
