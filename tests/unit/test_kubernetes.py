"""Rendered manifests against the real schemas of Kubernetes; what they say of a gang, a service, a mistake."""

import itertools
import subprocess
import warnings

import kubernetes_validate
import pytest
import yaml

from penstock.base.refusal import Refused
from penstock.engines.kubernetes import Rendering, render
from penstock.lease.job import Checkpoint, JobSpec, Resources, Retry, Variant

VERSION = "1.29"
SPEC = JobSpec(
    name="Train GPT",
    run="python train.py",
    setup="pip install .",
    nodes=2,
    tasks_per_node=4,
    resources=Resources(models=("a100",), devices_per_node=4, memory_bytes=2**30),
    env={"LR": "0.1"},
    volumes={"/data": "sets"},
    time_limit_s=3600,
    checkpoint=Checkpoint(),
    retry=Retry(max_attempts=3),
)
HOW = Rendering(image="registry.example/train:1", queue="research")


def valid(manifest: dict) -> bool:
    """Checks one manifest strictly; of Volcano, whose schema is not Kubernetes' own, the pod in it."""
    if manifest["apiVersion"].startswith("batch.volcano.sh"):
        template = manifest["spec"]["tasks"][0]["template"]
        meta = {"name": "pod", **template["metadata"]}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
    kubernetes_validate.validate(manifest, VERSION, strict=True)
    return True


@pytest.mark.parametrize(
    ("nodes", "checkpoint", "gang", "port"),
    [
        (*one, port)
        for *one, port in itertools.product(
            (1, 2), (None, Checkpoint()), ("none", "kueue", "volcano"), (None, 80)
        )
        if port is None or one[2] == "none"
    ],
)
def test_every_manifest_keeps_the_schema(nodes, checkpoint, gang, port):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec = JobSpec(
            name="x",
            run="true",
            nodes=nodes,
            resources=Resources(models=("cpu",), devices_per_node=2),
            checkpoint=checkpoint,
        )
        how = Rendering(image="i", gang=gang, queue="q", port=port)
        made = render(spec, how)
        assert all(valid(manifest) for manifest in made)
        assert [one["kind"] for one in made][-1] == ("Job" if port is None else "Deployment")
        assert all(valid(manifest) for manifest in render(SPEC, how if gang != "none" or not port else HOW))


def test_a_variant_for_the_stack_brings_its_image_and_its_words():
    variants = {
        "cuda": Variant(image="registry.example/gpu:1"),
        "cann": Variant(image="registry.example/npu:2", run="python train_npu.py", env={"LR": "0.2"}),
    }
    resources = Resources(models=("ascend910b3",), devices_per_node=8)
    spec = JobSpec(name="x", run="python train.py", resources=resources, env={"LR": "0.1"}, variants=variants)
    container = render(spec, Rendering())[-1]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example/npu:2"
    assert "python train_npu.py" in container["command"][-1]
    assert container["env"] == [{"name": "LR", "value": "0.2"}]
    named = render(spec, Rendering(image="i"))[-1]["spec"]["template"]["spec"]["containers"][0]
    assert named["image"] == "i"


def test_the_schema_catches_what_is_wrong():
    job = render(SPEC, HOW)[-1]
    job["spec"]["completionModus"] = "Indexed"
    with pytest.raises(kubernetes_validate.ValidationError):
        valid(job)


def test_a_gang_has_its_devices_its_meeting_place_and_its_limits():
    claim, meeting, job = render(SPEC, HOW)
    assert claim["metadata"]["name"] == "train-gpt-checkpoint"
    assert (meeting["spec"]["clusterIP"], meeting["spec"]["publishNotReadyAddresses"]) == ("None", True)
    body = job["spec"]
    assert (body["completions"], body["parallelism"], body["completionMode"]) == (2, 2, "Indexed")
    assert (body["backoffLimit"], body["activeDeadlineSeconds"]) == (2, 3600)
    pod = body["template"]["spec"]
    assert pod["subdomain"] == meeting["metadata"]["name"] == "train-gpt"
    assert pod["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "4", "memory": str(2**30)}
    mounts = {one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    assert mounts == {"/data", "/checkpoint"}


def test_kueue_admits_a_suspended_job_and_volcano_the_whole_gang():
    kueue = render(SPEC, Rendering(image="i", gang="kueue", queue="research"))[-1]
    assert kueue["spec"]["suspend"] is True
    assert kueue["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"
    volcano = render(SPEC, Rendering(image="i", gang="volcano", queue="research"))[-1]
    assert (volcano["spec"]["minAvailable"], volcano["spec"]["queue"]) == (2, "research")


def test_the_script_of_a_pod_starts_its_tasks_and_fails_with_the_first_that_fails():
    spec = JobSpec(
        name="x",
        run="echo $RANK/$WORLD_SIZE/$LOCAL_RANK; [ $RANK = 3 ] && exit 7; [ $RANK = 2 ] && sleep 0.1; exit 0",
        nodes=2,
        tasks_per_node=2,
        setup="echo setting up",
        resources=Resources(models=("cpu",), devices_per_node=2),
    )
    command = render(spec, HOW)[-1]["spec"]["template"]["spec"]["containers"][0]["command"]
    done = subprocess.run(
        command,
        env={"JOB_COMPLETION_INDEX": "1", "PATH": "/bin:/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    first, *rest = done.stdout.split("\n")
    assert first == "setting up"
    assert sorted(filter(None, rest)) == ["2/4/0", "3/4/1"]


@pytest.mark.parametrize(
    ("spec", "how", "code"),
    [
        (SPEC, Rendering(image=""), "image_missing"),
        (SPEC, Rendering(image="i", gang="kueue"), "queue_missing"),
        (SPEC, Rendering(image="i", port=0), "port_invalid"),
        (
            JobSpec(name="x", run="true", resources=Resources(models=("cpu",)), workdir="abc"),
            HOW,
            "workdir_untranslatable",
        ),
        (
            JobSpec(name="x", run="true", resources=Resources(models=("no-such-card",))),
            HOW,
            "resource_unknown",
        ),
    ],
)
def test_what_cannot_be_rendered_is_refused(spec, how, code):
    with pytest.raises(Refused, match=code):
        render(spec, how)


def test_manifests_are_yaml_of_plain_values():
    made = render(SPEC, HOW)
    assert list(yaml.safe_load_all(yaml.safe_dump_all(made))) == made
