"""What the local engine decides before anything starts: environment, devices, mounts, limits."""

import ast
import os
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock.engines.agent
import penstock.engines.local.supervisor
from penstock.app.ports import Start, TaskPlan
from penstock.engines.local.environment import cpus_of, task_environment
from penstock.engines.local.filetree import attempt_mounts, bad_target
from penstock.engines.local.host import Host, Isolation
from penstock.engines.local.planning import Settings, attempt_files
from penstock.engines.local.stacks import STACKS
from penstock.engines.local.supervisor.bases import NO_GROUPS
from penstock.engines.local.supervisor.format import PLAN
from penstock.engines.local.supervisor.shapes import Plan
from penstock.engines.local.supervisor.shown import system_mounts
from penstock.fleet.accelerators import catalogue
from penstock.lease.job import JobSpec, Resources

HOST = Host(boot="boot", isolation=Isolation.BUBBLEWRAP, groups=NO_GROUPS, is_root=False)
GROUPS = {"v2": "/g", "v2_controllers": ["memory", "pids"], "v1": {}}


def plan(*tasks: TaskPlan, **spec: object) -> Start:
    resources = spec.pop("resources", Resources(models=("cpu",)))
    job = JobSpec(name="job", run="true", resources=resources, **spec)
    return Start(attempt="a", job="j", tenant="t", spec=job, tasks=tasks)


def task(rank: int = 0, stack: str = "cpu", handles: tuple[str, ...] = ("0",), node: str = "n") -> TaskPlan:
    return TaskPlan(rank=rank, node=node, local_rank=rank, devices=handles, handles=handles, stack=stack)


def environment(start: Start, rank: int = 0) -> dict[str, str]:
    return task_environment(start, start.tasks[rank], home="/h", tmp="/t", checkpoint="/c", expose=())


def supervised(start: Start, host: Host = HOST) -> Plan:
    files = attempt_files(start, Path("/root-of-engine/a"), host, Settings(), system_mounts(()))
    return msgspec.json.decode(files[PLAN], type=Plan)


@pytest.mark.parametrize(
    ("stack", "variable"),
    [
        ("cuda", "CUDA_VISIBLE_DEVICES"),
        ("cann", "ASCEND_RT_VISIBLE_DEVICES"),
        ("neuware", "MLU_VISIBLE_DEVICES"),
        ("rocm", "HIP_VISIBLE_DEVICES"),
        ("dtk", "HIP_VISIBLE_DEVICES"),
        ("musa", "MUSA_VISIBLE_DEVICES"),
        ("birensupa", "SUPA_VISIBLE_DEVICES"),
    ],
)
def test_each_stack_is_told_its_devices(stack, variable):
    assert environment(plan(task(stack=stack, handles=("2", "5"))))[variable] == "2,5"


def test_every_stack_of_the_catalogue_is_known():
    assert {accelerator.stack for accelerator in catalogue().values()} <= set(STACKS)


def test_the_program_cannot_overrule_what_makes_the_gang():
    start = plan(
        task(0), task(1), tasks_per_node=2, env={"RANK": "7", "OMP_NUM_THREADS": "3", "PATH": "/mine"}
    )
    variables = environment(start, rank=1)
    assert variables["RANK"] == "1"
    assert variables["OMP_NUM_THREADS"] == "3"
    assert variables["PATH"] == "/mine"


def test_node_ranks_follow_the_order_of_nodes():
    start = plan(task(0, node="x"), task(1, node="y"), nodes=2)
    assert [environment(start, rank)["NODE_RANK"] for rank in (0, 1)] == ["0", "1"]
    assert [environment(start, rank)["LOCAL_WORLD_SIZE"] for rank in (0, 1)] == ["1", "1"]


def test_the_cpus_of_a_task_are_those_of_all_its_handles():
    assert cpus_of(task(handles=("0-1,4", "6"))) == (0, 1, 4, 6)
    assert cpus_of(task(stack="cuda", handles=("0",))) == ()
    with pytest.raises(ValueError, match="no list of CPUs"):
        cpus_of(task(handles=("GPU-1",)))


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (plan(task(stack="unheard-of")), "device_unavailable"),
        (plan(task(stack="neuware")), "device_unavailable"),
        (plan(task(handles=("x",))), "device_unavailable"),
        (msgspec.structs.replace(plan(task()), volumes={"/proc/x": "/v"}), "mount_path"),
    ],
)
def test_a_gang_that_this_host_cannot_start_is_refused_whole(start, code):
    decided = supervised(start)
    assert decided["refused"].startswith(f"{code}\n")
    assert [one["env"] for one in decided["tasks"]] == [{}]


