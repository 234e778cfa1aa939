"""Acceptance: one table of measurements and what is found in each."""

import math
from datetime import UTC, datetime

import pytest

from penstock.base.quantity import ComputeRate
from penstock.fleet.accelerators import catalogue
from penstock.fleet.calibration import Thresholds, expected_precisions, judge, thresholds_for
from penstock.fleet.device import Device
from penstock.probes.host import calibration
from penstock.probes.standalone.sampling import BenchReport, Figure

GPU = Device(
    id="n1-gpu0",
    node="n1",
    model="h200",
    handle="GPU-1",
    stack="cuda",
    nominal=(
        ComputeRate("fp32", 67.0, "claimed"),
        ComputeRate("fp16", 989.0, "claimed"),
        ComputeRate("int8", 1979.0, "claimed"),
    ),
)
CPU = Device(id="n1-cpu0", node="n1", model="cpu", handle="0", stack="cpu")
GOOD = {"fp32": 50.0, "fp16": 700.0}


def found(
    device: Device, rates: dict, bandwidth: float = 4e12, spread: float = 0.02, nominal: float = 4.8e12
):
    measured = [ComputeRate(p, v, "measured") for p, v in rates.items()]
    accepted, findings = judge(
        device,
        measured,
        bandwidth,
        spread,
        thresholds_for(device.stack),
        nominal_bandwidth_bytes_per_s=nominal,
    )
    assert accepted is (not findings)
    return [f.partition(":")[0] for f in findings]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"rates": {"fp32": 50.0}}, ["precision_not_measured"]),
        ({"rates": {**GOOD, "fp16": 0.0}}, ["precision_not_measured"]),
        ({"rates": {**GOOD, "fp16": math.nan}}, ["precision_not_measured"]),
        ({"rates": {}, "bandwidth": 0.0}, ["precision_not_measured"] * 2 + ["bandwidth_not_measured"]),
        ({"rates": {**GOOD, "fp16": 989 * 1.05}}, []),
        ({"rates": {**GOOD, "fp16": 989 * 1.06}}, ["above_nominal"]),
        ({"rates": {**GOOD, "fp16": 989 * 0.30}}, []),
        ({"rates": {**GOOD, "fp16": 989 * 0.29}}, ["below_nominal"]),
        ({"rates": {**GOOD, "int8": 10.0}}, ["below_nominal"]),
        ({"bandwidth": 1e12}, ["below_nominal"]),
        ({"bandwidth": 1e12, "nominal": 0.0}, []),
        ({"bandwidth": 5.2e12}, ["above_nominal"]),
        ({"spread": 0.15}, []),
        ({"spread": 0.16}, ["spread_too_wide"]),
        ({"spread": math.nan}, ["spread_too_wide"]),
    ],
)
def test_gpu_against_its_sheet(change: dict, expected: list[str]):
    assert found(GPU, **{"rates": GOOD, **change}) == expected


@pytest.mark.parametrize(
    ("rates", "spread", "expected"),
    [
        ({"fp64": 0.05, "fp32": 0.1}, 0.5, []),
        ({"fp64": 0.05, "fp32": 0.1}, 0.7, ["spread_too_wide"]),
        ({"fp32": 0.1}, 0.1, ["precision_not_measured"]),
    ],
)
def test_cores_have_no_sheet_and_may_vary_more(rates: dict, spread: float, expected: list[str]):
    assert found(CPU, rates, bandwidth=1e10, spread=spread, nominal=0.0) == expected


def test_expected_precisions_follow_the_stack_and_the_sheet():
    assert expected_precisions(CPU) == ("fp64", "fp32")
    assert expected_precisions(GPU) == ("fp32", "fp16")
    assert expected_precisions(Device(id="d", node="n", model="x", handle="0", stack="cann")) == ("fp32",)


def test_own_thresholds():
    strict = Thresholds(spread_max=0.01)
    accepted, findings = judge(
        CPU, [ComputeRate(p, 1.0, "measured") for p in ("fp64", "fp32")], 1e9, 0.02, strict
    )
    assert not accepted
    assert findings == ("spread_too_wide: results vary by 2%, at most 1% is accepted",)


def test_a_report_becomes_a_calibration():
    at = datetime(2026, 11, 23, tzinfo=UTC)
    report = BenchReport(
        rates={"fp64": Figure(0.05, 0.02, 15), "fp32": Figure(0.1, 0.04, 15)},
        memory=Figure(1e10, 0.03, 15),
        software={"numpy": "2"},
        remarks=("host_busy: said",),
    )
    result = calibration(CPU, at, report, catalogue())
    assert result.accepted
    assert result.spread == 0.04
    assert result.findings == ("host_busy: said",)
    assert {r.precision: (r.tflops, r.status) for r in result.measured} == {
        "fp64": (0.05, "measured"),
        "fp32": (0.1, "measured"),
    }
    assert result.software["numpy"] == "2"
    assert result.id == calibration(CPU, at, report, catalogue()).id
    refused = calibration(CPU, at, BenchReport(findings=("torch_missing: said",)), catalogue())
    assert (refused.accepted, refused.findings, refused.measured) == (False, ("torch_missing: said",), ())
