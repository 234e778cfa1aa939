"""The plan of one revision: order, place what fits, promise the others a start, and say why they wait."""

from collections import Counter
from collections.abc import Hashable
from datetime import datetime

from penstock.base.quantity import WHOLE
from penstock.base.window import US_PER_SECOND, from_us
from penstock.lease.job import Job, Promise
from penstock.placement import displace, fits
from penstock.placement.fair import Level, in_order, level_of
from penstock.placement.kind import kind_of
from penstock.placement.model import Eviction, Placement, Plan, Waiting, World
from penstock.placement.need import NEVER_US, length_us
from penstock.placement.planner import PROMISE, Planner, Start
from penstock.placement.reasons import book_reason
from penstock.placement.snapshot import Groups
from penstock.placement.tasks import split

ALIKE = 8
"""How many of one owner's jobs that are alike are promised a start later than soon: they go in order anyhow."""


def solve(world: World, now: datetime) -> Plan:
    """Place each waiting job, in order, or count why not.

    Conservative backfill: a job that does not fit now is promised the earliest start that is sure by what is
    known, and no job behind it is placed so that it could delay that. A job that fits leaves the rest to
    those behind it. Equal worlds give equal plans.
    """
    return Solution(Planner(world, now)).run()


def solve_first(world: World, now: datetime) -> Plan:
    """Place those that go at once, in order, up to the first that does not and was promised no start yet.

    What was promised stands. For the others nothing is looked for, so a plan costs little however many wait:
    why they wait, and from when they could start, is for `solve`.
    """
    return Solution(Planner(world, now), brief=True).run()


class Solution:
    """A plan while it is made. Of jobs that are alike and one owner's, so many are promised a start.

    A `brief` one is that of `solve_first`.
    """

    def __init__(self, planner: Planner, alike: int = ALIKE, *, brief: bool = False) -> None:
        self.planner = planner
        self._brief, self._blocked = brief, False
        self.placements: list[Placement] = []
        self.waiting: list[Waiting] = []
        self.evictions: list[Eviction] = []
        self.served = 0
        self._refused: dict[Hashable, Counter[str]] = {}
        self._after_us: dict[Hashable, int] = {}
        self._length_us: dict[Hashable, int] = {}
        self._left = planner.world.rules.promises
        self._alike, self._looked_for = alike, Counter[Hashable]()
        self._level: Level | None = None

    def run(self, until: str | None = None) -> Plan:
        """Serve the queue, or the part of it up to and without one job."""
        world = self.planner.world
        for job in in_order(world.queue, self.planner.usage, world.rules.order):
            if self._level != level_of(job):
                self._level = level_of(job)
                self._renew_promises(self._level)
            if job.id == until or self._blocked:
                break
            self._serve(job)
            self.served += 1
        return Plan(world.revision, tuple(self.placements), tuple(self.waiting), tuple(self.evictions))

    def _renew_promises(self, level: Level) -> None:
        """What was promised to jobs of this level stands, against their equals too, where it can be kept."""
        for job in sorted(self.planner.world.queue, key=lambda j: (j.created_at, j.id)):
            if job.promise is not None and level_of(job) == level and self.planner.gate(job) is None:
                start = self.planner.keeps(job)
                if start is not None:
                    self.planner.promise(job, start)

    def _serve(self, job: Job) -> None:
        planner = self.planner
        closed = planner.gate(job)
        kind = (kind_of(job), closed)
        held = planner.snapshot.booked.get(PROMISE + job.id)
        if held is not None:  # what was kept for it may serve others, should it go elsewhere
            planner.snapshot.unbook(held.name)
            self.forget(held.start_us)
        counts = self.answer(job, closed)
        if not isinstance(counts, Counter):
            self._place(job, counts)
            return
        if self._brief:
            if held is not None:
                planner.snapshot.book(held)
            self._blocked = held is None and closed is None and not job.spec.spot
            return
        start = None
        if closed is None and not job.spec.spot:
            start = self._start(job, kind, held.start_us if held else None)
        promise = None
        if start is not None:
            planner.promise(job, start)
            promise = Promise(start=from_us(start.at_us), tasks=tasks_of(planner, job, start.groups))
        self.waiting.append(Waiting(job.id, book_reason(counts), dict(counts), promise))

    def forget(self, since_us: int) -> None:
        """Something is free from then on: of what was refused that may fit which lasts longer than until then."""
        for kind, length in self._length_us.items():
            if self.planner.now_us + length > since_us:
                self._refused.pop(kind, None)
            if kind in self._after_us:
                self._after_us[kind] = min(self._after_us[kind], since_us - length + 1)

    def answer(self, job: Job, closed: str | None) -> Groups | Counter[str]:
        """Where the job goes now, or every considered device counted by what keeps it out.

        Jobs of one kind get the answer that the first of them got.
        """
        planner, kind = self.planner, (kind_of(job), closed)
        if kind in self._refused:
            return self._refused[kind]
        groups = planner.now_for(job) if closed is None else None
        if groups is not None:
            return groups
        self._length_us[kind] = planner.need(job).length
        # why it waits is for a whole plan to say
        why = Counter[str]() if self._brief else fits.counts(planner.need(job), planner.snapshot, closed)
        self._refused[kind] = why
        return self._refused[kind]

    def _start(self, job: Job, kind: Hashable, held_us: int | None) -> Start | None:
        """The start to promise: the first known, or sooner by evicting spot work."""
        planner = self.planner
        line = job.tenant, job.project, job.spec.priority, kind
        if held_us is None and (self._left <= 0 or self._looked_for[line] >= self._alike):
            return None
        self._left -= 1
        after_us = self._after_us.get(kind, 0)
        start = planner.earliest(job, after_us, () if held_us is None else (held_us,))
        notice_us = planner.world.rules.spot_notice_s * US_PER_SECOND
        if start is None or start.at_us > planner.now_us + notice_us:
            found = displace.spot(planner, job)
            if found is not None:
                self.evictions += found
                start = planner.earliest(job)
        self._after_us[kind] = NEVER_US if start is None else start.at_us
        if self._after_us[kind] > planner.now_us + notice_us:
            self._looked_for[line] += 1
        return start

    def _place(self, job: Job, groups: Groups) -> None:
        planner = self.planner
        share = planner.share(job, groups)
        until_us = min(planner.now_us + length_us(job.spec), NEVER_US)
        holding = planner.take(job.id, job.tenant, job, groups, share, until_us)
        slots = () if share == WHOLE else holding.slots
        devices = planner.layout.devices(holding.cells)
        self.placements.append(Placement(job.id, tasks_of(planner, job, groups), devices, share, slots))
        if self._brief:  # where no device has any room left, nobody else goes
            self._blocked = not planner.snapshot.room[planner.layout.sellable].any()


def tasks_of(planner: Planner, job: Job, groups: Groups) -> tuple[tuple[str, ...], ...]:
    """The devices of each task; rank = gang node × tasks a node + task on that node."""
    return tuple(
        task for group in groups for task in split(planner.layout.devices(group), job.spec.tasks_per_node)
    )
