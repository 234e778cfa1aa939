"""A world being planned: what is taken, who is next, where a job goes now, and from when at the latest.

Everything that asks "would it fit?" asks here: the loop, a quote, `why`, a plan to move jobs, a rehearsal.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np

from penstock.base.window import US_PER_SECOND, to_us
from penstock.lease.job import Attempt, AttemptState, Job
from penstock.lease.offer import Lease, LeaseState
from penstock.lease.tenant import TenantState
from penstock.placement import fits, reasons, throughput
from penstock.placement.fair import Usage
from penstock.placement.filters import takes_any
from penstock.placement.gang import choose
from penstock.placement.kind import kind_of
from penstock.placement.layout import layout_of
from penstock.placement.model import World
from penstock.placement.need import NEVER_US, Need, sure_end_us
from penstock.placement.scoring import Scorer, Scores
from penstock.placement.snapshot import Booked, Groups, Holding, Snapshot, groups_of

STEPS_MAX = 256
"""How many instants at which something frees up are looked at; beyond, the answer is "not known"."""
BOOKING_STATES = (LeaseState.RESERVED, LeaseState.ACTIVE, LeaseState.SUSPENDED, LeaseState.ENDING)
PROMISE = "promise/"


class Start(NamedTuple):
    """From when a job could run at the latest, and where."""

    at_us: int
    groups: Groups


class Planner:
    """The world as it fills. Equal worlds give equal answers."""

    def __init__(self, world: World, now: datetime) -> None:
        self.world, self.now, self.now_us = world, now, to_us(now)
        self.layout = layout_of(world.nodes, world.devices)
        notice_us = world.rules.spot_notice_s * US_PER_SECOND
        self.snapshot = Snapshot(self.layout, self.now_us, notice_us)
        self.usage = Usage(self.layout, world.tenants, world.projects)
        self.leases = {lease.id: lease for lease in world.leases}
        self.running = {job.id: job for job in world.running}
        self.attempts = {attempt.id: attempt for attempt in world.attempts}
        self._cells_of_lease: dict[str, np.ndarray] = {}
        self._needs: dict[object, Need] = {}
        self._ranks: throughput.Ranks | None = None
        for lease in world.leases:
            self._book(lease)
        for attempt in world.attempts:
            self._occupy(attempt)
        mix = (*world.running, *world.queue)
        self.scorer = Scorer(world.rules.policy, self.snapshot, mix, world.revision)

    def _book(self, lease: Lease) -> None:
        if lease.state not in BOOKING_STATES:
            return
        end_us = to_us(lease.end)
        if lease.state is not LeaseState.RESERVED:  # past its end it holds until it has ended
            end_us = max(end_us, self.now_us + US_PER_SECOND)
        cells = tuple(self.layout.cells(lease.devices))
        self.snapshot.book(Booked(f"lease/{lease.id}", cells, to_us(lease.start), end_us, promise=False))
        if lease.lends_idle and lease.state is LeaseState.ACTIVE:
            self.snapshot.lent |= self.layout.mask(lease.devices)

    def _occupy(self, attempt: Attempt) -> None:
        job = self.running.get(attempt.job)
        per_node = job.spec.resources.devices_per_node if job else len(attempt.devices)
        groups = groups_of(self.layout, attempt.devices, per_node)
        cells = [cell for group in groups for cell in group]
        slots = tuple(attempt.slots_on(self.layout.devices([cell])[0]) for cell in cells)
        holding = self.take(
            attempt.id, attempt.tenant, job, groups, attempt.share, self.end_of(attempt), slots
        )
        assert holding.cells == tuple(cells)

    def end_of(self, attempt: Attempt) -> int:
        """When an attempt has surely ended: told to stop, or about to be, by its time limit, or with its lease."""
        job = self.running.get(attempt.job)
        spec = job.spec if job else None
        end_us = sure_end_us(spec, attempt.running_at or self.now)
        grace_us = spec.grace_s * US_PER_SECOND if spec else 0
        if attempt.state is AttemptState.STOPPING or (job and job.stop_reason is not None):
            end_us = min(end_us, to_us(attempt.stopping_at or self.now) + grace_us)
        lease = self.leases.get(attempt.lease or "")
        if lease is not None:
            end_us = min(end_us, to_us(lease.end) + grace_us)
        return max(end_us, self.now_us + 1)

    def take(
        self,
        name: str,
        tenant: str,
        job: Job | None,
        groups: Groups,
        share: int,
        until_us: int,
        slots: tuple[tuple[tuple[int, int], ...], ...] = (),
    ) -> Holding:
        """Occupy cells for an attempt, and count them for its tenant."""
        resources = job.spec.resources if job else None
        host = (resources.cpu_millicores, resources.memory_bytes) if resources else (0, 0)
        holding = self.snapshot.take(name, groups, share, host, until_us, slots)
        self.usage.add(tenant, job, holding)
        return holding

    def need(self, job: Job) -> Need:
        """What the job asks of this fleet."""
        kind = kind_of(job)
        if kind not in self._needs:
            need = Need(job, self.layout, self._lease_cells(job.lease), self._first(job))
            lease = self.leases.get(job.lease or "")
            if (
                lease is not None
            ):  # its jobs end with it, so what is promised for afterwards is not in their way
                need.length = min(need.length, max(to_us(lease.end) - self.now_us, 0))
            self._needs[kind] = need
        return self._needs[kind]

    def _first(self, job: Job) -> tuple[str, ...]:
        """The models that the job should have first, where it leaves that to the centre."""
        if throughput.asks(job):
            if self._ranks is None:
                self._ranks = throughput.rank_models(self.world, self.layout, self.usage)
            return self._ranks.get(kind_of(job), ())
        return self.world.preference if takes_any(job.spec.resources) else ()

    def share(self, job: Job, groups: Groups) -> int:
        """The thousandths that the job takes of each of these cells."""
        share = self.need(job).share
        return max(int(share[cell]) for group in groups for cell in group)

    def _lease_cells(self, name: str | None) -> np.ndarray | None:
        if name is None:
            return None
        if name not in self._cells_of_lease:
            lease = self.leases.get(name)
            self._cells_of_lease[name] = self.layout.mask(lease.devices if lease else ())
        return self._cells_of_lease[name]

    def gate(self, job: Job) -> str | None:
        """What keeps the job from every device, whichever it is."""
        tenant = self.usage.tenant(job.tenant)
        if job.lease is not None:  # it is paid ahead: a tenant without money goes on with it
            lease = self.leases.get(job.lease)
            if lease is None or lease.state != LeaseState.ACTIVE or not lease.window.contains(self.now):
                return reasons.LEASE_NOT_ACTIVE
        elif tenant is not None and tenant.state == TenantState.SUSPENDED:
            return reasons.TENANT_SUSPENDED
        return reasons.QUOTA if self.usage.excess(job) > 0 else None

    def within_quota_us(self, job: Job) -> int | None:
        """When so much of the tenant's own work has surely ended that the job is within its caps.

        Work of its project counts as its own alone where the job is in one.
        """
        excess = self.usage.excess(job)
        own = [attempt for attempt in self.attempts.values() if attempt.tenant == job.tenant]
        if job.project is not None:
            own = [a for a in own if (owner := self.running.get(a.job)) and owner.project == job.project]
        for end_us, volume in sorted((self.end_of(a), len(a.devices) * a.share) for a in own):
            excess -= volume
            if excess <= 0:
                return None if end_us >= NEVER_US else end_us
        return None

    def now_for(self, job: Job) -> Groups | None:
        """Where the job goes at this moment, by the policy; None where it does not fit."""
        need = self.need(job)
        scores = self.scorer.of(kind_of(job), need, job.spec)
        found = fits.fit_now(need, self.snapshot) if scores is None else self._kept_fit(need, scores)
        return choose(need, self.layout, found, self.snapshot.room, scores)

    def _kept_fit(self, need: Need, kept: Scores) -> fits.Fit:
        """What fits now, brought up to date at the rows that have changed since the kind came last."""
        changed = self.snapshot.changed
        if kept.found is None:
            kept.found = fits.fit_now(need, self.snapshot)
        elif kept.fit_seen < len(changed):
            rows = np.unique(changed[kept.fit_seen :])
            renewed = fits.fit_now(need, self.snapshot, rows)
            kept.found.cells[rows], kept.found.groups[rows] = renewed
        kept.fit_seen = len(changed)
        return kept.found

    def earliest(self, job: Job, after_us: int = 0, also: Iterable[int] = ()) -> Start | None:
        """The first instant from which the job surely fits for as long as it may last, and where.

        Looked for at the instants at which something frees up; None: not known, or never.
        """
        need = self.need(job)
        instants = sorted({*self.snapshot.ends_us(), *(at for at in also if at > self.now_us)})
        least = max(after_us, self._least_us(need))
        for at_us in [at for at in instants if at >= least][:STEPS_MAX]:
            found = fits.fit_at(need, self.snapshot, at_us)
            groups = choose(need, self.layout, found, self.snapshot.room)
            if groups is not None:
                return Start(at_us, groups)
        return None

    def _least_us(self, need: Need) -> int:
        """No earlier than this can as many whole devices be free as the job needs, whatever is booked."""
        if need.partial:
            return self.now_us
        ready = np.sort(self.snapshot.ready_us()[need.right])
        wanted = need.groups * need.per_node
        return int(ready[wanted - 1]) if wanted <= ready.size else NEVER_US

    def promise(self, job: Job, start: Start) -> None:
        """Keep these cells for the job from then on."""
        need = self.need(job)
        cells = tuple(cell for group in start.groups for cell in group)
        nodes = tuple(int(self.layout.node[group[0][0]]) for group in start.groups)
        end_us = min(start.at_us + need.length, NEVER_US)
        cpu = max(int(need.row_cpu[row]) for row, _ in cells)
        booked = Booked(PROMISE + job.id, cells, start.at_us, end_us, True, nodes, cpu, need.memory)
        self.snapshot.book(booked)

    def keeps(self, job: Job) -> Start | None:
        """The start that was promised to the job, if it can still be kept."""
        assert job.promise is not None
        devices = dict.fromkeys(device for task in job.promise.tasks for device in task)
        need, cells = self.need(job), self.layout.cells(devices)
        groups = groups_of(self.layout, devices, need.per_node)
        if len(cells) != len(devices) or len(groups) != need.groups:
            return None
        at_us = max(to_us(job.promise.start), self.now_us)
        if at_us == self.now_us:  # due: as soon as what is on them has gone
            on_them = [h.until_us for h in self.snapshot.holdings.values() if set(h.cells) & set(cells)]
            found = fits.fit_at(need, self.snapshot, max([at_us, *on_them]))
        else:
            found = fits.fit_at(need, self.snapshot, at_us)
        hosted = np.bincount([group[0][0] for group in groups], minlength=len(found.groups))
        good = all(found.cells[cell] for cell in cells) and bool((found.groups >= hosted).all())
        return Start(at_us, groups) if good else None
