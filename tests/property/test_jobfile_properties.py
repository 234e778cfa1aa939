"""Whatever is written: a job that passes every check, or refusals at places that exist."""

import json
import re

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.base.refusal import Refusal
from penstock.lease.job import Checkpoint, JobSpec, Resources, Retry
from penstock.lease.jobfile import JobFile, check_spec, parse
from penstock.lease.jobfile.fields import FIELDS, TRANSLATED
from penstock.lease.jobfile.foreign import RESOURCES, TOP
from penstock.lease.jobfile.resources import RESOURCES_FIELDS
from penstock.lease.jobfile.resources import TRANSLATED as RESOURCES_TRANSLATED
from penstock.lease.jobfile.values import duration_s, format_bytes, format_s, size_bytes

NAMES = sorted(
    {name for field in (*FIELDS, *TRANSLATED) for name in (field.name, *field.aliases)}
    | {field.name for field in (*RESOURCES_FIELDS, *RESOURCES_TRANSLATED)}
    | {
        *TOP,
        *RESOURCES,
        "any_of",
        "ordered",
        "cpus",
        "max_attempts",
        "on_exit_codes",
        "path",
        "store",
        "count",
    }
)
WORDS = [
    "A100:8",
    "A100",
    "cpu",
    "2h",
    "16GB",
    "/data",
    "volume",
    "v",
    "0",
    "-1",
    "3",
    "1.5",
    "true",
    "off",
    "a=b",
]
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
keys = st.one_of(st.sampled_from(NAMES), st.sampled_from(WORDS), st.text(max_size=4))
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=25,
)
files = st.dictionaries(st.sampled_from(NAMES), trees, max_size=8)

WHOLE = """\
name: finetune
resources: {accelerators: [A100:8, H100:8], memory: 256+, any_of: [{infra: aws}]}
num_nodes: 2
envs: {MODEL: llama}
env: &e {A: "b\\n"}
volumes: {/mnt/data: datasets}
retry: {max_attempts: 3, on_exit_codes: [1]}
checkpoint: {path: /ckpt}
time_limit: 1h
run: |
  torchrun train.py
"""


def check_outcome(text, found):
    if isinstance(found, JobFile):
        assert check_spec(found.spec) == []
        return
    assert found
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
    for one in found:
        assert isinstance(one, Refusal)
        assert one.message
        assert one.remedy
        place = re.fullmatch(r"job\.yaml(?::(\d+):(\d+))?", one.where)
        assert place, one.where
        if place.group(1):
            line, column = int(place.group(1)), int(place.group(2))
            assert 1 <= line <= len(lines) + 1
            assert 1 <= column <= max(map(len, lines), default=0) + 2


@settings(max_examples=150, deadline=None)
@given(files)
def test_any_tree_of_known_fields(tree):
    text = json.dumps(tree, ensure_ascii=True, indent=1)
    check_outcome(text, parse(text))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(WHOLE)),
    st.integers(0, 12),
    st.sampled_from(["", *"\t\n:{}[]&*!|>%@`'\"#-", "<<: *e", "\x00"]),
)
@example(0, 0, "%YAML 9.9\n---\n")
def test_a_file_with_a_slip(position, removed, put):
    text = WHOLE[:position] + put + WHOLE[position + removed :]
    check_outcome(text, parse(text))


SCRIPT = """\
#!/bin/bash -l
#SBATCH --job-name=train -N 2 -n 16 --ntasks-per-node=8
#SBATCH --gres=gpu:a100:8 -c 4 --mem-per-gpu=10G   # a remark
#SBATCH --time=1-12:00:00 --export=ALL,A=b --signal=B:TERM@60
srun python train.py --node $SLURM_NODEID \\
  --epochs 3
"""


@settings(max_examples=150, deadline=None)
@given(
    st.integers(2, len(SCRIPT)),
    st.integers(0, 12),
    st.sampled_from(["", *"\t\n=-:,'\"#$&\\0", " -n 3", "\r", "#SBATCH --mem=1G\n"]),
)
@example(len(SCRIPT), 0, "")
def test_a_script_with_a_slip(position, removed, put):
    text = SCRIPT[:position] + put + SCRIPT[position + removed :]
    check_outcome(text, parse(text))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
