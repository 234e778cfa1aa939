"""Job files of other systems, and jobs on a share of a device."""

import re

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
