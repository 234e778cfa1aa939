"""The ladder of a window: available → sold → occupied → active → effective, in time and in money."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from penstock.base.window import Window
from penstock.fleet.device import Device
from penstock.insight.model import RUNGS, History, Ladder, LadderLine, Line, Span, between
from penstock.insight.value import NOTHING, Amounts, Worth, list_prices

type Axis = Literal["model", "node", "tenant", "tranche", "site"]

RUNG_OF: dict[Line, str] = {line: rung for rung, lines in RUNGS.items() for line in lines}
_NOT_SOLD = ("not_available", "not_sold")


def ladder(spans: Iterable[Span], history: History, window: Window, currency: str = "CNY") -> Ladder:
    """The ladder of these spans, cut to the window; list prices are those of offers in `currency`.

    Sums of card time and of both kinds of money are exact, and so are those of the parts of a window.
    """
    tallies = _tallies(spans, history, window, currency, lambda _span, _device: "")
    return tallies.get("", _Tally()).ladder(window, currency)


def ladder_by(
    spans: Iterable[Span], history: History, window: Window, by: Axis, currency: str = "CNY"
) -> dict[str, Ladder]:
    """A ladder for each model, node, tenant, tranche or site, by name; together they make up the whole one.

    By tenant: what each had in its hands; the key "" holds what was not available or not sold.
    """
    tallies = _tallies(spans, history, window, currency, grouping(by, history))
    return {name: tallies[name].ladder(window, currency) for name in sorted(tallies)}


type Grouping = Callable[[Span, Device], str]


def grouping(by: Axis, history: History) -> Grouping:
    """Which group a span is in."""
    if by == "tenant":
        return lambda span, _: "" if RUNG_OF[span.line] in _NOT_SOLD else span.tenant or ""
    if by == "site":
        sites = {node.id: node.site for node in history.nodes}
        return lambda _, device: sites.get(device.node, "")
    return lambda _, device: getattr(device, by)


def valued(
    spans: Iterable[Span], history: History, window: Window, currency: str
) -> Iterator[tuple[Span, Device, Amounts]]:
    """Each span that touches the window, with its device and what its part in the window comes to."""
    prices = list_prices(history.offers, currency)
    devices = {device.id: (device, Worth(device, prices)) for device in history.devices}
    reached, after = ("", window.start), NOTHING
    for span in spans:
        start, end = max(span.start, window.start), min(span.end, window.end)
        if start < end:
            device, worth = devices[span.device]
            before = after if reached == (span.device, start) else worth.until(start)
            reached, after = (span.device, end), worth.until(end)
            time, value, cost, priced = (
                between(span.low, span.high, until) - between(span.low, span.high, since)
                for since, until in zip(before, after, strict=True)
            )
            yield span, device, (time, value, cost, priced)


def _tallies(
    spans: Iterable[Span], history: History, window: Window, currency: str, key: Grouping
) -> dict[str, "_Tally"]:
    """The spans, as far as they lie in the window, summed by key."""
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    for span, device, amounts in valued(spans, history, window, currency):
        tallies[key(span, device)].add(span, device, amounts)
    return tallies


class _Tally:
    """Sums of one ladder while spans come in."""

    def __init__(self) -> None:
        self._sums = {line: list(NOTHING) for line in RUNG_OF}
        self._devices: dict[str, Device] = {}

    def add(self, span: Span, device: Device, amounts: Amounts) -> None:
        """One span, with what it comes to."""
        sums = self._sums[span.line]
        for kind, amount in enumerate(amounts):
            sums[kind] += amount
        self._devices[device.id] = device

    def ladder(self, window: Window, currency: str) -> Ladder:
        """What the spans came to."""
        capacity = sum(amounts[0] for amounts in self._sums.values())
        lost = {rung: sum(self._sums[line][0] for line in lines) for rung, lines in RUNGS.items()}
        available = capacity - lost["not_available"]
        sold = available - lost["not_sold"]
        occupied = sold - lost["not_occupied"]
        active = occupied - lost["not_active"]
        return Ladder(
            start=window.start,
            end=window.end,
            devices=len(self._devices),
            capacity_card_us=capacity,
            available_card_us=available,
            sold_card_us=sold,
            occupied_card_us=occupied,
            active_card_us=active,
            effective_card_us=active - lost["not_effective"],
            lines=tuple(_line(line, amounts, capacity) for line, amounts in self._sums.items()),
            currency=currency,
            unpriced_card_us=capacity - sum(amounts[3] for amounts in self._sums.values()),
            uncosted_devices=sum(device.cost_micros == 0 for device in self._devices.values()),
        )


def _line(line: Line, amounts: Sequence[int], capacity_us: int) -> LadderLine:
    return LadderLine(
        rung=RUNG_OF[line],
        line=line,
        card_us=amounts[0],
        share=amounts[0] / capacity_us if capacity_us else 0.0,
        list_value_micros=amounts[1],
        carried_cost_micros=amounts[2],
    )
