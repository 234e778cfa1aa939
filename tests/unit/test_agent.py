"""A host's part of a gang: laid out by the server, filled by the host with what only it knows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import penstock
from penstock.app.ports import Start, TaskPlan
from penstock.engines.agent.format import ORDER, PARTS
from penstock.engines.agent.main import filled, host_facts, known_isolation
from penstock.engines.agent.shapes import Part
from penstock.engines.local.host import LEVELS, Host, Isolation
from penstock.engines.local.planning import Settings, attempt_files
from penstock.engines.local.supervisor.bases import NO_GROUPS
from penstock.engines.local.supervisor.format import PLAN
from penstock.engines.local.supervisor.shapes import Plan
from penstock.engines.local.supervisor.shown import system_mounts
from penstock.engines.node import Order, files, part_of
from penstock.engines.slurm.folder import read_log
from penstock.lease.job import JobSpec, Resources

DIRECTORY = Path("/shared/attempts/j.1")
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def gang(stack: str, *handles: tuple[str, ...]) -> Start:
    """Two tasks on each host."""
    tasks = tuple(
        TaskPlan(
            rank=rank, node=f"n{rank // 2}", local_rank=rank % 2, devices=held, handles=held, stack=stack
        )
        for rank, held in enumerate(handles)
    )
    spec = JobSpec(name="j", run="true", setup="true", resources=Resources(models=("x",)))
    return Start(attempt="j.1", job="j", tenant="t", spec=spec, tasks=tasks)


def part(order: Order, node: str) -> Part:
    parts = json.loads(files(order, DIRECTORY)[PARTS])
    return parts[node]


@pytest.fixture
def cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {8, 9})


@pytest.mark.usefixtures("cpus")
@pytest.mark.parametrize("isolation", LEVELS)
def test_a_filled_part_is_what_the_whole_engine_would_run(isolation: Isolation) -> None:
    start = gang("cpu", ("0",), ("1",))
    given = msgspec.structs.replace(
        start,
        tasks=tuple(
            msgspec.structs.replace(task, handles=(cpu,))
            for task, cpu in zip(start.tasks, ("8", "9"), strict=True)
        ),
    )
    host = Host(boot=BOOT, isolation=isolation, groups=NO_GROUPS, is_root=os.geteuid() == 0)
    own = part_of(DIRECTORY, "n0") / "j.1"
    whole = attempt_files(given, own, host, Settings(devices_given=True), system_mounts(()))
    expected = msgspec.json.decode(whole[PLAN], type=Plan)
    assert filled(part(Order(plan=start), "n0"), isolation) == expected


@pytest.mark.usefixtures("cpus")
def test_devices_are_those_that_the_scheduler_has_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    order = Order(plan=gang("cuda", ("a:0", "a:1"), ("a:2", "a:3"), ("a:0", "a:1"), ("a:2", "a:3")))
    plan = filled(part(order, "n1"), "process groups")
    assert [task["env"]["CUDA_VISIBLE_DEVICES"] for task in plan["tasks"]] == ["4,5", "6,7"]
    assert [task["env"]["RANK"] for task in plan["tasks"]] == ["2", "3"]
    assert plan["setups"][0]["env"]["CUDA_VISIBLE_DEVICES"] == "4,5"


@pytest.mark.usefixtures("cpus")
@pytest.mark.parametrize(
    ("stack", "set_by_scheduler", "read_by_program"),
    [
        ("cann", "ASCEND_RT_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES"),
        ("cann", "CUDA_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES"),
        ("rocm", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
    ],
)
def test_each_scheduler_names_devices_in_its_own_way(
    monkeypatch: pytest.MonkeyPatch, stack: str, set_by_scheduler: str, read_by_program: str
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv(set_by_scheduler, "6,7")
    order = Order(plan=gang(stack, ("0",), ("1",)))
    plan = filled(part(order, "n0"), "process groups")
    assert [task["env"][read_by_program] for task in plan["tasks"]] == ["6", "7"]


def test_a_log_is_read_from_any_offset(tmp_path: Path) -> None:
    directory = tmp_path / "j.1"
    directory.mkdir()
    (directory / ORDER).write_bytes(files(Order(plan=gang("cpu", ("0",), ("1",))), directory)[ORDER])
    assert read_log(directory, 0, 0, 10) == b""
    part_of(directory, "n0").joinpath("j.1").mkdir(parents=True)
    part_of(directory, "n0").joinpath("j.1/task-0.log").write_text("output")
    assert [read_log(directory, 0, at, 10) for at in (0, 3, 7, 2**62)] == [b"output", b"put", b"", b""]


def test_what_works_on_a_host_is_known_until_something_that_it_depends_on_changes(tmp_path: Path) -> None:
    attempt = tmp_path / "attempts" / "j.1"
    known = tmp_path / "hosts" / "n0"
    known.parent.mkdir()
    assert known_isolation(attempt, "n0") == ""
    known.write_text(f"{host_facts()}bubblewrap")
    assert known_isolation(attempt, "n0") == "bubblewrap"
    known.write_text("another start of the host\nbubblewrap")
    assert known_isolation(attempt, "n0") == ""


def test_the_agent_loads_nothing_that_takes_long():
    loads = "import sys; sys.path.append(sys.argv[1]); import penstock.engines.agent.main as _; print(*sys.modules)"
    source = str(Path(penstock.__file__).parents[1])
    said = subprocess.run([sys.executable, "-I", "-S", "-c", loads, source], capture_output=True, check=True)
    slow = {"collections", "contextlib", "ctypes", "enum", "functools", "json", "pathlib", "re", "shutil", "signal",
            "socket", "subprocess", "typing"}  # fmt: skip
    assert not slow & set(said.stdout.decode().split())
