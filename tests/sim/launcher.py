"""`penstock up` in a process of its own that dies by SIGKILL: at a line, or after a time. Or it lists its lines.

The process is a fork of one that has everything imported, which saves most of the time of a start; what it
runs is the ordinary command line. Its parent adopts whatever it leaves behind, so nothing can hide.
"""

import gc
import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

from penstock.cli.main import main
from penstock.engines.local.supervisor import libc
from penstock.sim.faults import Point, watched

MODULES = ("app/", "store/", "engines/local/", "web/", "wire.py", "cli/serving.py")
_NEEDED = (
    "penstock.cli.app",
    "penstock.cli.serving",
    "penstock.wire",
    "alembic.autogenerate",
    "alembic.runtime.environment",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.lifespan.off",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.auto",
    "encodings.idna",
)


def prepare() -> None:
    """Import all that a server needs, and become the parent of every process whose own parent dies."""
    libc.adopt_orphans()
    for name in _NEEDED:
        importlib.import_module(name)


def fork_server(arguments: list[str], log: Path, death: str = "", record: Path | None = None) -> int:
    """The process id of a server that dies at `death` (FILE:LINE:VISIT, or seconds as `1.5s`; '' for never)."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            _become(log)
            status = _serve(arguments, death, record)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return pid


def _become(log: Path) -> None:
    """Nothing of the parent's but its modules.

    What the parent has left to be collected stays: it would close numbers that are files of ours by then.
    """
    gc.freeze()
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.closerange(3, 4096)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, source in ((0, null), (1, target), (2, target)):
        os.dup2(source, number)
    os.closerange(3, 4096)


def _serve(arguments: list[str], death: str, record: Path | None) -> int:
    if death.endswith("s"):
        timer = threading.Timer(float(death[:-1]), _die)
        timer.daemon = True
        timer.start()
        return main(arguments)
    with watched(MODULES, _point(death), _die) as visits:
        status = main(arguments)
    if record:
        record.write_text(json.dumps([[*place, count] for place, count in sorted(visits.items())]))
    return status


def _point(death: str) -> Point | None:
    if not death:
        return None
    file, line, visit = death.rsplit(":", 2)
    return Point(file, int(line), int(visit))


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody outlives SIGKILL")
