"""What people write is refused where it cannot be shown, counted or put on a clock."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from penstock.app import asking
from penstock.base.refusal import Refusal, Refused
from penstock.base.text import check_text
from penstock.base.window import Window, check_instant, check_window

EAST, WEST = timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Acme Ltd", ""),
        ("智算中心 上海\u3000二号", ""),
        ("café\u00a0№ 5 ☕", ""),
        ("", ""),
        ("x" * 200, ""),
        ("x" * 201, "text_too_long"),
        ("two\nlines", "text_malformed"),
        ("\x1b[2J", "text_malformed"),
        ("nul\0", "text_malformed"),
        ("\u202egnp.exe", "text_malformed"),
        ("a\u2028b", "text_malformed"),
        ("\ud800", "text_malformed"),
    ],
)
def test_texts(text: str, code: str) -> None:
    found = check_text(text, "name")
    assert (found.code if isinstance(found, Refusal) else "") == code


def test_lines_may_be_allowed() -> None:
    assert asking.text("Road 1\nTown", "address", lines=True) == "Road 1\nTown"


@pytest.mark.parametrize(
    ("instant", "code"),
    [
        (datetime(2026, 1, 1), "time_without_zone"),  # noqa: DTZ001
        (datetime(1, 1, 1, tzinfo=EAST), "time_absurd"),
        (datetime(1969, 12, 31, tzinfo=UTC), "time_absurd"),
        (datetime(3000, 1, 1, tzinfo=UTC), "time_absurd"),
        (datetime(9999, 12, 31, 23, tzinfo=WEST), "time_absurd"),
    ],
)
def test_instants_that_no_book_can_keep(instant: datetime, code: str) -> None:
    found = check_instant(instant, "start")
    assert isinstance(found, Refusal) and (found.code, found.where) == (code, "start")
    for pair in ((instant, datetime(2026, 1, 1, tzinfo=UTC)), (datetime(2026, 1, 1, tzinfo=UTC), instant)):
        window = check_window(*pair)
        assert isinstance(window, Refusal) and window.code == code


def test_instants_are_kept_in_utc() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=EAST)
    assert check_instant(noon) == noon
    window = check_window(noon, noon + timedelta(hours=1))
    assert isinstance(window, Window)
    assert (window.start.tzinfo, window.end.tzinfo) == (UTC, UTC)


@pytest.mark.parametrize(
    ("number", "refused"), [(None, False), (0, False), (5, False), (6, True), (-1, True)]
)
def test_whole_numbers(number: int | None, refused: bool) -> None:
    if refused:
        with pytest.raises(Refused) as caught:
            asking.whole_number(number, 0, 5, "quota")
        assert caught.value.refusals[0].code == "number_out_of_range"
    else:
        assert asking.whole_number(number, 0, 5, "quota") == number
