"""What holds for every plan and every offer, over generated worlds."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.base.window import Window
from penstock.fleet.device import Device, DeviceState, Node
from penstock.lease.job import Attempt, Job, JobSpec, Resources
from penstock.lease.offer import Lease, LeaseState
from penstock.lease.tenant import Project, Tenant, TenantState
from penstock.placement import calendar, reasons
from penstock.placement.model import Request, World
from penstock.placement.solve import solve, solve_first
from penstock.placement.tasks import check_split
from penstock.placement.why import why

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MODELS = st.sampled_from([("a",), ("b",), ("a", "b"), ("any",), ()])
HOURS = st.integers(-3, 6)
STATES = st.sampled_from([DeviceState.AVAILABLE] * 6 + [DeviceState.DOWN, DeviceState.PLANNED])


@st.composite
def specs(draw):
    per_node, tasks = draw(st.sampled_from([(1, 1), (2, 1), (2, 2), (1, 2), (4, 2), (3, 3)]))
    resources = Resources(
        models=draw(MODELS),
        devices_per_node=per_node,
        memory_bytes=draw(st.sampled_from([0, 20, 60])),
        device_memory_bytes=draw(st.sampled_from([0, 0, 50])),
    )
    return JobSpec(
        name="j",
        run="true",
        resources=resources,
        nodes=draw(st.integers(1, 3)),
        tasks_per_node=tasks,
        time_limit_s=draw(st.sampled_from([None, 600, 3600, 9000])),
        priority=draw(st.integers(0, 2)),
    )


@st.composite
def jobs(draw, name, leases):
    return Job(
        id=name,
        tenant=draw(st.sampled_from("tu")),
        project=draw(st.sampled_from([None, "p"])),
        spec=draw(specs()),
        created_at=NOW - draw(st.integers(0, 3)) * HOUR,
        lease=draw(st.sampled_from([None, None, *leases])),
    )


@st.composite
def _device(draw, node, index, model):
    return Device(
        id=f"{node}-{index}",
        node=node,
        model=model,
        handle=str(index),
        index=index,
        state=draw(STATES),
        memory_bytes=draw(st.sampled_from([40, 80])),
        accepted_at=draw(st.sampled_from([NOW, NOW, NOW, None])),
    )


@st.composite
def fleets(draw):
    nodes, devices = [], []
    for i in range(draw(st.integers(1, 5))):
        leaf, fabric = draw(st.sampled_from([("x", "f"), ("y", "f"), ("x", "g")]))
        nodes.append(Node(id=f"n{i}", cpu_cores=1, memory_bytes=100, leaf=leaf, fabric=fabric))
        model = draw(st.sampled_from("ab"))
        devices += [draw(_device(f"n{i}", k, model)) for k in range(draw(st.integers(1, 5)))]
    return tuple(nodes), tuple(devices)


def _lease(name, devices, start, hours):
    return Lease(
        id=name,
        tenant="t",
        quote=name,
        offer="o",
        model="a",
        devices=tuple(devices),
        start=NOW + start * HOUR,
        end=NOW + (start + hours) * HOUR,
        price_micros_per_card_hour=1,
        created_at=NOW,
        state=LeaseState.ACTIVE if start <= 0 else LeaseState.RESERVED,
    )


@st.composite
def worlds(draw):
    """A fleet with leases on some devices (two in a row on a few), attempts on others, and a queue."""
    nodes, devices = draw(fleets())
    names = [d.id for d in devices]
    leased = draw(st.lists(st.sampled_from(names), unique=True, max_size=6))
    cut = draw(st.integers(0, len(leased)))
    leases = [_lease("l", leased[:cut], draw(st.integers(-2, 2)), 2), _lease("m", leased[cut:], 1, 2)]
    leases.append(_lease("late", leased, 5, 1))
    free = [name for name in names if name not in leased]
    held = draw(st.lists(st.sampled_from(free), unique=True, max_size=4)) if free else []
    done = [draw(jobs(f"r{i}", [])) for i in range(len(held))]
    attempts = [
        Attempt(
            id=job.id,
            job=job.id,
            tenant=job.tenant,
            number=1,
            engine="local",
            devices=(device,),
            placed_at=NOW - HOUR,
            running_at=draw(st.sampled_from([None, NOW - HOUR / 2])),
        )
        for job, device in zip(done, held, strict=True)
    ]
    states = st.sampled_from([TenantState.ACTIVE, TenantState.ACTIVE, TenantState.SUSPENDED])
    return World(
        revision=draw(st.integers(0, 9)),
        nodes=nodes,
        devices=devices,
        leases=tuple(leases),
        attempts=tuple(attempts),
        running=tuple(done),
        queue=tuple(draw(jobs(f"q{i}", ["l", "m"])) for i in range(draw(st.integers(0, 5)))),
        tenants=(
            Tenant(id="t", name="t", created_at=NOW, device_quota=draw(st.sampled_from([None, 4]))),
            Tenant(id="u", name="u", created_at=NOW, state=draw(states)),
        ),
        projects=(Project(id="p", tenant="t", name="p", device_quota=draw(st.sampled_from([None, 3]))),),
    )


def _placed(world):
    queue = {job.id: job for job in world.queue}
    for line in solve(world, NOW).placements:
        yield queue[line.job], line.tasks


def _held(tasks):
    return {device for task in tasks for device in task}


@settings(deadline=None)
@given(worlds())
def test_each_waiting_job_has_one_line_and_equal_worlds_give_equal_plans(world):
    plan = solve(world, NOW)
    lines = [line.job for line in (*plan.placements, *plan.waiting)]
    assert sorted(lines) == sorted(job.id for job in world.queue)
    assert plan.revision == world.revision
    shuffled = msgspec.structs.replace(
        world, queue=world.queue[::-1], devices=world.devices[::-1], nodes=world.nodes[::-1]
    )
    assert solve(shuffled, NOW) == plan


@settings(deadline=None)
@given(worlds())
def test_what_goes_first_goes_as_in_the_plan_of_all(world):
    first, whole = solve_first(world, NOW), solve(world, NOW)
    assert first.placements == whole.placements[: len(first.placements)]


@given(worlds())
def test_placed_devices_are_free_sellable_and_given_once(world):
    sellable = {d.id for d in world.devices if d.state == DeviceState.AVAILABLE and d.accepted_at is not None}
    taken = [device for attempt in world.attempts for device in attempt.devices]
    for _, tasks in _placed(world):
        taken += _held(tasks)
        assert _held(tasks) <= sellable
    assert len(taken) == len(set(taken))


@settings(deadline=None)
@given(worlds())
def test_a_gang_is_whole_and_each_group_on_one_node_in_one_fabric(world):
    node_of = {d.id: d.node for d in world.devices}
    nodes = {n.id: n for n in world.nodes}
    for job, tasks in _placed(world):
        spec = job.spec
        assert check_split(spec) is None
        assert len(tasks) == spec.tasks
        assert len(_held(tasks)) == spec.devices
        size = spec.tasks_per_node
        for group in range(spec.nodes):
            held = _held(tasks[group * size : (group + 1) * size])
            assert len(held) == spec.resources.devices_per_node
            assert len({node_of[device] for device in held}) == 1
        assert len({nodes[node_of[device]].fabric for device in _held(tasks)}) == 1


@settings(deadline=None)
@given(worlds())
def test_constraints_hold(world):
    by_id = {d.id: d for d in world.devices}
    memory = defaultdict(int)
    for attempt, job in zip(world.attempts, world.running, strict=True):
        memory[by_id[attempt.devices[0]].node] += job.spec.resources.memory_bytes
    leases = {lease.id: lease for lease in world.leases}
    used = Counter(attempt.tenant for attempt in world.attempts)
    for job, tasks in _placed(world):
        need, held = job.spec.resources, [by_id[device] for device in _held(tasks)]
        models = {d.model for d in held}
        assert len(models) == 1
        assert not need.models or "any" in need.models or models <= set(need.models)
        assert all(d.memory_bytes >= need.device_memory_bytes for d in held)
        for node, count in Counter(d.node for d in held).items():
            memory[node] += count // need.devices_per_node * need.memory_bytes
        used[job.tenant] += job.spec.devices
        if job.lease is not None:
            lease = leases[job.lease]
            assert lease.state == LeaseState.ACTIVE
            assert lease.window.contains(NOW)
            assert {d.id for d in held} <= set(lease.devices)
    placed_tenants = {job.tenant for job, _ in _placed(world)}
    for tenant in world.tenants:
        if tenant.id in placed_tenants:
            assert tenant.state != TenantState.SUSPENDED
            assert tenant.device_quota is None or used[tenant.id] <= tenant.device_quota
    placed_on = {by_id[d].node for _, tasks in _placed(world) for d in _held(tasks)}
    assert all(memory[node] <= 100 or node not in placed_on for node in memory)


@settings(deadline=None)
@given(worlds())
def test_work_on_demand_never_meets_a_booking(world):
    booked = defaultdict(list)
    for lease in world.leases:
        for device in lease.devices:
            booked[device].append(lease.window)
    for job, tasks in _placed(world):
        if job.lease is None:
            limit = job.spec.time_limit_s
            end = datetime.max.replace(tzinfo=UTC) if limit is None else NOW + timedelta(seconds=limit + 10)
            windows = [w for device in _held(tasks) for w in booked[device]]
            assert not any(w.overlap(Window(NOW, end)) for w in windows)


@settings(deadline=None)
@given(worlds())
def test_counts_add_up_to_the_devices_considered(world):
    jobs_by_id = {job.id: job for job in world.queue}
    commissioned = {d.id for d in world.devices if d.state != DeviceState.PLANNED}
    of_lease = {lease.id: set(lease.devices) for lease in world.leases}
    for line in solve(world, NOW).waiting:
        lease = jobs_by_id[line.job].lease
        considered = commissioned if lease is None else commissioned & of_lease[lease]
        assert sum(line.counts.values()) == len(considered)
        assert all(count > 0 for count in line.counts.values())
        assert set(line.counts) <= set(reasons.REASONS)
        assert line.reason == "busy" or line.reason.startswith("no_fit_")


requests = st.builds(
    lambda model, count, start, hours: Request(
        model, count, Window(NOW + start * HOUR, NOW + (start + hours) * HOUR)
    ),
    st.sampled_from("ab"),
    st.integers(1, 6),
    st.integers(0, 6),
    st.integers(1, 3),
)


def _is_free(world, name, window):
    """The plain twin: looks at every lease and attempt."""
    device = next(d for d in world.devices if d.id == name)
    free = device.state == DeviceState.AVAILABLE and device.accepted_at is not None
    free &= not any(name in lease.devices and lease.window.overlap(window) for lease in world.leases)
    for attempt, job in zip(world.attempts, world.running, strict=True):
        limit = job.spec.time_limit_s
        start = attempt.running_at or NOW
        free &= name not in attempt.devices or (
            limit is not None and start + timedelta(seconds=limit + 10) <= window.start
        )
    return free


@settings(deadline=None)
@given(worlds(), requests)
def test_the_calendar_offers_exactly_what_is_free(world, request):
    answer = calendar.find(world, request, NOW)
    free = [d.id for d in world.devices if d.model == request.model and _is_free(world, d.id, request.window)]
    assert answer.available == (len(free) >= request.devices)
    if answer.available:
        assert set(answer.devices) <= set(free)
        assert len(set(answer.devices)) == len(answer.devices) == request.devices
        assert not answer.reasons
    else:
        commissioned = sum(d.state != DeviceState.PLANNED for d in world.devices)
        assert sum(answer.reasons.values()) == commissioned


@settings(deadline=None)
@given(worlds(), requests)
def test_the_calendar_names_the_first_start_that_would_do(world, request):
    answer = calendar.find(world, request, NOW)
    if answer.available:
        return
    length = request.window.end - request.window.start

    def enough(start):
        window = Window(start, start + length)
        fitting = [d.id for d in world.devices if d.model == request.model]
        return sum(_is_free(world, name, window) for name in fitting) >= request.devices

    ends = {lease.end for lease in world.leases}
    for attempt, job in zip(world.attempts, world.running, strict=True):
        if job.spec.time_limit_s is not None:
            ends.add((attempt.running_at or NOW) + timedelta(seconds=job.spec.time_limit_s + 10))
    starts = sorted(start for start in ends if start > request.window.start and enough(start))
    assert answer.available_from == (starts[0] if starts else None)


@settings(deadline=None)
@given(worlds())
def test_why_agrees_with_the_plan(world):
    waiting = {line.job: line for line in solve(world, NOW).waiting}
    for job in world.queue[:2]:
        answer = why(world, job, NOW)
        if job.id in waiting:
            too_large = "too_large" in answer.counts
            assert answer.counts == waiting[job.id].counts
            assert answer.reason == ("too_large" if too_large else waiting[job.id].reason)
            assert not (too_large and answer.possible)
            assert answer.possible or answer.starts_by is None
            assert all(answer.starts_by is None or o.starts_at < answer.starts_by for o in answer.options)
        else:
            assert answer.starts_by == NOW
