"""The Slurm engine against a real cluster, which the tests of a run share."""

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from tests.contract.bench import Bench, Harness
from tests.contract.slurm_cluster import SlurmCluster, hold, limits_memory, missing

from penstock.app.ports import TaskPlan
from penstock.engines.local.host import Isolation
from penstock.engines.slurm import folder
from penstock.engines.slurm.engine import SlurmEngine
from penstock.engines.slurm.settings import SlurmSettings

_BASE = "PENSTOCK_TEST_SLURM"


def cluster() -> SlurmCluster:
    """The cluster of this run of the tests; skips where Slurm is not installed, except in CI."""
    reason = missing()
    if reason and os.environ.get("CI") != "true":
        pytest.skip(f"no Slurm: {reason}")
    assert not reason, reason
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    base = os.environ.setdefault(_BASE, f"{tempfile.gettempdir()}/penstock-slurm-{run[:12]}")
    return hold(Path(base))


class SlurmHarness(Harness):
    """Gangs on one host, or each task on a host of its own."""

    patience_s = 180.0
    """Eight daemons share the machine with other tests."""

    def __init__(self, name: str, *, spread: bool) -> None:
        self.name, self._spread = name, spread

    def settings(self, root: Path, **others: Any) -> SlurmSettings:
        """How the tests reach the cluster."""
        there = cluster()
        known: dict[str, Any] = {"url": there.url, "user": "root", "jwt_key_file": there.key, "shared": root}
        isolation = Isolation.BUBBLEWRAP if shutil.which("bwrap") else Isolation.PROCESS_GROUPS
        return SlurmSettings(**known | {"isolation": isolation, "look_every_s": 0.5} | others)

    def open(self, root: Path) -> SlurmEngine:
        return SlurmEngine(self.settings(root))

    def offers(self, engine: SlurmEngine) -> set[str]:
        volumes = {"volumes"} if shutil.which("bwrap") else set()
        memory = {"memory"} if limits_memory() else set()
        return {"programs", "queue", "eviction", "server", *volumes, *memory} | (
            set() if self._spread else {"one host"}
        )

    def task(self, rank: int) -> TaskPlan:
        node, local = (f"n{1 + rank % 4}", 0) if self._spread else ("n1", rank)
        return TaskPlan(
            rank=rank, node=node, local_rank=local, devices=(f"d{rank}",), handles=(str(rank),), stack="cpu"
        )

    @contextlib.contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """The cluster together with others, or alone for a test that does it harm."""
        with (cluster().base / "turn").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield

    def lose(self, bench: Bench, attempt: str) -> None:
        """The first host of the attempt goes with all that runs there, is declared down, and comes back."""
        there, number = cluster(), self._number(bench, attempt)
        there.kill("n1")
        for process in _processes_of(number):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        there.run("scontrol", "update", "nodename=n1", "state=down", "reason=test")
        bench.end(attempt)
        there.run("scontrol", "update", "nodename=n1", "state=resume")
        there.start("n1")

    def evict(self, bench: Bench, attempt: str) -> None:
        """More urgent work takes the host."""
        command = ("--qos=urgent", "--nodelist=n1", "--exclusive", "--account=others", "--output=/dev/null")
        said = cluster().run("sbatch", "--parsable", *command, "--wrap=sleep 600")
        bench.end(attempt)
        cluster().run("scancel", said.strip())

    def restart(self, bench: Bench, meanwhile: Callable[[], None]) -> None:
        """Controller and REST server are killed and started again.

        The controller writes its state some seconds after a change, more where the machine is busy, and knows
        no later one after its death: what it has forgotten is a lost attempt, which is another test. So we
        change something of each job and wait until that is written.
        """
        there = cluster()
        mark = f"written-{secrets.token_hex(4)}"
        known = [number for one in bench.root.glob("attempts/*") if (number := folder.job_number(one))]
        for number in known:
            there.run("scontrol", "update", f"jobid={number}", f"admincomment={mark}")
        state = there.base / "state" / "job_state"
        bench.wait(
            lambda: state.exists() and state.read_bytes().count(mark.encode()) >= len(known),
            "the controller to write its state",
        )
        there.kill("slurmctld")
        there.kill("slurmrestd")
        meanwhile()
        there.start("slurmctld", "slurmrestd")

    def fill(self, bench: Bench, attempt: str) -> None:
        """One attempt on all CPUs of the host."""
        plan = bench.plan(attempt, "exec sleep 600")
        whole = msgspec.structs.replace(plan.tasks[0], handles=("0-63",))
        bench.begin(msgspec.structs.replace(plan, tasks=(whole,)))
        bench.until(attempt, "running")

    def troubles(self, root: Path) -> str:
        logs = sorted(root.glob("attempts/*/batch.log"), key=lambda path: path.stat().st_mtime)
        said = [f"{path}: {path.read_text(errors='replace')[-500:]}" for path in logs[-3:]]
        return "\n".join([cluster().run("squeue", "-a"), *said])

    def _number(self, bench: Bench, attempt: str) -> int:
        return folder.job_number(bench.root / "attempts" / bench.id(attempt))


def _processes_of(number: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(word.startswith(f"slurmstepd: [{number}.") for word in process.info["cmdline"] or ()):
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [process, *process.children(recursive=True)]
    return found
