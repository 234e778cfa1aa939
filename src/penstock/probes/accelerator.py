"""Starts the standalone measurements: PyTorch on one accelerator, and all-reduce among the devices of this host."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import msgspec

from penstock.fleet.accelerators import Catalogue, catalogue
from penstock.fleet.device import Device
from penstock.lease.variants import VISIBILITY, stack_environment
from penstock.probes.standalone.sampling import BenchReport

TORCH_PYTHON = "PENSTOCK_TORCH_PYTHON"
WARM_UP_S = 20.0
"""Of full load before an accelerator is measured: its clocks have settled at its temperature by then."""
TORCH_BENCH = "penstock.probes.standalone.torch_bench"
LINK_BENCH = "penstock.probes.standalone.link_bench"


class LinkReport(msgspec.Struct, frozen=True):
    """What `link_bench.py` prints."""

    world: int
    backend: str
    message_bytes: int
    bus_bytes_per_s: float
    spread: float
    software: dict[str, str]
    findings: tuple[str, ...] = ()


def script(module: str) -> str:
    """The path of a standalone module, for another Python to run."""
    return str(Path(__file__).parent / "standalone" / f"{module.rpartition('.')[2]}.py")


def torch_python() -> str:
    """The Python whose PyTorch measures accelerators: the one that is named, or our own."""
    return os.environ.get(TORCH_PYTHON) or sys.executable


def bench_accelerator(
    device: Device,
    budget_s: float,
    limit_s: float,
    warm_up_s: float = WARM_UP_S,
    known: Catalogue | None = None,
) -> BenchReport:
    """Measure one accelerator by PyTorch in a process that sees no other."""
    chips = known or catalogue()
    visible = _visibility(device, chips)
    if not visible:
        return BenchReport(findings=(f"stack_not_measurable: no bench for stack {device.stack!r} here",))
    told = stack_environment(device.stack, chips)
    command = (
        *(torch_python(), script(TORCH_BENCH), "--device", told["PENSTOCK_TORCH_DEVICE"]),
        *(
            "--plugin",
            told["PENSTOCK_TORCH_PLUGIN"],
            "--budget-s",
            str(budget_s),
            "--warm-up-s",
            str(warm_up_s),
        ),
    )
    return run_bench(command, {visible: device.handle}, limit_s)


def _visibility(device: Device, chips: Catalogue) -> str:
    """The variable that shows a process only some devices; a chip of the site's own may name one."""
    own = chips[device.model].visible_devices if device.model in chips else ""
    return VISIBILITY.get(device.stack, own)


def run_bench(command: Sequence[str], environment: dict[str, str], limit_s: float) -> BenchReport:
    """The report that a bench prints; a finding where it prints none in time."""
    added = {name: value for name, value in environment.items() if name}
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=limit_s, check=False, env={**os.environ, **added}
        )
    except subprocess.TimeoutExpired:
        return BenchReport(findings=(f"bench_timeout: no result within {limit_s:g} s",))
    except OSError as error:
        return BenchReport(findings=(f"torch_missing: {command[0]}: {error.strerror}",))
    try:
        return msgspec.json.decode(done.stdout, type=BenchReport)
    except msgspec.DecodeError:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        return BenchReport(findings=(f"bench_failed: exit {done.returncode}: {last[0][:200]}",))


def bench_links(
    devices: Sequence[Device],
    limit_s: float,
    message_bytes: int = 64 * 2**20,
    known: Catalogue | None = None,
) -> LinkReport | str:
    """An all-reduce among these devices of this host, a process for each; why there is none otherwise."""
    port = _free_port()
    chips = known or catalogue()
    members = [
        subprocess.Popen(
            _link_command(device, message_bytes),
            env={**os.environ, **_gang(device, rank, port, devices, chips)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for rank, device in enumerate(devices)
    ]
    try:
        said = [member.communicate(timeout=limit_s) for member in members]
    except subprocess.TimeoutExpired:
        return f"bench_timeout: no result within {limit_s:g} s"
    finally:
        for member in members:
            member.kill()
            member.wait()
    try:
        return msgspec.json.decode(said[0][0], type=LinkReport)
    except msgspec.DecodeError:
        lines = b"\n".join(errors for _out, errors in said).decode(errors="replace").strip().splitlines()
        return f"bench_failed: {(lines[-1:] or ['no message'])[0][:200]}"


def _link_command(device: Device, message_bytes: int) -> tuple[str, ...]:
    if device.stack == "cpu":
        ring = (sys.executable, script(LINK_BENCH), "--backend", "ring")
        return (*ring, "--cpus", device.handle, "--message-bytes", str(message_bytes))
    return (torch_python(), script(LINK_BENCH), "--message-bytes", str(message_bytes))


def _gang(
    device: Device, rank: int, port: int, devices: Sequence[Device], chips: Catalogue
) -> dict[str, str]:
    """The variables of one member; the ring is the one that demonstration jobs use."""
    found = {
        "RANK": str(rank),
        "WORLD_SIZE": str(len(devices)),
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(resources.files("penstock") / "cli" / "demo_job"),
        **stack_environment(device.stack, chips),
    }
    visible = _visibility(device, chips)
    return {**found, visible: ",".join(one.handle for one in devices)} if visible else found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
