"""Job files of other systems, jobs on a share of a device, and jobs that say their throughput."""

import re

import pytest

from penstock.lease.job import Resources, Retry
from penstock.lease.jobfile import JobFile, parse

GIB = 2**30


def spec_of(text):
    found = parse(text)
    assert isinstance(found, JobFile), found
    return found.spec


SKYPILOT = """\
name: finetune
resources:
  infra: aws/us-east-1
  accelerators: {A100: 8}
  cpus: 32+
  memory: 256+
  use_spot: true
  disk_size: 256
  ports: 8888
  any_of:
    - infra: aws
    - infra: gcp
  job_recovery:
    strategy: FAILOVER
    max_restarts_on_errors: 3
num_nodes: 2
workdir: .
envs:
  MODEL: llama
volumes:
  /mnt/data: datasets
setup: pip install -r requirements.txt
run: torchrun --nnodes $SKYPILOT_NUM_NODES --node_rank $SKYPILOT_NODE_RANK train.py
config: {kubernetes: {}}
"""


def test_a_skypilot_task():
    found = parse(SKYPILOT, "task.yaml")
    assert isinstance(found, JobFile), found
    spec = found.spec
    assert spec.resources == Resources(("a100",), 8, 256 * GIB, cpu_millicores=32_000)
    assert spec.spot
    assert (spec.nodes, spec.env, spec.volumes) == (2, {"MODEL": "llama"}, {"/mnt/data": "datasets"})
    assert spec.retry == Retry(4)
    said = [re.sub(r"^task\.yaml:(\d+):\d+: (\w+).*", r"\1 \2", note) for note in found.notes]
    assert said == [
        "3 infra",
        "8 disk_size",
        "9 ports",
        "11 infra",
        "12 infra",
        "14 strategy",
        "23 SKYPILOT_NODE_RANK",
        "23 SKYPILOT_NUM_NODES",
        "24 config",
    ]


def test_a_share_of_a_device():
    found = spec_of("run: x\nresources: {accelerators: A100:0.5, device_memory: 20GB, cpus: 2}\n").resources
    assert (found.devices_per_node, found.device_share, found.cpu_millicores) == (1, 500, 2000)
    assert found.device_memory_bytes == 20 * GIB


@pytest.mark.parametrize(
    ("accelerators", "throughput", "wanted"),
    [
        ("[A100:8, H100:8]", "{H100: 40, a100: 12.5}", (("a100", 12.5), ("h100", 40.0))),
        ("any:1", "{A100: 1e3}", (("a100", 1000.0),)),
        ("V100", "{V100: +2.}", (("v100", 2.0),)),
    ],
)
def test_throughput(accelerators, throughput, wanted):
    text = f"run: x\nresources:\n  accelerators: {accelerators}\n  throughput: {throughput}\n"
    assert spec_of(text).resources.throughput == wanted


@pytest.mark.parametrize(
    ("throughput", "code"),
    [
        ("{}", "field_malformed"),
        ("12", "field_malformed"),
        ("{A100: 0}", "field_malformed"),
        ("{A100: -1}", "field_malformed"),
        ("{A100: fast}", "field_malformed"),
        ("{A100: .inf}", "field_malformed"),
        ("{A100: .nan}", "field_malformed"),
        ("{A100: 1e300}", "number_out_of_range"),
        ("{A100: 1, V100: 1}", "throughput_mismatch"),
    ],
)
def test_throughput_that_is_none(throughput, code):
    text = f"run: x\nresources:\n  accelerators: A100\n  throughput: {throughput}\n"
    found = parse(text)
    assert isinstance(found, tuple), "it was accepted"
    assert [(one.where.split(":")[1], one.code) for one in found] == [("4", code)]
