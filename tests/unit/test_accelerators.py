"""The catalogue: the collected table kept as it is, driver names told apart, sources side by side."""

import csv
from pathlib import Path

import pytest

from penstock.fleet.accelerators import (
    BYTES_PER_GIB,
    by_driver_name,
    catalogue,
    device_rates,
    find,
    is_sparse_figure,
    nearest,
    parse_catalogue,
)

COLLECTED = Path(__file__).parents[2] / "../shared/data/domain/accelerators.csv"
BUILT_IN = Path(__file__).parents[2] / "src/penstock/fleet/data/accelerators.csv"


def rates(name: str) -> dict[str, float]:
    return {r.precision: r.tflops for r in catalogue()[name].rates}


@pytest.mark.skipif(not COLLECTED.exists(), reason=f"{COLLECTED} is absent")
def test_built_in_table_keeps_every_collected_value():
    def table(path: Path) -> list[dict[str, str]]:
        return list(csv.DictReader(path.read_text("utf-8").splitlines()))

    collected, built_in = table(COLLECTED), table(BUILT_IN)
    assert [{key: row[key] for key in collected[0]} for row in built_in] == collected


def test_every_entry_has_source_confidence_and_a_stack():
    known = catalogue()
    assert len(known) == 43
    for accelerator in known.values():
        assert accelerator.stack
        assert accelerator.torch_device
        assert accelerator.confidence in ("high", "medium", "low")
        if accelerator.id != "cpu":
            assert accelerator.source
            assert accelerator.memory_bytes > 0
        for rate in accelerator.rates:
            assert rate.tflops > 0
            assert rate.status in ("claimed", "derived")
            assert rate.source


def test_dense_rates_by_precision():
    assert rates("h200") == {"fp32": 67.0, "fp16": 989.0, "bf16": 989.0, "int8": 1979.0}
    assert rates("v100") == {"fp32": 15.7, "fp16": 125.0}
    assert rates("ascend950pr") == {"fp8": 1000.0, "fp4": 2000.0}
    assert rates("l40s")["fp8"] == 733.0
    assert rates("cpu") == {}


def test_derived_figures_say_so():
    statuses = {r.precision: r.status for r in catalogue()["metax-c500"].rates}
    assert statuses == {"fp32": "claimed", "fp16": "derived", "bf16": "derived", "int8": "claimed"}


def test_conflicting_sources_stand_side_by_side():
    mlu = catalogue()["mlu590"]
    assert mlu.memory_bytes == 80 * BYTES_PER_GIB
    other = {c.figure: (c.value, c.confidence) for c in mlu.claims}
    assert other["memory_gb"] == (192.0, "low")
    for variant in find("ascend910b", catalogue()):
        claimed = [c.value for c in variant.claims if c.figure == "fp16" and c.status == "claimed"]
        assert claimed == [256.0, 280.0, 313.0, 320.0, 376.0]


def test_sparse_figures_are_recognised():
    h100 = catalogue()["h100"]
    assert is_sparse_figure(h100, "fp16", 1979)
    assert not is_sparse_figure(h100, "fp16", 989)
    assert not is_sparse_figure(h100, "fp64", 1979)


def test_a_package_of_two_devices_counts_its_rate_once():
    package = catalogue()["ascend910c"]
    halves = {r.precision: r.tflops for r in device_rates(package)}
    assert package.devices_per_card == 2
    assert halves["fp16"] == 376.0
    assert device_rates(catalogue()["h200"]) == catalogue()["h200"].rates


@pytest.mark.parametrize(
    ("name", "mib", "expected", "listed"),
    [
        ("NVIDIA H200", 143_771, "h200", True),
        ("NVIDIA H100 80GB HBM3", 81_559, "h100", True),
        ("NVIDIA A100-SXM4-80GB", 81_920, "a100", True),
        ("A100-SXM4-80GB", 81_920, "a100", True),
        ("Tesla T4", 15_360, "t4", True),
        ("NVIDIA A10", 23_028, "a10", True),
        ("NVIDIA L40S", 46_068, "l40s", True),
        ("NVIDIA GeForce RTX 4090", 24_564, "rtx4090", True),
        ("NVIDIA B200", 183_359, "b200", True),
        ("NVIDIA H20", 97_871, "h20", True),
        ("NVIDIA H20", 144_384, "h20-141gb", False),
        ("NVIDIA A100-SXM4-40GB", 40_960, "a100-sxm4-40gb", False),
        ("NVIDIA H100 PCIe", 81_559, "h100-pcie", False),
        ("NVIDIA GB10 (preview)", 0, "gb10-preview", False),
        ("???", 1, "unknown", False),
    ],
)
def test_driver_names(name: str, mib: int, expected: str, listed: bool):
    model, accelerator = by_driver_name(name, mib * 2**20, catalogue())
    assert model == expected
    assert accelerator is catalogue().get(expected)
    assert (accelerator is not None) is listed


def test_find_takes_ids_and_families_in_either_case():
    known = catalogue()
    assert [a.id for a in find(" H200 ", known)] == ["h200"]
    assert [a.id for a in find("Ascend910B", known)] == [f"ascend910b{n}" for n in (1, 2, 3, 4)]
    assert find("h300", known) == ()
    assert nearest("h20o", known) in ("h20", "h200")
    assert nearest("mlu370", known) == "mlu370-x8"
    assert nearest("zzzz", known) == ""


def test_a_broken_table_is_an_error():
    text = BUILT_IN.read_text("utf-8")
    with pytest.raises(ValueError, match="could not convert"):
        parse_catalogue(text.replace(",989,67,", ",fast,67,", 1))
    with pytest.raises(ValueError, match="Invalid enum value"):
        parse_catalogue(text, "id,figure,value,status,confidence,source,remark\nh200,fp8,1,guessed,low,x,\n")
