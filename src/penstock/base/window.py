"""Half-open windows of UTC time, [start, end). Durations are integer microseconds, so sums are exact."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Self

import msgspec

from penstock.base.refusal import Refusal, invalid

MICROSECOND = timedelta(microseconds=1)
US_PER_SECOND = 1_000_000
US_PER_HOUR = 3_600 * US_PER_SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_MIN, YEAR_MAX = 1969, 3000


def to_us(instant: datetime) -> int:
    """Microseconds since 1970-01-01 UTC."""
    return (instant - EPOCH) // MICROSECOND


def from_us(instant_us: int) -> datetime:
    """The UTC instant that is so many microseconds after 1970-01-01."""
    return EPOCH + timedelta(microseconds=instant_us)


class Window(msgspec.Struct, frozen=True, order=True):
    """[start, end) in UTC; empty when both are equal."""

    start: datetime
    end: datetime

    @property
    def duration_us(self) -> int:
        """Length in microseconds."""
        return (self.end - self.start) // MICROSECOND

    def overlap(self, other: Self) -> "Window | None":
        """The common part, or None where it would be empty."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start, end) if start < end else None

    def contains(self, instant: datetime) -> bool:
        """Whether the instant lies in [start, end)."""
        return self.start <= instant < self.end


def steps(window: Window, step: timedelta) -> Iterator[Window]:
    """Cut a window at multiples of `step` since 1970; the cuts do not depend on where the window starts."""
    cut = window.start - (window.start - EPOCH) % step + step
    start = window.start
    while start < window.end:
        end = min(cut, window.end)
        yield Window(start, end)
        start, cut = end, cut + step


def check_instant(instant: datetime, where: str = "time") -> datetime | Refusal:
    """The instant in UTC; it carries a zone, and lies between 1970 and 3000, so that no sum overflows."""
    if instant.tzinfo is None:
        return invalid("time_without_zone", "a time has no zone", "end it with Z or +08:00", where)
    if not YEAR_MIN < instant.year < YEAR_MAX:
        return invalid("time_absurd", f"the year {instant.year} is not ours", "check the date", where)
    return instant.astimezone(UTC)


def check_window(start: datetime, end: datetime, where: str = "window") -> Window | Refusal:
    """A window whose ends can be used and are in order."""
    first, last = check_instant(start, where), check_instant(end, where)
    if isinstance(first, Refusal):
        return first
    if isinstance(last, Refusal):
        return last
    if last <= first:
        return invalid("window_reversed", f"{end} is not after {start}", "give a later end", where)
    return Window(first, last)
