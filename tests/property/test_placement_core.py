"""Shares, promises, fair share, spot work and moves: what holds for every plan, over generated worlds."""

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from penstock.fleet.device import Device, DeviceState, Node
from penstock.lease.job import Attempt, AttemptState, Checkpoint, Job, JobSpec, Resources
from penstock.lease.offer import Lease, LeaseState
from penstock.lease.tenant import Tenant
from penstock.placement import displace
from penstock.placement.defragment import defragment
from penstock.placement.fair import FIFO
from penstock.placement.model import Rules, World
from penstock.placement.planner import Planner
from penstock.placement.scoring import POLICIES
from penstock.placement.solve import solve, solve_first

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEVER = datetime.max.replace(tzinfo=UTC)
some = settings(max_examples=60, deadline=None)


@st.composite
def _device(draw, node, index):
    return Device(
        id=f"{node}-{index}",
        node=node,
        model=draw(st.sampled_from("aab")),
        handle="",
        stack="cuda",
        index=index,
        state=draw(st.sampled_from([DeviceState.AVAILABLE] * 7 + [DeviceState.DRAINING])),
        memory_bytes=draw(st.sampled_from([40, 80])),
        accepted_at=NOW,
    )


@st.composite
def fleets(draw):
    nodes, devices = [], []
    for i in range(draw(st.integers(1, 4))):
        leaf = draw(st.sampled_from("xy"))
        nodes.append(Node(id=f"n{i}", cpu_cores=draw(st.integers(1, 8)), memory_bytes=100, leaf=leaf))
        devices += [draw(_device(f"n{i}", k)) for k in range(draw(st.integers(1, 4)))]
    return tuple(nodes), tuple(devices)


@st.composite
def jobs(draw, name, *, spot=None):
    share = draw(st.sampled_from([1000, 1000, 1000, 500, 300, 810]))
    resources = Resources(
        models=draw(st.sampled_from([("a",), ("b", "a"), ()])),
        devices_per_node=draw(st.integers(1, 3)) if share == 1000 else 1,
        device_share=share,
        memory_bytes=draw(st.sampled_from([0, 0, 30])),
        device_memory_bytes=draw(st.sampled_from([0, 0, 30])),
        cpu_millicores=draw(st.sampled_from([0, 0, 1500])),
    )
    if len(resources.models) > 1 and draw(st.booleans()):
        speeds = tuple((model, draw(st.sampled_from([0.5, 1.0, 3.0]))) for model in resources.models)
        resources = msgspec.structs.replace(resources, throughput=speeds)
    spec = JobSpec(
        name="j",
        run="true",
        resources=resources,
        nodes=draw(st.integers(1, 2)),
        time_limit_s=draw(st.sampled_from([None, 600, 3600, 7200])),
        priority=draw(st.sampled_from([0, 0, 0, 1])),
        spot=draw(st.sampled_from([False, False, False, True])) if spot is None else spot,
        checkpoint=draw(st.sampled_from([None, Checkpoint()])),
    )
    created_at = NOW - draw(st.integers(0, 3)) * HOUR
    return Job(id=name, tenant=draw(st.sampled_from("tuv")), spec=spec, created_at=created_at)


def _lease(name, devices, start, lends):
    return Lease(
        id=name,
        tenant="t",
        quote=name,
        offer="o",
        model="a",
        devices=tuple(devices),
        start=NOW + start * HOUR,
        end=NOW + (start + 2) * HOUR,
        price_micros_per_card_hour=1,
        created_at=NOW,
        state=LeaseState.ACTIVE if start <= 0 else LeaseState.RESERVED,
        lends_idle=lends,
    )


def started(world, placements, at, hold):
    """The world after these placements were started; `hold` says how an attempt goes on."""
    queue = {job.id: job for job in world.queue}
    placed = [(queue[p.job], p) for p in placements]
    attempts = [
        hold(
            job,
            Attempt(
                id=f"{job.id}.{job.attempts + 1}",
                job=job.id,
                tenant=job.tenant,
                number=1,
                engine="local",
                devices=p.devices,
                tasks=p.tasks,
                placed_at=at,
                running_at=at,
                state=AttemptState.RUNNING,
                share=p.share,
                slots=p.slots,
                spot=job.spec.spot,
            ),
        )
        for job, p in placed
    ]
    names = {job.id for job, _ in placed}
    return msgspec.structs.replace(
        world,
        attempts=(*world.attempts, *attempts),
        running=(*world.running, *(job for job, _ in placed)),
        queue=tuple(job for job in world.queue if job.id not in names),
    )


