"""Rating edges as tables: price, devices, granularity, minimum time; and where a charge is taken from."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import msgspec
import pytest

from penstock.base.money import MICROS_PER_UNIT, format_amount
from penstock.base.window import MICROSECOND, US_PER_HOUR
from penstock.billing.model import UsageEvent
from penstock.billing.rate import Terms, accrued, charged_us, rate, settle, terms_of
from penstock.lease.offer import Offer
from penstock.ledger.book import apply
from penstock.ledger.chart import centre_accounts, tenant_accounts
from penstock.ledger.entry import OpenHold
from penstock.ledger.model import Account, Hold, HoldState

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


def _span(text: str) -> timedelta:
    """`1h20m5s`, `250us`, `0s`."""
    units = {"h": "hours", "m": "minutes", "s": "seconds", "us": "microseconds"}
    total, digits, unit = timedelta(0), "", ""
    for char in text + "0":
        if char.isdigit() and unit:
            total, digits, unit = total + timedelta(**{units[unit]: int(digits)}), "", ""
        digits, unit = (digits + char, unit) if char.isdigit() else (digits, unit + char)
    return total


# elapsed    devices  price     granularity minimum  going on     ended
RATES = """
  0s         1        6.000000  1s          0s        0.000000     0.000000
  1us        1        3600      1s          0s        1.000000     1.000000
  1s         1        3600      1s          0s        1.000000     1.000000
  1s1us      1        3600      1s          0s        2.000000     2.000000
  1h         1        6.000000  1s          0s        6.000000     6.000000
  1h         8        6.000000  1s          0s       48.000000    48.000000
  3h20m      8        12.50     1m          0s      333.333333   333.333333
  3h20m      8        9.99      1m          0s      266.400000   266.400000
  3h19m1s    8        12.50     1m          0s      333.333333   333.333333
  3h20m1s    8        12.50     1m          0s      335.000000   335.000000
  59m59s     1        6.000000  1h          0s        6.000000     6.000000
  1h         1        6.000000  1h          0s        6.000000     6.000000
  1h1us      1        6.000000  1h          0s       12.000000    12.000000
  10s        1        3.600000  1s          1m        0.010000     0.060000
  1m         1        3.600000  1s          1m        0.060000     0.060000
  1m1s       1        3.600000  1s          1m        0.061000     0.061000
  0s         2        3.600000  1s          1m        0.000000     0.120000
  10s        1        6.000000  1h          90m       6.000000    12.000000
  1h30m1us   1        6.000000  1h          90m      12.000000    12.000000
  2h         1        0.000000  1s          1h        0.000000     0.000000
  1s         1        0.000001  1s          0s        0.000000     0.000000
  30m        1        0.000001  1s          0s        0.000001     0.000001
  29m59s     1        0.000001  1s          0s        0.000000     0.000000
  744h       1000     25.123456 1s          0s  18691851.264000 18691851.264000
"""


def _micros(text: str) -> int:
    return int(Fraction(text) * MICROS_PER_UNIT)


@pytest.mark.parametrize("row", [row for row in RATES.splitlines() if row.strip()])
def test_rate(row: str) -> None:
    elapsed, devices, price, granularity, minimum, going_on, ended = row.split()
    terms = Terms(
        price_micros_per_card_hour=_micros(price), granularity=_span(granularity), minimum_time=_span(minimum)
    )
    elapsed_us = _span(elapsed) // MICROSECOND
    found = [accrued(elapsed_us, int(devices), terms, final=final) for final in (False, True)]
    assert [format_amount(amount, 6).replace(",", "") for amount in found] == [going_on, ended]


def test_s16_eight_h100_for_three_hours_twenty_at_one_minute() -> None:
    """Scenario S16: the charge is 8 x 3 1/3 h x p by rational arithmetic, and the stop ends it."""
    for price in (1, 7, 999_999, 12_500_000, 23_456_789):
        terms = Terms(price_micros_per_card_hour=price, granularity=timedelta(minutes=1))
        exact = 8 * Fraction(10, 3) * price
        windows = _events("3h20m", "5m", devices=8)
        lines = [rate(event, terms) for event in windows]
        assert abs(sum(line.amount_micros for line in lines) - exact) <= Fraction(1, 2)
        assert sum(line.quantity for line in lines) == 8 * 10 * US_PER_HOUR // 3
        assert lines[-1].end == BEGAN + _span("3h20m")


@pytest.mark.parametrize(
    ("length", "step", "granularity", "minimum", "amounts"),
    [
        ("15m", "5m", "1s", "0s", [5, 5, 5]),
        ("12m", "5m", "10m", "0s", [10, 0, 10]),
        ("12m", "5m", "1h", "0s", [60, 0, 0]),
        ("12m", "5m", "1s", "20m", [5, 5, 10]),
        ("12m", "5m", "1m", "12m", [5, 5, 2]),
        ("12m", "5m", "1h", "90m", [60, 0, 60]),
        ("10m", "5m", "1s", "0s", [5, 5]),
        ("0s", "5m", "1s", "3m", [3]),
    ],
)
def test_windows_of_one_subject(length, step, granularity, minimum, amounts) -> None:
    """At 60 yuan per card-hour a minute is one yuan."""
    terms = Terms(
        price_micros_per_card_hour=60 * MICROS_PER_UNIT,
        granularity=_span(granularity),
        minimum_time=_span(minimum),
    )
    lines = [rate(event, terms) for event in _events(length, step)]
    assert [line.amount_micros // MICROS_PER_UNIT for line in lines] == amounts
    assert [line.quantity * 60 // US_PER_HOUR for line in lines] == amounts
    assert [line.transfer is None for line in lines] == [amount == 0 for amount in amounts]


def test_a_line_carries_what_it_is_for() -> None:
    line = rate(
        _events("5m", "5m")[0], Terms(price_micros_per_card_hour=5, currency="USD"), "vision", "job-1"
    )
    assert (line.tenant, line.project, line.job, line.currency) == ("acme", "vision", "job-1", "USD")
    assert (line.subject_kind, line.subject, line.model, line.meter) == ("attempt", "a1", "H100", "card_time")
    assert (line.start, line.end, line.invoice) == (BEGAN, BEGAN + _span("5m"), None)
    assert line.id != rate(_events("10m", "5m")[1], Terms(price_micros_per_card_hour=5)).id


def test_terms_keep_the_price_that_was_agreed() -> None:
    offer = Offer(
        id="o1",
        model="H100",
        price_micros_per_card_hour=9,
        created_at=BEGAN,
        currency="USD",
        granularity=timedelta(minutes=1),
        minimum_time=timedelta(minutes=5),
    )
    terms = terms_of(offer, 7)
    assert terms == Terms(
        price_micros_per_card_hour=7,
        currency="USD",
        granularity=timedelta(minutes=1),
        minimum_time=timedelta(minutes=5),
    )
    assert charged_us(1, terms) == 60_000_000
    assert charged_us(1, terms, final=True) == 300_000_000


# balance floor  hold left  charge | from hold, balance, receivable
SETTLEMENTS = """
  100     0      0          40       0   40   0
  100     0      100        40      40    0   0
  100     0      30         40      30   10   0
  40      0      40         40      40    0   0
  39      0      30         40      30    9   1
  0       0      0          40       0    0  40
  0     -25      0          40       0   25  15
  -25   -25      0          40       0    0  40
  -30   -25      0          40       0    0  40
  100     0      30         30      30    0   0
  100     0      30          0       0    0   0
