"""Samples of this host's devices: NVML, the vendors' tools, and CPU times."""

import contextlib
import shutil
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psutil
import structlog

from penstock.base.refusal import ensure
from penstock.fleet.accelerators import catalogue
from penstock.fleet.cpulist import parse_cpu_list
from penstock.fleet.device import Device
from penstock.fleet.telemetry import Sample, matched
from penstock.probes import nvidia
from penstock.probes.smi import TOOLS

TOOL_LIMIT_S = 10.0
KEPT_S = 1.0
_TICK_S = 0.05
_LOG = structlog.get_logger()


class Sampler:
    """Samples devices of this host. Who asks again within a second gets the same answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times = psutil.cpu_times(percpu=True)
        self._taken_s = 0.0
        self._asked: tuple[str, ...] = ()
        self._found: Mapping[str, Sample] = {}

    def sample(self, devices: Sequence[Device]) -> Mapping[str, Sample]:
        """Device id -> sample, of those devices that could be sampled."""
        names = tuple(device.id for device in devices)
        with self._lock:
            if names != self._asked or time.monotonic() - self._taken_s > KEPT_S:
                self._found = self._taken(devices)
                self._asked, self._taken_s = names, time.monotonic()
            return self._found

    def _taken(self, devices: Sequence[Device]) -> dict[str, Sample]:
        by_tool: dict[str, list[Device]] = defaultdict(list)
        for device in devices:
            by_tool[tool_of(device)].append(device)
        found: dict[str, Sample] = {}
        for tool, own in by_tool.items():
            if tool == "cpu":
                found |= self._cores(own)
            elif tool == "nvidia-smi":
                found |= matched(nvidia.samples(), own)
            elif tool in TOOLS:
                found |= matched(run_tool(tool), own)
        return found

    def _cores(self, devices: Iterable[Device]) -> dict[str, Sample]:
        """Busy CPU time since the last time asked. What memory the programs of a core use, nobody counts."""
        now = psutil.cpu_times(percpu=True)
        if all(
            _busy_and_all(a)[1] - _busy_and_all(b)[1] < _TICK_S for a, b in zip(now, self._times, strict=True)
        ):
            time.sleep(_TICK_S)
            now = psutil.cpu_times(percpu=True)
        found = {}
        for device in devices:
            pairs = [(self._times[n], now[n]) for n in ensure(parse_cpu_list(device.handle)) if n < len(now)]
            busy = sum(_busy_and_all(after)[0] - _busy_and_all(before)[0] for before, after in pairs)
            whole = sum(_busy_and_all(after)[1] - _busy_and_all(before)[1] for before, after in pairs)
            found[device.id] = Sample(
                index=device.index,
                handle=device.handle,
                name="cpu",
                activity=min(max(busy / whole, 0.0), 1.0) if whole > 0 else None,
                temperature_c=_package_temperature(),
            )
        self._times = now
        return found


def tool_of(device: Device) -> str:
    """The name of the tool that says how a device is; '' where none is known."""
    if device.stack in {"cpu", "cuda"}:
        return {"cpu": "cpu", "cuda": "nvidia-smi"}[device.stack]
    accelerator = catalogue().get(device.model)
    return (accelerator.query_tool.split() or [""])[0] if accelerator else ""


def run_tool(name: str) -> tuple[Sample, ...]:
    """What a vendor's tool of this host says now; nothing where it is not installed or does not answer."""
    tool = TOOLS[name]
    path = shutil.which(tool.command[0])
    if path is None:
        return ()
    try:
        done = subprocess.run(
            (path, *tool.command[1:]), capture_output=True, timeout=TOOL_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _LOG.warning("no telemetry", tool=name, error=str(error))
        return ()
    return tuple(tool.parse(done.stdout.decode(errors="replace")))


def _busy_and_all(times: Any) -> tuple[float, float]:
    whole = sum(times[:8])
    return whole - times.idle - getattr(times, "iowait", 0.0), whole


def _package_temperature() -> float | None:
    """The hottest sensor of the processor, where the host shows one."""
    with contextlib.suppress(AttributeError, OSError):
        shown = psutil.sensors_temperatures()
        known = [one.current for name in ("coretemp", "k10temp", "zenpower") for one in shown.get(name, ())]
        return max(known, default=None)
    return None
