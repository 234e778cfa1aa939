"""Keeps the loop turning: at once when something changed, and at a steady beat otherwise.

Of several processes on one database one turns the loop; the others wait to take it over.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from penstock.app import metering, reports, running
from penstock.app.context import App
from penstock.app.loop import cycle, short_cycle
from penstock.base.refusal import Fault, Refused
from penstock.store.database import Leadership

BEAT_S = 0.2
GLANCE_S, ASK_S = 0.02, 0.03
QUIET_SHARE = 0.1
"""What ends after a time is seen after a tenth of that time more, within ASK_S and BEAT_S, unless the bell rings."""
RETRY_S = 1.0
WHOLE_PAUSES = 9
"""So many times as long as a whole turn takes it is not turned whole again; jobs' own steps are, meanwhile."""
DRAIN_S = 30.0

_LOG = structlog.get_logger()


class Keeper:
    """Turns the loop in a thread until stopped. A fault is tried again; a broken invariant ends it."""

    def __init__(self, app: App, on_broken: Callable[[], None]) -> None:
        self.app = app
        self.broken: BaseException | None = None
        self._served = app.database
        self._leader: Leadership | None = None
        self._on_broken = on_broken
        self._stopping = threading.Event()
        self._next_whole_s = float("-inf")

    def run(self) -> None:
        """Turn until stopped: again at once after a change, and less often the longer there was none."""
        known, changed_s = -1, time.monotonic()
        self._served.rings_not()
        try:
            while not self._stopping.is_set():
                self._served.bell.clear()
                whole = time.monotonic() >= self._next_whole_s
                revision = self._turn(whole=whole)
                if revision is None:
                    self._stopping.wait(RETRY_S)
                    continue
                changed = revision != known
                known, changed_s = revision, time.monotonic() if changed else changed_s
                if not (whole and changed):
                    quiet_s = time.monotonic() - changed_s
                    self._rest(known, min(max(quiet_s * QUIET_SHARE, ASK_S), BEAT_S))
        except BaseException as error:  # noqa: BLE001
            self.broken = error
            _LOG.exception("the loop met a broken invariant")
            self._on_broken()

    def stop(self) -> None:
        """End after the present turn."""
        self._stopping.set()
        self._served.bell.set()

    def end(self) -> None:
        """Let another process turn the loop."""
        if self._leader is not None:
            self._leader.end()

    def drain(self, hurried: Callable[[], bool]) -> None:
        """Ask what runs to checkpoint and stop, wait until it has, and queue it for the next opening.

        Once `hurried` says so, nothing is waited for: engines end it by themselves, the next opening sees it.
        """
        if self._leader is None:
            return
        try:
            self._drain(hurried)
        except (Fault, Refused) as error:
            _LOG.warning("not drained: the next opening goes on from here", error=str(error))

    def _drain(self, hurried: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DRAIN_S
        running.evict_all(self.app)
        while running.anything_running(self.app) and time.monotonic() < deadline and not hurried():
            running.observe(self.app)
            time.sleep(GLANCE_S)
        for step in (metering.meter, metering.rate, metering.release):
            step(self.app)

    def _turn(self, *, whole: bool) -> int | None:
        """Turn once; the revision it left, or None where the loop is not ours or something outside failed.

        The whole of it is turned once in a beat, or more rarely where that takes long; what jobs wait for each time.
        """
        try:
            if not self._leads():
                return None
            if not whole:
                return short_cycle(self.app)
            began_s = time.monotonic()
            cycle(self.app)
            now_s = time.monotonic()
            self._next_whole_s = now_s + max(BEAT_S, WHOLE_PAUSES * (now_s - began_s))
            return reports.revision(self.app)
        except (Fault, Refused) as error:
            self.app.look.forget()
            _LOG.warning("the loop tries again", error=str(error))
            return None

    def _leads(self) -> bool:
        if self._leader is not None and not self._leader.holds():
            _LOG.warning("the loop is given up: the connection that holds it is gone")
            self._leader = None
        if self._leader is None:
            self._leader = self._served.lead()
            if self._leader is not None:
                self.app = replace(self.app, database=self._leader.database)
        return self._leader is not None

    def _rest(self, known: int, pause_s: float) -> None:
        until = time.monotonic() + pause_s
        with suppress(Fault):  # the next turn meets it again
            while (left_s := until - time.monotonic()) > 0:
                rung = self._served.bell.wait(left_s if self._served.alone else min(left_s, GLANCE_S))
                if rung or reports.revision(self.app) != known:
                    return
