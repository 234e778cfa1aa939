"""Job files: what each spelling means, and where each mistake is found."""

import pytest

from penstock.base.refusal import Refusal
from penstock.lease.job import Checkpoint, JobSpec, Resources, Retry
from penstock.lease.jobfile import JobFile, check_spec, parse
from penstock.lease.jobfile.document import DEPTH_MAX, SIZE_MAX_BYTES
from penstock.lease.jobfile.values import duration_s, format_bytes, format_s, port_range, size_bytes

GIB = 2**30


def spec_of(text):
    found = parse(text)
    assert isinstance(found, JobFile), found
    return found.spec


def mistakes(text):
    """`line:column code` of each refusal."""
    found = parse(text)
    assert isinstance(found, tuple), "it was accepted"
    return [f"{one.where.removeprefix('job.yaml:')} {one.code}" for one in found]


def test_every_field():
    found = parse(
        """\
name: train
project: vision
lease: l-1
resources:
  accelerators: [A100:8, h100:8]
  memory: 16GB
  device_memory: 80GB
nodes: 2
tasks_per_node: 8
setup: make
run: |
  python train.py
  echo done
env: {LEVEL: 3, DEBUG: yes, EMPTY: "", RATE: 1e-3}
image: registry.example/train:1
workdir: ../code
volumes: {/data: imagenet, /out: results}
time_limit: 2h30m
grace: 1m
retry: {max_attempts: 3, on_exit_codes: [1, 137]}
checkpoint: {path: /ckpt}
log_limit: 1MB
max_processes: 100
priority: -5
ports: [8080, 9000-9010]
"""
    )
    assert isinstance(found, JobFile), found
    assert found.spec == JobSpec(
        name="train",
        run="python train.py\necho done\n",
        resources=Resources(("a100", "h100"), 8, 16 * GIB, 80 * GIB * 88 // 100),
        nodes=2,
        tasks_per_node=8,
        setup="make",
        image="registry.example/train:1",
        env={"LEVEL": "3", "DEBUG": "yes", "EMPTY": "", "RATE": "1e-3"},
        volumes={"/data": "imagenet", "/out": "results"},
        time_limit_s=9000,
        grace_s=60,
        retry=Retry(3, (1, 137)),
        checkpoint=Checkpoint("/ckpt"),
        log_limit_bytes=2**20,
        max_processes=100,
        priority=-5,
    )
    assert (found.workdir, found.project, found.lease) == ("../code", "vision", "l-1")
    assert [note.partition(" ")[2][:22] for note in found.notes] == ["ports are not publishe"]


def test_the_least_file():
    found = parse("run: echo hello", "jobs/My first job.yaml")
    assert isinstance(found, JobFile)
    assert found.spec == JobSpec(name="My-first-job", run="echo hello", resources=Resources(models=()))
    assert found.notes == (
        "jobs/My first job.yaml:1:1: no accelerator is named: the job takes one device of any model",
    )


@pytest.mark.parametrize(
    ("written", "models", "count", "memory"),
    [
        ("A100:8", ("a100",), 8, 0),
        ("A100", ("a100",), 1, 0),
        ("cpu: 2", ("cpu",), 2, 0),
        ("{A100: 4}", ("a100",), 4, 0),
        ("{A100:4, H100:4}", ("a100", "h100"), 4, 0),
        ("{A100: 4, H100: 4}", ("a100", "h100"), 4, 0),
        ("[A100:4, {H100: 4}]", ("a100", "h100"), 4, 0),
        ("ascend910b:8", ("ascend910b1", "ascend910b2", "ascend910b3", "ascend910b4"), 8, 0),
        ("A100-80GB:8", ("a100",), 8, 0),
        ("A100-40GB:8", ("a100-40gb",), 8, 0),
        ("A100:80GB:8", ("a100",), 8, 80 * GIB * 88 // 100),
        ("[A100:80GB, H200:141GB]", ("a100", "h200"), 1, 80 * GIB * 88 // 100),
        ("24GB:2", (), 2, 24 * GIB * 88 // 100),
        ("3", (), 3, 0),
        ("any:2", (), 2, 0),
        ("[any:2, A100:2]", (), 2, 0),
        ("Some-New-Card:2", ("some-new-card",), 2, 0),
    ],
)
def test_accelerators(written, models, count, memory):
    body = f"\n    {written}" if written.startswith("cpu") else f" {written}"
    resources = spec_of(f"run: x\nresources:\n  accelerators:{body}\n").resources
    assert resources == Resources(models, count, 0, memory)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h30m", 9000),
        ("2h 30min", 9000),
        ("90m", 5400),
        ("1d", 86_400),
        ("1w2d3h4m5s", 788_645),
        ("45s", 45),
        ("3600", 3600),
        ("0", 0),
        ("1:30:00", 5400),
        ("2-12:00:00", 216_000),
        ("", None),
        ("1:30", None),
        ("1.5h", None),
        ("-5m", None),
        ("5m2h", None),
        ("5 fortnights", None),
        ("٣h", None),
        ("9" * 20, None),
    ],
)
def test_duration(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "unit", "size"),
    [
        ("16GB", "", 16 * GIB),
        ("16 GiB", "", 16 * GIB),
        ("16g", "", 16 * GIB),
        ("16", "g", 16 * GIB),
        ("16+", "g", 16 * GIB),
        ("16GB..", "", 16 * GIB),
        ("512MB", "g", 512 * 2**20),
        ("1.5TB", "", 1536 * GIB),
        ("100b", "", 100),
        ("100", "", None),
        ("lots", "g", None),
        ("-1GB", "g", None),
        ("1GB2", "g", None),
        ("1EB", "g", None),
    ],
)
def test_size(text, unit, size):
    assert size_bytes(text, unit) == size


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("8080", (8080, 8080)),
        ("8000-8010", (8000, 8010)),
        ("0", None),
        ("70000", None),
        ("9-8", None),
        ("a", None),
    ],
)
def test_ports(text, ports):
    assert port_range(text) == ports


