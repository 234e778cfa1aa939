"""Batch scripts of Slurm: what each directive becomes, what cannot be met, and that the script runs."""

import re
import subprocess

import pytest

from penstock.lease.job import Resources
from penstock.lease.jobfile import JobFile, parse
from penstock.lease.jobfile.array import array_of

GIB = 2**30
MIB = 2**20


def script(*directives, body="srun python train.py"):
    lines = [f"#SBATCH {one}" for one in directives]
    return "\n".join(["#!/bin/bash", *lines, body, ""])


def job_of(*directives, body="srun python train.py"):
    found = parse(script(*directives, body=body), "train.sbatch")
    assert isinstance(found, JobFile), found
    return found


def mistakes(*directives, body="srun python train.py"):
    """`line code` of each refusal."""
    found = parse(script(*directives, body=body), "train.sbatch")
    assert isinstance(found, tuple), "it was accepted"
    return [f"{one.where.split(':')[1]} {one.code}" for one in found]


SIZES = """
directives                                            | nodes | tasks | devices | model
--gres=gpu:a100:8                                     | 1     | 1     | 8       | a100
--gres=gpu:8                                          | 1     | 1     | 8       |
--gres=gpu                                            | 1     | 1     | 1       |
--gres gpu:A100:2                                     | 1     | 1     | 2       | a100
--gres=gpu:2 -C a100                                  | 1     | 1     | 2       | a100
-N2 --ntasks-per-node=8 --gpus-per-node=h100:8        | 2     | 8     | 8       | h100
-N 2 -n 16 --gpus-per-node=8                          | 2     | 8     | 8       |
--nodes=2-2 --gres=gpu:4                              | 2     | 1     | 4       |
-n 16 --ntasks-per-node=8 --gres=gpu:8                | 2     | 8     | 8       |
-n 4 --ntasks-per-node=8 -N 1 --gres=gpu:4            | 1     | 4     | 4       |
-n 4 --gpus-per-task=1                                | 1     | 4     | 4       |
-N 2 --ntasks-per-node=4 --gpus-per-task=a100:1       | 2     | 4     | 4       | a100
-N 2 -G 16 --ntasks-per-node=8                        | 2     | 8     | 8       |
--gpus=a100:4 --gres=gpu:a100:4                       | 1     | 1     | 4       | a100
-c 4                                                  | 1     | 1     | 4       | cpu
-n 2 -c 3                                             | 1     | 2     | 6       | cpu
--gres=none --cpus-per-task=2                         | 1     | 1     | 2       | cpu
--job-name=x                                          | 1     | 1     | 1       | cpu
-N 2 --tasks-per-node=4 --gpus-per-node=4             | 2     | 4     | 4       |
--gres=npu:ascend910b4:8                              | 1     | 1     | 8       | ascend910b4
"""


@pytest.mark.parametrize("line", SIZES.strip().splitlines()[1:])
def test_sizes(line):
    directives, nodes, tasks, devices, model = (cell.strip() for cell in line.split("|"))
    spec = job_of(directives).spec
    assert (spec.nodes, spec.tasks_per_node) == (int(nodes), int(tasks))
    assert spec.resources == Resources((model,) if model else (), int(devices))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("90:30", 5430),
        ("2:30:00", 9000),
        ("72:00:00", 259_200),
        ("1-12", 129_600),
        ("1-12:30", 131_400),
        ("3-00:00:00", 259_200),
        ("0", None),
        ("UNLIMITED", None),
    ],
)
def test_time(text, seconds):
    assert job_of(f"--time={text}").spec.time_limit_s == seconds


@pytest.mark.parametrize(
    ("directives", "memory"),
    [
        ("--mem=64G", 64 * GIB),
        ("--mem=480GB", 480 * GIB),
        ("--mem=81920", 81_920 * MIB),
        ("--mem=0", 0),
        ("--mem-per-cpu=2G -c 4 -n 2", 16 * GIB),
        ("--mem-per-gpu=10G --gres=gpu:4", 40 * GIB),
        ("--mem-per-cpu=1G --gres=gpu:4 --cpus-per-gpu=8", 32 * GIB),
    ],
)
def test_memory(directives, memory):
    assert job_of(directives).spec.resources.memory_bytes == memory


