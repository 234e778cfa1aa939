"""This host: its node, its devices, and what each of them delivers."""

import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata

import msgspec
import psutil

from penstock.app.ports import Discovered
from penstock.base.ids import derived_id
from penstock.base.quantity import ComputeRate, Precision
from penstock.base.refusal import ensure
from penstock.fleet.accelerators import catalogue
from penstock.fleet.calibration import judge, thresholds_for
from penstock.fleet.device import Calibration, Device, Node
from penstock.probes import nvidia
from penstock.probes.cores import core_devices, core_groups, usable_cpus
from penstock.probes.limits import memory_limit
from penstock.probes.sampling import BenchReport

BENCH_LIMIT_S = 120.0


class HostProbe:
    """Looks at this host: NVIDIA cards where there are any, otherwise CPU cores as devices."""

    def __init__(
        self,
        cores_per_device: int = 1,
        budget_s: float = 1.2,
        limit_s: float = BENCH_LIMIT_S,
        *,
        cpu_only: bool = False,
    ) -> None:
        self.cpu_only = cpu_only
        self.cores_per_device = cores_per_device
        self.budget_s = budget_s
        self.limit_s = limit_s

    def discover(self) -> Discovered:
        """The node and its devices, states left at planned; Refused where the grouping is impossible."""
        cpus = usable_cpus()
        node = Node(
            id=node_id(platform.node()),
            cpu_cores=len(cpus),
            memory_bytes=min(psutil.virtual_memory().total, memory_limit() or sys.maxsize),
        )
        cards = () if self.cpu_only else nvidia.cards()
        if cards:
            return Discovered(node, tuple(nvidia.card_device(node.id, card) for card in cards))
        groups = ensure(core_groups(cpus, self.cores_per_device))
        return Discovered(node, core_devices(node, groups))

    def calibrate(self, device: Device, at: datetime) -> Iterator[Calibration]:
        """Measure one device in a process of its own; yields the one result, accepted or not."""
        yield calibration(device, at, self._bench(device))

    def _bench(self, device: Device) -> BenchReport:
        if device.stack not in ("cpu", "cuda"):
            return BenchReport(findings=(f"stack_not_measurable: no bench for stack {device.stack!r} here",))
        option = "--cpus" if device.stack == "cpu" else "--gpu"
        command = (
            *(sys.executable, "-P", "-m", "penstock.probes.bench", option, device.handle),
            *("--budget-s", str(self.budget_s), "--memory-bytes", str(device.memory_bytes)),
        )
        try:
            done = subprocess.run(command, capture_output=True, timeout=self.limit_s, check=False)
        except subprocess.TimeoutExpired:
            return BenchReport(findings=(f"bench_timeout: no result within {self.limit_s:g} s",))
        try:
            return msgspec.json.decode(done.stdout, type=BenchReport)
        except msgspec.DecodeError:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            return BenchReport(findings=(f"bench_failed: exit {done.returncode}: {last[0][:200]}",))


def calibration(device: Device, at: datetime, report: BenchReport) -> Calibration:
    """The stored result of a bench: what it measured, and whether the device is accepted."""
    rates = tuple(
        ComputeRate(msgspec.convert(p, Precision), figure.value, "measured", "penstock.probes.bench")
        for p, figure in report.rates.items()
    )
    figures = (*report.rates.values(), *((report.memory,) if report.memory else ()))
    spread = max((f.spread for f in figures), default=0.0)
    bandwidth = report.memory.value if report.memory else 0.0
    entry = catalogue().get(device.model)
    nominal_bandwidth = entry.memory_bandwidth_bytes_per_s / entry.devices_per_card if entry else 0.0
    _, findings = judge(device, rates, bandwidth, spread, thresholds_for(device.stack), nominal_bandwidth)
    findings = report.findings + (findings if figures else ())
    return Calibration(
        id=derived_id("calibration", device.id, at.isoformat()),
        device=device.id,
        at=at,
        measured=rates,
        memory_bandwidth_bytes_per_s=bandwidth,
        spread=spread,
        software={"penstock": metadata.version("penstock"), **report.software, **_driver(device)},
        accepted=not findings,
        findings=findings + report.remarks,
    )


def node_id(host_name: str) -> str:
    """A valid id of a host name, short enough that device ids made from it are valid as well."""
    words = re.sub(r"[^a-z0-9._-]+", "-", host_name.lower())[:48].strip("._-")
    return words or "node"


def _driver(device: Device) -> dict[str, str]:
    return {"driver": nvidia.driver_version()} if device.stack == "cuda" else {}
