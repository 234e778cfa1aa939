"""Where compiled kernels are kept between runs.

A kernel's machine code holds that of the kernels it calls in other files, which numba's own cache does not
notice when only they change. So each version of all kernel sources has a folder of its own.
"""

import hashlib
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from penstock.fleet.device import Device, DeviceState, Node
from penstock.lease.job import Job, JobSpec, Resources
from penstock.placement.model import Rules, World
from penstock.placement.solve import solve

_VARIABLE = "NUMBA_CACHE_DIR"


def prepare() -> Path:
    """Name the cache folder of these kernels, before numba is imported; one already set is kept."""
    kernels = Path(__file__).parents[1] / "placement" / "kernels"
    digest = hashlib.sha256()
    for source in sorted(kernels.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault(_VARIABLE, str(home / "penstock" / f"kernels-{digest.hexdigest()[:16]}"))
    return Path(os.environ[_VARIABLE])


class Background:
    """Kernels compiled in a thread of their own; asked for the first time, it begins."""

    def __init__(self) -> None:
        self._compiled = threading.Event()
        self._asked = threading.Lock()

    def ready(self) -> bool:
        """Whether they are compiled."""
        if not self._compiled.is_set() and self._asked.acquire(blocking=False):  # kept: one thread is enough
            threading.Thread(target=self._compile, name="kernels", daemon=True).start()
        return self._compiled.is_set()

    def _compile(self) -> None:
        prepare()
        for policy in ("penstock", "fgd", "best-fit"):
            solve(_choice(policy), datetime(2026, 1, 1, tzinfo=UTC))
        self._compiled.set()


def _choice(policy: str) -> World:
    """The smallest world in which a policy has to choose: a share of a device on one of two nodes, by throughput."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    nodes = tuple(Node(id=name, cpu_cores=1, memory_bytes=2**30) for name in ("a", "b"))
    devices = tuple(
        Device(
            id=node.id,
            node=node.id,
            model="m",
            handle="0",
            state=DeviceState.AVAILABLE,
            accepted_at=now,
        )
        for node in nodes
    )
    spec = JobSpec(
        name="j", run="true", resources=Resources(("m",), device_share=500, throughput=(("m", 1.0),))
    )
    job = Job(id="j", tenant="t", spec=spec, created_at=now)
    return World(revision=0, nodes=nodes, devices=devices, queue=(job,), rules=Rules(policy=policy))