@pytest.mark.parametrize(
    ("directives", "cores"),
    [
        ("--gres=gpu:8", 0),
        ("--gres=gpu:4 -c 6", 6),
        ("-N 2 --ntasks-per-node=4 --gpus-per-node=4 --cpus-per-task=8", 32),
        ("--gpus=4 --cpus-per-gpu=8", 32),
        ("-n 4 -c 8 --gpus=4 --cpus-per-gpu=8", 32),
    ],
)
def test_cores_are_asked_for_beside_gpus(directives, cores):
    assert job_of(directives).spec.resources.cpu_millicores == cores * 1000


def test_an_image_of_pyxis_is_one_that_the_centre_has():
    found = job_of("--container-image=nvcr.io#nvidia/pytorch:24.01-py3 --gres=gpu:1")
    assert found.spec.image == "nvcr.io/nvidia/pytorch:24.01-py3"


KNOWN_TO_THE_MANUAL = """
batch=x cluster-constraint=x delay-boot=1 gres-flags=enforce-binding ignore-pbs kill-on-invalid-dep=yes mcs-label=x
network=x power=level prefer=a100 wait-all-nodes=1 segment=4 tres-bind=x oom-kill-step=1 resv-ports
"""


@pytest.mark.parametrize("option", KNOWN_TO_THE_MANUAL.split())
def test_what_changes_nothing_here_is_noted(option):
    found = job_of(f"--{option} --gres=gpu:1")
    assert [note.split(" ")[1] for note in found.notes] == [f"--{option.partition('=')[0]}"]


def test_what_a_script_expects_of_its_cluster_is_noted_once():
    body = """module purge; module load cuda/12.1
source ~/miniconda3/etc/profile.d/conda.sh
conda activate sft
module load nccl
echo $SLURM_JOB_NAME ${SLURM_JOB_PARTITION:-none} $SLURM_JOB_PARTITION $SLURM_RESTART_COUNT $SLURM_ARRAY_TASK_ID
srun python train.py"""
    found = job_of("--gres=gpu:1 -J sft", body=body)
    assert [note.split(" ", 1)[0][len("train.sbatch:") : -3] for note in found.notes] == [
        "3",
        "4",
        "5",
        "7",
        "7",
    ]
    assert [note.split(" ")[1] for note in found.notes[3:]] == ["SLURM_JOB_PARTITION", "SLURM_ARRAY_TASK_ID"]
    lines, _ = run_task(found, PENSTOCK_ATTEMPT="acme.sft-1.3")
    assert lines == ["sft none 2"]


def test_an_array_is_a_job_for_each_index():
    found = job_of("--array=1-9:4,2%2", body="srun echo $SLURM_ARRAY_TASK_ID")
    made = array_of("sweep", found.spec, found.array, found.array_limit)
    assert [name for name, _ in made] == ["sweep-1", "sweep-2", "sweep-5", "sweep-9"]
    assert [spec.env["SLURM_ARRAY_TASK_ID"] for _, spec in made] == ["1", "2", "5", "9"]
    assert [spec.after for _, spec in made] == [{}, {}, {"sweep-1": "end"}, {"sweep-2": "end"}]
    assert not job_of("-c 2").array


def test_dependencies():
    found = job_of("-d afterok:a:b,afternotok:c,afterany:d")
    assert found.spec.after == {"a": "success", "b": "success", "c": "failure", "d": "end"}


def test_everything_else():
    found = job_of(
        "-J vision  # what it is called",
        "-t 1-0 -D ../code",
        "--export=ALL,LEVEL=3,URL=http://x/y",
        "--signal=B:TERM@120",
        "-o logs/%j.out -e logs/%j.err",
        '--comment="two words" --exclusive --mail-type END',
    )
    spec = found.spec
    assert (spec.name, spec.time_limit_s, spec.grace_s) == ("vision", 86_400, 120)
    assert spec.env == {"LEVEL": "3", "URL": "http://x/y"}
    assert found.workdir == "../code"
    assert [note.split(" ")[1] for note in found.notes] == [
        "without",
        "variables",
        "--output",
        "--error",
        "--comment",
        "--exclusive",
        "--mail-type",
    ]


def test_names_and_directory_by_default():
    found = job_of()
    assert (found.spec.name, found.workdir) == ("train", ".")


