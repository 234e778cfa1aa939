"""This host: its node, its devices, and what each of them delivers."""

import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib import metadata

import httpx
import msgspec
import psutil

from penstock.app.ports import Discovered
from penstock.base.ids import derived_id
from penstock.base.quantity import ComputeRate, Precision
from penstock.base.refusal import ensure
from penstock.fleet.accelerators import Catalogue, catalogue
from penstock.fleet.calibration import judge, thresholds_for
from penstock.fleet.device import Calibration, Device, LinkMeasurement, Node
from penstock.fleet.telemetry import Sample, matched
from penstock.probes import nvidia
from penstock.probes.accelerator import bench_accelerator, bench_links, run_bench
from penstock.probes.cores import core_devices, core_groups, usable_cpus
from penstock.probes.limits import memory_limit
from penstock.probes.sampling import Sampler
from penstock.probes.scraping import scrape
from penstock.probes.standalone.sampling import BenchReport

BENCH_LIMIT_S = 120.0
SCRAPED_AT_ONCE = 8


class HostProbe:
    """Looks at this host: NVIDIA cards where there are any, otherwise CPU cores as devices."""

    def __init__(
        self,
        cores_per_device: int = 1,
        budget_s: float = 1.2,
        limit_s: float = BENCH_LIMIT_S,
        *,
        cpu_only: bool = False,
        scrapes: Sequence[str] = (),
        known: Callable[[], Catalogue] = catalogue,
    ) -> None:
        self.cpu_only = cpu_only
        self.cores_per_device = cores_per_device
        self.budget_s = budget_s
        self.limit_s = limit_s
        self.scrapes = tuple(scrapes)
        self._known = known
        self._sampler = Sampler()

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
            return Discovered(node, tuple(nvidia.card_device(node.id, card, self._known()) for card in cards))
        groups = ensure(core_groups(cpus, self.cores_per_device))
        return Discovered(node, core_devices(node, groups))

    def calibrate(self, device: Device, at: datetime) -> Iterator[Calibration]:
        """Measure one device in a process of its own; yields the one result, accepted or not."""
        yield calibration(device, at, self._bench(device), self._known())

    def sample(self, devices: Sequence[Device]) -> Mapping[str, Sample]:
        """This host's devices by what it has, those of other hosts by the endpoints that were named."""
        here = node_id(platform.node())
        found = dict(self._sampler.sample([device for device in devices if device.node == here]))
        with ThreadPoolExecutor(SCRAPED_AT_ONCE) as pool:
            for samples in pool.map(lambda url: scrape(url, httpx.URL(url).host), self.scrapes):
                found |= matched(samples, devices)
        return found

    def _bench(self, device: Device) -> BenchReport:
        if device.stack != "cpu":
            return bench_accelerator(device, self.budget_s, self.limit_s, known=self._known())
        command = (
            *(sys.executable, "-P", "-m", "penstock.probes.bench", "--cpus", device.handle),
            *("--budget-s", str(self.budget_s), "--memory-bytes", str(device.memory_bytes)),
        )
        return run_bench(command, {}, self.limit_s)

    def links(self, devices: Sequence[Device], at: datetime) -> LinkMeasurement:
        """Measure an all-reduce among devices of this host, all of one stack."""
        members = tuple(device.id for device in devices)
        name = derived_id("links", *members, at.isoformat())
        report = bench_links(devices, self.limit_s, known=self._known())
        if isinstance(report, str):
            return LinkMeasurement(
                id=name, at=at, kind="device", members=members, backend="", message_bytes=0,
                bus_bytes_per_s=0.0, spread=0.0, software={}, findings=(report,),
            )  # fmt: skip
        return LinkMeasurement(
            id=name,
            at=at,
            kind="device",
            members=members,
            backend=report.backend,
            message_bytes=report.message_bytes,
            bus_bytes_per_s=report.bus_bytes_per_s,
            spread=report.spread,
            software={"penstock": metadata.version("penstock"), **report.software},
            findings=report.findings,
        )


def calibration(device: Device, at: datetime, report: BenchReport, known: Catalogue) -> Calibration:
    """The stored result of a bench: what it measured, and whether the device is accepted."""
    rates = tuple(
        ComputeRate(msgspec.convert(p, Precision), figure.value, "measured", "penstock.probes.bench")
        for p, figure in report.rates.items()
    )
    figures = (*report.rates.values(), *((report.memory,) if report.memory else ()))
    spread = max((f.spread for f in figures), default=0.0)
    bandwidth = report.memory.value if report.memory else 0.0
    entry = known.get(device.model)
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