def promised(world, plan):
    """The world with the promises of the plan written down."""
    promises = {line.job: line.promise for line in plan.waiting}
    queue = tuple(msgspec.structs.replace(job, promise=promises.get(job.id)) for job in world.queue)
    return msgspec.structs.replace(world, queue=queue)


@st.composite
def worlds(draw, *, policies=POLICIES):
    """A fleet on which some jobs were placed an hour ago by our own plan, and others wait."""
    nodes, devices = draw(fleets())
    names = [device.id for device in devices]
    leased = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    leases = (_lease("l", leased, draw(st.sampled_from([-1, 1, 3])), draw(st.booleans())),) if leased else ()
    rules = Rules(policy=draw(st.sampled_from(policies)), order=draw(st.sampled_from(["fair-share", FIFO])))
    first = tuple(draw(jobs(f"r{i}")) for i in range(draw(st.integers(0, 5))))
    tenants = tuple(Tenant(id=name, name=name, created_at=NOW) for name in "tuv")
    world = World(
        revision=draw(st.integers(0, 9)),
        nodes=nodes,
        devices=devices,
        leases=leases,
        queue=first,
        tenants=tenants,
        rules=rules,
    )
    before = NOW - HOUR / 2
    saved = st.sampled_from([(), (NOW - HOUR / 4,)])
    world = started(
        world,
        solve(world, before).placements,
        before,
        lambda _, attempt: msgspec.structs.replace(attempt, checkpoints=draw(saved)),
    )
    waiting = tuple(draw(jobs(f"q{i}")) for i in range(draw(st.integers(0, 6))))
    return msgspec.structs.replace(world, queue=waiting)


def slots_in_use(world, placements=()):
    """Thousandths in use by device, each with who uses it."""
    used = defaultdict(list)
    for attempt in world.attempts:
        for device in attempt.devices:
            used[device] += [(*slot, attempt.id) for slot in attempt.slots_on(device)]
    for placed in placements:
        for i, device in enumerate(placed.devices):
            slots = placed.slots[i] if placed.slots else ((0, 1000),)
            assert sum(high - low for low, high in slots) == placed.share
            used[device] += [(*slot, placed.job) for slot in slots]
    return used


@some
@given(worlds())
def test_no_dimension_of_any_device_or_node_is_over_committed(world):
    plan = solve(world, NOW)
    for slots in slots_in_use(world, plan.placements).values():
        ordered = sorted(slots)
        assert all(one[1] <= other[0] for one, other in pairwise(ordered))
        assert all(0 <= low < high <= 1000 for low, high, _ in ordered)
    device_of = {device.id: device for device in world.devices}
    everyone = {job.id: job for job in (*world.running, *world.queue)}
    holders = [(everyone[a.job], a.devices, a.share) for a in world.attempts]
    holders += [(everyone[p.job], p.devices, p.share) for p in plan.placements]
    cpu, memory = Counter(), Counter()
    for job, devices, share in holders:
        need = job.spec.resources
        for node, count in Counter(device_of[d].node for d in devices).items():
            cpu[node] += count // need.devices_per_node * need.cpu_millicores
            memory[node] += count // need.devices_per_node * need.memory_bytes
        if need.device_share < 1000 and need.device_memory_bytes:
            assert all(device_of[d].memory_bytes * share >= need.device_memory_bytes * 1000 for d in devices)
        assert share >= need.device_share
    for node in world.nodes:
        assert cpu[node.id] <= node.cpu_cores * 1000
        assert memory[node.id] <= node.memory_bytes


