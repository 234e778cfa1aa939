"""What people type, as values: amounts, instants, durations. Raises `Refused`."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from penstock.base.money import Micros, parse_amount
from penstock.base.refusal import Refused, ensure, invalid

PRICE_DECIMALS = 6
PAYMENT_DECIMALS = 2
_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d{1,9})(s|min|m|h|d|w)")


def price(text: str, where: str) -> Micros:
    """Micros of a price, with up to six decimals."""
    return ensure(parse_amount(text, where, PRICE_DECIMALS))


def payment(text: str, where: str) -> Micros:
    """Micros of an amount that changes hands, with up to two decimals."""
    return ensure(parse_amount(text, where, PAYMENT_DECIMALS))


def instant(text: str | None, where: str, *, utc: bool) -> datetime | None:
    """An ISO 8601 time or date; without a zone it is local time (UTC where that was asked for)."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is None:
            read = read.replace(tzinfo=UTC) if utc else read.astimezone()
        return read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(
            invalid("time_malformed", f"{text!r} is not a time", "write it as 2026-11-23T08:00+08:00", where)
        ) from error


def duration(text: str, where: str) -> timedelta:
    """A length of time such as `90s`, `30min`, `12h`, `7d` or `2w`."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise Refused(
            invalid(
                "duration_malformed", f"{text!r} is not a length of time", "write it as 90s, 12h or 7d", where
            )
        )
    try:
        return timedelta(seconds=int(match.group(1)) * _UNITS_S[match.group(2)])
    except OverflowError as error:
        raise Refused(invalid("duration_absurd", f"{text!r} is too long", "shorten it", where)) from error


def month(text: str, where: str, *, utc: bool) -> tuple[datetime, datetime]:
    """The first instants of a month such as `2026-11` and of the one after."""
    match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if match is None:
        raise Refused(invalid("month_malformed", f"{text!r} is not a month", "write it as 2026-11", where))
    year, number = int(match.group(1)), int(match.group(2))
    after = f"{year + number // 12:04d}-{number % 12 + 1:02d}-01"
    start, end = instant(f"{text}-01", where, utc=utc), instant(after, where, utc=utc)
    assert start is not None, "a month has a beginning"
    assert end is not None, "a month has an end"
    return start, end


def period(
    named: str | None, start: str | None, end: str | None, *, utc: bool
) -> tuple[datetime | None, datetime | None]:
    """The ends of a month, or those of `--from` and `--to`."""
    if (named is None) == (start is None or end is None):
        raise Refused(
            invalid("period_missing", "no one period is named", "give --month, or --from and --to", "--month")
        )
    if named is not None:
        return month(named, "--month", utc=utc)
    return instant(start, "--from", utc=utc), instant(end, "--to", utc=utc)


def wanted(text: str, where: str) -> tuple[str, int]:
    """Model (in small letters) and number of devices of `A100:8`; one device where no number is given."""
    model, colon, count = text.partition(":")
    if not model or (colon and not re.fullmatch(r"[1-9]\d{0,8}", count)):
        raise Refused(
            invalid("accelerators_malformed", f"{text!r} names no devices", "write it as A100:8", where)
        )
    return model.lower(), int(count or 1)


def price_list(text: str) -> dict[str, Micros]:
    """Micros per card-hour by model, from `A100=12.5,T4=3` or the CSV file (model, price) that it names."""
    path = Path(text)
    if text and "=" not in text:
        try:
            lines = path.read_text("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(
                invalid("prices_unreadable", f"{text[:80]!r} is no price list", "write A100=12.5", "--prices")
            ) from error
        pairs = [line.split(",")[:2] for line in lines[1:] if line.strip()]
    else:
        pairs = [part.split("=") for part in text.split(",") if part.strip()]
    if not all(len(pair) == 2 and pair[0].strip() for pair in pairs):
        raise Refused(invalid("prices_malformed", f"{text[:80]!r}", "write A100=12.5,T4=3", "--prices"))
    return {model.strip(): price(amount.strip(), f"--prices {model.strip()}") for model, amount in pairs}
