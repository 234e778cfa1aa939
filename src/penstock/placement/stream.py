"""Work that comes and goes on a large fleet: the policy of the fill experiment, over classes."""

import msgspec
import numpy as np

from penstock.placement.fill import MEMORY_TASKS, empty_outlook, nodes_of, shapes_of, sizes_of
from penstock.placement.workload import Fleet, Workload

PLAN_EVENTS_MIN, PLAN_EVENTS_PER_NODE = 20_000, 10
RECENT = 60
"""A decision looks at the last so many changed states, and at the best of those seen before."""
NONE = -1


class Streamed(msgspec.Struct, frozen=True):
    """For each task the node that took it or -1, and thousandths of devices in use at the end."""

    nodes: np.ndarray
    used: int


def events_of(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Arrivals as task + 1 and departures as -(task + 1), in time order; at one instant departures first."""
    count = len(starts)
    names = np.concatenate([np.arange(1, count + 1), -np.arange(1, count + 1)])
    return names[np.lexsort((names > 0, np.concatenate([starts, ends])))]


class Stream:
    """A fleet with its state between calls of `run`. Tasks that a call leaves running stay."""

    def __init__(self, fleet: Fleet, work: Workload, plan_events: int = 0, recent: int = RECENT) -> None:
        from penstock.placement.kernels.classes import Classes, Heaps
        from penstock.placement.kernels.stream import Pace

        count, shapes, width = len(fleet.cpu), len(work.cpu), int(fleet.devices.max(initial=1))
        plan_events = plan_events or max(PLAN_EVENTS_MIN, PLAN_EVENTS_PER_NODE * count)
        most = count + plan_events + 2
        slots = 1 << int(2 * most).bit_length()
        self.nodes, self.shapes = nodes_of(fleet, np.arange(count)), shapes_of(work)
        self.outlook, (self.sizes, self.size_of) = empty_outlook(fleet, work), sizes_of(work)
        self.weight, self.price = np.zeros(shapes), np.zeros(len(self.sizes))
        self.pace = Pace(1.0, MEMORY_TASKS, plan_events, recent)
        int64, int32, pairs = np.int64, np.int32, len(self.outlook.cpu_price)
        self.classes = Classes(
            *(np.zeros(shape, kind) for shape, kind in (
                (slots, int32), (most, int64), (most, int64), (most, int32), (most, int32),
                ((most, width), np.int16), ((most, pairs), np.float64), (most, np.float64),
                (most, int32), (most, int32), (most, int32), (2, int64),
                (count, int32), (count, int32), (count, int32),
            ))
        )  # fmt: skip
        self.heaps = Heaps(
            np.zeros((shapes, most), int32),
            np.zeros((shapes, most), np.float64),
            np.zeros(shapes, int64),
            np.zeros(shapes, int64),
            np.zeros((shapes, most), np.bool_),
            np.zeros(shapes, int64),
        )

    def run(self, tasks: np.ndarray, events: np.ndarray) -> Streamed:
        """Place the tasks as they come, by shape, and let them go; see `events_of`."""
        from penstock.placement.kernels import stream

        placed, _, used = stream.run(
            self.pace,
            self.nodes,
            self.shapes,
            self.size_of,
            self.sizes,
            tasks,
            events,
            self.outlook,
            self.classes,
            self.heaps,
            self.weight,
            self.price,
        )
        return Streamed(placed, int(used))
