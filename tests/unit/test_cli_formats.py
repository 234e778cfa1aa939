"""What people type and what they are shown."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.refusal import Refused
from penstock.cli import formats, parse
from penstock.cli.output import print_fields, print_table, width


@pytest.fixture(autouse=True)
def _shanghai(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Asia/Shanghai")
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "utc", "expected"),
    [
        ("2026-11-23T12:00Z", False, NOON),
        ("2026-11-23T20:00", False, NOON),
        ("2026-11-23T12:00", True, NOON),
        ("2026-11-23 13:30+01:30", True, NOON),
        ("2026-11-23", True, datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23", False, datetime(2026, 11, 22, 16, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_local(text, utc, expected):
    assert parse.instant(text, "--from", utc=utc) == expected


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01", "0001-01-01T00:00+23:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(Refused, match="time_malformed"):
        parse.instant(text, "--from", utc=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30min", 1800), ("5m", 300), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600)],
)
def test_lengths_of_time(text, seconds):
    assert parse.duration(text, "--last") == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["7", "d", "-1d", "1.5h", "1 fortnight", "999999999w"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(Refused, match="duration_"):
        parse.duration(text, "--last")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_months_meet_without_a_gap(text, start, end):
    assert parse.month(text, "--month", utc=True) == (start, end)


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "11/2026", "0000-01", "9999-12"])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(Refused, match="_malformed"):
        parse.month(text, "--month", utc=True)


@pytest.mark.parametrize(("text", "expected"), [("A100:8", ("a100", 8)), ("cpu", ("cpu", 1))])
def test_devices(text, expected):
    assert parse.wanted(text, "x") == expected


@pytest.mark.parametrize("text", [":8", "A100:", "A100:0", "A100:-1", "A100:x", ""])
def test_what_names_no_devices_is_refused(text):
    with pytest.raises(Refused, match="accelerators_malformed"):
        parse.wanted(text, "x")


def test_prices_have_six_decimals_and_payments_two():
    assert parse.price("0.123456", "x") == 123_456
    assert parse.payment("1,234.50", "x") == 1_234_500_000
    with pytest.raises(Refused, match="amount_too_precise"):
        parse.payment("0.123", "x")


@pytest.mark.parametrize(
    ("micros", "expected"),
    [(6_500_000, "6.50"), (123_456, "0.123456"), (1_000, "0.001"), (0, "0.00"), (2_000_000_000, "2,000.00")],
)
def test_prices_show_what_they_need(micros, expected):
    assert formats.price(micros) == expected


def test_money_carries_its_unit_in_the_reader_s_language(monkeypatch):
    assert formats.money(1_234_567_890_000, "CNY") == "1,234,567.89 CNY"
    monkeypatch.setenv("PENSTOCK_LANG", "zh")
    assert formats.money(-5_000_000, "CNY") == "-5.00 元"
    assert formats.money(5_000_000, "USD") == "5.00 USD"


def test_times_are_local_with_their_offset_or_utc():
    assert formats.instant(NOON, utc=False) == "2026-11-23 20:00:00+08:00"
    assert formats.instant(NOON, utc=True) == "2026-11-23 12:00:00Z"
    assert formats.instant(None, utc=True) == "-"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"), (1.5, "1.5 s"), (59.96, "60 s"), (60, "1 min"), (125, "2 min 5 s"), (11_040, "3 h 4 min"),
        (3600, "1 h"), (183_600, "2 d 3 h"), (86_400 * 400, "400 d"), (86_401, "1 d"),
    ],
)  # fmt: skip
def test_durations(seconds, expected):
    assert formats.duration(timedelta(seconds=seconds)) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (64 * 2**30, "64.0 GiB"), (2**70, "1048576.0 PiB")],
)
def test_sizes(count, expected):
    assert formats.size(count) == expected


def test_reasons_are_counted_largest_first():
    assert formats.counts({"busy": 1, "no_fit_model": 4}) == "no_fit_model 4, busy 1"
    assert formats.counts({}) == "-"


def test_a_plain_table_is_aligned_also_with_chinese_in_it(capsys):
    print_table(("NAME", "DEVICES"), [("甲公司", "8"), ("b", "128")], right=(1,))
    assert capsys.readouterr().out == "NAME    DEVICES\n甲公司        8\nb           128\n"


def test_an_empty_table_is_its_titles(capsys):
    print_table(("JOB", "STATE"), [])
    assert capsys.readouterr().out == "JOB  STATE\n"


def test_fields_without_a_value_are_left_out(capsys):
    print_fields([("tenant", "acme"), ("address", ""), ("name", "Acme")])
    assert capsys.readouterr().out == "tenant  acme\nname    Acme\n"


@given(st.lists(st.lists(st.text("ab甲é\u0301 ", max_size=6), min_size=2, max_size=2), max_size=5))
def test_the_last_column_begins_at_the_same_place_in_every_line(rows):
    import io
    from contextlib import redirect_stdout

    with redirect_stdout(io.StringIO()) as out:
        print_table(("A", "B"), [(first, f"|{second}") for first, second in rows])
    starts = {width(line.partition("|")[0]) for line in out.getvalue().splitlines()[1:]}
    assert len(starts) <= 1


def test_on_a_terminal_a_table_is_never_cut_off(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "dumb")
    row = ("acme.a-long-name", "2026-11-23 20:00:00+08:00", "[bold]not markup[/]")
    print_table(("JOB", "SUBMITTED", "WAITS FOR"), [row])
    out = capsys.readouterr().out
    assert all(cell in out for cell in row)
    assert "…" not in out


def test_on_a_terminal_the_ladder_is_drawn(capsys, monkeypatch):
    from penstock.cli.call import Call
    from penstock.cli.ladder import _print
    from penstock.insight.model import RUNGS, Ladder, LadderLine, Line

    lines = tuple(
        LadderLine(rung=rung, line=line, card_us=0, share=0.0, list_value_micros=0, carried_cost_micros=0)
        for rung, members in RUNGS.items()
        for line in members
        if line is not Line.DOWN
    )
    empty = Ladder(
        start=NOON,
        end=NOON + timedelta(hours=1),
        devices=0,
        capacity_card_us=0,
        available_card_us=0,
        sold_card_us=0,
        occupied_card_us=0,
        active_card_us=0,
        effective_card_us=0,
        lines=lines,
    )
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    _print({"": empty}, Call(utc=True), None, every=False)
    assert "Where every card-hour went" in capsys.readouterr().out