def test_numbers_are_shown_in_units():
    assert [format_s(n) for n in (0, 45, 9000, 86_400 * 366)] == ["0s", "45s", "2h30m", "366d"]
    assert [format_bytes(n) for n in (0, 1000, 16 * GIB, 2**46)] == ["0B", "1000B", "16GB", "64TB"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("num_nodes: 2", "nodes: 2"),
        ("envs: {A: b}", "env: {A: b}"),
        ("resources: {image_id: docker:a/b:1}", "image: a/b:1"),
        ("image_id: docker:a/b:1", "image: a/b:1"),
        ("env: [A=b, C=d=e]", "env: {A: b, C: d=e}"),
        ("volumes: [imagenet:/data]", "volumes: {/data: imagenet}"),
        ("volumes: {/data: {name: imagenet, size: 10}}", "volumes: {/data: imagenet}"),
        ("max_duration: 1h", "time_limit: 1h"),
        ("max_duration: off", "setup:"),
        ("grace: off", "setup:"),
        ("retry: 3", "retry: {max_attempts: 3}"),
        ("retry: {on_exit_codes: 3}", "retry: {on_exit_codes: [3]}"),
        ("checkpoint: true", "checkpoint: /checkpoint"),
        ("checkpoint: {}", "checkpoint: /checkpoint"),
        ("checkpoint: false", "setup:"),
        ("setup: [a, b]", "setup: |\n  a\n  b\n"),
        ("resources: {cpus: 4+}", "resources: {accelerators: cpu:4}"),
        ("resources: {gpu: A100:80GB:2}", "resources: {accelerators: A100:80GB:2}"),
        (
            "resources: {gpu: {name: [A100, H100], count: 2, memory: 80GB..}}",
            "resources: {accelerators: [A100:2, H100:2], device_memory: 80GB}",
        ),
        ("resources: {job_recovery: {max_restarts_on_errors: 2}}", "retry: 3"),
        ("resources: {priority: 7}", "priority: 7"),
        ("resources: {use_spot: true}", "spot: true"),
        ("spot_policy: spot", "spot: true"),
        ("spot_policy: on-demand", "setup:"),
        ("resources: {accelerators: {A100: 0.5}}", "resources: {accelerators: A100:.50}"),
        ("resources: {gpu: A100:0.125}", "resources: {accelerators: [A100:0.125]}"),
        ("resources: {accelerators: A100:2, cpus: 4.5+}", "resources: {gpu: A100:2, cpus: 4.5}"),
        ("file_mounts: {/d: {name: v, store: volume}}", "volumes: {/d: v}"),
        (
            "resources: {any_of: [{accelerators: A100:2, infra: aws}, {accelerators: {H100: 2}}]}",
            "resources: {accelerators: [A100:2, H100:2]}",
        ),
        (
            "resources: {accelerators: T4:2, ordered: [{accelerators: A100:2}, {region: x}]}",
            "resources: {accelerators: [A100:2, T4:2]}",
        ),
        ("x: &x {A: b}\nenv:\n  <<: *x\n  C: d\n", None),
    ],
)
def test_other_spellings(text, same):
    if same is None:
        assert mistakes(f"run: x\n{text}") == ["2:1 field_unknown"]
    else:
        assert spec_of(f"run: x\n{text}\n") == spec_of(f"run: x\n{same}\n")


