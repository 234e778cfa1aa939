"""The started processes of one phase of an attempt: their exits, and signals to their groups."""

from __future__ import annotations

import os

from penstock.engines.local.supervisor.lean import TYPE_CHECKING, Suppressed, signal

if TYPE_CHECKING:
    from penstock.engines.local.supervisor.shapes import Exit


class Gang:
    """Each member leads a process group of its own."""

    def __init__(self, started: dict[int, int]) -> None:
        self._alive = started
        self._groups = set(started)
        self.exits: list[Exit] = []

    @property
    def alive(self) -> bool:
        """Whether a member has not ended yet."""
        return bool(self._alive)

    def reap(self) -> list[Exit]:
        """Collect ended children, members and orphans; the members' exits are returned and kept."""
        ended: list[Exit] = []
        while (child := _next_ended()) is not None:
            pid, code = child
            rank = self._alive.pop(pid, None)
            if rank is not None:
                ended.append(_exit(rank, code))
        self.exits += ended
        return ended

    def all_buried(self) -> bool:
        """Collect ended children; True once this process has none left, alive or dead."""
        self.reap()
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return False

    def ask_to_end(self) -> None:
        """SIGTERM to every process group."""
        for group in self._groups:
            with Suppressed(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)

    def lingers(self) -> bool:
        """Whether any process of the groups is left; a group once seen empty is not asked for again."""
        for group in tuple(self._groups):
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                self._groups.discard(group)
        return bool(self._groups)


def _next_ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _exit(rank: int, code: int) -> Exit:
    if code < 0:
        return {"rank": rank, "exit_code": None, "signal": -code, "out_of_memory": False}
    return {"rank": rank, "exit_code": code, "signal": None, "out_of_memory": False}


def failed(one: Exit) -> bool:
    """Whether this exit ends the gang."""
    return one["exit_code"] != 0
