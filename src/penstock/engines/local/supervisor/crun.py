"""Tasks as containers of crun, in one set of namespaces that we hold open.

An attempt is what Kubernetes calls a pod: the holder is the first process of the PID namespace and dies with the
supervisor; each task is a container that joins it. crun ends once it has made a container, which then is our child,
so its exit code is exact. What crun keeps of it lies on a tmpfs that goes with the holder, and nothing is left behind.
"""

from __future__ import annotations

import fcntl
import os
from functools import cache

from penstock.engines.local.supervisor import bundle, libc
from penstock.engines.local.supervisor.format import MESSAGES, STAGE
from penstock.engines.local.supervisor.launch import bind, check_environment
from penstock.engines.local.supervisor.lean import TYPE_CHECKING, read, signal, to_json
from penstock.engines.local.supervisor.namespaces import Namespaces, fork, keep_only
from penstock.engines.local.supervisor.process import Member, Unstartable, start_gang

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from penstock.engines.local.supervisor.cgroup import Cgroup
    from penstock.engines.local.supervisor.shapes import Entry, Plan

_PLACES = (*os.defpath.split(":"), "/usr/local/bin")
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Crun(Namespaces):
    """The namespaces are ours, the file tree and the privileges of each task are crun's."""

    def __init__(self, plan: Plan, cgroup: Cgroup, directory: str) -> None:
        self._stage, self._phase, self._tree = f"{directory}/{STAGE}", 0, -1
        _sealed_crun()
        os.mkdir(self._stage)
        super().__init__(plan, cgroup, directory)
        self._usher()

    def wait(self) -> None:
        """Return once containers can be made."""
        self._await_up()
        self._tree = os.open(f"/proc/{self._first}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    def leave(self) -> bool:
        """Out of it all."""
        if self._tree >= 0:
            os.close(self._tree)
        return super().leave()

    def start(
        self, entries: Sequence[Entry], arguments: list[str], outputs: Mapping[int, int]
    ) -> dict[int, int]:
        """Process id -> rank; all containers are made before the first program begins. Raises Unstartable."""
        self._phase += 1
        # Alone, it has nobody to wait for, and is on no CPUs but its own where its control group says which.
        at_once = len(entries) == 1 and (self._cgroup.binds or not entries[0]["cpus"])
        verb = ("run", "--detach") if at_once else ("create",)
        makers = [self._maker(entry, arguments, outputs, verb) for entry in entries]
        # The first makes the places of mounts in the shared tree; crun fails where two make one at the same time.
        for some in filter(None, (makers[:1], makers[1:])):
            self._end_well(start_gang(some))
        made = {self._process(entry["rank"]): entry for entry in entries}
        if not at_once:
            for pid, entry in made.items():
                if entry["cpus"]:  # versions of crun after 1.8 forget on which they were started
                    os.sched_setaffinity(pid, entry["cpus"])
            self._end_well(start_gang([self._opener(entry["rank"], outputs) for entry in entries]))
        return {pid: entry["rank"] for pid, entry in made.items()}

    def _fork_holder(self) -> None:
        """By way of a child, so that what we fork later, crun above all, is born outside of the PID namespace."""
        reader, writer = os.pipe()
        fork(lambda: self._stand_between(writer))
        os.close(writer)
        self._first = int(os.read(reader, 16) or 0)
        os.close(reader)

    def _stand_between(self, writer: int) -> None:
        libc.die_with_parent()
        signal.set_wakeup_fd(-1)
        super()._fork_holder()
        os.write(writer, b"%d" % self._first)
        keep_only()
        os.waitpid(self._first, 0)

    def _build_tree(self) -> None:
        bundle.build_stage(self._plan["mounts"], self._stage)

    def _maker(
        self, entry: Entry, arguments: list[str], outputs: Mapping[int, int], verb: Sequence[str]
    ) -> Member:
        name = self._name(entry["rank"])
        place = f"{self._stage}/{name}"

        def prepare() -> None:
            check_environment(entry["env"])
            self._cgroup.enter()
            bind(entry["cpus"])
            os.setns(self._tree)
            os.mkdir(place)
            config = bundle.config(self._plan, entry, arguments, self._stage, self._first)
            file = os.open(f"{place}/config.json", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(file, to_json(config))
            libc.die_with_parent()

        def run() -> NoReturn:
            self._execute(*verb, "--bundle", place, "--pid-file", f"{place}/pid", name)

        return Member(entry["rank"], outputs[entry["rank"]], prepare, run)

    def _opener(self, rank: int, outputs: Mapping[int, int]) -> Member:
        def prepare() -> None:
            os.setns(self._tree)
            libc.die_with_parent()

        return Member(rank, outputs[rank], prepare, lambda: self._execute("start", self._name(rank)))

    def _execute(self, *arguments: str) -> NoReturn:
        log = f"--log=file:{self._directory}/{MESSAGES}"
        given = ["crun", "--root", f"{self._stage}/containers", "--cgroup-manager=disabled", log, *arguments]
        os.execve(_sealed_crun(), given, {"PATH": os.defpath})  # noqa: S606

    def _end_well(self, started: Mapping[int, int]) -> None:
        """Wait until crun has done what it was asked to."""
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in started]
        if any(codes):
            path = f"{self._directory}/{MESSAGES}"
            words = read(path).decode(errors="replace").splitlines() if os.path.exists(path) else []
            raise Unstartable("start", f"crun ended with {max(codes, key=abs)}: {words[-1] if words else ''}")

    def _process(self, rank: int) -> int:
        """The first process of a container, by its number on the host."""
        return int(read(f"/proc/{self._first}/root{self._stage}/{self._name(rank)}/pid"))

    def _name(self, rank: int) -> str:
        return f"{self._phase}-{rank}"


@cache
def _sealed_crun() -> int:
    """A sealed copy of crun in memory: what it makes of itself at each start otherwise, so that no container
    can change it (CVE-2019-5736). Raises Unstartable.
    """
    path = next((path for place in _PLACES if os.path.isfile(path := f"{place}/crun")), "")
    if not path:
        raise Unstartable("sandbox", "crun is not installed")
    copy = os.memfd_create("crun", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(copy, read(path))
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
    return copy
