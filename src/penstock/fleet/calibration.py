"""Acceptance of a device by what was measured on it: only an accepted device is sold."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median

import msgspec

from penstock.base.quantity import ComputeRate, Precision
from penstock.fleet.device import Calibration, Device

_EXPECTED: dict[str, tuple[Precision, ...]] = {"cpu": ("fp64", "fp32")}
_EXPECTED_WHERE_CLAIMED: tuple[Precision, ...] = ("fp32", "fp16", "bf16")


DRIFT_MAX = 0.10
"""How far under its accepted figure a device may be measured before an alarm is raised, a fraction."""
_TERA_PER_PETA = 1000


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """A device now delivers less than what it was accepted with: TFLOPS at a precision, or bytes per second.

    `same_software` is false where the two were measured with other versions, which may be the cause.
    """

    device: str
    figure: str
    accepted: float
    measured: float
    accepted_at: datetime
    measured_at: datetime
    same_software: bool


def measured_pflops(calibration: Calibration | None, precision: Precision) -> float | None:
    """Dense PFLOPS that one device delivers at a precision, by an accepted calibration; None where not measured."""
    if calibration is None or not calibration.accepted:
        return None
    return next((r.tflops / _TERA_PER_PETA for r in calibration.measured if r.precision == precision), None)


def measured_by_model(
    devices: Iterable[Device], calibrations: Mapping[str, Calibration]
) -> dict[str, dict[Precision, float]]:
    """Model -> precision -> dense PFLOPS of one device: the median over the accepted devices of the model."""
    found: dict[str, dict[Precision, list[float]]] = {}
    for device in devices:
        calibration = calibrations.get(device.id)
        for rate in calibration.measured if calibration and calibration.accepted else ():
            figures = found.setdefault(device.model, {}).setdefault(rate.precision, [])
            figures.append(rate.tflops / _TERA_PER_PETA)
    return {model: {p: median(values) for p, values in by.items()} for model, by in found.items()}


def drifts(history: Sequence[Calibration], most: float = DRIFT_MAX) -> tuple[Drift, ...]:
    """What the latest calibration of one device lacks against the one it was first accepted with.

    `history` is of one device, oldest first. A rise is no drift, and neither is a figure measured only once.
    """
    accepted = next((one for one in history if one.accepted), None)
    if accepted is None or accepted is history[-1]:
        return ()
    latest = history[-1]
    return tuple(
        Drift(
            device=latest.device,
            figure=figure,
            accepted=before,
            measured=now,
            accepted_at=accepted.at,
            measured_at=latest.at,
            same_software=accepted.software == latest.software,
        )
        for figure, before in _figures(accepted).items()
        if before > 0 and (now := _figures(latest).get(figure, 0.0)) < (1 - most) * before
    )


def _figures(calibration: Calibration) -> dict[str, float]:
    """Every figure of a calibration by name."""
    rates = {str(rate.precision): rate.tflops for rate in calibration.measured}
    return {**rates, "memory_bandwidth": calibration.memory_bandwidth_bytes_per_s}


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
