"""From what was observed to usage events: cut at fixed instants, so that a retry cuts the same way."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from penstock.base.ids import derived_id, id_conflict
from penstock.base.quantity import WHOLE, CardMicroseconds, card_time
from penstock.base.refusal import Refusal
from penstock.base.window import MICROSECOND, Window, steps, to_us
from penstock.billing.model import UsageEvent
from penstock.lease.job import Attempt
from penstock.lease.offer import Lease

CARD_TIME = "card_time"
ATTEMPT, LEASE = "attempt", "lease"
PLATFORM = "penstock"
PRICES_CHANGE_AT = timedelta(hours=1)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is charged by time: an attempt on demand, or a lease. `ended_at` is None while it goes on."""

    kind: str
    id: str
    tenant: str
    model: str
    devices: int
    began_at: datetime
    ended_at: datetime | None = None
    source: str = PLATFORM
    share: int = WHOLE


def attempt_subject(attempt: Attempt, model: str) -> Subject | None:
    """An attempt on demand, from when the engine began it; None before, and inside a lease, which is paid as such."""
    if attempt.lease is not None or attempt.began_at is None:
        return None
    return Subject(
        kind=ATTEMPT,
        id=attempt.id,
        tenant=attempt.tenant,
        model=model,
        devices=len(attempt.devices),
        began_at=attempt.began_at,
        ended_at=attempt.ended_at,
        share=attempt.share,
    )


def lease_subject(lease: Lease, now: datetime) -> Subject | None:
    """A lease over the time sold, or until it was ended; None if it ended before it began, or has not begun."""
    ended_at = min(filter(None, (lease.end, lease.ended_at)))
    if ended_at <= lease.start or now < lease.start:
        return None
    return Subject(
        kind=LEASE,
        id=lease.id,
        tenant=lease.tenant,
        model=lease.model,
        devices=len(lease.devices),
        began_at=lease.start,
        ended_at=ended_at if ended_at <= now else None,
    )


def usage_of(
    subject: Subject, metered_until: datetime | None, observed_until: datetime, step: timedelta
) -> list[UsageEvent]:
    """The events from `metered_until` (None: from the beginning), in order.

    While the subject goes on, only windows that ended before `observed_until` are given: such a window
    cannot be the last, since what was seen going on then ends later. Once it has ended, all the rest is
    given, and exactly one event is final; it is empty if nothing was left (a clock was set back). Record
    them together with `metered_until`, which becomes the end of the last one; after the final event the
    subject is done.
    """
    start = subject.began_at if metered_until is None else metered_until
    if subject.ended_at is None:
        windows = [w for w in _cuts(Window(start, observed_until), step) if w.end < observed_until]
        return [_event(subject, window, final=False) for window in windows]
    end = max(subject.ended_at, start)
    *earlier, last = [*_cuts(Window(start, end), step)] or [Window(end, end)]
    return [*(_event(subject, window, final=False) for window in earlier), _event(subject, last, final=True)]


def observed(devices: int, share: int, began_at: datetime, window: Window) -> CardMicroseconds:
    """Card time of a window: growth of the subject's card time since it began, so that windows add up."""
    ends = ((at - began_at) // MICROSECOND for at in (window.start, window.end))
    before, after = (card_time(devices, share, elapsed_us) for elapsed_us in ends)
    return after - before


def _cuts(window: Window, step: timedelta) -> Iterator[Window]:
    """At multiples of the step and at full hours, where prices by hour of day change."""
    for part in steps(window, step):
        yield from steps(part, PRICES_CHANGE_AT)


def _event(subject: Subject, window: Window, *, final: bool) -> UsageEvent:
    return UsageEvent(
        source=subject.source,
        id=derived_id(CARD_TIME, subject.kind, subject.id, to_us(window.start)),
        tenant=subject.tenant,
        meter=CARD_TIME,
        subject_kind=subject.kind,
        subject=subject.id,
        start=window.start,
        end=window.end,
        began_at=subject.began_at,
        devices=subject.devices,
        model=subject.model,
        quantity=observed(subject.devices, subject.share, subject.began_at, window),
        final=final,
        share=subject.share,
    )


type Arrival = Literal["new", "duplicate"] | Refusal


def arrivals(
    known: Mapping[tuple[str, str], UsageEvent], events: Iterable[UsageEvent]
) -> tuple[list[UsageEvent], list[Arrival]]:
    """The events to store, and one status per event: new, a duplicate by (source, id), or an id conflict.

    `known`: stored events by (source, id). Whether one was rated meanwhile is not part of its content.
    """
    seen, new, statuses = dict(known), list[UsageEvent](), list[Arrival]()
    for event in events:
        earlier = seen.get((event.source, event.id))
        if earlier is None:
            seen[event.source, event.id] = event
            new.append(event)
            statuses.append("new")
        elif msgspec.structs.replace(event, rated=earlier.rated) == earlier:
            statuses.append("duplicate")
        else:
            statuses.append(id_conflict("usage event", event.id))
    return new, statuses
