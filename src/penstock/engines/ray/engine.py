"""The Ray engine: a user of the cluster's Jobs API, one submission for each attempt, once by its id.

Nothing that matters is in memory: the attempt's directory on the shared file system says what was asked, its
claim which driver may run it, and the hosts' parts what the programs did. Ray is asked only for what no file
tells: whether a driver that is silent still lives.
"""

import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from penstock.app.ports import Capacity, Kept, Start
from penstock.base.ids import check_id
from penstock.base.refusal import Fault, ensure
from penstock.base.window import from_us
from penstock.engines.agent.format import STOP
from penstock.engines.local.folder import is_final, last_beat_us, read_status
from penstock.engines.local.outside import fault, observe_each
from penstock.engines.local.supervisor.directory import ask_to_stop, remove
from penstock.engines.local.supervisor.record import replace_file
from penstock.engines.node import Order, StopRequest, files, part_of, read_order, read_stop
from penstock.engines.ray.client import RayClient, RayJob
from penstock.engines.ray.files import (
    HOST_SILENT_S,
    claim,
    evict,
    host_silent_s,
    is_evicted,
    silent_s,
    waiting,
)
from penstock.engines.ray.nodes import Nodes
from penstock.engines.ray.settings import RaySettings
from penstock.engines.ray.words import bundle
from penstock.engines.slurm import folder, outcome
from penstock.engines.targets import check_target
from penstock.lease.job import FINAL_ATTEMPT_STATES, AttemptState
from penstock.lease.seen import Seen

_DRIVER, _SOLO = "penstock.engines.ray.driver", "penstock.engines.ray.solo"
_SILENT_S = 5.0
"""A driver shows twice a second that it lives; after this time without, Ray is asked."""


