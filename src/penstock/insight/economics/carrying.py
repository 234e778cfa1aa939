"""What keeping devices costs beside depreciation, as functions of time: interest and electricity.

Whatever is asked of a span is the difference of two instants, so the parts of any time sum to the whole.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise

from penstock.base.money import Micros
from penstock.base.window import US_PER_HOUR, to_us
from penstock.fleet.device import Device
from penstock.insight.economics.calendar import months_later
from penstock.insight.economics.loans import amortise
from penstock.insight.economics.plan import CentreCosts, Loan, Power
from penstock.insight.economics.power import PUE_UNIT, W_PER_KW, hours, price_per_kwh
from penstock.insight.economics.units import PPM

DRAWING = ("not_active", "not_effective", "effective")
"""Rungs on which a job holds the device, which then draws its full power."""
DAY_US = 24 * US_PER_HOUR
_FINE = 10**6
"""Of a micro: sums between two steps are rounded down to such parts."""


class Tariffed:
    """The price of electricity summed over time, so that a span takes the difference of its ends."""

    def __init__(self, power: Power, utc_offset_hours: int) -> None:
        self._offset_us = utc_offset_hours * US_PER_HOUR
        self._hourly = [price_per_kwh(power)] * 24
        for tariff in power.tariff:
            for hour in range(hours(tariff)):
                self._hourly[(tariff.from_hour + hour) % 24] = tariff.per_kwh

    def until(self, instant_us: int) -> int:
        """Micros per kWh × microseconds from 1970 until then."""
        days, within = divmod(instant_us + self._offset_us, DAY_US)
        whole, rest = divmod(within, US_PER_HOUR)
        passed = sum(self._hourly[:whole]) * US_PER_HOUR
        return days * sum(self._hourly) * US_PER_HOUR + passed + self._hourly[whole % 24] * rest


class SharedInterest:
    """The interest of all loans on one device, where those in service at an instant share it evenly."""

    def __init__(self, loans: Iterable[Loan], devices: Iterable[Device]) -> None:
        months = [month for loan in loans for month in _months(loan)]
        lives = [(to_us(d.commissioned_at), _retired_us(d)) for d in devices if d.commissioned_at is not None]
        edges = {at for start, end, _ in months for at in (start, end)}
        edges |= {at for life in lives for at in life if at is not None} if months else set()
        self._starts, self._sums, self._rates = sorted(edges), [0], list[tuple[int, int]]()
        changes: dict[int, int] = {}
        for start, end in lives:
            changes[start] = changes.get(start, 0) + 1
            if end is not None:
                changes[end] = changes.get(end, 0) - 1
        sharers = 0
        for start, end in pairwise(self._starts):
            sharers += changes.get(start, 0)
            running = sum(Fraction(amount, b - a) for a, b, amount in months if a <= start < b)
            rate = Fraction(running) / sharers * _FINE if sharers > 0 else Fraction(0)
            self._rates.append((rate.numerator, rate.denominator))
            self._sums.append(self._sums[-1] + rate.numerator * (end - start) // rate.denominator)

    def until(self, instant_us: int) -> Micros:
        """From the first loan until then, rounded down."""
        step = bisect_right(self._starts, instant_us) - 1
        if step < 0 or not self._rates:
            return 0
        if step >= len(self._rates):
            return self._sums[-1] // _FINE
        over, under = self._rates[step]
        return (self._sums[step] + over * (instant_us - self._starts[step]) // under) // _FINE


class Carried:
    """Interest and electricity of the devices of a centre."""

    def __init__(self, costs: CentreCosts, devices: Iterable[Device], watts: Mapping[str, int]) -> None:
        self._interest = SharedInterest(costs.loans, devices)
        self._tariff = None if costs.power is None else Tariffed(costs.power, costs.utc_offset_hours)
        self._power, self._watts = costs.power, watts

    def until(self, device: Device, instant_us: int) -> tuple[Micros, Micros, Micros]:
        """(interest, electricity at full power, electricity of an idle device) until then."""
        return self._interest.until(instant_us), *self._electricity(device, instant_us)

    def _electricity(self, device: Device, instant_us: int) -> tuple[Micros, Micros]:
        watts = self._watts.get(device.model, 0)
        if self._tariff is None or self._power is None or not watts:
            return 0, 0
        used = self._tariff.until(instant_us) * watts * round(self._power.pue * PUE_UNIT)
        scale = W_PER_KW * US_PER_HOUR * PUE_UNIT
        return used // scale, used * self._power.idle // (scale * PPM)


def _retired_us(device: Device) -> int | None:
    return None if device.retired_at is None else to_us(device.retired_at)


def _months(loan: Loan) -> Iterable[tuple[int, int, Micros]]:
    """[start, end) of each month of a loan with its interest."""
    for number, instalment in enumerate(amortise(loan.principal, loan.rate, loan.term, loan.repayment)):
        ends = (months_later(loan.drawn, number + month) for month in (0, 1))
        first, last = (to_us(datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in ends)
        yield first, last, instalment.interest
