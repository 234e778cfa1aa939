"""What card time is worth by the price list, and what it costs to carry.

Both are cumulative functions of time, rounded down to micros, and a window takes the difference of its
ends. So however a window is cut, its parts sum to the whole exactly.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise

from penstock.base.money import Micros
from penstock.base.window import US_PER_HOUR, to_us
from penstock.fleet.device import Device
from penstock.insight.economics.carrying import Carried
from penstock.lease.offer import Offer

RESIDUAL_PERCENT = 5

type Amounts = tuple[int, Micros, Micros, int, Micros, Micros]
"""(card time, list value, depreciation, card time with a list price, interest, power); times in microseconds."""
type Sums = tuple[int, Micros, Micros, int, Micros, Micros, Micros]
"""As amounts, but power twice: drawn by a device at work, and by an idle one."""
NOTHING: Amounts = (0, 0, 0, 0, 0, 0)
BEFORE: Sums = (0, 0, 0, 0, 0, 0, 0)


def carried(amounts: Amounts) -> Micros:
    """What it cost to carry: depreciation, interest and power."""
    return amounts[2] + amounts[4] + amounts[5]


class ListPrice:
    """The lowest price per card-hour offered for one model, as it changed over time."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        terms = [(to_us(offer.created_at), _end(offer), offer.price_micros_per_card_hour) for offer in offers]
        self._starts = sorted({at for start, end, _ in terms for at in (start, end) if at is not None})
        self._prices = [
            min((p for start, end, p in terms if start <= at and (end is None or at < end)), default=None)
            for at in self._starts
        ]
        self._values, self._priced_us = [0], [0]
        for step, (at, following) in enumerate(pairwise(self._starts)):
            value, priced_us = self._grown(step, following - at)
            self._values.append(value)
            self._priced_us.append(priced_us)

    def until(self, instant_us: int) -> tuple[Micros, int]:
        """(list value of one card held from the beginning until then, of that the time with a price)."""
        step = bisect_right(self._starts, instant_us) - 1
        if step < 0:
            return 0, 0
        value, priced_us = self._grown(step, instant_us - self._starts[step])
        return value // US_PER_HOUR, priced_us

    def _grown(self, step: int, elapsed_us: int) -> tuple[int, int]:
        """Value (in micros × microseconds per hour) and priced time, so far into a step."""
        price = self._prices[step]
        if price is None:
            return self._values[step], self._priced_us[step]
        return self._values[step] + price * elapsed_us, self._priced_us[step] + elapsed_us


def list_prices(offers: Iterable[Offer], currency: str) -> dict[str, ListPrice]:
    """The price list by model; offers in other currencies are left out."""
    by_model: dict[str, list[Offer]] = defaultdict(list)
    for offer in offers:
        if offer.currency == currency:
            by_model[offer.model].append(offer)
    return {model: ListPrice(offered) for model, offered in by_model.items()}


_UNPRICED = ListPrice(())


class Depreciation:
    """Straight line over a device's life of calendar years down to a residual of 5 %."""

    def __init__(self, device: Device) -> None:
        in_service = device.commissioned_at
        self._written_off = 0 if in_service is None else device.cost_micros * (100 - RESIDUAL_PERCENT)
        self._start = 0 if in_service is None else to_us(in_service)
        life_end = in_service and _years_later(in_service, device.life_years)
        self._life_us = 1 if life_end is None else to_us(life_end) - self._start

    def until(self, instant_us: int) -> Micros:
        """Of the device's cost, what is written off by then."""
        elapsed_us = min(max(instant_us - self._start, 0), self._life_us)
        return self._written_off * elapsed_us // (100 * self._life_us)


class Worth:
    """What one device has been worth and has cost since its commissioning, at any instant."""

    def __init__(self, device: Device, prices: Mapping[str, ListPrice], running: Carried) -> None:
        self._price = prices.get(device.model, _UNPRICED)
        self._depreciation = Depreciation(device)
        self._device, self._running = device, running

    def until(self, instant: datetime) -> Sums:
        """All of it until then; differences of two instants are what lies between them."""
        instant_us = to_us(instant)
        value, priced_us = self._price.until(instant_us)
        written_off = self._depreciation.until(instant_us)
        return instant_us, value, written_off, priced_us, *self._running.until(self._device, instant_us)


def _end(offer: Offer) -> int | None:
    return None if offer.withdrawn_at is None else to_us(offer.withdrawn_at)


def _years_later(instant: datetime, years: int) -> datetime:
    """The same day years later; the 28th where there is no 29 February."""
    assert years > 0, f"a life of {years} years"
    try:
        return instant.replace(year=instant.year + years)
    except ValueError:
        return instant.replace(year=instant.year + years, day=28)
