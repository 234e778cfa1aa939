"""What happened under a contract, gathered from usage, charge lines, device states and calibrations."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from fractions import Fraction
from functools import partial
from zoneinfo import ZoneInfo

from penstock.base.window import Window
from penstock.billing.metering.model import MeteredQuantity
from penstock.billing.pricing.book import ComputeItem, PriceBook
from penstock.billing.pricing.compute import rate_of_cards
from penstock.billing.pricing.contract import Contract, ContractItem
from penstock.billing.pricing.facts import CardUse, Delivered, Facts, Health, Metered
from penstock.billing.pricing.periods import months
from penstock.billing.pricing.rating import added_up
from penstock.billing.pricing.statement import span_of, usage_items, usage_windows
from penstock.fleet.device import Calibration, DeviceInterval, DeviceState
from penstock.store import billing, fleet, leases
from penstock.store import metering as meters
from penstock.store.database import Tx

READY = (DeviceState.AVAILABLE, DeviceState.CORDONED, DeviceState.DRAINING)
"""A device that is up; whether new work is let onto it is another matter."""


def facts_of(
    tx: Tx,
    contract: Contract,
    book: PriceBook,
    until: datetime,
    measured: Callable[[Window], Iterable[MeteredQuantity]] | None = None,
) -> Facts:
    """Everything that the statement of a contract needs to know.

    `measured`: what meters measured of its tenant in a window, where that is at hand.
    """
    return Facts(
        metered=_metered(
            contract, book, until, measured or partial(meters.quantities, tx, tenant=contract.tenant)
        ),
        card_uses=card_uses(tx, contract),
        delivered=dict(_delivered(tx, contract, book, until)),
        health=dict(_health(tx, contract, until)) if contract.sla is not None else {},
    )


def _metered(
    contract: Contract,
    book: PriceBook,
    until: datetime,
    measured: Callable[[Window], Iterable[MeteredQuantity]],
) -> dict[tuple[str, Window], Metered]:
    """What declared meters measured of the contract's tenant, per usage item and window."""
    known: dict[Window, Iterable[MeteredQuantity]] = {}
    found = {}
    for item in usage_items(contract, book):
        for window in usage_windows(contract, book, item, until):
            if window not in known:
                known[window] = measured(window)
            quantity, events = added_up(item, known[window])
            if quantity or events:
                found[item.id, window] = Metered(max(quantity, Fraction(0)), events)
    return found


def card_uses(tx: Tx, contract: Contract) -> tuple[CardUse, ...]:
    """The card time of the contract's tenant that was charged by the hour while it ran."""
    lines = billing.lines(tx, contract.tenant, contract.start, contract.end)
    return tuple(
        CardUse(
            model=line.model,
            start=line.start,
            end=line.end,
            card_us=line.quantity,
            amount_micros=line.amount_micros,
        )
        for line in lines
    )


def _delivered(
    tx: Tx, contract: Contract, book: PriceBook, until: datetime
) -> Iterator[tuple[int, tuple[Delivered, ...]]]:
    """For each compute item that names devices: at what rate they stood ready, piece by piece."""
    for number, agreed in enumerate(contract.items):
        item, span = book.item(agreed.item), span_of(contract, agreed)
        if isinstance(item, ComputeItem) and agreed.devices and span is not None and span.start < until:
            window = Window(span.start, min(span.end, until))
            yield number, tuple(_pieces(tx, item, agreed, window))


def _pieces(tx: Tx, item: ComputeItem, agreed: ContractItem, window: Window) -> Iterator[Delivered]:
    histories = {name: _History(tx, name) for name in agreed.devices}
    cuts = {window.start, window.end}
    for history in histories.values():
        cuts |= {at for at in history.turns() if window.contains(at)}
    ordered = sorted(cuts)
    for start, end in itertools.pairwise(ordered):
        ready = [history for history in histories.values() if history.state(start) in READY]
        if item.precision is None:
            rate = Fraction(len(ready), item.cards_per_node)
        else:
            rate = rate_of_cards(history.tflops(item.precision, start) for history in ready)
        yield Delivered(Window(start, end), rate)