def test_anchors_and_merge_keys():
    text = "run: x\nenv: &e {A: a, B: b}\nresources: &r {accelerators: A100:2}\n"
    assert spec_of(text + "setup: &s hello\n").setup == "hello"
    merged = spec_of("run: x\nenv:\n  <<: [{A: a, B: b}, {B: c, D: d}]\n  A: own\n")
    assert merged.env == {"A": "own", "B": "b", "D": "d"}


MISTAKES = {
    "empty": ("", ["job.yaml file_empty"]),
    "only comments": ("# nothing\n", ["job.yaml file_empty"]),
    "a list": ("- run: x", ["1:1 field_malformed"]),
    "malformed": ("run: x\nenv: {A: b\n", ["3:1 yaml_malformed"]),
    "tab": ("run: x\nenv:\n\tA: b\n", ["3:1 yaml_malformed"]),
    "two documents": ("run: x\n---\nrun: y\n", ["2:1 yaml_malformed"]),
    "undefined alias": ("run: *x\n", ["1:6 yaml_malformed"]),
    "tag": ("run: !!python/name:os.system x\n", ["1:6 yaml_tag", "1:6 field_malformed"]),
    "control character": ("run: x\nname: a\x07b\n", ["2:8 text_not_printable"]),
    "half a character": ("run: \ud800\n", ["1:6 text_not_printable"]),
    "unknown field": ("run: x\nresorces: {}\n", ["2:1 field_unknown"]),
    "unknown inside": ("run: x\nresources:\n  acelerators: A100\n", ["3:3 field_unknown"]),
    "nothing to run": ("name: x\n", ["1:1 run_missing"]),
    "run is null": ("run:\n", ["1:1 run_missing"]),
    "run is blank": ("run: '  '\n", ["1:6 run_missing"]),
    "run is a number": ("run: 5\n", ["1:6 field_malformed"]),
    "duplicate": ("run: x\nrun: y\n", ["2:1 field_duplicate"]),
    "alias twice": ("run: x\nnodes: 2\nnum_nodes: 3\n", ["3:12 field_contradiction"]),
    "nodes 0": ("run: x\nnodes: 0\n", ["2:8 number_out_of_range"]),
    "nodes negative": ("run: x\nnodes: -1\n", ["2:8 number_out_of_range"]),
    "nodes absurd": ("run: x\nnodes: 100001\n", ["2:8 number_out_of_range"]),
    "nodes text": ("run: x\nnodes: '2'\n", ["2:8 field_malformed"]),
    "nodes octal": ("run: x\nnodes: 010\n", ["2:8 field_malformed"]),
    "nodes sexagesimal": ("run: x\nnodes: 1:10\n", ["2:8 field_malformed"]),
    "too many devices": (
        "run: x\nnodes: 100000\nresources: {accelerators: A100:1024}\n",
        ["2:8 number_out_of_range"],
    ),
    "zero accelerators": ("run: x\nresources: {accelerators: A100:0}\n", ["2:27 accelerators_malformed"]),
    "more than one and a half": (
        "run: x\nresources: {accelerators: A100:1.5}\n",
        ["2:27 accelerators_malformed"],
    ),
    "finer than a thousandth": (
        "run: x\nresources: {accelerators: {A100: 0.0005}}\n",
        ["2:34 accelerators_malformed"],
    ),
    "none of it": ("run: x\nresources: {accelerators: A100:0.0}\n", ["2:27 accelerators_malformed"]),
    "different shares": (
        "run: x\nresources: {accelerators: [A100:0.5, H100:0.25]}\n",
        ["2:27 accelerators_untranslatable"],
    ),
    "perhaps spot": ("run: x\nspot: perhaps\n", ["2:7 field_malformed"]),
    "absurd accelerators": ("run: x\nresources: {accelerators: A100:2000}\n", ["2:27 number_out_of_range"]),
    "no accelerators": ("run: x\nresources: {accelerators: []}\n", ["2:27 accelerators_malformed"]),
    "odd model": ("run: x\nresources: {accelerators: 'a b:2'}\n", ["2:27 model_malformed"]),
    "different counts": (
        "run: x\nresources: {accelerators: [A100:1, H100:2]}\n",
        ["2:27 accelerators_untranslatable"],
    ),
    "memory": ("run: x\nresources: {memory: lots}\n", ["2:21 size_malformed"]),
    "memory 0": ("run: x\nresources: {memory: 0}\n", ["2:21 size_malformed"]),
    "memory absurd": ("run: x\nresources: {memory: 65TB}\n", ["2:21 number_out_of_range"]),
    "device memory": ("run: x\nresources: {device_memory: -1}\n", ["2:28 size_malformed"]),
    "tasks": (
        "run: x\ntasks_per_node: 3\nresources: {accelerators: A100:8}\n",
        ["2:17 tasks_not_divisible"],
    ),
    "time limit": ("run: x\ntime_limit: soon\n", ["2:13 duration_malformed"]),
    "time limit 0": ("run: x\ntime_limit: 0\n", ["2:13 number_out_of_range"]),
    "time limit absurd": ("run: x\ntime_limit: 367d\n", ["2:13 number_out_of_range"]),
    "grace absurd": ("run: x\ngrace: 2h\n", ["2:8 number_out_of_range"]),
    "log limit without unit": ("run: x\nlog_limit: 64\n", ["2:12 size_malformed"]),
    "env name": ("run: x\nenv: {1A: b}\n", ["2:7 env_name_malformed"]),
    "env reserved": ("run: x\nenv:\n  A: b\n  RANK: 0\n", ["4:3 env_reserved"]),
    "env visible": ("run: x\nenv: {CUDA_VISIBLE_DEVICES: 0}\n", ["2:7 env_reserved"]),
    "env null": ("run: x\nenv:\n  TOKEN:\n  2B: c\n", ["3:3 env_value_missing", "4:3 env_name_malformed"]),
    "env nul": ('run: x\nenv: {A: "a\\0b"}\n', ["2:7 text_malformed"]),
    "env list": ("run: x\nenv: [A]\n", ["2:7 field_malformed"]),
    "env list twice": ("run: x\nenv: [A=1, A=2]\n", ["2:12 field_duplicate"]),
    "env text": ("run: x\nenv: A=b\n", ["2:6 field_malformed"]),
    "mount relative": ("run: x\nvolumes: {data: v}\n", ["2:11 mount_path_malformed"]),
    "mount up": ("run: x\nvolumes: {/a/../etc: v}\n", ["2:11 mount_path_malformed"]),
    "mount doubled": ("run: x\nvolumes: {/a//b: v}\n", ["2:11 mount_path_malformed"]),
    "mount trailing": ("run: x\nvolumes: {/a/: v}\n", ["2:11 mount_path_malformed"]),
    "mount root": ("run: x\nvolumes: {/: v}\n", ["2:11 mount_path_reserved"]),
    "mount system": ("run: x\nvolumes: {/proc/x: v}\n", ["2:11 mount_path_reserved"]),
    "mount usr": ("run: x\nvolumes: {/usr: v}\n", ["2:11 mount_path_reserved"]),
    "mount workspace": ("run: x\nvolumes: {/workspace/a: v}\n", ["2:11 mount_path_reserved"]),
    "mount nested": ("run: x\nvolumes: {/a: v, /a/b: w}\n", ["2:18 mount_path_nested"]),
    "mount over checkpoint": (
        "run: x\nvolumes: {/checkpoint: v}\ncheckpoint: true\n",
        ["3:13 mount_path_nested"],
    ),
    "volume name": ("run: x\nvolumes: {/a: V W}\n", ["2:11 id_malformed"]),
    "volume name missing": (
        "run: x\nvolumes: {/a: , /b: {size: 1}}\n",
        ["2:11 field_malformed", "2:17 field_malformed"],
    ),
    "retry 0": ("run: x\nretry: {max_attempts: 0}\n", ["2:23 number_out_of_range"]),
    "retry text": ("run: x\nretry: often\n", ["2:8 field_malformed"]),
    "retry code": ("run: x\nretry: {on_exit_codes: [0, 256]}\n", ["2:24 number_out_of_range"]),
    "retry code text": ("run: x\nretry: {on_exit_codes: [a]}\n", ["2:24 field_malformed"]),
    "checkpoint": ("run: x\ncheckpoint: ckpt\n", ["2:13 mount_path_malformed"]),
    "checkpoint unknown": ("run: x\ncheckpoint: {dir: /c}\n", ["2:14 field_unknown"]),
    "port": ("run: x\nports: [80, 70000]\n", ["2:13 port_malformed"]),
    "project": ("run: x\nproject: A B\n", ["2:10 id_malformed"]),
    "lease": ("run: x\nlease: /\n", ["2:8 id_malformed"]),
    "name": ("run: x\nname: a/b\n", ["2:7 name_malformed"]),
    "git workdir": ("run: x\nworkdir: https://example.com/a.git\n", ["2:10 field_untranslatable"]),
    "git workdir in parts": ("run: x\nworkdir: {url: x}\n", ["2:10 field_untranslatable"]),
    "file mounts": (
        "run: x\nfile_mounts:\n  /a: ./a\n  /b: s3://b\n  /c: {name: c, store: s3}\n",
        ["3:3 field_untranslatable", "4:3 field_untranslatable", "5:3 field_untranslatable"],
    ),
    "service": ("run: x\nservice: {replicas: 2}\n", ["2:1 field_untranslatable"]),
    "secrets": ("run: x\nsecrets: {T: null}\n", ["2:1 field_untranslatable"]),
    "image of a machine": ("run: x\nresources: {image_id: ami-1}\n", ["2:23 field_untranslatable"]),
    "image": ("run: x\nimage: No Image\n", ["2:8 image_malformed"]),
    "images": ("run: x\nimage: [a, b]\n", ["2:8 field_malformed"]),
    "two images": ("run: x\nimage: a:1\nresources: {image_id: docker:b}\n", ["3:23 field_contradiction"]),
    "entrypoint": ("run: x\nentrypoint: /start\n", ["2:1 field_untranslatable"]),
    "type": ("run: x\ntype: service\n", ["2:7 field_untranslatable"]),
    "cpus": ("run: x\nresources: {cpus: few}\n", ["2:19 cpus_malformed"]),
    "gpu": ("run: x\nresources: {gpu: {name: A100, count: 1..2}}\n", ["2:38 accelerators_malformed"]),
    "exit codes of SkyPilot": (
        "run: x\nresources: {job_recovery: {recover_on_exit_codes: [3]}}\n",
        ["2:51 field_untranslatable"],
    ),
    "restarts against attempts": (
        "run: x\nresources: {job_recovery: {max_restarts_on_errors: 3}}\nretry: 1\n",
        ["3:8 field_contradiction"],
    ),
    "all at once": (
        "nmae: x\nnodes: 0\nresources:\n  accelerators: A100:0\n  memory: lots\ntime_limit: soon\n",
        [
            "1:1 field_unknown",
            "1:1 run_missing",
            "2:8 number_out_of_range",
            "4:17 accelerators_malformed",
            "5:11 size_malformed",
            "6:13 duration_malformed",
        ],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    text, expected = MISTAKES[name]
    assert mistakes(text) == expected


def test_every_mistake_says_how_to_mend_it():
    for text, _ in MISTAKES.values():
        for one in parse(text):
            assert isinstance(one, Refusal)
            assert one.message
            assert one.remedy
            assert one.status == 422


@pytest.mark.parametrize(
    ("text", "name"),
    [("resorces: {}", "resources"), ("comands: []", "commands"), ("resources: {memmory: 1}", "memory")],
)
def test_the_nearest_known_field_is_named(text, name):
    found = parse(f"run: x\n{text}\n")
    assert isinstance(found, tuple)
    assert found[0].remedy == f"did you mean {name!r}?"


def test_bytes():
    assert parse(b"\xef\xbb\xbfrun: x\n") == parse("run: x\n")
    assert mistakes(b"run: x\nname: a\xffb\n") == ["2:8 text_not_utf8"]


def test_what_it_can_cost_is_bounded():
    laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcde", "bcdef", strict=True):
        laughs += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    assert mistakes(laughs) == ["job.yaml file_too_large"]
    assert mistakes("run: &r [*r]") == ["job.yaml file_too_large"]
    assert mistakes("run: " + "[" * (DEPTH_MAX + 1)) == ["job.yaml file_too_large"]
    assert mistakes("run: " + "x" * SIZE_MAX_BYTES) == ["job.yaml file_too_large"]
    assert mistakes("run: |\n  " + "x" * 140_000) == ["1:6 text_too_long"]
    assert len(mistakes("".join(f"field{n}: 1\n" for n in range(5000)))) == 100


GOOD = JobSpec(name="j", run="x", resources=Resources(models=("a100",), devices_per_node=2))


@pytest.mark.parametrize(
    ("changes", "where", "code"),
    [
        ({"name": ""}, "name", "name_malformed"),
        ({"name": " j"}, "name", "name_malformed"),
        ({"name": "j\n"}, "name", "name_malformed"),
        ({"run": ""}, "run", "run_missing"),
        ({"setup": "a\0b"}, "setup", "text_malformed"),
        ({"run": "\ud800"}, "run", "text_malformed"),
        ({"workdir": "../../etc"}, "workdir", "id_malformed"),
        ({"workdir": ".."}, "workdir", "id_malformed"),
        ({"resources": Resources(models=("A 100",))}, "resources.models", "model_malformed"),
        ({"resources": Resources(models=("a",) * 33)}, "resources.models", "number_out_of_range"),
        ({"resources": Resources((), 0)}, "resources.devices_per_node", "number_out_of_range"),
        ({"resources": Resources((), 1, -1)}, "resources.memory_bytes", "number_out_of_range"),
        (
            {"resources": Resources(("a", "b"), throughput=(("a", 1.0),))},
            "resources.throughput",
            "throughput_mismatch",
        ),
        (
            {"resources": Resources(("a",), throughput=(("a", float("nan")),))},
            "resources.throughput",
            "number_out_of_range",
        ),
        ({"tasks_per_node": 0}, "tasks_per_node", "number_out_of_range"),
        ({"tasks_per_node": 3}, "tasks_per_node", "tasks_not_divisible"),
        ({"env": {"A=B": "c"}}, "env.A=B", "env_name_malformed"),
        ({"env": {"PENSTOCK_JOB": "c"}}, "env.PENSTOCK_JOB", "env_reserved"),
        ({"env": {f"A{n}": "" for n in range(1001)}}, "env", "number_out_of_range"),
        ({"env": {"A": "x" * 2**20}}, "env", "number_out_of_range"),
        ({"env": {"A": "x" * 2**18}}, "env.A", "text_too_long"),
        ({"volumes": {"/a\n": "v"}}, "volumes./a\n", "mount_path_malformed"),
        ({"volumes": {f"/{n}": "v" for n in range(65)}}, "volumes", "number_out_of_range"),
        ({"volumes": {"/a": "../b"}}, "volumes./a", "id_malformed"),
        ({"checkpoint": Checkpoint("/usr/c")}, "checkpoint.path", "mount_path_reserved"),
        ({"retry": Retry(1, (0,))}, "retry.on_exit_codes", "number_out_of_range"),
        ({"log_limit_bytes": 0}, "log_limit_bytes", "number_out_of_range"),
        ({"max_processes": 10**9}, "max_processes", "number_out_of_range"),
        ({"priority": 10**6}, "priority", "number_out_of_range"),
        ({"grace_s": -1}, "grace_s", "number_out_of_range"),
        ({"time_limit_s": -1}, "time_limit_s", "number_out_of_range"),
    ],
)
def test_check_spec(changes, where, code):
    spec = JobSpec(**{name: getattr(GOOD, name) for name in GOOD.__struct_fields__} | changes)
    assert [(one.where, one.code, one.status) for one in check_spec(spec)] == [(where, code, 422)]


def test_a_good_spec_has_no_mistakes():
    assert check_spec(GOOD) == []
