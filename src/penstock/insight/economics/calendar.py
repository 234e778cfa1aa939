"""Months: the steps in which accounts are kept."""

from calendar import monthrange
from datetime import date


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def months_later(day: date, count: int) -> date:
    """The same day so many months later, or the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def months_between(start: date, end: date) -> int:
    """Whole months from the month of `start` to the month of `end`."""
    return (end.year - start.year) * 12 + end.month - start.month


def days_in(month: date) -> int:
    """Days of the month that the day lies in."""
    return monthrange(month.year, month.month)[1]


def last_day(month: date) -> date:
    """The last day of its month."""
    return month.replace(day=days_in(month))


def days_served(month: date, since: date, until: date | None = None) -> int:
    """Of a month, how many days lie in [since, until)."""
    first = max(month_of(month), since)
    end = months_later(month_of(month), 1)
    return max((min(end, until or end) - first).days, 0)
