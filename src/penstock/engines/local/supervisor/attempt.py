"""One attempt from its first instant to its last: sandbox, working directory, set-up, tasks, the end."""

from __future__ import annotations

import os
import time

from penstock.engines.local.supervisor.cgroup import Cgroup, needed_groups
from penstock.engines.local.supervisor.directory import remove_tree
from penstock.engines.local.supervisor.events import Events
from penstock.engines.local.supervisor.format import PRIVATE_TMP, WORKDIR, blank_status
from penstock.engines.local.supervisor.gang import Gang
from penstock.engines.local.supervisor.launch import copier
from penstock.engines.local.supervisor.lean import TYPE_CHECKING
from penstock.engines.local.supervisor.logs import BoundedLog
from penstock.engines.local.supervisor.port import reserve_port
from penstock.engines.local.supervisor.process import Unstartable, start_gang
from penstock.engines.local.supervisor.record import now_us
from penstock.engines.local.supervisor.sandbox import Sandbox
from penstock.engines.local.supervisor.vigil import Vigil

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.engines.local.supervisor.record import Record
    from penstock.engines.local.supervisor.shapes import Entry, Plan

_STATES = {"": "succeeded", "stop": "stopped", "supervisor_failed": "lost"}
"""Of the causes that are no failure of the program."""
_BURIAL_PAUSE_S = 0.002
_BURIAL_PAUSE_MAX_S = 0.2


class Attempt:
    """Runs the attempt whose directory this process holds.

    `built` is called once the costly part of its start is over, and others may have their turn.
    """

    def __init__(self, record: Record, plan: Plan, built: Callable[[], None]) -> None:
        self._record, self._plan, self._built = record, plan, built
        self._directory = record.directory
        self._ranks = [task["rank"] for task in plan["tasks"]]
        self._logs = {
            rank: BoundedLog(f"{self._directory}/task-{rank}.log", plan["log_limit_bytes"])
            for rank in self._ranks
        }
        self._cgroup = Cgroup(needed_groups(plan), plan["attempt"])
        self._box = Sandbox(plan, self._cgroup, self._directory)
        self._gang = Gang({})
        self._status = blank_status(plan["limits"])
        self._events = Events(self._logs.values())
        self._vigil = Vigil(record, plan, self._cgroup, self._events, self._status)

    def live(self) -> bool:
        """Run everything; the final state is published when nothing is left running.

        True where this process is then as it was before, so that it can take another attempt.
        """
        cause = "supervisor_failed"
        try:
            cause = "stop" if self._record.stop() else self._run()
        except Unstartable as error:
            cause, sentence = error.args
            self._logs[self._ranks[0]].say(sentence)
        finally:
            self._bury()
            self._finish(cause)
            self._clean()
        self._events.close()
        return self._box.leave() and self._cgroup.exists  # without groups, usage is that of all children

    def _run(self) -> str:
        """Why the attempt ended; empty when every task succeeded."""
        plan = self._plan
        if plan["refused"]:
            raise Unstartable(*plan["refused"].split("\n", 1))
        self._enclose()
        self._record.begin()
        self._vigil.begin(publish=bool(plan["workdir_source"] or plan["setups"]))
        port, reservation = reserve_port(plan["attempt"])
        try:
            return self._copy_workdir() or self._set_up(str(port)) or self._run_tasks(str(port))
        finally:
            reservation.close()

    def _enclose(self) -> None:
        for name in (WORKDIR, PRIVATE_TMP):
            os.mkdir(f"{self._directory}/{name}")
        try:
            self._cgroup.create(self._plan)
            self._bind()
            self._box = sandbox_of(self._plan["isolation"])(self._plan, self._cgroup, self._directory)
        except OSError as error:
            raise Unstartable("limits", f"limits or sandbox could not be set up: {error}") from error

    def _bind(self) -> None:
        cpus = sorted({cpu for task in self._plan["tasks"] for cpu in task["cpus"]})
        try:
            self._cgroup.bind(cpus)
        except OSError as error:
            raise Unstartable(
                "device_unavailable", f"not all of the CPUs {cpus} are there: {error}"
            ) from error

    def _copy_workdir(self) -> str:
        if not self._plan["workdir_source"]:
            return ""
        self._built()  # before a copy that may take long
        rank = self._ranks[0]
        target = f"{self._directory}/{WORKDIR}"
        member = copier(rank, self._logs[rank].writer, self._plan, self._cgroup, target)
        cause = self._vigil.until_ended(Gang(start_gang([member])))  # none of its exits is the job's
        return "workdir" if cause == "exit" else cause

    def _set_up(self, port: str) -> str:
        self._box.wait()
        if not self._plan["setups"]:
            return ""
        self._gang = self._start(self._plan["setups"], self._plan["setup"], port)
        cause = self._vigil.until_ended(self._gang)
        return "setup" if cause == "exit" else cause

    def _run_tasks(self, port: str) -> str:
        self._gang = self._start(self._plan["tasks"], self._plan["run"], port)
        self._vigil.running()
        return self._vigil.until_ended(self._gang)

    def _start(self, entries: list[Entry], arguments: list[str], port: str) -> Gang:
        for entry in entries:
            entry["env"].setdefault("MASTER_PORT", port)
        outputs = {rank: log.writer for rank, log in self._logs.items()}
        gang = Gang(self._box.start(entries, arguments, outputs))
        self._built()
        return gang

    def _bury(self) -> None:
        """Kill until no child is left; orphans are ours too, so then nothing of the attempt runs."""
        pause_s = _BURIAL_PAUSE_S
        while not self._gang.all_buried():
            sure = self._box.kill()
            self._cgroup.kill()
            if not (sure or self._cgroup.exists) or pause_s == _BURIAL_PAUSE_MAX_S:
                from penstock.engines.local.supervisor.processes import descendants, kill

                kill(descendants(os.getpid()))
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _BURIAL_PAUSE_MAX_S)
            self._record.beat()

    def _finish(self, cause: str) -> None:
        for log in self._logs.values():
            log.close()
        status = self._status
        status["cause"] = cause
        status["exits"] = sorted(self._gang.exits, key=lambda one: one["rank"])
        status["state"] = _STATES.get(cause, "failed")
        status["cpu_seconds"] = self._vigil.cpu_us() / 1_000_000
        status["memory_peak_bytes"] = self._vigil.memory_peak_bytes()
        self._cgroup.remove()
        self._vigil.last_look()
        status["ended_us"] = now_us()
        self._record.write(status)
        self._record.tell()

    def _clean(self) -> None:
        """Free the disk. What is empty stays: ext4 looks long for a place once much was just deleted."""
        for name in (WORKDIR, PRIVATE_TMP):
            path = f"{self._directory}/{name}"
            if os.path.isdir(path) and os.listdir(path):
                remove_tree(path)


def sandbox_of(isolation: str) -> type[Sandbox]:
    """What runs the tasks at this level; loaded when it is first asked for."""
    match isolation:
        case "bubblewrap":
            from penstock.engines.local.supervisor.bubblewrap import Bubblewrap

            return Bubblewrap
        case "crun":
            from penstock.engines.local.supervisor.crun import Crun

            return Crun
        case "namespaces":
            from penstock.engines.local.supervisor.namespaces import Namespaces

            return Namespaces
    return Sandbox