class _History:
    """The states and measured rates of one device over time."""

    def __init__(self, tx: Tx, name: str) -> None:
        self.intervals: tuple[DeviceInterval, ...] = fleet.intervals(tx, name)
        self.calibrations: tuple[Calibration, ...] = tuple(
            one for one in fleet.calibrations_of(tx, name) if one.accepted
        )

    def turns(self) -> Iterator[datetime]:
        """When something changed."""
        for interval in self.intervals:
            yield interval.start
            yield from [interval.end] if interval.end is not None else []
        yield from (one.at for one in self.calibrations)

    def state(self, at: datetime) -> DeviceState | None:
        """The state at an instant."""
        for one in self.intervals:
            if one.start <= at and (one.end is None or at < one.end):
                return one.state
        return None

    def tflops(self, precision: str, at: datetime) -> float:
        """The rate of the latest calibration by then; of the first one for the time before it."""
        earlier = [one for one in self.calibrations if one.at <= at] or list(self.calibrations[:1])
        measured = {rate.precision: rate.tflops for rate in earlier[-1].measured} if earlier else {}
        return measured.get(precision, 0.0)

    def lost_us(self, window: Window, degraded_below: Fraction) -> Fraction:
        """Time lost in a window: all of what it was down, and of what it was degraded the part that it lacked."""
        lost = Fraction(0)
        for one in self.intervals:
            common = window.overlap(Window(one.start, one.end or window.end))
            if common is None:
                continue
            if one.state is DeviceState.DOWN:
                lost += common.duration_us
            elif one.state in READY:
                lost += self._degraded_us(common, degraded_below)
        return lost

    def _degraded_us(self, window: Window, degraded_below: Fraction) -> Fraction:
        lost = Fraction(0)
        starts = [window.start, *(one.at for one in self.calibrations if window.contains(one.at))]
        for start, end in zip(starts, [*starts[1:], window.end], strict=True):
            share = self._share(start)
            if share < degraded_below:
                lost += (1 - share) * Window(start, end).duration_us
        return lost

    def _share(self, at: datetime) -> Fraction:
        """The latest measured rates beside those that it was accepted with: the lowest ratio, at most 1."""
        earlier = [one for one in self.calibrations if one.at <= at]
        if len(earlier) < 2:
            return Fraction(1)
        first = {rate.precision: rate.tflops for rate in earlier[0].measured}
        last = {rate.precision: rate.tflops for rate in earlier[-1].measured}
        ratios = [
            Fraction(str(last[name])) / Fraction(str(rate))
            for name, rate in first.items()
            if name in last and rate
        ]
        return min([Fraction(1), *ratios])


def _health(tx: Tx, contract: Contract, until: datetime) -> Iterator[tuple[Window, Health]]:
    """Per finished month: device time promised by compute items and leases, and what of it was lost."""
    assert contract.sla is not None
    promised = [*_promised(tx, contract)]
    histories = {name: _History(tx, name) for name, _ in promised}
    for month in months(contract.window, ZoneInfo(contract.zone)):
        if min(month.end, contract.end) > until:
            break
        total, lost = 0, Fraction(0)
        for name, window in promised:
            common = month.overlap(window)
            if common is not None:
                total += common.duration_us
                lost += histories[name].lost_us(common, contract.sla.degraded_below)
        yield month, Health(total, lost)


def _promised(tx: Tx, contract: Contract) -> Iterable[tuple[str, Window]]:
    for agreed in contract.items:
        span = span_of(contract, agreed)
        if span is not None:
            yield from ((name, span) for name in agreed.devices)
    for lease in leases.leases(tx, contract.tenant):
        end = min(filter(None, (lease.end, lease.ended_at)))
        span = contract.window.overlap(Window(lease.start, end)) if lease.start < end else None
        if span is not None:
            yield from ((name, span) for name in lease.devices)
