"""The ladder of a window: available → sold → occupied → active → effective, in time and in money."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from penstock.base.window import Window
from penstock.fleet.device import Device, Node
from penstock.insight.economics.carrying import DRAWING, Carried
from penstock.insight.model import (
    RUNGS,
    History,
    Ladder,
    LadderLine,
    Line,
    Span,
    between,
    ladder_numbers,
    population,
)
from penstock.insight.value import BEFORE, NOTHING, Amounts, Worth, list_prices

type Axis = Literal["model", "node", "tenant", "tranche", "site"]

RUNG_OF: dict[Line, str] = {line: rung for rung, lines in RUNGS.items() for line in lines}
_NOT_SOLD = ("not_available", "not_sold")


def ladder(spans: Iterable[Span], history: History, window: Window, currency: str = "CNY") -> Ladder:
    """The ladder of these spans, cut to the window; list prices are those of offers in `currency`.

    Sums of card time and of both kinds of money are exact, and so are those of the parts of a window.
    """
    found = tallies(spans, history, window, currency, lambda _span, _device: "")
    return found.get("", Tally()).ladder(window, currency, uncosted(history.devices))


def ladder_by(
    spans: Iterable[Span], history: History, window: Window, by: Axis, currency: str = "CNY"
) -> dict[str, Ladder]:
    """A ladder for each model, node, tenant, tranche or site, by name; together they make up the whole one.

    By tenant: what each had in its hands; the key "" holds what was not available or not sold.
    """
    found = tallies(spans, history, window, currency, grouping(by, history))
    without_cost = uncosted(history.devices)
    return {name: found[name].ladder(window, currency, without_cost) for name in sorted(found)}


type Grouping = Callable[[Span, Device], str]


def grouping(by: Axis, history: History) -> Grouping:
    """Which group a span is in."""
    if by == "tenant":
        return lambda span, _: "" if RUNG_OF[span.line] in _NOT_SOLD else span.tenant or ""
    group = device_group(by, history.nodes)
    return lambda _, device: group(device)


def device_group(by: Axis, nodes: Iterable[Node]) -> Callable[[Device], str]:
    """Which group a device is in, whatever is on it; not by tenant."""
    if by == "site":
        sites = {node.id: node.site for node in nodes}
        return lambda device: sites.get(device.node, "")
    return lambda device: getattr(device, by)


def valued(
    spans: Iterable[Span], history: History, window: Window, currency: str
) -> Iterator[tuple[Span, Device, Amounts]]:
    """Each span that touches the window, with its device and what its part in the window comes to."""
    prices = list_prices(history.offers, currency)
    running = Carried(history.costs, history.devices, history.watts)
    devices = {device.id: (device, Worth(device, prices, running)) for device in history.devices}
    reached, after = ("", window.start), BEFORE
    for span in spans:
        start, end = max(span.start, window.start), min(span.end, window.end)
        if start < end:
            device, worth = devices[span.device]
            before = after if reached == (span.device, start) else worth.until(start)
            reached, after = (span.device, end), worth.until(end)
            time, value, written_off, priced, interest, working, idle = (
                between(span.low, span.high, until) - between(span.low, span.high, since)
                for since, until in zip(before, after, strict=True)
            )
            power = working if RUNG_OF[span.line] in DRAWING else idle
            yield span, device, (time, value, written_off, priced, interest, power)


def tallies(
    spans: Iterable[Span], history: History, window: Window, currency: str, key: Grouping
) -> dict[str, "Tally"]:
    """The spans, as far as they lie in the window, summed by key."""
    found: dict[str, Tally] = defaultdict(Tally)
    for span, device, amounts in valued(spans, history, window, currency):
        found[key(span, device)].add(span, amounts)
    return found


def uncosted(devices: Iterable[Device]) -> frozenset[str]:
    """The devices whose cost nobody has recorded."""
    return frozenset(device.id for device in devices if device.cost_micros == 0)


class Tally:
    """Sums of one ladder, and the devices that they are about, while spans come in."""

    def __init__(self) -> None:
        self.sums = {line: list(NOTHING) for line in RUNG_OF}
        self.devices: set[str] = set()

    def add(self, span: Span, amounts: Amounts) -> None:
        """One span, with what it comes to."""
        self.put(span.line, amounts)
        self.devices.add(span.device)

    def put(self, line: Line, amounts: Sequence[int]) -> None:
        """Amounts of a line."""
        sums = self.sums[line]
        for kind, amount in enumerate(amounts):
            sums[kind] += amount

    def ladder(self, window: Window, currency: str, without_cost: frozenset[str]) -> Ladder:
        """What the spans came to."""
        capacity = sum(amounts[0] for amounts in self.sums.values())
        lost = {rung: sum(self.sums[line][0] for line in lines) for rung, lines in RUNGS.items()}
        available = capacity - lost["not_available"]
        sold = available - lost["not_sold"]
        occupied = sold - lost["not_occupied"]
        active = occupied - lost["not_active"]
        return Ladder(
            start=window.start,
            end=window.end,
            devices=len(self.devices),
            capacity_card_us=capacity,
            available_card_us=available,
            sold_card_us=sold,
            occupied_card_us=occupied,
            active_card_us=active,
            effective_card_us=active - lost["not_effective"],
            lines=tuple(_line(line, amounts, capacity) for line, amounts in self.sums.items()),
            currency=currency,
            unpriced_card_us=capacity - sum(amounts[3] for amounts in self.sums.values()),
            uncosted_devices=len(self.devices & without_cost),
            population=population(len(self.devices), window.start, window.end),
            numbers=ladder_numbers(currency, "measured"),
        )


def _line(line: Line, amounts: Sequence[int], capacity_us: int) -> LadderLine:
    return LadderLine(
        rung=RUNG_OF[line],
        line=line,
        card_us=amounts[0],
        share=amounts[0] / capacity_us if capacity_us else 0.0,
        list_value_micros=amounts[1],
        carried_cost_micros=amounts[2] + amounts[4] + amounts[5],
        depreciation_micros=amounts[2],
        interest_micros=amounts[4],
        power_micros=amounts[5],
    )
