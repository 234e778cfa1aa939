"""What lies over each device's time: its life, its states, the attempts on it, the leases on it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from penstock.base.quantity import WHOLE
from penstock.base.window import to_us
from penstock.fleet.device import Device, DeviceInterval, DeviceState
from penstock.insight.cover import NO_DEMAND, Cover, Piece, clip, disjoint, show_through
from penstock.insight.lanes import Lane
from penstock.insight.model import Line
from penstock.lease.job import Attempt, AttemptState, Slots
from penstock.lease.offer import Lease, LeaseState

_CLOSED = {
    DeviceState.MAINTENANCE: Line.MAINTENANCE,
    DeviceState.DRAINING: Line.DRAINING,
    DeviceState.CORDONED: Line.DRAINING,
    DeviceState.FOREIGN: Line.FOREIGN,
}
_BROKEN_OFF = (AttemptState.FAILED, AttemptState.EVICTED, AttemptState.LOST)
_FAULT = Cover(Line.DOWN)
_UNACCEPTED = Cover(Line.MAINTENANCE)


def service_us(device: Device, until_us: int) -> tuple[int, int]:
    """[start, end) of the commissioned life up to `until_us`, in microseconds; empty when not in service."""
    if device.commissioned_at is None:
        return until_us, until_us
    end = until_us if device.retired_at is None else min(until_us, to_us(device.retired_at))
    return to_us(device.commissioned_at), end


def sold_us(lease: Lease) -> tuple[int, int] | None:
    """[start, end) for which the lease was sold and not given back early; None if it never began."""
    if lease.state is LeaseState.CANCELLED:
        return None
    end = lease.end if lease.ended_at is None else min(lease.end, lease.ended_at)
    return (to_us(lease.start), to_us(end)) if lease.start < end else None


def discards_work(attempt: Attempt) -> bool:
    """Whether what the attempt did since its last checkpoint came to nothing.

    Not so when its owner stopped it: that is a choice, and the usual end of a service or a notebook.
    """
    return attempt.state in _BROKEN_OFF


def attempt_pieces(attempt: Attempt, until_us: int) -> list[Piece[Cover]]:
    """An attempt's time: `starting`, `stalled`, `productive`, `lost_work`; open ones last to `until_us`."""
    start = to_us(attempt.placed_at)
    end = until_us if attempt.ended_at is None else to_us(attempt.ended_at)
    running = end if attempt.running_at is None else min(max(to_us(attempt.running_at), start), end)
    kept_until = end
    if discards_work(attempt):
        checkpoints = (to_us(instant) for instant in attempt.checkpoints)
        kept_until = max((at for at in checkpoints if running <= at <= end), default=running)

    def cover(line: Line) -> Cover:
        return Cover(line, attempt.tenant, attempt.job, attempt.id, attempt.lease)

    stalls = sorted((to_us(since), to_us(until), cover(Line.STALLED)) for since, until in attempt.stalls)
    work = [(running, kept_until, cover(Line.PRODUCTIVE)), (kept_until, end, cover(Line.LOST_WORK))]
    worked = show_through(clip(disjoint(stalls), running, end), clip(work, running, end))
    return [*clip([(start, running, cover(Line.STARTING))], start, end), *worked]


def state_pieces(
    intervals: Iterable[DeviceInterval], until_us: int
) -> Mapping[str, list[Piece[DeviceState]]]:
    """Each device's states by start; a later one ends the one before."""
    states: dict[str, list[Piece[DeviceState]]] = defaultdict(list)
    for interval in sorted(intervals, key=lambda i: (i.device, i.start, i.state)):
        end = until_us if interval.end is None else to_us(interval.end)
        states[interval.device].append((to_us(interval.start), end, interval.state))
    for device, pieces in states.items():
        following = [(start, min(end, nxt[0]), state) for (start, end, state), nxt in pairwise(pieces)]
        states[device] = [piece for piece in (*following, pieces[-1]) if piece[0] < piece[1]]
    return states


def occupied_lanes(attempts: Iterable[Attempt], until_us: int) -> Mapping[str, list[Lane]]:
    """What attempts did on each device, in lanes that are the whole device together.

    Where two claim the same thousandths, the one placed first has them.
    """
    windows: dict[str, list[tuple[int, int, int, Slots]]] = defaultdict(list)
    pieces: list[list[Piece[Cover]]] = []
    for number, attempt in enumerate(sorted(attempts, key=lambda a: (a.placed_at, a.id))):
        pieces.append(attempt_pieces(attempt, until_us))
        if pieces[-1]:
            for device in attempt.devices:
                held = (pieces[-1][0][0], pieces[-1][-1][1], number, attempt.slots_on(device))
                windows[device].append(held)
    lanes: dict[str, list[Lane]] = defaultdict(lambda: [Lane(0, WHOLE, [])])
    for device, held in windows.items():
        cuts = sorted({0, WHOLE, *(cut for _, _, _, slots in held for slot in slots for cut in slot)})
        lanes[device] = [Lane(low, high, _in_lane(held, low, pieces)) for low, high in pairwise(cuts)]
    return lanes


def _in_lane(
    held: Iterable[tuple[int, int, int, Slots]], low: int, pieces: Sequence[list[Piece[Cover]]]
) -> list[Piece[Cover]]:
    inside = [(s, e, n) for s, e, n, slots in held if any(a <= low < b for a, b in slots)]
    return [piece for start, end, number in disjoint(inside) for piece in clip(pieces[number], start, end)]


def leased_pieces(leases: Iterable[Lease], until_us: int) -> Mapping[str, list[Piece[Cover]]]:
    """When each device was sold by lease, the first lease first."""
    windows: dict[str, list[Piece[Cover]]] = defaultdict(list)
    for lease in sorted(leases, key=lambda lease: (lease.start, lease.id)):
        sold = sold_us(lease)
        if sold is not None:
            cover = Cover(Line.RESERVED_UNUSED, lease.tenant, lease=lease.id)
            for device in lease.devices:
                windows[device] += clip([(*sold, cover)], sold[0], until_us)
    return defaultdict(list, {device: disjoint(held) for device, held in windows.items()})


def layers(
    device: Device,
    states: Sequence[Piece[DeviceState]],
    occupied: list[Piece[Cover]],
    leased: list[Piece[Cover]],
    until_us: int,
) -> tuple[list[Piece[Cover]], ...]:
    """From the top: faults, attempts, closed by the operator, leased, not yet accepted, free.

    Time without a recorded state counts as a fault: what nobody has seen working is not available.
    """
    start, end = service_us(device, until_us)
    accepted = end if device.accepted_at is None else to_us(device.accepted_at)
    faults = [p for p in show_through(states, [(start, end, DeviceState.DOWN)]) if not _works(p[2])]
    top_down = (
        [(since, until, _FAULT) for since, until, _ in faults],
        occupied,
        [(since, until, Cover(_CLOSED[state])) for since, until, state in states if state in _CLOSED],
        leased,
        [(start, accepted, _UNACCEPTED)],
        [(start, end, NO_DEMAND)],
    )
    return tuple(clip(layer, start, end) for layer in top_down)


def _works(state: DeviceState) -> bool:
    return state is DeviceState.AVAILABLE or state in _CLOSED