"""


@pytest.mark.parametrize("row", [row for row in SETTLEMENTS.splitlines() if row.strip()])
def test_settle(row: str) -> None:
    balance, floor, held, charge, *expected = map(int, row.split())
    accounts, hold = _funded(balance, floor, held)
    prepaid = accounts["tenant/acme/prepaid"]
    transfers = settle(_line(charge), prepaid, hold, BEGAN)
    taken = [
        sum(t.amount_micros for t in transfers if t.debit == prepaid.id and t.hold is not None),
        sum(t.amount_micros for t in transfers if t.debit == prepaid.id and t.hold is None),
        sum(t.amount_micros for t in transfers if t.debit == "tenant/acme/receivable"),
    ]
    assert taken == expected
    assert {t.credit for t in transfers} <= {"centre/revenue/hourly"}
    assert {t.key for t in transfers} <= {"line-1"}
    holds = {} if hold is None else {hold.id: hold}
    assert set(apply(accounts, holds, transfers, BEGAN).statuses) <= {"ok"}


@pytest.mark.parametrize("change", [{"state": HoldState.VOIDED}, {"expires_at": BEGAN}])
def test_a_closed_or_expired_hold_pays_nothing(change: dict) -> None:
    accounts, hold = _funded(100, 0, 30)
    assert hold is not None
    prepaid = accounts["tenant/acme/prepaid"]
    (only,) = settle(_line(10), prepaid, msgspec.structs.replace(hold, **change), BEGAN)
    assert (only.hold, only.amount_micros) == (None, 10)


def test_the_first_transfer_is_the_one_that_the_line_names() -> None:
    terms = Terms(price_micros_per_card_hour=60 * MICROS_PER_UNIT)
    line = rate(_events("5m", "5m")[0], terms)
    for balance, held in ((0, 0), (5_000_000, 0), (5_000_000, 1_000_000), (2_000_000, 1_000_000)):
        accounts, hold = _funded(balance, 0, held)
        transfers = settle(line, accounts["tenant/acme/prepaid"], hold, BEGAN)
        assert transfers[0].id == line.transfer
        assert len({t.id for t in transfers}) == len(transfers)
        assert sum(t.amount_micros for t in transfers) == line.amount_micros


def _events(length: str, step: str, devices: int = 1) -> list[UsageEvent]:
    end, cut, starts = BEGAN + _span(length), _span(step), [BEGAN]
    while starts[-1] + cut < end:
        starts.append(starts[-1] + cut)
    ends = [*starts[1:], end]
    return [
        UsageEvent(
            source="penstock",
            id=f"e{number}",
            tenant="acme",
            meter="card_time",
            subject_kind="attempt",
            subject="a1",
            start=start,
            end=stop,
            began_at=BEGAN,
            devices=devices,
            model="H100",
            quantity=devices * ((stop - start) // MICROSECOND),
            final=stop == end,
        )
        for number, (start, stop) in enumerate(zip(starts, ends, strict=True))
    ]


def _line(amount_micros: int):
    event = _events("1s", "1s")[0]
    line = rate(event, Terms(price_micros_per_card_hour=3_600))
    return msgspec.structs.replace(line, id="line-1", amount_micros=amount_micros)


def _funded(balance: int, floor: int, held: int) -> tuple[dict[str, Account], Hold | None]:
    accounts = {
        a.id: a for a in (*tenant_accounts("acme", "CNY", -floor, BEGAN), *centre_accounts("CNY", BEGAN))
    }
    name = "tenant/acme/prepaid"
    accounts[name] = msgspec.structs.replace(accounts[name], balance_micros=balance)
    if held == 0:
        return accounts, None
    hold = Hold(id="h1", account=name, amount_micros=held, currency="CNY", created_at=BEGAN)
    outcome = apply(accounts, {}, [OpenHold(hold)], BEGAN)
    assert outcome.statuses == ("ok",)
    return accounts | outcome.accounts, hold