def test_anything_at_all(content):
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    check_outcome(text, parse(content))


printable = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1
)
scripts = st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(str.strip)
env_names = st.from_regex(r"[A-Za-z_][a-z0-9_]{0,9}", fullmatch=True).filter(lambda name: name != "RANK")
names = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,9}[a-z0-9])?", fullmatch=True)
specs = st.builds(
    lambda devices, tasks, **fields: JobSpec(
        resources=Resources(("a100", "h100"), devices, fields.pop("memory")), tasks_per_node=tasks, **fields
    ),
    devices=st.sampled_from([1, 2, 4, 8]),
    tasks=st.sampled_from([1, 2, 4, 8]),
    memory=st.integers(1, 2**46),
    name=printable.filter(lambda name: len(name) <= 64),
    run=scripts,
    setup=st.just("") | scripts,
    nodes=st.integers(1, 1000),
    env=st.dictionaries(
        env_names, st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=4
    ),
    volumes=st.dictionaries(names.map("/{}".format), names, max_size=1).filter(
        lambda mounts: not check_spec(JobSpec(name="j", run="x", resources=Resources(()), volumes=mounts))
    ),
    time_limit_s=st.none() | st.integers(1, 366 * 86_400),
    grace_s=st.integers(0, 3600),
    retry=st.builds(Retry, st.integers(1, 100), st.lists(st.integers(1, 255), max_size=3).map(tuple)),
    checkpoint=st.none() | st.just(Checkpoint("/kept/here")),
    log_limit_bytes=st.integers(4096, 2**40),
    max_processes=st.integers(1, 4_194_304),
    priority=st.integers(-1000, 1000),
)


def written(spec):
    """The file of a spec."""
    tree = {
        "name": spec.name,
        "run": spec.run,
        "setup": spec.setup or None,
        "resources": {
            "accelerators": dict.fromkeys(spec.resources.models, spec.resources.devices_per_node),
            "memory": format_bytes(spec.resources.memory_bytes),
        },
        "nodes": spec.nodes,
        "tasks_per_node": spec.tasks_per_node,
        "env": spec.env,
        "volumes": spec.volumes,
        "time_limit": "off" if spec.time_limit_s is None else format_s(spec.time_limit_s),
        "grace": format_s(spec.grace_s),
        "retry": {"max_attempts": spec.retry.max_attempts, "on_exit_codes": list(spec.retry.on_exit_codes)},
        "checkpoint": None if spec.checkpoint is None else {"path": spec.checkpoint.path},
        "log_limit": format_bytes(spec.log_limit_bytes),
        "max_processes": spec.max_processes,
        "priority": spec.priority,
    }
    return yaml.safe_dump(tree, allow_unicode=False, sort_keys=False)


@settings(max_examples=100, deadline=None)
@given(specs)
def test_what_is_written_is_read(spec):
    found = parse(written(spec))
    assert isinstance(found, JobFile), found
    assert found.spec == spec


@given(st.integers(0, 10**9))
def test_durations_and_sizes_come_back(number):
    assert duration_s(format_s(number)) == number
    assert size_bytes(format_bytes(number)) == number


any_text = st.text(max_size=5) | st.sampled_from(["/", "/a", "a\0", "\ud800", "A", "RANK"])
any_specs = st.builds(
    JobSpec,
    name=any_text,
    run=any_text,
    setup=any_text,
    workdir=any_text,
    resources=st.builds(
        Resources, st.lists(any_text, max_size=3).map(tuple), st.integers(), st.integers(), st.integers()
    ),
    nodes=st.integers(),
    tasks_per_node=st.integers(-2, 10),
    env=st.dictionaries(any_text, any_text, max_size=3),
    volumes=st.dictionaries(any_text, any_text, max_size=3),
    time_limit_s=st.none() | st.integers(),
    retry=st.builds(Retry, st.integers(), st.lists(st.integers(), max_size=3).map(tuple)),
    checkpoint=st.none() | st.builds(Checkpoint, any_text),
    log_limit_bytes=st.integers(),
)


@settings(max_examples=100, deadline=None)
@given(any_specs)
def test_any_spec_can_be_checked(spec):
    for one in check_spec(spec):
        assert isinstance(one, Refusal)
        assert one.where
