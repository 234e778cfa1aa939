"""Fault points between any two statements of the platform, set from outside and only here.

The interpreter's own monitoring counts the lines of chosen modules as they run, so the code under test
holds no hook. A point is a line and how many times it was reached; reaching it calls `act`, which kills
the process, or raises `Crash` where the whole world lives in one process.
"""

import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType

import msgspec

import penstock

_TOOL = sys.monitoring.DEBUGGER_ID
_ROOT = str(Path(penstock.__file__).parent)


class Crash(BaseException):
    """The platform dies here: nothing but a new opening follows."""


class Point(msgspec.Struct, frozen=True, order=True):
    """The `visit`-th time that a line of a module (relative to the package) is reached."""

    file: str
    line: int
    visit: int = 1


def raise_crash() -> None:
    """An act for a world in one process."""
    raise Crash


@contextmanager
def watched(
    modules: tuple[str, ...], point: Point | None = None, act: Callable[[], None] = raise_crash
) -> Generator[Counter[tuple[str, int]]]:
    """Count lines of these modules (path prefixes such as `app/`), or those of the point alone, and act once at it.

    To count no other line than the point's takes no time at all.
    """
    visits: Counter[tuple[str, int]] = Counter()

    def on_line(code: CodeType, line: int) -> object:
        file = code.co_filename.removeprefix(_ROOT).lstrip("/")
        if file == code.co_filename or not file.startswith(modules):
            return sys.monitoring.DISABLE
        if point is not None and (file, line) != (point.file, point.line):
            return sys.monitoring.DISABLE
        visits[file, line] += 1
        if point is not None and visits[file, line] == point.visit:
            act()
        return None

    sys.monitoring.use_tool_id(_TOOL, "penstock.sim.faults")
    sys.monitoring.register_callback(_TOOL, sys.monitoring.events.LINE, on_line)
    sys.monitoring.set_events(_TOOL, sys.monitoring.events.LINE)
    try:
        yield visits
    finally:
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.free_tool_id(_TOOL)
        sys.monitoring.restart_events()
