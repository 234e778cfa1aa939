"""The only place where concrete parts meet: a data directory becomes a centre."""

import errno
import fcntl
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from penstock.app.catalogue import known_accelerators
from penstock.app.context import App, Policy
from penstock.app.ports import Clock, Engine, Probe
from penstock.base.refusal import Fault, Refusal, Refused, disk_full
from penstock.engines.clusters import open_cluster
from penstock.engines.local.engine import LocalEngine
from penstock.engines.local.images.store import FOLDER as IMAGES
from penstock.engines.settings import read_engines
from penstock.probes.host import HostProbe
from penstock.sim.compiled import Background
from penstock.store.database import Database
from penstock.store.files import Files

ATTEMPTS = "attempts"
"""Of the data directory: where the engine of this host keeps its attempts."""


class SystemClock:
    """This host's clock."""

    def now(self) -> datetime:
        """UTC now."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Centre:
    """An opened data directory; close it when done."""

    app: App
    probe: Probe
    lock: IO[str]

    def alone(self) -> bool:
        """Whether no other process has the directory open: with PostgreSQL, one that goes on where we end."""
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go of engines, database and lock; running jobs run on."""
        for threads in self.app.look.threads.values():
            threads.shutdown(cancel_futures=True)
        for engine in self.app.engines.values():
            engine.close()
        self.app.database.close()
        self.lock.close()


def default_data_directory() -> Path:
    """$XDG_DATA_HOME/penstock, by default ~/.local/share/penstock."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "penstock"


def open_centre(
    data: Path,
    policy: Policy | None = None,
    cores_per_device: int = 1,
    *,
    cpu_only: bool = False,
    database: str | None = None,
    scrapes: Sequence[str] = (),
) -> Centre:
    """Open or make a data directory, bring it up to date, and take its lock.

    With the URL of a PostgreSQL as `database` several processes of this host may share the directory.
    """
    lock = _lock(data, shared=database is not None)
    try:
        app = _app(data, policy or Policy(), database)
    except OSError as error:
        lock.close()
        raise Refused(_unusable(data, error)) from error
    except Fault as error:
        lock.close()
        raise Refused(Refusal("engine_unusable", str(error), "see what `penstock doctor` says")) from error
    except BaseException:
        lock.close()
        raise
    probe = HostProbe(
        cores_per_device=cores_per_device,
        cpu_only=cpu_only,
        scrapes=scrapes,
        known=lambda: known_accelerators(app),
    )
    return Centre(app, probe, lock)


def _app(data: Path, policy: Policy, url: str | None) -> App:
    database = Database(url or data)
    try:
        database.migrate()
        named = read_engines(data)
        files = Files(named.shared or data)
        local = LocalEngine(
            data / ATTEMPTS,
            isolation=named.local.isolation,
            expose=_environment(),
            images=data / IMAGES,
            on_end=database.bell.set,
        )
        if leader := database.lead():  # nobody else is starting anything here
            local.sweep()
            files.sweep()
            leader.end()
        engines: dict[str, Engine] = {"local": local}
        engines |= {one.name: open_cluster(one) for one in named.engines}
    except BaseException:
        database.close()
        raise
    clock: Clock = SystemClock()
    return App(database, files, clock, engines, policy, kernels_ready=Background().ready)


def _environment() -> tuple[Path, ...]:
    """The Python that runs us, so that jobs can use it and its packages."""
    return tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix))))


def _lock(data: Path, *, shared: bool) -> IO[str]:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (data / "lock").open("a+")
    except OSError as error:
        raise Refused(_unusable(data, error)) from error
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise Refused(
            Refusal(
                "data_locked",
                f"{data} is in use by process {holder or 'another'}",
                "stop that one, or give another --data directory",
            )
        ) from error
    try:
        os.ftruncate(lock.fileno(), 0)
        os.write(lock.fileno(), str(os.getpid()).encode())
    except OSError as error:
        lock.close()
        raise Refused(_unusable(data, error)) from error
    return lock


def _unusable(data: Path, error: OSError) -> Refusal:
    if error.errno == errno.ENOSPC:
        return disk_full()
    return Refusal(
        "data_unusable", f"{data} cannot be used: {error.strerror}", "give another --data directory"
    )
