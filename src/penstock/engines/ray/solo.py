"""What Ray runs for a gang of one host, once it has given the devices: `… -m penstock.engines.ray.solo DIRECTORY NODE`.

Without Ray, and of the standard library alone: an attempt costs what Ray's Jobs API costs, and no more. The agent is
nobody's child and in a session of its own, so that nothing that Ray does to its jobs ends it. Ray's request to end
the job reaches us, and is passed on as a file.
"""

import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

from penstock.engines.agent import ARGUMENTS
from penstock.engines.agent.format import CLAIM, EVICTED, FAILED, NODES, STOP
from penstock.engines.local.supervisor.format import STATUS

_BEAT_MS = 500


def main(directory: Path, node: str) -> int:
    """0 where it succeeded, or where it is not ours to run."""
    claim = directory / CLAIM
    try:
        claim.mkdir()
    except FileExistsError:
        return 0
    if (directory / STOP).exists():
        return 0

    def evict(*_: Any) -> None:
        for name in (EVICTED, FAILED):
            (directory / name).touch()

    signal.signal(signal.SIGTERM, evict)
    agent = _begun(directory, node)
    (claim / "beat").touch()
    while _lives(agent):
        (claim / "beat").touch()
    return _exit_code(directory / NODES / node / directory.name / STATUS)


def _begun(directory: Path, node: str) -> int:
    """The agent as a process of its own: what tells of its end, or -1 where it has ended, or could not be begun."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.setsid()
        process = os.fork()
        if process:
            os.write(theirs, str(process).encode())
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with (directory / f"{node}.log").open("ab") as log, Path(os.devnull).open("rb") as nothing:
            for number, file in enumerate((nothing, log, log)):
                os.dup2(file.fileno(), number)
        os.chdir("/")
        os.execv(sys.executable, [sys.executable, *ARGUMENTS, str(directory), node])  # noqa: S606
    os.close(theirs)  # else nobody would see that it could not be begun
    os.wait()
    try:
        return os.pidfd_open(int(os.read(ours, 20)))
    except (ProcessLookupError, ValueError):
        return -1


def _lives(agent: int) -> bool:
    """Whether it goes on, after a moment."""
    if agent < 0:
        return False
    ended = select.poll()
    ended.register(agent, select.POLLIN)
    return not ended.poll(_BEAT_MS)


def _exit_code(status: Path) -> int:
    try:
        return int(json.loads(status.read_bytes())["state"] != "succeeded")
    except (OSError, ValueError):
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2]))
