"""Vendors' tools and exporters as samples: on published output of real devices, and on nonsense."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.fleet.device import Device
from penstock.fleet.telemetry import Sample, matched
from penstock.probes.sampling import Sampler, run_tool, tool_of
from penstock.probes.scraping import parse_exposition, scrape
from penstock.probes.smi import MIB, TOOLS

RECORDED = Path(__file__).parent / "smi"


def smi(
    index: int, name: str, handle: str, used: int | None, total: int | None, power: float | None,
    temperature: float, activity: float | None = 0.0, errors: int | None = None,
) -> Sample:  # fmt: skip
    return Sample(
        index=index,
        name=name,
        handle=handle,
        activity=activity,
        memory_used_bytes=None if used is None else used * MIB,
        memory_total_bytes=None if total is None else total * MIB,
        power_w=power,
        temperature_c=temperature,
        errors=errors,
    )


EXPECTED = {
    ("npu-smi", "npu-smi-910c"): (
        smi(0, "Ascend910", "0000:9D:00.0", 3419, 65536, 162.6, 34),
        smi(1, "Ascend910", "0000:9F:00.0", 2874, 65536, None, 34),
    ),
    ("cnmon", "cnmon-mlu370-x8"): (
        smi(0, "MLU370-X8", "0000:13:00.0", 0, 20638, 107, 28, errors=0),
        smi(1, "MLU370-X8", "0000:16:00.0", 0, 20638, 107, 32, errors=0),
    ),
    ("hy-smi", "hy-smi-busy"): (
        smi(0, "", "", None, None, 511, 55, activity=1.0),
        smi(1, "", "", None, None, 504, 53, activity=1.0),
    ),
    ("hy-smi", "hy-smi-dcu"): (smi(0, "", "", None, None, 38, 30), smi(1, "", "", None, None, 41, 30)),
    ("mx-smi", "mx-smi-c550"): (smi(0, "MXC550", "0000:2a:00.0", 810, 65536, 44, 31),),
    ("mx-smi", "mx-smi-c500"): (smi(0, "MetaX C500", "0000:01:00.0", 858, 65536, 48, 45),),
    ("ixsmi", "ixsmi-bi-v150"): (
        smi(0, "Iluvatar BI-V150", "00000000:13:00.0", 116, 32768, None, 32),
        smi(1, "Iluvatar BI-V150", "00000000:16:00.0", 116, 32768, 93, 30),
    ),
    ("mthreads-gmi", "mthreads-gmi-s5000"): (
        smi(0, "MTT S5000", "00000000:2a:00.0", 66641, 81920, None, 52),
        smi(1, "MTT S5000", "00000000:3a:00.0", 64889, 81920, None, 51),
    ),
    ("xpu-smi", "xpu-smi-p800"): (
        smi(0, "P800 OAM", "00000000:52:00.0", 100, 98304, 98, 43, errors=0),
        smi(1, "P800 OAM", "00000000:55:00.0", 100, 98304, 86, 37, errors=0),
    ),
}


@pytest.mark.parametrize(("tool", "recording"), EXPECTED, ids=lambda value: value)
def test_what_a_tool_printed_on_real_devices_is_read(tool: str, recording: str) -> None:
    text = (RECORDED / f"{recording}.txt").read_text()
    assert text.startswith("# "), "a recording says where it is from"
    assert tuple(TOOLS[tool].parse(text)) == EXPECTED[tool, recording]


def test_every_tool_was_tried_on_a_recording_or_says_that_it_was_not() -> None:
    recorded = {tool for tool, _ in EXPECTED}
    assert {name for name, tool in TOOLS.items() if tool.tried_on} == recorded


@pytest.mark.parametrize("tool", TOOLS)
@given(text=st.text(st.sampled_from("|0123 /-CWMiB%:.aF\nHCU"), max_size=200))
def test_nonsense_gives_no_error(tool: str, text: str) -> None:
    for sample in TOOLS[tool].parse(text):
        assert sample.index >= 0


DCGM = """# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-aa",device="nvidia0",modelName="NVIDIA A100",Hostname="gpu-7"} 97
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-bb",device="nvidia1",modelName="NVIDIA A100",Hostname="gpu-7"} 0
# TYPE DCGM_FI_DEV_FB_USED gauge
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-aa",device="nvidia0",modelName="NVIDIA A100",Hostname="gpu-7"} 4845
# TYPE DCGM_FI_DEV_FB_FREE gauge
DCGM_FI_DEV_FB_FREE{gpu="0",UUID="GPU-aa",device="nvidia0",modelName="NVIDIA A100",Hostname="gpu-7"} 35690
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-bb",device="nvidia1",modelName="NVIDIA A100",Hostname="gpu-7"} NaN
"""


def test_dcgm_exporter_is_read() -> None:
    busy, idle = parse_exposition(DCGM)
    assert (busy.host, busy.index, busy.handle, busy.activity) == ("gpu-7", 0, "GPU-aa", 0.97)
    assert (busy.memory_used_bytes, busy.memory_total_bytes) == (4845 * MIB, (4845 + 35690) * MIB)
    assert (idle.activity, idle.power_w, idle.memory_used_bytes) == (0.0, None, None)


def test_a_vendors_exporter_is_read() -> None:
    text = (
        'npu_chip_info_utilization{id="3",model_name="Ascend910B3",vdie_id="A-B"} 41\n'
        'npu_chip_info_hbm_used_memory{id="3",model_name="Ascend910B3",vdie_id="A-B"} 1024\n'
        'npu_chip_info_power{id="3",model_name="Ascend910B3",vdie_id="A-B"} 188.5\n'
    )
    (sample,) = parse_exposition(text, "npu-1")
    assert (sample.host, sample.index, sample.name) == ("npu-1", 3, "Ascend910B3")
    assert (sample.activity, sample.memory_used_bytes, sample.power_w) == (0.41, 2**30, 188.5)


def test_samples_find_their_devices_by_handle_and_else_by_number() -> None:
    def device(name: str, node: str, index: int, handle: str = "") -> Device:
        return Device(id=name, node=node, model="m", handle=handle, index=index)

    devices = [device("a", "gpu-7", 1, "GPU-AA"), device("b", "gpu-7", 1, "1"), device("c", "gpu-8", 0, "0")]
    samples = parse_exposition(DCGM)
    assert {name: sample.handle for name, sample in matched(samples, devices).items()} == {
        "a": "GPU-aa",
        "b": "GPU-bb",
    }


def test_the_cores_of_this_host_are_sampled() -> None:
    device = Device(id="cpu0", node="here", model="cpu", handle="0", stack="cpu")
    sample = Sampler().sample([device])["cpu0"]
    assert sample.activity is not None
    assert 0 <= sample.activity <= 1
    assert sample.memory_used_bytes is None, "nobody counts the memory of a core"


def test_a_tool_that_is_not_here_and_an_endpoint_that_is_away_give_nothing() -> None:
    assert run_tool("cnmon") == ()
    assert scrape("http://127.0.0.1:9/metrics") == ()
    assert tool_of(Device(id="n", node="h", model="ascend910b3", handle="0", stack="cann")) == "npu-smi"
    assert not tool_of(Device(id="n", node="h", model="unheard", handle="0", stack="simulated"))
