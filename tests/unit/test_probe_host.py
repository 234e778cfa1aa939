"""The probe on this very host, and the parts that read limits, names and topology."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from penstock.base.ids import check_id
from penstock.base.refusal import Refusal, Refused
from penstock.fleet.accelerators import catalogue
from penstock.fleet.cpulist import parse_cpu_list
from penstock.fleet.device import Device, DeviceState, Node
from penstock.probes import nvidia
from penstock.probes.cores import core_devices, core_groups, usable_cpus
from penstock.probes.host import HostProbe, node_id
from penstock.probes.limits import cpu_quota, memory_limit
from penstock.probes.standalone.sampling import BenchReport, Figure, as_rate, settle

AT = datetime(2026, 11, 23, tzinfo=UTC)
no_gpu = pytest.mark.skipif(bool(nvidia.cards()), reason="this host has NVIDIA cards")


@no_gpu
def test_discovers_the_cores_that_this_process_may_use():
    found = HostProbe().discover()
    allowed = os.sched_getaffinity(0)
    assert 1 <= len(found.devices) <= len(allowed)
    assert found.node.cpu_cores == len(found.devices)
    assert {int(d.handle) for d in found.devices} <= allowed
    assert [d.index for d in found.devices] == list(range(len(found.devices)))
    for device in found.devices:
        assert device.id == check_id(device.id)
        assert (device.model, device.stack, device.state) == ("cpu", "cpu", DeviceState.PLANNED)
        assert device.accepted_at is None
    assert 0 < sum(d.memory_bytes for d in found.devices) <= found.node.memory_bytes


@no_gpu
def test_affinity_narrows_what_is_found():
    one = min(os.sched_getaffinity(0))
    program = (
        f"import os; os.sched_setaffinity(0, {{{one}}});"
        "from penstock.probes.host import HostProbe; print([d.handle for d in HostProbe().discover().devices])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == f"['{one}']"


@no_gpu
def test_impossible_grouping_is_refused():
    with pytest.raises(Refused) as refused:
        HostProbe(cores_per_device=100_000).discover()
    assert refused.value.refusals[0].code == "cores_per_device_out_of_range"


@no_gpu
def test_without_a_driver_there_are_no_cards():
    assert nvidia.cards() == ()
    assert nvidia.driver_version() == ""


@pytest.mark.parametrize(
    ("cores_per_device", "handles"), [(1, ["0", "4", "1", "5", "2"]), (2, ["0,4", "1,5"]), (5, ["0-2,4-5"])]
)
def test_groups_keep_neighbours_together(cores_per_device: int, handles: list[str]):
    groups = core_groups((0, 4, 1, 5, 2), cores_per_device)
    assert not isinstance(groups, Refusal)
    devices = core_devices(Node(id="n", cpu_cores=5, memory_bytes=1000), groups)
    assert [d.handle for d in devices] == handles
    assert devices[0].memory_bytes == 200 * cores_per_device


@pytest.mark.parametrize("cores_per_device", [0, -1, 3])
def test_groups_that_do_not_fit(cores_per_device: int):
    refusal = core_groups((0, 1), cores_per_device)
    assert isinstance(refusal, Refusal)
    assert refusal.where == "cores_per_device"


def test_usable_cpus_are_a_part_of_the_affinity():
    assert set(usable_cpus()) <= os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GPU-07.Example", "gpu-07.example"),
        ("主机", "node"),
        ("", "node"),
        ("a_b c", "a_b-c"),
        ("x" * 90, "x" * 48),
    ],
)
def test_node_ids(name: str, expected: str):
    assert node_id(name) == expected
    assert check_id(expected + "-cpu1023") == expected + "-cpu1023"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("membership", "files", "quota", "memory"),
    [
        ("0::/\n", {}, None, None),
        ("0::/a/b\n", {"cpu.max": "400000 100000", "a/b/cpu.max": "150000 100000"}, 1.5, None),
        (
            "0::/a/b\n",
            {"a/cpu.max": "max 100000", "a/memory.max": "1024", "a/b/memory.max": "max"},
            None,
            1024,
        ),
        ("0::/a\n", {"unified/a/cpu.max": "50000 100000"}, 0.5, None),
        (
            "4:memory:/m\n3:cpu,cpuacct:/c\n0::/\n",
            {
                "cpu,cpuacct/c/cpu.cfs_quota_us": "200000",
                "cpu,cpuacct/c/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "memory/m/memory.limit_in_bytes": "2048",
            },
            2.0,
            2048,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, None),
    ],
)
def test_limits_of_control_groups(tmp_path: Path, membership: str, files: dict, quota, memory):
    write(tmp_path, {"self": membership})
    write(tmp_path / "fs", files)
    assert cpu_quota(tmp_path / "fs", tmp_path / "self") == quota
    assert memory_limit(tmp_path / "fs", tmp_path / "self") == memory


def test_a_card_becomes_a_device():
    h200 = nvidia.card_device("n1", nvidia.Card(3, "GPU-ab", "NVIDIA H200", 143_771 * 2**20), catalogue())
    assert (h200.id, h200.handle, h200.model, h200.stack) == ("n1-gpu3", "GPU-ab", "h200", "cuda")
    assert h200.nominal == catalogue()["h200"].rates
    unknown = nvidia.card_device("n1", nvidia.Card(0, "GPU-cd", "NVIDIA Future 9000", 2**30), catalogue())
    assert (unknown.model, unknown.nominal) == ("future-9000", ())


@no_gpu
def test_calibration_measures_every_core():
    probe = HostProbe(budget_s=0.1)
    device = probe.discover().devices[0]
    (result,) = probe.calibrate(device, AT)
    rates = {r.precision: r.tflops for r in result.measured}
    assert set(rates) == {"fp64", "fp32"}
    assert all(1e-4 < rate < 20 for rate in rates.values())
    assert 1e8 < result.memory_bandwidth_bytes_per_s < 1e12
    assert result.spread > 0
    assert {"penstock", "python", "numpy", "blas", "kernel", "processor"} <= set(result.software)
    assert result.accepted is not any(not f.startswith(("host_busy", "not_steady")) for f in result.findings)


@pytest.mark.parametrize(
    ("device", "code"),
    [
        (Device(id="d", node="n", model="cpu", handle="8000", memory_bytes=2**30), "cpus_not_usable"),
        (Device(id="d", node="n", model="cpu", handle="one"), "cpu_list_malformed"),
        (Device(id="d", node="n", model="ascend910b3", handle="0", stack="cann"), "torch_missing"),
        (Device(id="d", node="n", model="own", handle="0", stack="own"), "stack_not_measurable"),
    ],
)
def test_what_cannot_be_measured_is_said(device: Device, code: str):
    (result,) = HostProbe().calibrate(device, AT)
    assert not result.accepted
    assert [f.partition(":")[0] for f in result.findings] == [code]


@no_gpu
def test_a_gpu_without_pytorch_is_not_accepted():
    device = Device(id="d", node="n", model="h200", handle="GPU-0", stack="cuda")
    (result,) = HostProbe().calibrate(device, AT)
    assert not result.accepted
    assert result.findings[0].partition(":")[0] in ("torch_missing", "device_not_visible")


@no_gpu
def test_a_bench_that_hangs_is_ended():
    device = HostProbe().discover().devices[0]
    (result,) = HostProbe(budget_s=60, limit_s=0.05).calibrate(device, AT)
    assert (result.accepted, result.findings) == (False, ("bench_timeout: no result within 0.05 s",))


class Ticks:
    """A clock that moves by what the measured operation takes."""

    def __init__(self, durations: list[float]) -> None:
        self.durations = durations
        self.now = 0.0
        self.runs = 0

    def operation(self) -> float:
        took = self.durations[min(self.runs, len(self.durations) - 1)]
        self.runs += 1
        self.now += took
        return took


def test_settling_leaves_warm_up_and_disturbance_behind():
    ticks = Ticks([0.5] * 4 + [0.1] * 5 + [0.9] + [0.1] * 100)
    figure = settle(ticks.operation, lambda: ticks.now, budget_s=10)
    assert (figure.value, figure.samples) == (0.1, 15)
    assert figure.spread < 1e-9
    assert ticks.runs < 30


def test_settling_ends_with_the_budget():
    ticks = Ticks([0.1, 0.2] * 1000)
    figure = settle(ticks.operation, lambda: ticks.now, budget_s=5)
    assert ticks.now < 6
    assert figure.spread == pytest.approx(0.1 / figure.value)


def test_settling_takes_at_least_a_few_samples():
    ticks = Ticks([7.0])
    assert settle(ticks.operation, lambda: ticks.now, budget_s=1) == Figure(7.0, 0.0, 5)


def test_rates_keep_their_spread():
    assert as_rate(Figure(0.5, 0.1, 15), 3.0) == Figure(6.0, 0.1, 15)


def test_the_bench_prints_one_report():
    cpu = min(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "penstock.probes.bench", "--cpus", str(cpu), "--budget-s", "0.02"]
    done = subprocess.run(command, capture_output=True, check=True)
    report = msgspec.json.decode(done.stdout, type=BenchReport)
    assert report.findings == ()
    assert report.memory is not None
    assert parse_cpu_list(str(cpu)) == (cpu,)
