"""Figures that take long to compute: shown as they stood, with their time, while they are made anew beside.

What took less than `SLOW_S` is computed for each visit. What took longer is kept, and computed again in a thread
once it is older than ten times what it took; nobody waits for it but the first.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from penstock.app.context import App

SLOW_S = 0.25
PATIENCE = 10
OLD = timedelta(minutes=10)
"""What is older is not shown any more: its visitor waits."""
KEPT_MAX = 64
_LOG = structlog.get_logger()


@dataclass
class _Kept:
    value: Any
    at: datetime
    made: float
    took: float


@dataclass
class Snapshots:
    """One process's figures."""

    kept: OrderedDict[Hashable, _Kept] = field(default_factory=OrderedDict)
    making: set[Hashable] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of[T](self, app: App, key: Hashable, make: Callable[[], T]) -> tuple[T, datetime | None]:
        """The figures, and when they were made where that is not now."""
        place = (app.files.root, key)
        with self.lock:
            known = self.kept.get(place)
        now = time.monotonic()
        if known is None or known.took < SLOW_S or not timedelta(0) <= app.now() - known.at < OLD:
            return self._make(app, place, make).value, None
        if now - known.made > PATIENCE * known.took:
            self._beside(app, place, make)
        return known.value, known.at

    def _make(self, app: App, place: Hashable, make: Callable[[], Any]) -> _Kept:
        at, began = app.now(), time.monotonic()
        value = make()
        ended = time.monotonic()
        made = _Kept(value, at, ended, ended - began)
        with self.lock:
            self.kept[place] = made
            self.kept.move_to_end(place)
            while len(self.kept) > KEPT_MAX:
                self.kept.popitem(last=False)
        return made

    def _beside(self, app: App, place: Hashable, make: Callable[[], Any]) -> None:
        with self.lock:
            if place in self.making:
                return
            self.making.add(place)

        def work() -> None:
            try:
                self._make(app, place, make)
            except Exception as error:  # noqa: BLE001 - the next visit computes it, and says what is wrong
                _LOG.warning("figures were not made anew", exc_info=error)
            finally:
                with self.lock:
                    self.making.discard(place)

        threading.Thread(target=work, daemon=True, name="figures").start()


SNAPSHOTS = Snapshots()
