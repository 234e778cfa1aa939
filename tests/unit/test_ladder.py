"""The ladder's money: list prices as they were in force, straight-line depreciation, sums to the micro."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from penstock.base.window import Window, to_us
from penstock.fleet.device import Device
from penstock.insight.check import check_ladder
from penstock.insight.ladder import ladder, ladder_by
from penstock.insight.model import RUNGS, History, Ladder, Line, Span
from penstock.insight.value import Depreciation, ListPrice
from penstock.lease.offer import Offer

YUAN = 1_000_000
HOUR_US = 3_600 * 1_000_000


def at(hours: float) -> datetime:
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hours)


def offer(price_micros: int, start: float, end: float | None = None, **fields) -> Offer:
    return Offer(
        price_micros_per_card_hour=price_micros,
        created_at=at(start),
        withdrawn_at=None if end is None else at(end),
        **{"id": "o", "model": "a100"} | fields,
    )


def device(name: str = "d0", **fields) -> Device:
    return Device(id=name, model="a100", handle="", **{"node": "n0", "commissioned_at": at(0)} | fields)


def span(line: Line, start: float, end: float, **fields) -> Span:
    return Span(line=line, start=at(start), end=at(end), **{"device": "d0", "model": "a100"} | fields)


def history(*devices: Device, offers: tuple[Offer, ...] = ()) -> History:
    return History(devices=devices, device_intervals=(), leases=(), attempts=(), waits=(), offers=offers)


@pytest.mark.parametrize(
    ("offers", "start", "end", "value_micros", "priced_hours"),
    [
        ((), 0, 10, 0, 0),
        ((offer(6 * YUAN, 0),), 0, 10, 60 * YUAN, 10),
        ((offer(6 * YUAN, 4),), 0, 10, 36 * YUAN, 6),
        ((offer(6 * YUAN, 0, 3),), 0, 10, 18 * YUAN, 3),
        ((offer(6 * YUAN, 0), offer(5 * YUAN, 2, 4)), 0, 10, (6 * 8 + 5 * 2) * YUAN, 10),
        ((offer(6 * YUAN, 0), offer(9 * YUAN, 2, 4)), 0, 10, 60 * YUAN, 10),
        ((offer(6 * YUAN, 0, 2), offer(5 * YUAN, 4)), 0, 10, (12 + 30) * YUAN, 8),
        ((offer(0, 0),), 0, 10, 0, 10),
    ],
)
def test_list_value_is_that_of_the_lowest_price_in_force(
    offers: tuple[Offer, ...], start: float, end: float, value_micros: int, priced_hours: float
) -> None:
    price = ListPrice(offers)
    value, priced_us = (
        b - a for a, b in zip(price.until(to_us(at(start))), price.until(to_us(at(end))), strict=True)
    )
    assert (value, priced_us) == (value_micros, priced_hours * HOUR_US)


def test_depreciation_ends_at_the_residual_after_a_life_of_calendar_years() -> None:
    one = device(cost_micros=100_000 * YUAN, life_years=5, commissioned_at=datetime(2024, 2, 29, tzinfo=UTC))
    written_off = Depreciation(one).until
    assert written_off(to_us(datetime(2024, 2, 28, tzinfo=UTC))) == 0
    assert written_off(to_us(datetime(2029, 2, 28, tzinfo=UTC))) == 95_000 * YUAN
    assert written_off(to_us(datetime(2040, 1, 1, tzinfo=UTC))) == 95_000 * YUAN
    halfway = (
        datetime(2024, 2, 29, tzinfo=UTC)
        + (datetime(2029, 2, 28, tzinfo=UTC) - datetime(2024, 2, 29, tzinfo=UTC)) / 2
    )
    assert written_off(to_us(halfway)) == 47_500 * YUAN


def test_a_device_without_cost_or_service_carries_nothing() -> None:
    assert Depreciation(device()).until(to_us(at(1000))) == 0
    assert Depreciation(device(cost_micros=YUAN, commissioned_at=None)).until(to_us(at(1000))) == 0


def test_rungs_follow_from_the_lines() -> None:
    spans = [span(line, hour, hour + 1) for hour, line in enumerate(Line)]
    made = ladder(spans, history(device(), offers=(offer(2 * YUAN, 0),)), Window(at(0), at(len(Line))))
    rungs = [
        made.capacity_card_us,
        made.available_card_us,
        made.sold_card_us,
        made.occupied_card_us,
        made.active_card_us,
        made.effective_card_us,
    ]
    assert [hours // HOUR_US for hours in rungs] == [19, 15, 5, 4, 2, 1]
    assert [(line.rung, line.line) for line in made.lines] == [
        (r, line) for r, of in RUNGS.items() for line in of
    ]
    assert {line.list_value_micros for line in made.lines} == {2 * YUAN}
    assert (made.devices, made.unpriced_card_us, made.uncosted_devices) == (1, 0, 1)
    assert sum(line.share for line in made.lines) == pytest.approx(1)


def test_an_unpriced_model_is_said_and_other_currencies_do_not_count() -> None:
    dollars = offer(2 * YUAN, 0, currency="USD")
    past = history(device(cost_micros=YUAN), offers=(dollars, offer(2 * YUAN, 0, model="h20")))
    made = ladder([span(Line.NO_DEMAND, 0, 3)], past, Window(at(0), at(3)))
    assert (made.unpriced_card_us, made.uncosted_devices) == (3 * HOUR_US, 0)
    assert ladder([span(Line.NO_DEMAND, 0, 3)], past, Window(at(0), at(3)), "USD").unpriced_card_us == 0


def test_spans_are_cut_to_the_window() -> None:
    past = history(device())
    made = ladder([span(Line.PRODUCTIVE, 0, 8)], past, Window(at(3), at(5)))
    assert (made.capacity_card_us, made.effective_card_us) == (2 * HOUR_US, 2 * HOUR_US)
    assert ladder([span(Line.PRODUCTIVE, 0, 8)], past, Window(at(9), at(10))).capacity_card_us == 0


def test_ladders_by_tenant_hold_what_each_had_in_hands() -> None:
    past = history(device(), device("d1", node="n1", tranche="first"))
    spans = [
        span(Line.PRODUCTIVE, 0, 2, tenant="acme"),
        span(Line.RESERVED_UNUSED, 2, 3, tenant="zhi"),
        span(Line.NO_FIT_PRICE, 3, 7, tenant="zhi"),
        span(Line.DOWN, 0, 5, device="d1"),
    ]
    window = Window(at(0), at(7))

    def hours(by: str) -> dict[str, int]:
        parts = ladder_by(spans, past, window, by).items()
        return {name: part.capacity_card_us // HOUR_US for name, part in parts}

    assert hours("tenant") == {"": 9, "acme": 2, "zhi": 1}
    assert hours("node") == {"n0": 7, "n1": 5}
    assert hours("tranche") == {"": 7, "first": 5}
    assert hours("model") == {"a100": 12}


def test_a_ladder_that_does_not_add_up_is_found() -> None:
    past = history(device(cost_micros=100_000 * YUAN))
    window = Window(at(0), at(7))
    made = ladder([span(Line.PRODUCTIVE, 0, 7)], past, window)
    assert check_ladder(past, window, made) == []
    lines = msgspec.structs.replace(made.lines[-1], card_us=1, depreciation_micros=0)
    faults: list[Ladder] = [
        ladder([span(Line.PRODUCTIVE, 0, 6)], past, window),
        msgspec.structs.replace(made, effective_card_us=made.effective_card_us - 1),
        msgspec.structs.replace(made, lines=(*made.lines[:-1], lines)),
    ]
    found = [
        {finding.split(" should")[0] for finding in check_ladder(past, window, fault)} for fault in faults
    ]
    assert found == [
        {"the ladder's commissioned card time", "the ladder's depreciation"},
        {"the ladder's effective card time"},
        {"the ladder's sum of the lines", "the ladder's effective card time", "the ladder's depreciation"},
    ]