@some
@given(worlds())
def test_gangs_are_whole_and_equal_worlds_give_equal_plans(world):
    plan = solve(world, NOW)
    queue = {job.id: job for job in world.queue}
    for placed in plan.placements:
        assert len(placed.devices) == len(set(placed.devices)) == queue[placed.job].spec.devices
        assert {d for task in placed.tasks for d in task} == set(placed.devices)
    turned = msgspec.structs.replace(
        world,
        queue=world.queue[::-1],
        devices=world.devices[::-1],
        nodes=world.nodes[::-1],
        attempts=world.attempts[::-1],
    )
    again = solve(turned, NOW)
    assert (again.placements, again.waiting) == (plan.placements, plan.waiting)
    for line in plan.waiting:
        assert sum(line.counts.values()) == len(world.devices)


@some
@given(worlds())
def test_taking_and_releasing_restores_the_state_exactly(world):
    planner = Planner(world, NOW)
    snapshot = planner.snapshot
    before = [a.copy() for a in (snapshot.room, snapshot.cpu, snapshot.memory, snapshot.promised)]
    for job in world.queue:
        groups = planner.now_for(job)
        if groups is not None:
            share = max(int(planner.need(job).share[cell]) for group in groups for cell in group)
            need = job.spec.resources
            snapshot.take(job.id, groups, share, (need.cpu_millicores, need.memory_bytes), 1 << 62)
        start = planner.earliest(job)
        if start is not None:
            planner.promise(job, start)
    for job in reversed(world.queue):
        if job.id in snapshot.holdings:
            snapshot.release(job.id)
        if f"promise/{job.id}" in snapshot.booked:
            snapshot.unbook(f"promise/{job.id}")
    after = (snapshot.room, snapshot.cpu, snapshot.memory, snapshot.promised)
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
    fresh = Planner(world, NOW).snapshot
    for one, other in (
        (snapshot.at(t, t + 10**9, promises_alone=False), fresh.at(t, t + 10**9, promises_alone=False))
        for t in (planner.now_us, planner.now_us + 3600 * 10**6)
    ):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))


def least_share(job, world, device):
    """What a job takes of a device at least, by its compute and its memory."""
    need, memory = job.spec.resources, {d.id: d.memory_bytes for d in world.devices}[device]
    if need.device_share == 1000:
        return 1000
    return max(need.device_share, math.ceil(need.device_memory_bytes * 1000 / memory))


def end_of(job, start):
    limit = job.spec.time_limit_s
    return NEVER if limit is None else start + timedelta(seconds=limit + job.spec.grace_s)


@some
@given(worlds())
def test_the_calendar_is_never_broken(world):
    """Work on demand that starts now, or is promised a start, has surely ended when a lease begins."""
    plan = solve(world, NOW)
    queue = {job.id: job for job in world.queue}
    windows = [(queue[p.job], p.devices, NOW) for p in plan.placements]
    windows += [
        (queue[line.job], {d for task in line.promise.tasks for d in task}, line.promise.start)
        for line in plan.waiting
        if line.promise
    ]
    for job, devices, start in windows:
        for lease in world.leases:
            if not job.spec.spot and set(lease.devices) & set(devices):
                assert end_of(job, start) <= lease.start or start >= lease.end
            elif set(lease.devices) & set(devices):
                assert lease.start > NOW or lease.lends_idle


