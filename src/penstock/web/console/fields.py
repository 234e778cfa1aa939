"""What people type into fields, read or refused with the field's name."""

from datetime import datetime, tzinfo

from penstock.base.refusal import Refused, invalid


def whole(text: str, field: str) -> int:
    """A whole number of at most nine digits."""
    text = text.strip()
    if not (text.isdecimal() and text.isascii()) or len(text) > 9:
        raise Refused(
            invalid("number_malformed", f"{text[:40]!r} is no whole number", "write it as 8", field)
        )
    return int(text)


def instant(text: str, field: str, zone: tzinfo) -> datetime:
    """A time as a browser's field writes it, on the clocks of the visitor's zone."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError as error:
        raise Refused(
            invalid("time_malformed", f"{text[:40]!r} is no time", "write it as 2026-12-01T08:00", field)
        ) from error
