"""A line of the ladder opened: the intervals behind it, with who was there and why."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import CardMicroseconds
from penstock.base.window import Window
from penstock.fleet.device import DeviceInterval
from penstock.insight.ladder import valued
from penstock.insight.model import History, Line, Span
from penstock.insight.value import carried
from penstock.lease.job import Wait


class Interval(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A span as far as it lies in a window, with what it comes to and why it is on its line.

    Over all intervals of a line each amount sums to the line's on the ladder exactly. `low` and `high` are the
    thousandths of the device that it is about.
    """

    device: str
    model: str
    line: Line
    start: datetime
    end: datetime
    tenant: str | None
    job: str | None
    attempt: str | None
    lease: str | None
    low: int
    high: int
    card_us: CardMicroseconds
    list_value_micros: Micros
    carried_cost_micros: Micros
    why: str = ""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on a line that one job, lease or state is behind."""

    job: str | None
    tenant: str | None
    lease: str | None
    why: str
    devices: int
    card_us: CardMicroseconds
    list_value_micros: Micros
    carried_cost_micros: Micros


def intervals(
    spans: Iterable[Span], history: History, window: Window, currency: str, line: Line | None = None
) -> Iterator[Interval]:
    """The intervals of a line, or of all, in the order of the spans."""
    reasons = _Reasons(history)
    chosen = (span for span in spans if line is None or span.line is line)
    for span, _device, amounts in valued(chosen, history, window, currency):
        yield Interval(
            device=span.device,
            model=span.model,
            line=span.line,
            start=max(span.start, window.start),
            end=min(span.end, window.end),
            tenant=span.tenant,
            job=span.job,
            attempt=span.attempt,
            lease=span.lease,
            low=span.low,
            high=span.high,
            card_us=amounts[0],
            list_value_micros=amounts[1],
            carried_cost_micros=carried(amounts),
            why=reasons.of(span),
        )


def causes(found: Iterable[Interval]) -> tuple[Cause, ...]:
    """The intervals summed by what is behind them, the most card time first."""
    groups: dict[tuple[str, ...], list[Interval]] = defaultdict(list)
    for one in found:
        groups[one.tenant or "", one.job or "", one.lease or "", one.why].append(one)
    rows = [
        Cause(
            job=own[0].job,
            tenant=own[0].tenant,
            lease=own[0].lease,
            why=own[0].why,
            devices=len({one.device for one in own}),
            card_us=sum(one.card_us for one in own),
            list_value_micros=sum(one.list_value_micros for one in own),
            carried_cost_micros=sum(one.carried_cost_micros for one in own),
        )
        for own in groups.values()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.card_us, row.tenant or "", row.job or "", row.why)))


class _Reasons:
    """What the history says of a span beyond its line, in a few words."""

    def __init__(self, history: History) -> None:
        self._states: dict[str, list[DeviceInterval]] = defaultdict(list)
        for interval in history.device_intervals:
            self._states[interval.device].append(interval)
        self._attempts = {attempt.id: attempt for attempt in history.attempts}
        self._waits: dict[tuple[str, str], list[Wait]] = defaultdict(list)
        for wait in history.waits:
            self._waits[wait.job, wait.reason].append(wait)

    def of(self, span: Span) -> str:
        if span.attempt is not None:
            attempt = self._attempts[span.attempt]
            return f"{attempt.state}: {attempt.cause}" if attempt.cause else str(attempt.state)
        if span.job is not None:
            return self._wanted(span)
        if span.line in {Line.DOWN, Line.MAINTENANCE, Line.DRAINING, Line.FOREIGN}:
            return self._state(span)
        return ""

    def _wanted(self, span: Span) -> str:
        waits = self._waits[span.job or "", str(span.line)]
        return _distinct(_wish(one) for one in waits if _touches(one, span))

    def _state(self, span: Span) -> str:
        states = (one for one in self._states[span.device] if _touches(one, span))
        return _distinct(f"{one.state}: {one.reason}" if one.reason else str(one.state) for one in states)


def _wish(wait: Wait) -> str:
    wanted = f"wants {wait.devices} × {'|'.join(wait.models) or 'any'}"
    return f"{wanted}, kept out by {', '.join(wait.rules)}" if wait.rules else wanted


def _touches(one: Wait | DeviceInterval, span: Span) -> bool:
    return one.start < span.end and (one.end is None or one.end > span.start)


def _distinct(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
