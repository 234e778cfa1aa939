"""The Ray engine against a real cluster, which the tests of a run share."""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.contract.bench import Bench, Harness
from tests.contract.ray_cluster import RayCluster, hold, missing

from penstock.app.ports import TaskPlan
from penstock.engines.local.supervisor.directory import supervisor_of
from penstock.engines.node import part_of
from penstock.engines.ray.engine import RayEngine
from penstock.engines.ray.settings import RaySettings

_BASE = "PENSTOCK_TEST_RAY"


def cluster() -> RayCluster:
    """The cluster of this run of the tests; skips where none can be had, except in CI."""
    reason = missing()
    if reason and os.environ.get("CI") != "true":
        pytest.skip(f"no Ray: {reason}")
    assert not reason, reason
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    base = os.environ.setdefault(_BASE, f"{tempfile.gettempdir()}/pray-{run[:8]}")
    return hold(Path(base), hosts=2)


class RayHarness(Harness):
    """Gangs on one host of a cluster in network namespaces."""

    name = "ray"
    many = 6
    patience_s = 240.0 + 6.0 * int(os.environ.get("PENSTOCK_CONTRACT_ATTEMPTS", "0"))
    """An attempt costs Ray some five seconds of a processor, and the machine may have other work."""
    _filler = ""

    def open(self, root: Path) -> RayEngine:
        there = cluster()
        return RayEngine(RaySettings(url=there.url, token_file=there.token_file, shared=root))

    def offers(self, engine: RayEngine) -> set[str]:
        volumes = {"volumes"} if shutil.which("bwrap") else set()
        return {"programs", "queue", "eviction", "server", "one host", *volumes}

    def task(self, rank: int) -> TaskPlan:
        return msgspec.structs.replace(super().task(rank), node=f"ray-{cluster().addresses[0]}")

    @contextlib.contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """The cluster together with others, or alone for a test that does it harm."""
        with (cluster().base / "turn").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
            if self._filler:
                self._ask("POST", f"{self._filler}/stop")
                self._filler = ""

    def lose(self, bench: Bench, attempt: str) -> None:
        """Its supervisor is killed, as when the host fails; what watches it there says so."""
        directory = bench.root / "attempts" / bench.id(attempt)
        part = part_of(directory, self.task(0).node) / bench.id(attempt)
        os.kill(bench.wait(lambda: supervisor_of(part), "a supervisor"), signal.SIGKILL)

    def evict(self, bench: Bench, attempt: str) -> None:
        """Somebody ends it with Ray's own means."""
        self._ask("POST", f"{bench.id(attempt)}/stop")

    def restart(self, bench: Bench, meanwhile: Callable[[], None]) -> None:
        """All of Ray is killed on the host that is its head, and starts again without any memory."""
        there = cluster()
        there.kill_ray(0)
        meanwhile()
        there.start_again()

    def fill(self, bench: Bench, attempt: str) -> None:
        """Somebody else's job takes all processors of the host, until the test has had its turn."""
        self._filler = f"filler-{secrets.token_hex(4)}"
        job = {
            "submission_id": self._filler,
            "entrypoint": "sleep 600",
            "entrypoint_num_cpus": cluster().cpus,
            "entrypoint_resources": {f"node:{cluster().addresses[0]}": 0.001},
        }
        self._ask("POST", "", json=job)
        bench.wait(lambda: self._ask("GET", self._filler)["status"] == "RUNNING")

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        there = cluster()
        headers = {"authorization": f"Bearer {there.token}"}
        answer = httpx.request(method, f"{there.url}/api/jobs/{path}", headers=headers, timeout=30, **options)
        return answer.raise_for_status().json()

    def troubles(self, root: Path) -> str:
        logs = sorted(root.glob("attempts/*/*.log"), key=lambda path: path.stat().st_mtime)
        return "\n".join(f"{path}: {path.read_text(errors='replace')[-500:]}" for path in logs[-3:])
