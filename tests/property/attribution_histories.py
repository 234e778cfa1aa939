"""Histories on a small grid of ticks, drawn by Hypothesis, and their book made the slow, obvious way."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from penstock.base.window import Window, to_us
from penstock.fleet.device import Device, DeviceInterval, DeviceState, Node
from penstock.insight.model import History, Line, between
from penstock.lease.job import Attempt, AttemptState, Wait
from penstock.lease.offer import Lease, LeaseState, Offer

TICKS = 12
TICK = timedelta(seconds=7, microseconds=1)
ORIGIN = datetime(2026, 11, 23, 8, 0, 0, 3, tzinfo=UTC)
MODELS = ("a100", "cpu")
CELL = 100
CELLS = 1000 // CELL
"""A device in tenths; shares of tests begin and end there."""
SHARES = (((0, 300),), ((300, 1000),), ((300, 500),), ((0, 200), (500, 700)))
WORKING = (DeviceState.AVAILABLE, DeviceState.CORDONED, DeviceState.DRAINING, DeviceState.MAINTENANCE)
REASONS = (*(line.value for line in Line if line.startswith("no_fit")), "busy", "no_such_reason")


def at(tick: int) -> datetime:
    """The instant of a tick."""
    return ORIGIN + tick * TICK


def window(start: int = 0, end: int = TICKS) -> Window:
    """Of ticks."""
    return Window(at(start), at(end))


ticks = st.integers(0, TICKS)
instants = st.one_of(st.none(), ticks.map(at))


@st.composite
def devices(draw: st.DrawFn) -> tuple[Device, ...]:
    """Up to four, some commissioned late, retired early or never accepted."""
    drawn = []
    for number in range(draw(st.integers(1, 4))):
        start = draw(st.integers(-3, TICKS - 2))
        end = draw(st.one_of(st.none(), st.integers(start + 1, TICKS + 2)))
        drawn.append(
            Device(
                id=f"d{number}",
                node=f"n{number % 2}",
                model=draw(st.sampled_from(MODELS)),
                handle="",
                tranche=draw(st.sampled_from(("", "first"))),
                commissioned_at=draw(st.sampled_from([at(start), at(start), at(start), None])),
                retired_at=None if end is None else at(end),
                accepted_at=draw(st.sampled_from([at(start), at(start), at(start + 2), None])),
                cost_micros=draw(st.integers(0, 10**13)),
                life_years=draw(st.integers(1, 6)),
            )
        )
    return tuple(drawn)


@st.composite
def states(draw: st.DrawFn, device: Device) -> list[DeviceInterval]:
    """The device's states without gaps over its life."""
    if device.commissioned_at is None:
        return []
    cuts = sorted({device.commissioned_at, *(at(t) for t in draw(st.lists(ticks, max_size=4)))})
    cuts = [cut for cut in cuts if cut >= device.commissioned_at]
    kinds = st.sampled_from([DeviceState.AVAILABLE, *WORKING, DeviceState.DOWN])
    return [
        DeviceInterval(device=device.id, state=draw(kinds), start=start, end=end)
        for start, end in zip(cuts, [*cuts[1:], None], strict=True)
    ]


@st.composite
def attempts(draw: st.DrawFn, names: list[str], number: int) -> Attempt:
    """Any attempt, be it open or final, on any of the devices."""
    placed = draw(st.integers(-2, TICKS - 1))
    ended = draw(st.one_of(st.none(), st.integers(placed, TICKS + 2)))
    last = TICKS if ended is None else ended
    running = draw(st.one_of(st.none(), st.integers(placed, max(last, placed))))
    final = [s for s in AttemptState if s not in ("placed", "starting", "running", "stopping")]
    points = st.integers(placed, max(last, placed)).map(at)
    stalls = draw(st.lists(st.tuples(points, points).map(sorted), max_size=2))
    held = tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)))
    slots = draw(st.sampled_from([None, None, *SHARES]))
    return Attempt(
        id=f"t{number}",
        job=f"j{draw(st.integers(0, 2))}",
        tenant=draw(st.sampled_from(("acme", "zhi"))),
        number=1,
        engine="local",
        devices=held,
        share=1000 if slots is None else sum(high - low for low, high in slots),
        slots=() if slots is None else (slots,) * len(held),
        placed_at=at(placed),
        running_at=None if running is None else at(running),
        ended_at=None if ended is None else at(ended),
        state=AttemptState.RUNNING if ended is None else draw(st.sampled_from(final)),
        checkpoints=tuple(sorted(draw(st.lists(points, max_size=3)))),
        stalls=tuple((since, until) for since, until in stalls),
    )


