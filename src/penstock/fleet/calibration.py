"""Acceptance of a device by what was measured on it: only an accepted device is sold."""

from collections.abc import Sequence

import msgspec

from penstock.base.quantity import ComputeRate, Precision
from penstock.fleet.device import Device

_EXPECTED: dict[str, tuple[Precision, ...]] = {"cpu": ("fp64", "fp32")}
_EXPECTED_WHERE_CLAIMED: tuple[Precision, ...] = ("fp32", "fp16", "bf16")


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of acceptance: fractions of the median, and of the nominal figure."""

    spread_max: float = 0.15
    ratio_min: float = 0.30
    ratio_max: float = 1.05
    """More than the sheet promises means another sheet: another card, or a figure for something else."""


def thresholds_for(stack: str) -> Thresholds:
    """Usual bounds. CPU cores share clock, caches and memory with all else on the host, so they may vary more."""
    return Thresholds(spread_max=0.60) if stack == "cpu" else Thresholds()


def expected_precisions(device: Device) -> tuple[Precision, ...]:
    """What must have been measured on a device before it is accepted."""
    fixed = _EXPECTED.get(device.stack)
    if fixed is not None:
        return fixed
    claimed = {rate.precision for rate in device.nominal}
    return tuple(p for p in _EXPECTED_WHERE_CLAIMED if p in claimed) or ("fp32",)


def judge(
    device: Device,
    rates: Sequence[ComputeRate],
    memory_bandwidth_bytes_per_s: float,
    spread: float,
    thresholds: Thresholds,
    nominal_bandwidth_bytes_per_s: float = 0.0,
) -> tuple[bool, tuple[str, ...]]:
    """Whether the device is accepted, and each reason against it as `code: sentence`.

    A nominal bandwidth of 0 is unknown and not compared.
    """
    measured = {rate.precision: rate.tflops for rate in rates}
    findings = [
        f"precision_not_measured: no {precision} result"
        for precision in expected_precisions(device)
        if not measured.get(precision, 0.0) > 0
    ]
    if not memory_bandwidth_bytes_per_s > 0:
        findings.append("bandwidth_not_measured: no memory bandwidth")
    if not 0 <= spread <= thresholds.spread_max:
        findings.append(
            f"spread_too_wide: results vary by {spread:.0%}, at most {thresholds.spread_max:.0%} is accepted"
        )
    for rate in device.nominal:
        figure = measured.get(rate.precision, 0.0)
        findings += _against_nominal(f"{rate.precision} TFLOPS", figure, rate.tflops, thresholds)
    findings += _against_nominal(
        "GB/s", memory_bandwidth_bytes_per_s / 1e9, nominal_bandwidth_bytes_per_s / 1e9, thresholds
    )
    return not findings, tuple(findings)


def _against_nominal(unit: str, measured: float, nominal: float, bounds: Thresholds) -> list[str]:
    if not (measured > 0 and nominal > 0):
        return []
    ratio = measured / nominal
    said = f"measured {measured:.4g} {unit} is {ratio:.0%} of the nominal {nominal:.4g}"
    if ratio > bounds.ratio_max:
        return [f"above_nominal: {said}; check the model and that the nominal figure is the dense one"]
    if ratio < bounds.ratio_min:
        return [
            f"below_nominal: {said}, under {bounds.ratio_min:.0%}; check power, cooling, clocks, other load"
        ]
    return []
