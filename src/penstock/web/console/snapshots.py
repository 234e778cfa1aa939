"""Figures that may take long to compute: a visitor waits for them a moment, and is told when they come later.

They are made in threads, few at a time. What took less than `SLOW_S` is computed for each visit. What took longer is
shown for some multiples of that time, then made anew; until that is done the last ones stand, with their time.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from penstock.app.context import App

SLOW_S = 0.04
PATIENCE = 10
OLD = timedelta(minutes=10)
"""What is older is not shown any more."""
KEPT_MAX = 64
AT_ONCE = 2
WAIT_S = 0.15
"""So long after they were begun an answer waits for figures."""


@dataclass(frozen=True)
class Shown[T]:
    """Figures of `at`, nothing where there are none yet; `making` where newer ones are on their way."""

    value: T | None
    at: datetime | None = None
    making: bool = False


@dataclass
class _Made:
    value: Any
    at: datetime
    ended: float
    took: float


@dataclass
class _Work:
    began: float = field(default_factory=time.monotonic)
    done: threading.Event = field(default_factory=threading.Event)
    made: _Made | None = None
    error: Exception | None = None
    """What kept the figures from being made; told to one visitor, then they are tried again."""


@dataclass
class Snapshots:
    """One process's figures."""

    wait_s: float = WAIT_S
    kept: OrderedDict[Hashable, _Made] = field(default_factory=OrderedDict)
    working: dict[Hashable, _Work] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))

    def of[T](self, app: App, key: Hashable, make: Callable[[], T]) -> Shown[T]:
        """The figures, as new as a moment allows; raises what kept them from being made."""
        place = (app.files.root, key)
        with self.lock:
            known = self.kept.get(place)
            work = self.working.get(place)
        if known is not None and known.took < SLOW_S:
            return Shown(self._made(app, place, make).value)
        if known is not None and not timedelta(0) <= app.now() - known.at < OLD:
            known = None
        if known is not None and time.monotonic() - known.ended < PATIENCE * known.took:
            return Shown(known.value, known.at)
        work = work or self._begin(app, place, make)
        work.done.wait(max(work.began + self.wait_s - time.monotonic(), 0.0))
        if work.error is not None:
            with self.lock:
                self.working.pop(place, None)
            raise work.error
        if work.made is not None:
            return Shown(work.made.value)
        return Shown(None, making=True) if known is None else Shown(known.value, known.at, making=True)

    def _begin(self, app: App, place: Hashable, make: Callable[[], Any]) -> _Work:
        with self.lock:
            if place in self.working:
                return self.working[place]
            work = self.working[place] = _Work()

        def labour() -> None:
            try:
                with self.turns:
                    work.made = self._made(app, place, make)
            except Exception as error:  # noqa: BLE001 - raised again where somebody waits
                work.error = error
            else:
                with self.lock:
                    self.working.pop(place, None)
            work.done.set()

        threading.Thread(target=labour, daemon=True, name="figures").start()
        return work

    def _made(self, app: App, place: Hashable, make: Callable[[], Any]) -> _Made:
        at, began = app.now(), time.monotonic()
        value = make()
        ended = time.monotonic()
        made = _Made(value, at, ended, ended - began)
        with self.lock:
            self._keep(place, made)
        return made

    def _keep(self, place: Hashable, made: _Made) -> None:
        self.kept[place] = made
        self.kept.move_to_end(place)
        while len(self.kept) > KEPT_MAX:
            self.kept.popitem(last=False)


SNAPSHOTS = Snapshots()
