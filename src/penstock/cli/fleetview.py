"""Devices and calibrations on paper."""

from collections.abc import Iterable

import msgspec

from penstock.base.quantity import ComputeRate
from penstock.cli import formats
from penstock.cli.call import Call
from penstock.cli.output import print_fields, print_table
from penstock.fleet.device import Calibration, Device, DeviceInterval, Node


class FleetView(msgspec.Struct, frozen=True):
    """What the centre has, with the latest calibration of each device."""

    nodes: tuple[Node, ...]
    devices: tuple[Device, ...]
    calibrations: dict[str, Calibration]


def print_devices(fleet: FleetView) -> None:
    """One line a device."""
    rows = []
    for device in fleet.devices:
        latest = fleet.calibrations.get(device.id)
        rows.append(
            (
                device.id,
                device.node,
                device.model,
                formats.word(device.state),
                formats.yes(device.accepted_at is not None),
                formats.size(device.memory_bytes) if device.memory_bytes else formats.NONE,
                rates(latest.measured) if latest else formats.NONE,
            )
        )
    print_table(
        ("DEVICE", "NODE", "MODEL", "STATE", "ACCEPTED", "MEMORY", "MEASURED TFLOPS"), rows, right=(5,)
    )


def print_summary(fleet: FleetView) -> None:
    """How many devices of each model are in each state."""
    groups: dict[tuple[str, str], list[Device]] = {}
    for device in fleet.devices:
        groups.setdefault((device.model, formats.word(device.state)), []).append(device)
    rows = [
        (model, state, str(len({device.node for device in group})), str(len(group)))
        for (model, state), group in sorted(groups.items())
    ]
    print_table(("MODEL", "STATE", "NODES", "DEVICES"), rows, right=(2, 3))


def print_device(
    device: Device,
    calibration: Calibration | None,
    intervals: list[DeviceInterval],
    currency: str,
    call: Call,
) -> None:
    """One device with everything known of it."""
    print_fields(
        [
            ("device", device.id),
            ("node", device.node),
            ("model", device.model),
            ("handle", device.handle),
            ("stack", device.stack),
            ("state", formats.word(device.state)),
            ("memory", formats.size(device.memory_bytes) if device.memory_bytes else ""),
            ("commissioned", call.time(device.commissioned_at)),
            ("accepted at", call.time(device.accepted_at)),
            ("retired", call.time(device.retired_at)),
            ("cost", formats.money(device.cost_micros, currency) if device.cost_micros else ""),
            ("tranche", device.tranche),
            ("memory bandwidth", _bandwidth(calibration)),
            ("spread of results", formats.share(calibration.spread) if calibration else ""),
            ("measured with", _software(calibration)),
            ("findings", "; ".join(calibration.findings) if calibration else ""),
        ]
    )
    print()
    _print_rates(device.nominal, calibration.measured if calibration else ())
    print()
    rows = [
        (formats.word(one.state), call.time(one.start), call.time(one.end), one.reason) for one in intervals
    ]
    print_table(("STATE", "FROM", "TO", "REASON"), rows)


def print_calibrations(calibrations: list[Calibration]) -> None:
    """One line a calibrated device, with what speaks against it."""
    rows = [
        (
            one.device,
            formats.yes(one.accepted),
            rates(one.measured),
            _bandwidth(one),
            formats.share(one.spread),
            "; ".join(one.findings) or formats.NONE,
        )
        for one in calibrations
    ]
    print_table(
        ("DEVICE", "ACCEPTED", "MEASURED TFLOPS", "BANDWIDTH", "SPREAD", "FINDINGS"), rows, right=(3, 4)
    )


def rates(measured: Iterable[ComputeRate]) -> str:
    """Throughput at each precision."""
    return ", ".join(f"{rate.precision} {rate.tflops:.4g}" for rate in measured) or formats.NONE


def _print_rates(nominal: Iterable[ComputeRate], measured: Iterable[ComputeRate]) -> None:
    sheet = {rate.precision: rate for rate in nominal}
    bench = {rate.precision: rate for rate in measured}
    rows = []
    for precision in dict.fromkeys([*sheet, *bench]):
        said, found = sheet.get(precision), bench.get(precision)
        rows.append(
            (
                precision,
                f"{said.tflops:.4g} ({formats.word(said.status)})" if said else formats.NONE,
                f"{found.tflops:.4g}" if found else formats.NONE,
                formats.share(found.tflops / said.tflops) if said and found and said.tflops else formats.NONE,
            )
        )
    print_table(("PRECISION", "NOMINAL TFLOPS", "MEASURED TFLOPS", "RATIO"), rows, right=(1, 2, 3))


def _software(calibration: Calibration | None) -> str:
    return ", ".join(" ".join(one) for one in calibration.software.items()) if calibration else ""


def _bandwidth(calibration: Calibration | None) -> str:
    return f"{calibration.memory_bandwidth_bytes_per_s / 1e9:.1f} GB/s" if calibration else ""