class RayEngine:
    """Runs attempts on a cluster. Raises Refused where it will never have us, Fault where it is away."""

    starts_at_once = 1

    def __init__(self, settings: RaySettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._root = settings.shared.resolve() / "attempts"
        with fault(f"opening {self._root}"):
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.token()  # refused now, where it cannot be read
        self._client = RayClient(check_target(settings.url), settings.token)
        self._nodes = Nodes(self._client, settings)

    def capacity(self) -> Capacity:
        """Hosts, devices and their states, some seconds old at most."""
        return self._nodes.capacity()

    def keep(self, leases: Sequence[Kept]) -> None:
        """Ray keeps nothing for later: what is leased is free of other work only as long as all of it is ours."""

    def start(self, plan: Start) -> None:
        """Submit; a second call with the same attempt id changes nothing. All tasks start or none."""
        directory = self._directory(plan.attempt)
        with fault(f"starting attempt {plan.attempt}"):
            if not directory.is_dir():
                self._lay_down(plan, directory)
            if not folder.is_claimed(directory) and folder.read_final(directory) is None:
                self._submit(plan, directory)

    def observe(self, attempts: Iterable[str]) -> Sequence[Seen]:
        """What is known of each; an attempt that never began here is left out."""
        return observe_each(attempts, self._see)

    def stop(self, attempt: str, grace_s: float) -> None:
        """Ask all tasks to end, kill their process trees after the grace; final, returns at once.

        Also valid before `start` arrives, and while Ray has no room: such an attempt then never begins.
        """
        directory = self._directory(attempt)
        request = msgspec.json.encode(StopRequest(grace_s, time.time_ns() // 1000))
        with fault(f"stopping attempt {attempt}"):
            never = _never_begun(attempt)
            if folder.make(directory, {STOP: request, folder.FINAL: msgspec.json.encode(never)}):
                return
            if folder.read_final(directory) is not None:
                return
            replace_file(directory / STOP, request, durable=True)
            if claim(directory):  # no driver will ever run it
                folder.write_final(directory, never)
            else:
                self._tell_hosts(directory, attempt, grace_s)

    def logs(self, attempt: str, rank: int, offset: int, limit_bytes: int) -> bytes:
        """Standard output and error of one task, in order, from a byte offset."""
        return folder.read_log(self._directory(attempt), rank, offset, limit_bytes)

    def forget(self, attempt: str) -> None:
        """Drop what is kept of a finished attempt; its logs go too. One that is not finished stays."""
        directory = self._directory(attempt)
        with fault(f"forgetting attempt {attempt}"):
            if folder.read_final(directory) is not None:
                self._client.forget(attempt)
                remove(directory)

    def close(self) -> None:
        """Let go of the engine; attempts go on running."""
        self._client.close()

    def _directory(self, attempt: str) -> Path:
        return self._root / ensure(check_id(attempt, "attempt"))

    def _lay_down(self, plan: Start, directory: Path) -> None:
        addresses = self._nodes.addresses()
        nodes = dict.fromkeys(task.node for task in plan.tasks)
        order = Order(
            plan=plan,
            isolation=self._settings.isolation,
            expose=(sys.prefix, sys.base_prefix),
            addresses={node: addresses[node] for node in nodes if node in addresses},
            binds=False,
        )
        laid = files(order, directory)
        if missing := ", ".join(node for node in nodes if node not in addresses):
            gone = Seen(
                attempt=plan.attempt,
                state=AttemptState.FAILED,
                cause="device_unavailable",
                ended_at=_now(),
            )
            laid["refused-0.log"] = f"penstock: the Ray cluster has no host {missing}\n".encode()
            laid[folder.FINAL] = msgspec.json.encode(gone)
        folder.make(directory, laid)

    def _submit(self, plan: Start, directory: Path) -> None:
        """Have Ray run it; it is known by the attempt's id, and whoever comes second finds the claim.

        One host's devices are asked for with the submission itself. Those of several hosts need a placement group and
        so a driver that makes one, and so does what a host does not have: such a submission cannot be withdrawn.
        """
        python = self._settings.python or sys.executable
        wanted = self._on_one_host(plan)
        module, *more = (_SOLO, plan.tasks[0].node) if wanted else (_DRIVER,)
        words = (python, "-P", "-m", module, str(directory), *more)
        self._client.submit(directory.name, shlex.join(words), wanted)

    def _on_one_host(self, plan: Start) -> dict[str, float]:
        """What to ask of the host that is all of the gang's, if it has that at all; else nothing."""
        node = plan.tasks[0].node
        address = self._nodes.addresses().get(node, "")
        if any(task.node != node for task in plan.tasks):
            return {}
        wanted, has = bundle(plan.tasks, address), self._nodes.totals(address)
        return wanted if all(has.get(name, 0.0) >= count for name, count in wanted.items()) else {}

    def _tell_hosts(self, directory: Path, attempt: str, grace_s: float) -> None:
        """A host hears of it by itself; this is for those whose agent is gone."""
        order = read_order(directory)
        for node in {task.node for task in order.plan.tasks} if order else ():
            part = part_of(directory, node) / attempt
            if part.is_dir():
                ask_to_stop(part, grace_s)

    def _see(self, attempt: str) -> Seen | None:
        directory = self._directory(attempt)
        final = folder.read_final(directory)
        if final is not None or not directory.is_dir():
            return final
        order = read_order(directory)
        assert order is not None, "an attempt without an end has a plan"
        gang = outcome.merged(order.plan, outcome.parts(order.plan, directory))
        if gang.state in FINAL_ATTEMPT_STATES:
            return folder.write_final(directory, self._as_ended(directory, gang))
        claimed = folder.is_claimed(directory)
        driver = self._driver(directory, attempt)
        if claimed and driver is not None and driver.status == "PENDING" and read_stop(directory) is not None:
            # no driver has come, so a server took the claim to stop it, and died
            return folder.write_final(directory, _never_begun(attempt))
        if driver is not None and not driver.is_over:
            return msgspec.structs.replace(gang, waiting="" if gang.began_at else self._reason(order, driver))
        if not folder.is_claimed(directory):
            if driver is not None:  # Ray gives up what it has no room for in a quarter of an hour
                self._client.forget(attempt)
            self._submit(order.plan, directory)  # the cluster never got it, or has lost it before it began
            return gang
        if driver is not None and driver.status == "STOPPED" and read_stop(directory) is None:
            evict(directory)
            self._tell_hosts(directory, attempt, order.plan.spec.grace_s)
        return self._without_driver(order.plan, directory, gang)

    def _reason(self, order: Order, driver: RayJob) -> str:
        """What keeps it from beginning."""
        if said := waiting(self._directory(order.plan.attempt)):
            return said
        if driver.status != "PENDING":
            return ""
        wanted = bundle(order.plan.tasks, next(iter(order.addresses.values())))
        needed = ", ".join(f"{count:g} {name}" for name, count in wanted.items() if count >= 1)
        return f"host {', '.join(order.addresses.values())} has not {needed} free"

    def _driver(self, directory: Path, attempt: str) -> RayJob | None:
        """The driver as Ray sees it; None where there is none. Raises Fault while nobody can know.

        A driver whose head is away, and that shows no life in the files either, is taken to be gone with it.
        """
        silence_s = silent_s(directory)
        if silence_s <= _SILENT_S:
            return RayJob("RUNNING")
        try:
            return self._client.job(attempt)
        except Fault:
            if silence_s <= HOST_SILENT_S or not folder.is_claimed(directory):
                raise
            return None

    def _without_driver(self, plan: Start, directory: Path, gang: Seen) -> Seen:
        """Hosts that go on are let go on; where one is silent or has failed, the gang ends."""
        open_parts = {}
        for node in dict.fromkeys(task.node for task in plan.tasks):
            part = part_of(directory, node) / plan.attempt
            if not is_final(read_status(part)):
                open_parts[node] = part
        alive = [part for part in open_parts.values() if host_silent_s(part) <= HOST_SILENT_S]
        if alive and len(alive) == len(open_parts) and len(open_parts) == len({t.node for t in plan.tasks}):
            return gang
        if alive:
            self._tell_hosts(directory, plan.attempt, plan.spec.grace_s)
            return gang
        beats = [from_us(last_beat_us(part)) for part in open_parts.values() if part.is_dir()]
        told = read_stop(directory) is not None
        if not told:  # should the driver or a host come back, it finds that it is too late
            replace_file(directory / STOP, msgspec.json.encode(StopRequest(0.0)), durable=True)
        ended = msgspec.structs.replace(
            gang,
            state=AttemptState.STOPPED if told else AttemptState.LOST,
            cause="stop" if told else "host_lost",
            ended_at=max((at for at in (*beats, gang.began_at, gang.running_at) if at), default=_now()),
        )
        return folder.write_final(directory, self._as_ended(directory, ended))

    def _as_ended(self, directory: Path, gang: Seen) -> Seen:
        """The end with Ray's own reason, where it was Ray that ended it."""
        if (
            is_evicted(directory)
            and read_stop(directory) is None
            and gang.state is not AttemptState.SUCCEEDED
        ):
            return msgspec.structs.replace(gang, state=AttemptState.EVICTED, cause="cancelled_by_cluster")
        return gang


def _never_begun(attempt: str) -> Seen:
    return Seen(attempt=attempt, state=AttemptState.STOPPED, cause="stop", ended_at=_now())


def _now() -> datetime:
    return from_us(time.time_ns() // 1000)
