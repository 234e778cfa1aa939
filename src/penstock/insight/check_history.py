"""The history checked against itself: what it says of one device may not contradict."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise

import msgspec

from penstock.base.window import Window
from penstock.fleet.device import Device, DeviceInterval
from penstock.insight.model import History
from penstock.lease.job import FINAL_ATTEMPT_STATES, Attempt
from penstock.lease.offer import LeaseState

NEVER = datetime.max.replace(tzinfo=UTC)


class _Held(msgspec.Struct, frozen=True, order=True):
    """Something that has one device, or a lane of it, to itself over [start, end)."""

    device: str
    low: int
    start: datetime
    end: datetime
    name: str


def check_history(history: History, window: Window) -> list[str]:
    """What is wrong, one sentence each: a device used, sold or described twice at once or out of service."""
    attempts = _attempt_holds(history.attempts)
    return [
        *_double(attempts, "attempts"),
        *_double(_lease_holds(history), "leases"),
        *_double(map(_interval_hold, history.device_intervals), "states"),
        *_out_of_service(history.devices, attempts),
        *_attempt_times(history.attempts),
        *_unrecorded(history, window),
    ]


def service(device: Device, window: Window) -> Window | None:
    """The device's commissioned life inside the window."""
    if device.commissioned_at is None:
        return None
    return window.overlap(Window(device.commissioned_at, device.retired_at or NEVER))


def _double(holds: Iterable[_Held], what: str) -> Iterator[str]:
    """Two of a kind on one device at once."""
    lasting = sorted(held for held in holds if held.start < held.end)
    for _, group in groupby(lasting, key=lambda held: (held.device, held.low)):
        last: _Held | None = None
        for held in group:
            if last is not None and held.start < last.end:
                both = f"{held.start} to {min(last.end, held.end)}: {last.name} and {held.name}"
                yield f"device {held.device} has two {what} at once from {both}"
            if last is None or held.end > last.end:
                last = held


def _out_of_service(devices: Sequence[Device], attempts: Sequence[_Held]) -> Iterator[str]:
    """Attempts on devices that were not commissioned."""
    by_id = {device.id: device for device in devices}
    for held in sorted({msgspec.structs.replace(held, low=0) for held in attempts}):
        device = by_id.get(held.device)
        if device is None or device.commissioned_at is None:
            yield f"attempt {held.name} is on device {held.device}, which is not in service"
        elif held.start < device.commissioned_at:
            yield f"attempt {held.name} is on device {held.device} before its commissioning"
        elif device.retired_at is not None and held.start < held.end and held.end > device.retired_at:
            yield f"attempt {held.name} is on device {held.device} after its retirement"


def _attempt_times(attempts: Iterable[Attempt]) -> Iterator[str]:
    """Times of one attempt that contradict each other."""
    for attempt in sorted(attempts, key=lambda a: a.id):
        if len(set(attempt.devices)) < len(attempt.devices):
            yield f"attempt {attempt.id} names a device twice"
        if (attempt.state in FINAL_ATTEMPT_STATES) != (attempt.ended_at is not None):
            yield f"attempt {attempt.id} is {attempt.state} with end {attempt.ended_at}"
        times = [t for t in (attempt.placed_at, attempt.running_at, attempt.ended_at) if t is not None]
        if any(later < earlier for earlier, later in pairwise(times)):
            yield f"attempt {attempt.id} has its times out of order"


def _unrecorded(history: History, window: Window) -> Iterator[str]:
    """Commissioned time without a recorded state."""
    known: dict[str, list[DeviceInterval]] = defaultdict(list)
    for interval in sorted(history.device_intervals, key=lambda i: (i.device, i.start)):
        known[interval.device].append(interval)
    for device in history.devices:
        life = service(device, window)
        at = life.start if life else window.end
        for interval in known[device.id]:
            if life and at < interval.start < life.end:
                yield f"device {device.id} has no recorded state from {at} to {interval.start}"
            at = max(at, interval.end or NEVER)
        if life and at < life.end:
            yield f"device {device.id} has no recorded state from {at} to {life.end}"


def _attempt_holds(attempts: Sequence[Attempt]) -> list[_Held]:
    """Each attempt on each lane of its devices; lanes are cut wherever any attempt begins or ends its share."""
    cuts: dict[str, set[int]] = defaultdict(set)
    for attempt in attempts:
        for device in attempt.devices:
            cuts[device] |= {cut for slot in attempt.slots_on(device) for cut in slot}
    return [
        _Held(device, low, attempt.placed_at, attempt.ended_at or NEVER, attempt.id)
        for attempt in attempts
        for device in dict.fromkeys(attempt.devices)
        for low in sorted(cuts[device])
        if any(since <= low < until for since, until in attempt.slots_on(device))
    ]


def _lease_holds(history: History) -> Iterator[_Held]:
    for lease in history.leases:
        end = min(lease.end, lease.ended_at or NEVER)
        if lease.state is not LeaseState.CANCELLED and lease.start < end:
            for device in lease.devices:
                yield _Held(device, 0, lease.start, end, lease.id)


def _interval_hold(interval: DeviceInterval) -> _Held:
    return _Held(interval.device, 0, interval.start, interval.end or NEVER, interval.state)
