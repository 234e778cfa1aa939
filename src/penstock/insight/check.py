"""The card-hour book checked against the history it was made from; an empty answer means it holds.

Written on its own, without the functions that make the book, so that a fault in those does not hide itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from penstock.base.quantity import WHOLE
from penstock.base.window import Window, to_us
from penstock.fleet.device import Device
from penstock.insight.check_history import NEVER, check_history, service
from penstock.insight.model import RUNGS, History, Ladder, Line, Span
from penstock.insight.value import Depreciation
from penstock.lease.job import Attempt, Slots

_OCCUPIED = (*RUNGS["not_active"], *RUNGS["not_effective"], *RUNGS["effective"])


def check_spans(history: History, window: Window, spans: Iterable[Span]) -> list[str]:
    """What is wrong, one sentence each: gaps, overlaps, double use, and spans that nothing bears out."""
    ordered = sorted(spans, key=lambda span: (span.device, span.start, span.end, span.low))
    return [
        *_partition(history.devices, window, ordered),
        *_grounds(history, ordered),
        *_claims(history, window, ordered),
        *check_history(history, window),
    ]


def check_ladder(history: History, window: Window, ladder: Ladder) -> list[str]:
    """What is wrong with the sums of the whole fleet's ladder: time against service, cost against books."""
    lives = [(device, life) for device in history.devices if (life := service(device, window))]
    capacity = sum(life.duration_us for _, life in lives)
    carried = sum(
        Depreciation(device).until(to_us(life.end)) - Depreciation(device).until(to_us(life.start))
        for device, life in lives
    )
    sums = {
        "commissioned card time": (capacity, ladder.capacity_card_us),
        "sum of the lines": (sum(line.card_us for line in ladder.lines), ladder.capacity_card_us),
        "effective card time": (
            sum(line.card_us for line in ladder.lines if line.rung == "effective"),
            ladder.effective_card_us,
        ),
        "depreciation": (carried, sum(line.depreciation_micros for line in ladder.lines)),
    }
    return [
        f"the ladder's {what} should be {expected} and is {found}"
        for what, (expected, found) in sums.items()
        if expected != found
    ]


def check_settled(settled: Ladder, attributed: Ladder) -> list[str]:
    """Where the ladder with settled hours in it is another than that attributed from all of history."""
    return [
        f"line {one.line} as settled has {one.card_us} card-µs, {one.list_value_micros} micros at list and "
        f"{one.carried_cost_micros} carried; it should have {other.card_us}, {other.list_value_micros} "
        f"and {other.carried_cost_micros}"
        for one, other in zip(settled.lines, attributed.lines, strict=True)
        if one != other
    ]


def _partition(devices: Sequence[Device], window: Window, spans: Sequence[Span]) -> Iterator[str]:
    """Each thousandth of a commissioned device is covered exactly once, other devices not at all."""
    lives = {device.id: service(device, window) for device in devices}
    covered = {name: list(group) for name, group in groupby(spans, key=lambda span: span.device)}
    for name in sorted(covered.keys() - lives.keys()):
        yield f"spans name device {name}, which is not in the fleet"
    for name, life in sorted(lives.items()):
        on_device = covered.get(name, ())
        cuts = sorted({0, WHOLE, *(cut for span in on_device for cut in (span.low, span.high))})
        if (cuts[0], cuts[-1]) != (0, WHOLE) or any(span.low >= span.high for span in on_device):
            yield f"device {name} has spans of thousandths that it does not have"
        found = dict.fromkeys(
            finding
            for low in cuts[:-1]
            for finding in _covered_once(
                name, life, window, [span for span in on_device if span.low <= low < span.high]
            )
        )
        yield from found


def _covered_once(name: str, life: Window | None, window: Window, spans: Sequence[Span]) -> Iterator[str]:
    """The spans of one lane, by start, are the device's life."""
    at = life.start if life else window.start
    for span in spans:
        if span.end <= span.start:
            yield f"device {name} has an empty span at {span.start}"
        elif span.start < at:
            until = min(at, span.end)
            yield f"device {name} is on two lines, or out of service, from {span.start} to {until}"
        elif span.start > at:
            yield f"device {name} is on no line from {at} to {span.start}"
        at = max(at, span.end)
    end = life.end if life else window.start
    if at < end:
        yield f"device {name} is on no line from {at} to {end}"
    elif at > end:
        yield f"device {name} is on a line out of service, from {end} to {at}"


def _grounds(history: History, spans: Sequence[Span]) -> Iterator[str]:
    """A span says no more than its device, attempt or lease does."""
    models = {device.id: device.model for device in history.devices}
    attempts = {attempt.id: attempt for attempt in history.attempts}
    leases = {lease.id: lease for lease in history.leases}
    for span in spans:
        if span.model != models.get(span.device, span.model):
            yield f"a span at {span.start} calls device {span.device} a {span.model}"
        if span.line in _OCCUPIED:
            attempt = attempts.get(span.attempt or "")
            times = (attempt.placed_at, attempt.ended_at or NEVER) if attempt else None
            held_by, holder = f"attempt {span.attempt}", attempt
        elif span.line is Line.RESERVED_UNUSED:
            lease = leases.get(span.lease or "")
            times = (lease.start, lease.end) if lease else None
            held_by, holder = f"lease {span.lease}", lease
        else:
            continue
        if holder is None or times is None or span.device not in holder.devices:
            yield f"device {span.device} is {span.line} at {span.start} by {held_by}, which does not hold it"
        elif isinstance(holder, Attempt) and not any(
            low <= span.low and span.high <= high for low, high in _joined(holder.slots_on(span.device))
        ):
            yield f"device {span.device} is {span.line} at {span.start} beyond the share of {held_by}"
        elif span.start < times[0] or span.end > times[1]:
            yield f"device {span.device} is {span.line} from {span.start} to {span.end}, beyond {held_by}"


def _claims(history: History, window: Window, spans: Sequence[Span]) -> Iterator[str]:
    """No job claims more of free devices for a reason than it waits for at that instant."""
    changes: dict[tuple[str, str], Counter[datetime]] = defaultdict(Counter)
    for span in spans:
        if span.line in RUNGS["not_sold"] and span.line is not Line.NO_DEMAND:
            changes[span.job or "", span.line][span.start] -= span.high - span.low
            changes[span.job or "", span.line][span.end] += span.high - span.low
    for wait in history.waits:
        waited = window.overlap(Window(wait.start, wait.end or NEVER))
        if waited and (wait.job, wait.reason) in changes:
            changes[wait.job, wait.reason][waited.start] += wait.devices * wait.share
            changes[wait.job, wait.reason][waited.end] -= wait.devices * wait.share
    for (job, reason), steps in sorted(changes.items()):
        left = 0
        for at in sorted(steps):
            left += steps[at]
            if left < 0:
                more = f"{-left / WHOLE:g} more devices as {reason}"
                yield f"job {job} claims {more} than it waits for at {at}"
                break


def _joined(slots: Slots) -> Slots:
    """The same thousandths in as few ranges as can be."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(slots):
        start = joined.pop()[0] if joined and joined[-1][1] == low else low
        joined.append((start, high))
    return tuple(joined)
