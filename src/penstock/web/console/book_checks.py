"""The check of both books beside the server: it reads everything, so nobody waits for it with a page."""

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from penstock.app.context import App
from penstock.app.reports import CheckReport

JOIN_S = 0.3
"""A small centre's check is over by the time its page is shown."""
_LOG = structlog.get_logger()


class BookChecks:
    """The last result of each centre of this process."""

    def __init__(self) -> None:
        self._found: dict[object, tuple[CheckReport, datetime]] = {}
        self._running: dict[object, threading.Thread] = {}

    def begin(self, app: App, check: Callable[[], CheckReport]) -> None:
        """Begin one, unless one is under way."""
        place = app.files.root
        running = self._running.get(place)
        if running is None or not running.is_alive():
            running = threading.Thread(target=self._check, args=(app, check), daemon=True, name="book check")
            self._running[place] = running
            running.start()
        running.join(JOIN_S)

    def last(self, app: App) -> tuple[CheckReport | None, datetime | None, bool]:
        """What the last one found, when it ended, and whether one is under way."""
        running = self._running.get(app.files.root)
        report, at = self._found.get(app.files.root, (None, None))
        return report, at, running is not None and running.is_alive()

    def _check(self, app: App, check: Callable[[], CheckReport]) -> None:
        try:
            self._found[app.files.root] = (check(), app.now())
        except Exception as error:  # noqa: BLE001 - a thread's end is told to the log
            _LOG.error("book check failed", exc_info=error)


BOOK_CHECKS = BookChecks()