@some
@given(worlds(policies=("tightest", "penstock")), st.data())
def test_no_promise_is_ever_delayed(world, data):
    """Time passes, jobs end early or at their limit, equals and lesser jobs arrive: every start holds."""
    world = msgspec.structs.replace(world, queue=tuple(job for job in world.queue if job.spec.priority == 0))
    now, promises = NOW, {}
    for step in range(4):
        if data.draw(st.booleans()):  # a short turn before the whole one
            first = solve_first(world, now)
            for placed in first.placements:
                assert promises.pop(placed.job, now) >= now
            world = started(world, first.placements, now, lambda _, attempt: attempt)
        plan = solve(world, now)
        for line in plan.waiting:
            known = promises.get(line.job)
            assert known is None or (line.promise is not None and line.promise.start <= known)
            if line.promise is not None:
                promises[line.job] = line.promise.start
        for placed in plan.placements:
            assert promises.pop(placed.job, now) >= now
        evicted = {eviction.attempt for eviction in plan.evictions}
        world = started(promised(world, plan), plan.placements, now, lambda _, attempt: attempt)
        now += data.draw(st.sampled_from([HOUR / 12, HOUR / 2, HOUR]))
        now = min([now, *(start for start in promises.values() if start > now - HOUR)])
        jobs_of = {job.id: job for job in world.running}
        staying = [
            attempt
            for attempt in world.attempts
            if attempt.id not in evicted
            and end_of(jobs_of[attempt.job], attempt.running_at or now) > now
            and not data.draw(st.sampled_from([False, False, True]))
        ]
        arrived = tuple(
            msgspec.structs.replace(job, created_at=now, spec=msgspec.structs.replace(job.spec, priority=0))
            for job in (data.draw(jobs(f"s{step}{i}")) for i in range(data.draw(st.integers(0, 2))))
        )
        world = msgspec.structs.replace(
            world, attempts=tuple(staying), queue=(*world.queue, *arrived), leases=()
        )


@some
@given(worlds(policies=("tightest",)))
def test_evictions_are_of_spot_work_alone_and_none_is_in_vain(world):
    plan = solve(world, NOW)
    attempts = {attempt.id: attempt for attempt in world.attempts}
    waiting = {line.job: line for line in plan.waiting}
    notice = NOW + timedelta(seconds=max(10, world.rules.spot_notice_s))
    for eviction in plan.evictions:
        assert attempts[eviction.attempt].spot
        assert waiting[eviction.job].promise is not None
        assert waiting[eviction.job].promise.start <= notice
        assert eviction.lost_us == displace.lost_us(attempts[eviction.attempt], Planner(world, NOW).now_us)


@some
@given(worlds(policies=("tightest", "penstock")))
def test_moves_admit_the_job_and_each_moved_job_fits_elsewhere(world):
    assume(world.queue)
    job = world.queue[0]
    answer = defragment(world, job, NOW)
    moved = {move.attempt for move in answer.moves}
    attempts = {attempt.id: attempt for attempt in world.attempts}
    jobs_of = {j.id: j for j in world.running}
    assert answer.possible or (not answer.moves and sum(answer.counts.values()) == len(world.devices))
    if not answer.possible:
        return
    used = Counter()
    for attempt in world.attempts:
        if attempt.id not in moved:
            for device in attempt.devices:
                used[device] += attempt.share
    for move in answer.moves:
        owner = jobs_of[attempts[move.attempt].job]
        assert owner.spec.checkpoint is not None and owner.spec.priority <= job.spec.priority
        held = {d for task in move.promise.tasks for d in task}
        assert len(held) == owner.spec.devices
        for device in held:
            used[device] += least_share(owner, world, device)
    asked = {d for task in answer.promise.tasks for d in task}
    assert len(asked) == job.spec.devices
    for device in asked:
        used[device] += least_share(job, world, device)
    assert max(used.values()) <= 1000
    assert answer.cost_us == sum(move.lost_us + move.again_us for move in answer.moves)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_packs_shares(policy):
    """Ten jobs of three tenths on four devices: nine fit by every policy that does not spread them."""
    nodes = tuple(Node(id=f"n{i}", cpu_cores=8, memory_bytes=100) for i in range(2))
    devices = tuple(
        Device(id=f"{n.id}-{k}", node=n.id, model="a", handle="", stack="cuda", index=k,
               state=DeviceState.AVAILABLE, memory_bytes=80, accepted_at=NOW)
        for n in nodes for k in range(2)
    )  # fmt: skip
    spec = JobSpec(name="j", run="x", resources=Resources(models=("a",), device_share=300))
    queue = tuple(Job(id=f"j{i}", tenant="t", spec=spec, created_at=NOW) for i in range(13))
    plan = solve(
        World(revision=1, nodes=nodes, devices=devices, queue=queue, rules=Rules(policy=policy)), NOW
    )
    assert len(plan.placements) == 12
    assert [line.counts for line in plan.waiting] == [{"busy": 4}]
    assert np.unique([p.share for p in plan.placements]).tolist() == [300]
