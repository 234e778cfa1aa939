"""The measurements that any Python runs: all-reduce among processes of this host, and PyTorch where there is one."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from torch_python import python_with_torch

from penstock.fleet.accelerators import catalogue
from penstock.fleet.device import Device
from penstock.lease.variants import VISIBILITY, stack_environment
from penstock.probes import accelerator
from penstock.probes.accelerator import LinkReport, bench_accelerator, bench_links
from penstock.probes.standalone.sampling import figure_of, settle, unsteady

AT = datetime(2026, 11, 26, tzinfo=UTC)


def core(index: int) -> Device:
    cpus = sorted(os.sched_getaffinity(0))
    return Device(id=f"n-cpu{index}", node="n", model="cpu", handle=str(cpus[index % len(cpus)]))


def test_an_all_reduce_among_cores_of_this_host_is_right_and_has_a_bandwidth():
    report = bench_links([core(0), core(1), core(2)], limit_s=120, message_bytes=2**18)
    assert isinstance(report, LinkReport), report
    assert (report.world, report.backend, report.message_bytes) == (3, "ring", 2**18)
    assert report.bus_bytes_per_s > 0
    assert {"python", "numpy"} <= set(report.software)


def test_a_link_that_cannot_be_measured_says_why(monkeypatch):
    monkeypatch.setenv("PENSTOCK_TORCH_PYTHON", sys.executable)
    npu = [
        Device(id=f"n-npu{i}", node="n", model="ascend910b3", handle=str(i), stack="cann") for i in range(2)
    ]
    report = bench_links(npu, limit_s=60)
    assert isinstance(report, str)
    assert "torch" in report


def test_an_accelerator_without_pytorch_is_a_finding(monkeypatch):
    monkeypatch.setenv("PENSTOCK_TORCH_PYTHON", sys.executable)
    npu = Device(id="n-npu0", node="n", model="ascend910b3", handle="0", stack="cann")
    (finding,) = bench_accelerator(npu, 0.1, 60).findings
    assert finding.startswith("torch_missing: ")
    monkeypatch.setenv("PENSTOCK_TORCH_PYTHON", "/nowhere/python")
    assert bench_accelerator(npu, 0.1, 60).findings[0].startswith("torch_missing: ")


def test_warm_up_comes_before_what_counts_and_a_moving_figure_is_not_steady():
    now = 0.0
    seconds = iter([5.0] * 40 + [1.0] * 100)

    def operation() -> float:
        nonlocal now
        now += (took := next(seconds))
        return took

    assert settle(operation, lambda: now, budget_s=50, warm_up_s=190).value == 1.0
    rising = figure_of([1 + i / 20 for i in range(15)])
    assert not rising.steady
    assert unsteady({"fp16": rising, "fp32": figure_of([1.0] * 15)}) == (
        "not_steady: fp16 still moved at the end; measure longer",
    )


def test_every_stack_tells_a_program_its_device_back_end_and_variable():
    told = {stack: stack_environment(stack, catalogue()) for stack in {a.stack for a in catalogue().values()}}
    assert set(VISIBILITY) == set(told) - {"cpu"}
    assert {told[s]["PENSTOCK_TORCH_DEVICE"] for s in ("cuda", "maca", "rocm", "dtk")} == {"cuda"}
    assert [told[s]["PENSTOCK_COLLECTIVE"] for s in ("cuda", "cann", "neuware", "musa")] == [
        "nccl",
        "hccl",
        "cncl",
        "mccl",
    ]
    assert told["cann"]["PENSTOCK_TORCH_PLUGIN"] == "torch_npu"
    assert told["cpu"]["PENSTOCK_COLLECTIVE"] == "gloo"


@pytest.fixture
def torch_python() -> str:
    return python_with_torch()


def test_pytorch_measures_by_every_precision_it_has(torch_python):
    command = [torch_python, accelerator.script(accelerator.TORCH_BENCH), "--budget-s", "0.05"]
    done = subprocess.run(
        command, capture_output=True, check=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    report = json.loads(done.stdout)
    assert {"fp64", "fp32", "bf16"} <= set(report["rates"])
    assert all(figure["value"] > 0 for figure in report["rates"].values())
    assert report["memory"]["value"] > 0
    assert report["findings"] == []
    assert report["software"]["torch"]


def test_torch_distributed_measures_links(torch_python):
    port = accelerator._free_port()
    gang = [
        subprocess.Popen(
            [
                torch_python,
                accelerator.script(accelerator.LINK_BENCH),
                "--backend",
                "gloo",
                "--message-bytes",
                "262144",
            ],
            env={
                **os.environ,
                "RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "OMP_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    said = [one.communicate(timeout=240)[0] for one in gang]
    assert [one.returncode for one in gang] == [0, 0]
    assert json.loads(said[0])["bus_bytes_per_s"] > 0
    assert said[1] == b""
