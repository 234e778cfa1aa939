"""What is promised when: bookings of each device over time, and whether a request is free over its window."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from penstock.base.window import Window
from penstock.fleet.device import Device, Node
from penstock.lease.job import Attempt, Job
from penstock.lease.offer import Lease, LeaseState
from penstock.placement import reasons
from penstock.placement.layout import commissioned, sellable
from penstock.placement.model import Availability, Request, World

type Placed = tuple[tuple[str, ...], Device]
"""A device under the path of domains that it lies in, the widest first."""

NEVER = datetime.max.replace(tzinfo=UTC)
_BOOKING = (LeaseState.RESERVED, LeaseState.ACTIVE, LeaseState.SUSPENDED, LeaseState.ENDING)


def bookings(leases: Iterable[Lease], now: datetime) -> dict[str, list[Window]]:
    """The windows that leases hold on each device, by start; one past its end holds until it has ended."""
    booked: dict[str, list[Window]] = defaultdict(list)
    for lease in sorted(leases, key=lambda lease: (lease.start, lease.id)):
        if lease.state in _BOOKING:
            end = (
                lease.end
                if lease.state == LeaseState.RESERVED
                else max(lease.end, now + timedelta(seconds=1))
            )
            for device in lease.devices:
                booked[device].append(Window(lease.start, end))
    return booked


def sure_end(job: Job | None, start: datetime) -> datetime:
    """When a job that starts to run then has surely ended: its time limit and grace later, or `NEVER`."""
    if job is None or job.spec.time_limit_s is None:
        return NEVER
    length = timedelta(seconds=job.spec.time_limit_s + job.spec.grace_s)
    return start + length if length < NEVER - start else NEVER


def occupied_until(
    attempts: Iterable[Attempt], jobs: Iterable[Job], now: datetime, notice: timedelta
) -> dict[str, datetime]:
    """For each device taken by on-demand attempts, when they have surely ended; spot work goes after notice."""
    by_id = {job.id: job for job in jobs}
    until: dict[str, datetime] = {}
    for attempt in attempts:
        if attempt.lease is None:
            job = by_id.get(attempt.job)
            end = max(now, sure_end(job, attempt.running_at or now))
            if attempt.spot:
                grace = timedelta(seconds=job.spec.grace_s if job else 0)
                end = min(end, now + max(notice, grace))
            for device in attempt.devices:
                until[device] = max(end, until.get(device, now))
    return until


def gaps(busy: Sequence[Window], start: datetime) -> Iterator[Window]:
    """What the busy windows, sorted by start, leave free from `start` on."""
    for window in busy:
        if window.start > start:
            yield Window(start, window.start)
        start = max(start, window.end)
    if start < NEVER:
        yield Window(start, NEVER)


def find(world: World, request: Request, now: datetime) -> Availability:
    """Devices of one model that are free over the whole window, on as few leaves and nodes as possible.

    Otherwise the reasons counted over all commissioned devices, and the earliest start, not before the one
    asked for, at which as many are free for the same length by what is known now.
    """
    booked = bookings(world.leases, now)
    notice = timedelta(seconds=world.rules.spot_notice_s)
    occupied = occupied_until(world.attempts, world.running, now, notice)
    counts: Counter[str] = Counter()
    free: list[Device] = []
    for device in filter(commissioned, world.devices):
        reason = _reason(device, request, booked.get(device.id, ()), occupied.get(device.id, now))
        if reason is None:
            free.append(device)
        else:
            counts[reason] += 1
    if len(free) >= request.devices:
        return Availability(available=True, devices=compact(free, request.devices, world.nodes))
    counts[reasons.TOO_FEW] += len(free)
    candidates = [device.id for device in world.devices if device.model == request.model and sellable(device)]
    earliest = _earliest(candidates, request, booked, occupied)
    return Availability(available=False, reasons=dict(+counts), available_from=earliest)


def _reason(device: Device, request: Request, booked: Iterable[Window], free_at: datetime) -> str | None:
    if not sellable(device):
        return reasons.NOT_IN_SERVICE
    if device.model != request.model:
        return reasons.MODEL
    if free_at > request.window.start:
        return reasons.BUSY
    if any(window.overlap(request.window) for window in booked):
        return reasons.RESERVED
    return None


def _earliest(
    devices: Iterable[str],
    request: Request,
    booked: Mapping[str, list[Window]],
    occupied: Mapping[str, datetime],
) -> datetime | None:
    """The first start at which enough devices have a gap that is long enough, by a sweep over their gaps."""
    length = request.window.end - request.window.start
    steps: Counter[tuple[datetime, int]] = Counter()
    for device in devices:
        start = max(request.window.start, occupied.get(device, request.window.start))
        for gap in gaps(booked.get(device, ()), start):
            if gap.end - gap.start >= length:
                steps[gap.start, 0] += 1
                steps[gap.end - length, 1] -= 1
    free = 0
    for (instant, _), change in sorted(steps.items()):
        free += change
        if free >= request.devices:
            return instant
    return None


def compact(free: Iterable[Device], count: int, nodes: Iterable[Node]) -> tuple[str, ...]:
    """`count` of the free devices on as few fabrics, leaves and nodes as possible, small remainders first."""
    paths = {node.id: (node.engine, node.site, node.fabric, node.leaf, node.id) for node in nodes}
    placed: list[Placed] = [(paths[device.node], device) for device in free]
    return tuple(device.id for device in _take(placed, count, 0))


def _take(placed: list[Placed], count: int, level: int) -> list[Device]:
    if placed and level == len(placed[0][0]):
        return [device for _, device in sorted(placed, key=lambda p: (p[1].index, p[1].id))][:count]
    domains: dict[str, list[Placed]] = defaultdict(list)
    for path, device in placed:
        domains[path[level]].append((path, device))
    by_size = sorted(domains.items(), key=lambda item: (len(item[1]), item[0]))
    chosen: list[Device] = []
    while count > len(chosen):
        missing = count - len(chosen)
        fitting = next((item for item in by_size if len(item[1]) >= missing), by_size[-1])
        by_size.remove(fitting)
        chosen += _take(fitting[1], min(missing, len(fitting[1])), level + 1)
    return chosen