def test_volumes_are_refused_where_nothing_can_be_mounted():
    start = msgspec.structs.replace(plan(task()), volumes={"/data": "/v"})
    plain = msgspec.structs.replace(HOST, isolation=Isolation.PROCESS_GROUPS)
    assert supervised(start)["refused"] == ""
    assert supervised(start, plain)["refused"].startswith("volumes_unavailable\n")


def test_without_control_groups_limits_fall_back_to_those_of_a_process():
    start = plan(task(), resources=Resources(models=("cpu",), memory_bytes=2**30), max_processes=50)
    weak, strong = supervised(start), supervised(start, msgspec.structs.replace(HOST, groups=GROUPS))
    assert weak["resource_limits"] == {"CORE": 0, "DATA": 2**30, "NPROC": 50}
    assert weak["limits"]["memory"] == "prlimit, per process"
    assert strong["resource_limits"] == {"CORE": 0}
    assert strong["limits"]["memory"] == strong["limits"]["processes"] == "cgroup v2"
    assert strong["memory_bytes"] == 2**30


def test_the_memory_limit_counts_each_node_of_the_gang():
    resources = Resources(models=("cpu",), memory_bytes=2**30)
    start = plan(task(0, node="x"), task(1, node="y"), nodes=2, resources=resources)
    assert supervised(start)["memory_bytes"] == 2 * 2**30


def test_setup_runs_once_for_each_node():
    start = plan(task(0, node="x"), task(1, node="x"), task(2, node="y"), setup="true")
    assert [one["rank"] for one in supervised(start)["setups"]] == [0, 2]
    assert supervised(plan(task()))["setups"] == []


def test_stalls_are_judged_only_where_processor_time_is_the_activity():
    assert supervised(plan(task(handles=("0-1",))))["stall_cores"] == pytest.approx(2 * 0.02)


def test_nothing_of_the_data_directory_is_mounted_but_what_is_the_attempts():
    start = msgspec.structs.replace(
        plan(task()), checkpoint="/data/checkpoints/j", volumes={"/set": "/data/volumes/v"}
    )
    directory = Path("/data/engine/a")
    sources = {one["source"] for one in attempt_mounts(start, directory, "/checkpoint")}
    of_data = {source for source in sources if source.startswith("/data")}
    assert of_data == {
        *(f"{directory}/{name}" for name in ("tmp", "workdir", "run")),
        *("/data/checkpoints/j", "/data/volumes/v"),
    }
    assert "/" not in sources


PARTS = st.sampled_from(["a", "b", "..", ".", "", "etc", "proc", "workspace", "data"])
PATHS = st.tuples(st.sampled_from(["", "/", "//", "///"]), st.lists(PARTS, max_size=3)).map(
    lambda made: made[0] + "/".join(made[1])
)


@given(st.lists(PATHS, max_size=4))
def test_accepted_mount_paths_are_absolute_and_apart(targets):
    bad = bad_target(targets)
    if bad is not None:
        assert bad in targets
        return
    paths = [Path(os.path.normpath(target)) for target in targets]
    for index, path in enumerate(paths):
        assert targets[index].startswith("/")
        assert ".." not in targets[index].split("/")
        assert path.parts[0] == "/"
        assert path.parts[1] not in {"etc", "proc", "workspace"}
        assert not any(path.is_relative_to(other) for other in paths[:index] + paths[index + 1 :])


LIGHT = (penstock.engines.local.supervisor, penstock.engines.agent)


@pytest.mark.parametrize("package", LIGHT, ids=lambda package: package.__name__)
def test_what_runs_beside_jobs_needs_nothing_but_the_standard_library(package):
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                ours = name.startswith(tuple(light.__name__ for light in LIGHT))
                assert ours or name.partition(".")[0] in sys.stdlib_module_names, (
                    f"{path.name} imports {name}"
                )