def test_directives_after_the_first_command_are_noted():
    found = job_of("-t 5", body="\n# a remark\n#SBATCH -c 2\nsrun x\n#SBATCH -c 3\n##SBATCH -c 4")
    assert found.spec.resources.devices_per_node == 2
    assert any("train.sbatch:7:1: #SBATCH is ignored after" in note for note in found.notes)


MISTAKES = {
    "unknown": ("--nodse=2", ["2 option_unknown"]),
    "no option": ("nodes 2", ["2 option_malformed"]),
    "open quote": ("--comment='a", ["2 option_malformed"]),
    "zero nodes": ("-N 0", ["2 option_malformed"]),
    "range of nodes": ("-N 1-4", ["2 option_untranslatable"]),
    "absurd nodes": ("-N 200000", ["2 number_out_of_range"]),
    "tasks do not divide": ("-N 3 -n 16", ["2 option_contradiction"]),
    "too many tasks": ("-N 2 -n 16 --ntasks-per-node=4", ["2 option_contradiction"]),
    "tasks and devices": ("-n 3 --gres=gpu:4", ["2 tasks_not_divisible"]),
    "GPUs do not agree": ("--gres=gpu:4 --gpus-per-node=8", ["2 option_contradiction"]),
    "models do not agree": ("--gres=gpu:a100:4 -C h100", ["2 option_contradiction"]),
    "GPUs do not divide": ("-N 2 -G 3", ["2 option_malformed"]),
    "several kinds": ("--gres=gpu:a100:2,gpu:h100:2", ["2 option_untranslatable"]),
    "another resource": ("--gres=fpga:1", ["2 option_untranslatable"]),
    "no count": ("--gpus=a:b:c", ["2 option_malformed"]),
    "no GPUs": ("--gres=gpu:0", ["2 option_malformed"]),
    "constraint": ("--gres=gpu:1 -C infiniband", ["2 option_untranslatable"]),
    "constraint without GPUs": ("-C a100", ["2 option_malformed"]),
    "memory": ("--mem=lots", ["2 option_malformed"]),
    "memory per GPU without any": ("--mem-per-gpu=1G", ["2 option_malformed"]),
    "memory twice": ("--mem=1G --mem-per-cpu=2G", ["2 field_contradiction"]),
    "time": ("--time=soon", ["2 option_malformed"]),
    "name": ("-J a/b", ["2 name_malformed"]),
    "signal": ("--signal=USR1@60", ["2 option_untranslatable"]),
    "export": ("--export=PATH", ["2 option_untranslatable"]),
    "export name": ("--export=1A=b", ["2 env_name_malformed"]),
    "array without indices": ("--array=", ["2 array_malformed"]),
    "array backwards": ("--array=9-1", ["2 array_malformed"]),
    "array too large": ("--array=0-1000", ["2 array_malformed"]),
    "array limit": ("--array=0-9%0", ["2 array_malformed"]),
    "begun": ("-d after:1", ["2 option_untranslatable"]),
    "singleton": ("-d singleton", ["2 option_untranslatable"]),
    "either of two": ("-d afterok:1?afterok:2", ["2 option_untranslatable"]),
    "cores do not agree": ("--gpus=4 -c 8 --cpus-per-gpu=8", ["2 option_contradiction"]),
    "cores of no GPU": ("--cpus-per-gpu=8", ["2 option_malformed"]),
    "a kind without a model": ("--gres=npu:8", ["2 option_untranslatable"]),
    "hosts' directories": ("--container-mounts=/data:/data", ["2 option_untranslatable"]),
    "burst buffer": ("--bb=x", ["2 option_untranslatable"]),
    "hetjob": ("hetjob", ["2 option_untranslatable"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    directives, expected = MISTAKES[name]
    assert mistakes(directives) == expected


def test_an_option_twice_with_other_values():
    assert mistakes("-N 2", "-c 2", "--nodes=3") == ["4 option_contradiction"]
    assert job_of("-N 2", "--nodes=2").spec.nodes == 2


BODIES = {
    "no srun on several nodes": ("-N 2", "python train.py", ["1 script_untranslatable"]),
    "mpirun over nodes": (
        "-N 2",
        "mpirun python train.py",
        ["1 script_untranslatable", "3 script_untranslatable"],
    ),
    "a smaller step": ("-n 4", "srun -n 1 prepare\nsrun train", ["3 script_untranslatable"]),
    "steps beside each other": ("-n 4", "srun a &\nsrun b && c\nwait", ["3 script_untranslatable"]),
    "node list": (
        "-n 4",
        "export A=$(scontrol show hostnames $SLURM_NODELIST)\nsrun a",
        ["3 script_untranslatable"],
    ),
    "a container of a step": ("-n 4", "srun --container-image=x a", ["3 script_untranslatable"]),
    "a program for each task": ("-n 4", "srun --multi-prog x.conf", ["3 script_untranslatable"]),
    "variables of a step": ("-n 4", "srun --export=ALL,A=1 a", ["3 script_untranslatable"]),
    "directory of a step": ("-n 4", "srun -D /x a", ["3 script_untranslatable"]),
    "lines of Windows": ("-n 1", "srun a\r\n", ["1 script_untranslatable"]),
    "nothing": ("-n 1", "", ["1 run_missing"]),
}


@pytest.mark.parametrize("name", BODIES)
def test_scripts_that_cannot_be_met(name):
    directives, body, expected = BODIES[name]
    assert mistakes(directives, body=body) == expected


def test_options_of_the_program_are_its_own():
    found = job_of(
        "-n 4", body="srun -n 4 --mpi pmix python train.py -n 100 --nodes=7 --chdir /x --export=A=1"
    )
    assert found.spec.tasks_per_node == 4


def test_another_language_is_refused():
    found = parse("#!/usr/bin/env python3\nprint(1)\n", "a.py")
    assert isinstance(found, tuple)
    assert [one.code for one in found] == ["script_untranslatable"]


def run_task(found, **env):
    done = subprocess.run(
        ["/bin/bash", "-c", found.spec.run], env=env, capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout.splitlines(), done.returncode


def test_srun_runs_its_command_in_place():
    body = """\
echo "$SLURM_PROCID of $SLURM_NTASKS, node $SLURM_NODEID of $SLURM_NNODES"
srun --label -n 4 --mpi pmix -u --cpu-bind=none echo "two words" -n
time srun \\
    -N1 echo done
srun false"""
    found = job_of("-n 4", body=body)
    lines, code = run_task(found, RANK="3", WORLD_SIZE="4", NODE_RANK="0")
    assert lines == ["3 of 4, node 0 of 1", "two words -n", "done"]
    assert code == 1


@pytest.mark.parametrize(
    "line",
    [
        "OMP_NUM_THREADS=8 srun -n 4 echo $OMP_NUM_THREADS done",
        "A='x y' B=\"z\" srun echo done",
        "for i in 1; do srun echo done; done",
        "if ! srun false; then srun echo done; fi",
        "timeout -k 1 10s srun -n4 echo done",
        "exec srun --label echo done",
        "{ srun echo done; }",
        "out=$(srun echo done); echo $out",
    ],
)
def test_srun_is_found_wherever_it_stands(line):
    found = job_of("-n 4", body=line)
    assert found.spec.tasks_per_node == 4
    lines, code = run_task(found, RANK="0", PATH="/usr/bin:/bin")
    assert (lines[-1].removeprefix("8 "), code) == ("done", 0)


def test_a_word_that_ends_like_srun_is_none():
    assert job_of("-n 4", body="echo srun; mysrun x; ./srun y").spec.tasks_per_node == 1


def test_without_srun_it_is_one_task_that_sees_all_devices():
    found = job_of(
        "-n 8 --gres=gpu:8", body='torchrun() { echo "$@"; }\ntorchrun --nproc_per_node $SLURM_NTASKS x'
    )
    assert (found.spec.tasks_per_node, found.spec.resources.devices_per_node) == (1, 8)
    assert run_task(found) == (["--nproc_per_node 8 x"], 0)


def test_flags_of_the_shell_are_kept():
    found = parse("#!/bin/bash -le\nfalse\necho not reached\n", "a.sh")
    assert isinstance(found, JobFile)
    assert run_task(found) == ([], 1)


def test_only_variables_that_are_used_are_set():
    assert re.findall(r"export (\w+)", job_of(body="srun echo $SLURM_JOB_ID").spec.run) == ["SLURM_JOB_ID"]
