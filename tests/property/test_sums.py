"""Sums in columns are those of plain integers, however many readings there are and however large."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.window import Window, to_us
from penstock.billing.metering.aggregate import Columns, aggregate
from penstock.billing.metering.model import Aggregation, Meter, Series

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
METER = Meter(id="m", aggregation=Aggregation.SUM, unit="u", value="v", decimals=0, negative=True)
bounds = st.integers(-(10**18), 10**18)


@given(st.integers(0, 2**32), st.integers(1, 5_000), st.integers(1, 8), bounds, bounds)
def test_sums(seed: int, count: int, groups: int, one: int, other: int) -> None:
    random = np.random.default_rng(seed)
    series = random.integers(0, groups, count)
    value = random.integers(min(one, other), max(one, other), count, endpoint=True)
    columns = Columns(series, np.full(count, to_us(START)), value)
    found = aggregate(columns, [Series("m", f"t{n}") for n in range(groups)], {"m": METER}, DAY)
    expected: dict[str, int] = {}
    for of, number in zip(series.tolist(), value.tolist(), strict=True):
        expected[f"t{of}"] = expected.get(f"t{of}", 0) + number
    zero = {name: total for name, total in expected.items() if total}
    assert {quantity.tenant: quantity.numerator for quantity in found if quantity.numerator} == zero
    assert sum(quantity.events for quantity in found) == count
