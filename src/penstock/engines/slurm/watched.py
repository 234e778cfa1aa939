"""An attempt that is not final, as its files tell it; what has not changed is not worked out again."""

import math
import os
import time
from pathlib import Path

from penstock.app.ports import Start
from penstock.engines.agent.format import STOP
from penstock.engines.local.supervisor.format import STATUS
from penstock.engines.node import StopRequest, part_of, read_stop
from penstock.engines.slurm import folder, outcome
from penstock.lease.job import AttemptState


class Watched:
    """What is known of it before the controller is asked; `look` renews that.

    `claimed_s` is when it was first seen to have begun, and `over_s` when the controller was first seen to say that
    its job is over, both by the monotonic clock; inf before that. `number` is that of its job, 0 while unknown; `node`
    is its first host, and its only one where it is `alone`.
    """

    def __init__(self, plan: Start, directory: Path) -> None:
        self.plan, self.directory = plan, directory
        self.number, self.claimed_s, self.over_s = 0, math.inf, math.inf
        self.gang = outcome.merged(plan, ())
        nodes = dict.fromkeys(task.node for task in plan.tasks)
        self.alone, self.node = len(nodes) == 1, next(iter(nodes))
        self._named = False
        self._contents: tuple[bytes, ...] = (b"",) * len(nodes)
        self._directory, self._stop = str(directory), str(directory / STOP)
        self._final = str(directory / folder.FINAL)
        self._statuses = [str(part_of(directory, node) / plan.attempt / STATUS) for node in nodes]

    def look(self) -> None:
        """Look at its files again. Raises OSError."""
        if not self.claimed and folder.is_claimed(self.directory):
            self.claimed_s = time.monotonic()
        if self.claimed and not self._named and (number := folder.claimed_by(self.directory)):
            self.number, self._named = number, True
        if not self.number:
            self.number = folder.job_number(self.directory)
        contents = tuple(map(_content, self._statuses))
        if contents != self._contents:
            self.gang = outcome.merged(self.plan, outcome.parts(self.plan, self.directory))
            self._contents = contents

    @property
    def is_settled(self) -> bool:
        """Whether its end is written down, or all of it is gone."""
        return os.path.exists(self._final) or not os.path.isdir(self._directory)  # noqa: PTH110, PTH112 - often

    @property
    def claimed(self) -> bool:
        """Whether a job has begun to run it."""
        return self.claimed_s < math.inf

    @property
    def done(self) -> bool:
        """Whether it has succeeded on its one host, and its end was nobody else's doing."""
        return self.gang.state is AttemptState.SUCCEEDED and folder.is_done(self.directory)

    def told(self) -> StopRequest | None:
        """Whether, and with how much grace, it must stop."""
        return read_stop(self.directory) if os.path.exists(self._stop) else None  # noqa: PTH110 - often


def _content(path: str) -> bytes:
    """By opening it: a shared file system looks anew then, which it need not do for less."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - often
            return file.read()
    except FileNotFoundError:
        return b""
