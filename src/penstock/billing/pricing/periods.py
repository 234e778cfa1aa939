"""Calendar months and anchored terms on the clocks of a zone, as windows of UTC."""

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from penstock.base.window import Window
from penstock.billing.pricing.book import Term

MONTHS = {"month": 1, "year": 12}


def month_of(instant: datetime, zone: ZoneInfo) -> Window:
    """The calendar month, on the zone's clocks, that holds the instant."""
    local = instant.astimezone(zone)
    return _month(local.year, local.month, zone)


@lru_cache(maxsize=4_096)
def _month(year: int, month: int, zone: ZoneInfo) -> Window:
    first = datetime(year, month, 1, tzinfo=zone)
    return Window(first.astimezone(UTC), months_after(first, 1, zone))


def months_after(instant: datetime, count: int, zone: ZoneInfo) -> datetime:
    """The same day and time so many months later; the month's last day where it has no such day."""
    local = instant.astimezone(zone)
    year, month = divmod(local.year * 12 + local.month - 1 + count, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(UTC)


def months(window: Window, zone: ZoneInfo) -> Iterator[Window]:
    """The calendar months that the window touches, whole."""
    month = month_of(window.start, zone)
    while month.start < window.end:
        yield month
        month = month_of(month.end, zone)


def terms(window: Window, per: Term, zone: ZoneInfo) -> Iterator[Window]:
    """Terms one after the other from the window's start, up to the one that holds its end, whole."""
    start, count = window.start, 0
    while start < window.end:
        count += MONTHS[per]
        end = months_after(window.start, count, zone)
        yield Window(start, end)
        start = end


def share_of(part: Window, whole: Window) -> Fraction:
    """Which fraction of the whole a part of it is, to the microsecond."""
    return Fraction(part.duration_us, whole.duration_us)


def clipped(window: Window, start: datetime, end: datetime) -> Window | None:
    """What of the window lies in [start, end)."""
    return window.overlap(Window(start, end)) if start < end else None