@st.composite
def leases(draw: st.DrawFn, names: list[str], number: int) -> Lease:
    """Any lease; some given back early, some cancelled."""
    start = draw(st.integers(-2, TICKS - 1))
    return Lease(
        id=f"l{number}",
        tenant=draw(st.sampled_from(("acme", "zhi"))),
        quote="q",
        offer="o",
        model="",
        devices=tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))),
        start=at(start),
        end=at(draw(st.integers(start + 1, TICKS + 3))),
        price_micros_per_card_hour=1,
        created_at=at(-9),
        state=draw(st.sampled_from([LeaseState.ACTIVE, LeaseState.ENDED, LeaseState.CANCELLED])),
        ended_at=draw(st.one_of(st.none(), st.integers(start, TICKS).map(at))),
    )


@st.composite
def waits(draw: st.DrawFn) -> Wait:
    """Any waiting demand."""
    start = draw(st.integers(-2, TICKS - 1))
    return Wait(
        job=f"w{draw(st.integers(0, 3))}",
        tenant="acme",
        models=tuple(draw(st.lists(st.sampled_from((*MODELS, "any", "h20")), max_size=2, unique=True))),
        reason=draw(st.sampled_from(REASONS)),
        devices=draw(st.integers(1, 3)),
        share=draw(st.sampled_from([1000, 1000, 400])),
        start=at(start),
        end=draw(st.one_of(st.none(), st.integers(start, TICKS + 1).map(at))),
        lease=draw(st.sampled_from((None, None, None, "l0"))),
    )


@st.composite
def offers(draw: st.DrawFn, number: int) -> Offer:
    """Any offer, with a price that does not divide evenly."""
    start = draw(st.integers(-2, TICKS))
    return Offer(
        id=f"o{number}",
        model=draw(st.sampled_from(MODELS)),
        price_micros_per_card_hour=draw(st.integers(0, 10**9 + 7)),
        created_at=at(start),
        withdrawn_at=draw(st.one_of(st.none(), st.integers(start, TICKS + 1).map(at))),
        currency=draw(st.sampled_from(("CNY", "CNY", "USD"))),
    )


@st.composite
def histories(draw: st.DrawFn, *, sound: bool) -> History:
    """Sound: no device is used or sold twice at once. Otherwise anything, with unrecorded states too."""
    fleet = draw(devices())
    names = [device.id for device in fleet]
    recorded = [interval for device in fleet for interval in draw(states(device))]
    tried = [draw(attempts(names, number)) for number in range(draw(st.integers(0, 5)))]
    sold = [draw(leases(names, number)) for number in range(draw(st.integers(0, 3)))]
    if sound:
        tried = _without_overlap(tried, lambda a: (a.placed_at, a.ended_at or at(99)))
        sold = _without_overlap(sold, lambda a: (a.start, min(a.end, a.ended_at or at(99))))
    else:
        recorded = draw(st.lists(st.sampled_from(recorded), max_size=8)) if recorded else []
    return History(
        devices=fleet,
        device_intervals=tuple(recorded),
        leases=tuple(sold),
        attempts=tuple(tried),
        waits=tuple(draw(st.lists(waits(), max_size=6))),
        offers=tuple(draw(offers(number)) for number in range(draw(st.integers(0, 3)))),
        nodes=(Node(id="n0", cpu_cores=1, memory_bytes=1, site="east"),),
    )


def _without_overlap(holders: list, times) -> list:
    kept: list = []
    for holder in holders:
        start, end = times(holder)
        clashes = (
            any(
                _cells(other, device) & _cells(holder, device)
                for device in set(other.devices) & set(holder.devices)
            )
            for other in kept
            if start < times(other)[1] and times(other)[0] < end
        )
        if not any(clashes):
            kept.append(holder)
    return kept


