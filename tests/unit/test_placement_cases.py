"""Placement decisions, case by case."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from penstock.base.refusal import Refusal
from penstock.base.window import Window
from penstock.fleet.device import Device, DeviceState, Node
from penstock.lease.job import Attempt, Job, JobSpec, Resources, Variant
from penstock.lease.offer import Lease, LeaseState
from penstock.lease.tenant import Project, Tenant, TenantState
from penstock.placement.calendar import find
from penstock.placement.model import Request, World
from penstock.placement.solve import solve
from penstock.placement.tasks import check_split, split
from penstock.placement.why import why

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GIB = 2**30


def node(name, leaf="leaf", fabric="fabric", memory=64 * GIB):
    return Node(id=name, cpu_cores=8, memory_bytes=memory, leaf=leaf, fabric=fabric)


def devices(host, count, model="a", state=DeviceState.AVAILABLE, accepted=NOW, memory=80 * GIB):
    return tuple(
        Device(
            id=f"{host}-{i}",
            node=host,
            model=model,
            handle=str(i),
            index=i,
            state=state,
            accepted_at=accepted,
            memory_bytes=memory,
        )
        for i in range(count)
    )


def job(name, per_node=1, nodes=1, tasks=1, models=("a",), limit_s=None, lease=None, priority=0, **more):
    resources = Resources(
        models=models,
        devices_per_node=per_node,
        memory_bytes=more.pop("memory", 0),
        device_memory_bytes=more.pop("device_memory", 0),
    )
    spec = JobSpec(
        name=name,
        run="true",
        resources=resources,
        nodes=nodes,
        tasks_per_node=tasks,
        time_limit_s=limit_s,
        priority=priority,
    )
    return Job(id=name, tenant=more.pop("tenant", "t"), spec=spec, created_at=NOW, lease=lease, **more)


def lease(name, held, start=NOW - HOUR, end=NOW + HOUR, state=LeaseState.ACTIVE):
    return Lease(
        id=name,
        tenant="t",
        quote=name,
        offer="o",
        model="a",
        devices=held,
        start=start,
        end=end,
        price_micros_per_card_hour=1,
        created_at=NOW,
        state=state,
    )


def running(of, held):
    return Attempt(
        id=f"{of.id}-1",
        job=of.id,
        tenant=of.tenant,
        number=1,
        engine="local",
        devices=held,
        placed_at=NOW - HOUR,
        running_at=NOW - HOUR,
        lease=of.lease,
    )


def world(*nodes, fleet, **more):
    return World(revision=7, nodes=nodes, devices=fleet, **more)


def placed(plan):
    return {p.job: p.tasks for p in plan.placements}


def waiting(plan):
    return {w.job: (w.reason, w.counts) for w in plan.waiting}


def test_tasks_divide_the_devices_of_each_gang_node():
    fleet = devices("n1", 4) + devices("n2", 4)
    w = world(node("n1"), node("n2"), fleet=fleet, queue=(job("j", per_node=4, nodes=2, tasks=2),))
    assert placed(solve(w, NOW)) == {
        "j": (("n1-0", "n1-1"), ("n1-2", "n1-3"), ("n2-0", "n2-1"), ("n2-2", "n2-3"))
    }


@pytest.mark.parametrize(
    ("held", "tasks", "expected"),
    [
        ("ab", 1, (("a", "b"),)),
        ("abcd", 2, (("a", "b"), ("c", "d"))),
        ("ab", 4, (("a",), ("a",), ("b",), ("b",))),
    ],
)
def test_split(held, tasks, expected):
    assert split(tuple(held), tasks) == expected


@pytest.mark.parametrize(
    ("per_node", "tasks", "fine"), [(4, 2, True), (2, 4, True), (3, 2, False), (0, 1, False)]
)
def test_check_split_refuses_what_cannot_be_divided(per_node, tasks, fine):
    refusal = check_split(job("j", per_node=per_node, tasks=tasks).spec)
    assert (refusal is None) == fine
    assert fine or (isinstance(refusal, Refusal) and refusal.code == "tasks_not_divisible")


def test_a_job_in_an_image_goes_to_an_engine_that_runs_images():
    slurm = msgspec.structs.replace(node("n1"), engine="slurm", shares_devices=False, runs_images=False)
    plain = job("plain")
    image = msgspec.structs.replace(plain, id="j", spec=msgspec.structs.replace(plain.spec, image="a:1"))
    fleet = devices("n1", 1) + devices("n2", 1)
    w = world(slurm, node("n2"), fleet=fleet, queue=(image, plain))
    assert placed(solve(w, NOW)) == {"j": (("n2-0",),), "plain": (("n1-0",),)}
    w = world(slurm, fleet=devices("n1", 2), queue=(image,))
    assert waiting(solve(w, NOW)) == {"j": ("no_fit_software", {"no_fit_image": 2})}
    only_elsewhere = msgspec.structs.replace(plain.spec, variants={"cann": Variant(image="a:1")})
    w = world(slurm, fleet=devices("n1", 2), queue=(msgspec.structs.replace(plain, spec=only_elsewhere),))
    assert placed(solve(w, NOW)) == {"plain": (("n1-0",),)}


BUSY = job("other", per_node=1)
CASES = {
    "every fitting device is taken": (
        {"attempts": (running(BUSY, ("n1-0", "n1-1")),), "running": (BUSY,)},
        job("j"),
        ("busy", {"busy": 2}),
    ),
    "no such model": ({}, job("j", models=("b",)), ("no_fit_model", {"no_fit_model": 2})),
    "too little device memory": (
        {},
        job("j", device_memory=81 * GIB),
        ("no_fit_memory", {"no_fit_memory": 2}),
    ),
    "too little host memory": ({}, job("j", memory=65 * GIB), ("no_fit_memory", {"no_fit_host_memory": 2})),
    "more than there are": ({}, job("j", per_node=3), ("no_fit_fragmentation", {"too_large": 2})),
    "more nodes than there are": ({}, job("j", nodes=3), ("no_fit_fragmentation", {"too_large": 2})),
    "more than there are, and all are taken": (
        {"attempts": (running(BUSY, ("n1-0", "n1-1")),), "running": (BUSY,)},
        job("j", per_node=3),
        ("no_fit_fragmentation", {"too_large": 2}),
    ),
    "past the tenant's cap": (
        {"tenants": (Tenant(id="t", name="t", created_at=NOW, device_quota=1),)},
        job("j", per_node=2),
        ("no_fit_quota", {"no_fit_quota": 2}),
    ),
    "past the project's cap": (
        {"projects": (Project(id="p", tenant="t", name="p", device_quota=1),)},
        job("j", per_node=2, project="p"),
        ("no_fit_quota", {"no_fit_quota": 2}),
    ),
    "tenant suspended": (
        {"tenants": (Tenant(id="t", name="t", created_at=NOW, state=TenantState.SUSPENDED),)},
        job("j"),
        ("no_fit_price", {"tenant_suspended": 2}),
    ),
    "leased to others": ({"leases": (lease("l", ("n1-0", "n1-1")),)}, job("j"), ("busy", {"leased": 2})),
    "leased later, no time limit": (
        {"leases": (lease("l", ("n1-0", "n1-1"), NOW + HOUR, NOW + 2 * HOUR, LeaseState.RESERVED),)},
        job("j"),
        ("no_fit_booking", {"reserved": 2}),
    ),
    "lease not begun": (
        {"leases": (lease("l", ("n1-0",), NOW + HOUR, NOW + 2 * HOUR, LeaseState.RESERVED),)},
        job("j", lease="l"),
        ("busy", {"lease_not_active": 1}),
    ),
    "lease suspended": (
        {"leases": (lease("l", ("n1-0",), state=LeaseState.SUSPENDED),)},
        job("j", lease="l"),
        ("busy", {"lease_not_active": 1}),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_waiting_job_says_why_in_counts(case):
    more, asked, expected = CASES[case]
    w = world(node("n1"), fleet=devices("n1", 2), queue=(asked,), **more)
    assert waiting(solve(w, NOW)) == {"j": expected}


def test_only_accepted_devices_in_service_are_used():
    fleet = (
        *devices("n1", 1, state=DeviceState.CORDONED),
        *devices("n2", 1, accepted=None),
        *devices("n3", 1, state=DeviceState.PLANNED),
    )
    w = world(node("n1"), node("n2"), node("n3"), fleet=fleet, queue=(job("j"),))
    assert waiting(solve(w, NOW)) == {"j": ("busy", {"not_in_service": 2})}


def test_a_job_with_a_time_limit_may_run_before_a_booking():
    booked = lease("l", ("n1-0",), NOW + HOUR, NOW + 2 * HOUR, LeaseState.RESERVED)
    short, long = job("short", limit_s=3590), job("long", limit_s=3591)
    w = world(node("n1"), fleet=devices("n1", 1), leases=(booked,))
    assert placed(solve(msgspec.structs.replace(w, queue=(short,)), NOW))
    assert not placed(solve(msgspec.structs.replace(w, queue=(long,)), NOW))


def test_a_job_of_a_lease_uses_that_lease_only():
    w = world(
        node("n1"),
        fleet=devices("n1", 4),
        leases=(lease("l", ("n1-2", "n1-3")),),
        queue=(job("j", per_node=2, lease="l"), job("k", per_node=2)),
    )
    assert placed(solve(w, NOW)) == {"j": (("n1-2", "n1-3"),), "k": (("n1-0", "n1-1"),)}


def test_order_is_priority_then_age_then_id_and_smaller_jobs_may_pass():
    queue = (job("z"), job("b", per_node=4), job("a", per_node=3, priority=1))
    w = world(node("n1"), fleet=devices("n1", 4), queue=queue)
    plan = solve(w, NOW)
    assert [p.job for p in plan.placements] == ["a", "z"]
    assert waiting(plan)["b"] == ("no_fit_fragmentation", {"busy": 3, "too_few_free": 1})


def test_host_memory_of_running_jobs_counts():
    other = job("other", memory=40 * GIB)
    w = world(
        node("n1"),
        fleet=devices("n1", 2),
        attempts=(running(other, ("n1-0",)),),
        running=(other,),
        queue=(job("j", memory=25 * GIB),),
    )
    assert waiting(solve(w, NOW)) == {"j": ("no_fit_memory", {"busy": 1, "no_fit_host_memory": 1})}


GANGS = {
    "distinct nodes of one leaf, the tightest": (
        [("n1", "x", "f", 8), ("n2", "x", "f", 2), ("n3", "x", "f", 4), ("n4", "y", "f", 8)],
        {"per_node": 2, "nodes": 2},
        ("n2", "n3"),
    ),
    "one leaf before distinct nodes": (
        [("n1", "x", "f", 4), ("n2", "y", "f", 2)],
        {"per_node": 2, "nodes": 2},
        ("n1", "n1"),
    ),
    "one fabric where no leaf suffices": (
        [("n1", "x", "f", 2), ("n2", "y", "f", 2), ("n3", "z", "g", 2)],
        {"per_node": 2, "nodes": 2},
        ("n1", "n2"),
    ),
    "never over two fabrics": ([("n1", "x", "f", 2), ("n2", "x", "g", 2)], {"per_node": 2, "nodes": 2}, None),
    "a group never over two nodes": ([("n1", "x", "f", 1), ("n2", "x", "f", 1)], {"per_node": 2}, None),
}


@pytest.mark.parametrize("case", GANGS)
def test_gangs(case):
    hosts, shape, expected = GANGS[case]
    nodes = [node(name, leaf, fabric) for name, leaf, fabric, _ in hosts]
    fleet = tuple(d for name, _, _, count in hosts for d in devices(name, count))
    plan = solve(world(*nodes, fleet=fleet, queue=(job("j", **shape),)), NOW)
    tasks = placed(plan).get("j")
    assert (tasks and tuple(sorted(task[0].split("-")[0] for task in tasks))) == expected


def test_leftovers_of_a_gang_tell_topology_from_fragmentation():
    split_fabric = world(
        node("n1", fabric="f"),
        node("n2", fabric="g"),
        fleet=devices("n1", 2) + devices("n2", 2),
        queue=(job("j", per_node=2, nodes=2),),
    )
    assert waiting(solve(split_fabric, NOW)) == {"j": ("no_fit_topology", {"no_fit_topology": 4})}
    pieces = world(
        node("n1"),
        node("n2"),
        fleet=devices("n1", 2) + devices("n2", 2),
        attempts=(running(BUSY, ("n1-0", "n2-0")),),
        running=(BUSY,),
        queue=(job("j", per_node=2),),
    )
    answer = {"busy": 2, "no_fit_fragmentation": 2}
    assert waiting(solve(pieces, NOW)) == {"j": ("no_fit_fragmentation", answer)}


def test_a_gang_has_one_model_the_first_named_that_fits():
    fleet = devices("n1", 1, "a") + devices("n2", 2, "b")
    w = world(node("n1"), node("n2"), fleet=fleet, queue=(job("j", per_node=2, models=("a", "b")),))
    assert placed(solve(w, NOW)) == {"j": (("n2-0", "n2-1"),)}


def window(start_h, end_h):
    return Window(NOW + start_h * HOUR, NOW + end_h * HOUR)


def test_calendar_offers_compact_devices():
    fleet = devices("n1", 4) + devices("n2", 2) + devices("n3", 4)
    w = world(node("n1"), node("n2"), node("n3", leaf="other"), fleet=fleet)
    assert find(w, Request("a", 2, window(0, 1)), NOW).devices == ("n3-0", "n3-1")
    assert find(w, Request("a", 6, window(0, 1)), NOW).devices == (
        "n1-0",
        "n1-1",
        "n1-2",
        "n1-3",
        "n2-0",
        "n2-1",
    )


def test_calendar_says_from_when():
    booked = (
        lease("l", ("n1-0",), NOW + HOUR, NOW + 3 * HOUR, LeaseState.RESERVED),
        lease("m", ("n1-1",), NOW + 4 * HOUR, NOW + 5 * HOUR, LeaseState.RESERVED),
    )
    w = world(node("n1"), fleet=devices("n1", 2), leases=booked)
    assert find(w, Request("a", 2, window(0, 1)), NOW).available
    refused = find(w, Request("a", 2, window(0, 2)), NOW)
    assert refused.reasons == {"reserved": 1, "too_few_free": 1}
    assert refused.available_from == NOW + 5 * HOUR
    assert find(w, Request("a", 2, window(2, 3)), NOW).available_from == NOW + 3 * HOUR
    assert find(w, Request("a", 1, window(0, 3)), NOW).devices == ("n1-1",)
    assert find(w, Request("a", 3, window(0, 3)), NOW).available_from is None


@pytest.mark.parametrize(
    ("limit_s", "available_from"), [(None, None), (2 * 3600 - 10, NOW + HOUR), (3600 - 10, NOW)]
)
def test_calendar_and_work_on_demand(limit_s, available_from):
    other = job("other", limit_s=limit_s)
    w = world(node("n1"), fleet=devices("n1", 1), attempts=(running(other, ("n1-0",)),), running=(other,))
    answer = find(w, Request("a", 1, window(0, 1)), NOW)
    assert (NOW if answer.available else answer.available_from) == available_from


def test_why_names_the_latest_start_and_what_would_help():
    other, first, asked = (
        job("other", per_node=2, limit_s=7190),
        job("c", limit_s=50),
        job("j", per_node=2, nodes=2),
    )
    w = world(
        node("n1"),
        fleet=devices("n1", 4),
        attempts=(running(other, ("n1-0", "n1-1")),),
        running=(other,),
        queue=(asked, first),
    )
    answer = why(w, asked, NOW)
    assert (answer.ahead, answer.possible, answer.starts_by) == (1, True, NOW + HOUR)
    assert answer.counts == {"busy": 3, "too_few_free": 1}
    changes = {(option.change, option.value): option.starts_at for option in answer.options}
    assert changes["nodes", "1"] == NOW + timedelta(seconds=60)


def test_why_says_when_a_job_can_never_fit():
    asked = job("j", per_node=5)
    answer = why(world(node("n1"), fleet=devices("n1", 4), queue=(asked,)), asked, NOW)
    assert (answer.possible, answer.starts_by) == (False, None)


def test_why_offers_another_model():
    asked = job("j", models=("b",))
    answer = why(world(node("n1"), fleet=devices("n1", 2), queue=(asked,)), asked, NOW)
    assert [(o.change, o.value, o.starts_at) for o in answer.options] == [("model", "a", NOW)]
    assert answer.reason == "no_fit_model"