def _cells(holder, device: str) -> set[int]:
    """The cells of a device that an attempt has; a lease has all of it."""
    slots = holder.slots_on(device) if isinstance(holder, Attempt) else ((0, 1000),)
    return {cell for low, high in slots for cell in range(low // CELL, high // CELL)}


type Tick = tuple[Line, str | None, str | None, str | None]
"""(line, tenant, job, attempt or lease)."""


def obvious_book(history: History) -> dict[tuple[str, int, int], Tick]:
    """The line of each cell of each device at each tick, decided tick by tick straight from the rules."""
    book: dict[tuple[str, int, int], Tick] = {}
    for tick in range(TICKS):
        free = []
        for device in history.devices:
            for cell in range(CELLS):
                line = _line_of(history, device, cell, at(tick))
                if line is not None:
                    book[device.id, tick, cell] = line
                    if line[0] is Line.NO_DEMAND:
                        free.append((device.model, device.id, cell))
        free.sort()
        for wait in sorted(history.waits, key=_queue_order):
            if wait.start <= at(tick) < (wait.end or at(99)):
                wanted = wait.devices * wait.share // CELL
                for one in [one for one in free if _may_claim(wait, one[0])][:wanted]:
                    free.remove(one)
                    book[one[1], tick, one[2]] = (Line(wait.reason), wait.tenant, wait.job, None)
    return book


def _queue_order(wait: Wait) -> tuple:
    return wait.start, wait.job, wait.reason, wait.models, wait.devices, wait.tenant, wait.share


def _line_of(history: History, device: Device, cell: int, now: datetime) -> Tick | None:
    start, end = device.commissioned_at, device.retired_at or at(99)
    if start is None or not start <= now < end:
        return None
    state = next(
        i.state
        for i in history.device_intervals
        if i.device == device.id and i.start <= now < (i.end or at(99))
    )
    if state == "down":
        return (Line.DOWN, None, None, None)
    for attempt in history.attempts:
        if device.id not in attempt.devices or cell not in _cells(attempt, device.id):
            continue
        if attempt.placed_at <= now < (attempt.ended_at or at(99)):
            return (_line_at_work(attempt, now), attempt.tenant, attempt.job, attempt.id)
    if state in ("draining", "cordoned"):
        return (Line.DRAINING, None, None, None)
    if state == "maintenance":
        return (Line.MAINTENANCE, None, None, None)
    for lease in history.leases:
        sold_until = min(lease.end, lease.ended_at or at(99))
        if device.id in lease.devices and lease.state != "cancelled" and lease.start <= now < sold_until:
            return (Line.RESERVED_UNUSED, lease.tenant, None, lease.id)
    accepted = device.accepted_at is not None and device.accepted_at <= now
    return (Line.NO_DEMAND if accepted else Line.MAINTENANCE, None, None, None)


def _line_at_work(attempt: Attempt, now: datetime) -> Line:
    running = attempt.running_at
    if running is None or now < running:
        return Line.STARTING
    if any(since <= now < until for since, until in attempt.stalls):
        return Line.STALLED
    thrown_away = attempt.state in ("failed", "evicted", "lost")
    kept = [c for c in attempt.checkpoints if running <= c <= (attempt.ended_at or at(99))]
    if thrown_away and now >= (kept[-1] if kept else running):
        return Line.LOST_WORK
    return Line.PRODUCTIVE


def _may_claim(wait: Wait, model: str) -> bool:
    if wait.lease or wait.reason in ("busy", "no_such_reason"):
        return False
    any_model = wait.models == () or "any" in wait.models
    if wait.reason == "no_fit_software":
        return True
    if wait.reason == "no_fit_model":
        return not any_model and model not in wait.models
    return any_model or model in wait.models


def card_time_of(book: dict[tuple[str, int, int], Tick]) -> Counter[Line]:
    """Card time by line, in microseconds."""
    times: Counter[Line] = Counter()
    for (_, tick, cell), entry in book.items():
        ends = (between(cell * CELL, (cell + 1) * CELL, to_us(at(t))) for t in (tick, tick + 1))
        since, until = ends
        times[entry[0]] += until - since
    return times
