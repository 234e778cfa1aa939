"""Rendered manifests against the real schemas of Kubernetes; what they say of a gang, a service, a mistake."""

import itertools
import re
import shlex
import subprocess
import sys
import warnings

import jsonschema
import kubernetes_validate
import msgspec
import pytest
import yaml

from penstock.base.refusal import Refused
from penstock.engines.kubernetes.manifests import Rendering, render
from penstock.lease.job import Checkpoint, JobSpec, Resources, Retry, Variant

VERSIONS = ("1.29", "1.37")
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
_NAME = {"type": "string", "maxLength": 253, "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}
_COUNT = {"type": "integer", "minimum": 0}
VOLCANO_JOB = {
    "additionalProperties": False,
    "properties": {
        "maxRetry": _COUNT,
        "minAvailable": _COUNT,
        "plugins": {"additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "policies": {
            "items": {
                "additionalProperties": False,
                "properties": {
                    "action": {
                        "enum": ["AbortJob", "CompleteJob", "RestartJob", "RestartTask", "TerminateJob"]
                    },
                    "event": {
                        "enum": ["*", "PodEvicted", "PodFailed", "TaskCompleted", "TaskFailed", "Unknown"]
                    },
                },
            }
        },
        "queue": _NAME,
        "schedulerName": {"type": "string", "maxLength": 63},
        "tasks": {
            "items": {
                "additionalProperties": False,
                "properties": {"name": _NAME | {"maxLength": 63}, "replicas": _COUNT, "template": {}},
            }
        },
    },
}
"""What a Job of Volcano says of the fields that are written here: its definition `jobs.batch.volcano.sh`, v1alpha1
(config/crd/volcano/bases of volcano-sh/volcano at 0318bf6), and the actions that its admission webhook takes."""
HOW = Rendering(image="registry.example/train:1", queue="research")
SERVICE = Rendering(image="i", port=8000)


def valid(manifest: dict) -> bool:
    """Checks one manifest strictly; of Volcano, whose schema is not Kubernetes' own, its fields and the pod in it."""
    if manifest["apiVersion"].startswith("batch.volcano.sh"):
        jsonschema.validate(manifest["spec"], VOLCANO_JOB)
        template = manifest["spec"]["tasks"][0]["template"]
        meta = {"name": "pod", **template["metadata"]}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)
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
            network="host" if port else "none",
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
    env = {one["name"]: one["value"] for one in container["env"]}
    assert (env["LR"], env["PENSTOCK_TORCH_DEVICE"]) == ("0.2", "npu")
    named = render(spec, Rendering(image="i"))[-1]["spec"]["template"]["spec"]["containers"][0]
    assert named["image"] == "i"


def test_the_schema_catches_what_is_wrong():
    job = render(SPEC, HOW)[-1]
    job["spec"]["completionModus"] = "Indexed"
    with pytest.raises(kubernetes_validate.ValidationError):
        valid(job)


def test_the_definition_of_volcano_catches_what_is_wrong():
    job = render(SPEC, msgspec.structs.replace(HOW, gang="volcano"))[-1]
    assert valid(job)
    for wrong in ({"minAvailable": -1}, {"queues": "q"}, {"policies": [{"event": "PodFailure"}]}):
        with pytest.raises(jsonschema.ValidationError):
            valid(job | {"spec": job["spec"] | wrong})


@pytest.mark.parametrize(
    ("field", "name"),
    [("queue", "Research Team"), ("namespace", "a.b."), ("storage_class", "-fast"), ("queue", "q" * 64)],
)
def test_a_name_that_kubernetes_would_not_take_is_refused(field, name):
    with pytest.raises(Refused) as found:
        render(SPEC, msgspec.structs.replace(HOW, gang="kueue", **{field: name}))
    (refusal,) = found.value.refusals
    assert (refusal.code, refusal.where) == ("kubernetes_name_invalid", field)


def test_a_gang_has_its_devices_its_meeting_place_and_its_limits():
    claim, meeting, job = render(SPEC, HOW)
    assert claim["metadata"]["name"] == "train-gpt-checkpoint"
    assert (meeting["spec"]["clusterIP"], meeting["spec"]["publishNotReadyAddresses"]) == ("None", True)
    body = job["spec"]
    assert (body["completions"], body["parallelism"], body["completionMode"]) == (2, 2, "Indexed")
    assert (body["backoffLimit"], body["activeDeadlineSeconds"]) == (4, 3600)
    assert body["podFailurePolicy"]["rules"][0]["onPodConditions"][0]["type"] == "DisruptionTarget"
    pod = body["template"]["spec"]
    assert pod["subdomain"] == meeting["metadata"]["name"] == "train-gpt"
    assert pod["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "4", "memory": str(2**30)}
    mounts = {one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    assert mounts == {"/data", "/checkpoint", "/dev/shm"}
    assert pod["terminationGracePeriodSeconds"] > SPEC.grace_s


def test_kueue_admits_a_suspended_job_and_volcano_the_whole_gang():
    kueue = render(SPEC, Rendering(image="i", gang="kueue", queue="research"))[-1]
    assert kueue["spec"]["suspend"] is True
    assert kueue["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"
    volcano = render(SPEC, Rendering(image="i", gang="volcano", queue="research"))[-1]
    assert (volcano["spec"]["minAvailable"], volcano["spec"]["queue"]) == (2, "research")


def test_a_pod_has_no_privilege_no_token_and_the_processors_it_asks_for():
    spec = JobSpec(name="x", run="true", resources=Resources(("a100",), cpu_millicores=1500))
    pod = render(spec, Rendering(image="i"))[-1]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert container["resources"]["requests"] == {"cpu": "1500m", "nvidia.com/gpu": "1"}


def test_a_service_is_probed_and_replaced_one_by_one():
    service, deployment = render(JobSpec(name="x", run="serve", resources=Resources(("a100",))), SERVICE)
    assert service["spec"]["ports"][0]["port"] == 8000
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    probes = [container[f"{kind}Probe"]["tcpSocket"] for kind in ("startup", "readiness", "liveness")]
    assert probes == [{"port": 8000}] * 3
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_a_job_without_a_network_gets_none_and_volcano_keeps_the_time_limit():
    policy, job = render(
        msgspec.structs.replace(SPEC, nodes=1, checkpoint=None, network="none"),
        Rendering(image="i", gang="volcano", queue="q"),
    )
    assert (policy["kind"], policy["spec"]["policyTypes"]) == ("NetworkPolicy", ["Ingress", "Egress"])
    assert job["spec"]["tasks"][0]["template"]["spec"]["activeDeadlineSeconds"] == 3600


def expanded(text: str, env: dict[str, str]) -> str:
    """What the kubelet makes of a command: $(NAME) becomes the variable where there is one, $$ becomes $."""

    def one(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else env.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", one, text)


def container_of(run: str, how: Rendering = HOW, **more: object) -> subprocess.Popen[str]:
    """What a pod runs, begun here."""
    given = {"resources": Resources(("cpu",), 2), "nodes": 2, "tasks_per_node": 2} | more
    pod = render(JobSpec(name="x", run=run, **given), how)[-1]["spec"]["template"]["spec"]
    return subprocess.Popen(
        [expanded(word, {"LOCAL_RANK": "no"}) for word in pod["containers"][0]["command"]],
        env={"JOB_COMPLETION_INDEX": "1", "PATH": "/bin:/usr/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_the_script_of_a_pod_starts_its_tasks_and_fails_with_the_first_that_fails():
    run = "echo $RANK/$WORLD_SIZE/$LOCAL_RANK; [ $RANK = 3 ] && exit 7; [ $RANK = 2 ] && sleep 0.1; exit 0"
    pod = container_of(run, setup="echo setting up")
    first, *rest = pod.communicate()[0].split("\n")
    assert (pod.returncode, first) == (7, "setting up")
    assert sorted(filter(None, rest)) == ["2/4/0", "3/4/1"]


def test_one_that_fails_ends_the_others_whatever_they_do():
    run = "[ $RANK = 3 ] && exit 7; trap '' TERM; while :; do sleep 0.1; done"
    pod = container_of(run, grace_s=1)
    assert (pod.communicate()[0], pod.returncode) == ("", 7)


@pytest.mark.parametrize(
    ("how", "tasks", "run", "code"), [(HOW, 2, "{}; exit $?", 143), (SERVICE, 1, "exec {}", 0)]
)
def test_a_pod_that_is_told_to_end_tells_the_programs_and_gives_them_their_grace(how, tasks, run, code):
    program = "import os, signal, time\ndef end(*_): time.sleep(0.3); os.write(1, b'saved\\n'); os._exit(0)\n"
    program += "signal.signal(signal.SIGTERM, end)\nos.write(1, b'up\\n')\nwhile True: time.sleep(1)"
    pod = container_of(run.format(f"{sys.executable} -c {shlex.quote(program)}"), how)
    assert [pod.stdout.readline() for _ in range(tasks)] == ["up\n"] * tasks
    pod.terminate()
    assert (pod.communicate()[0], pod.returncode) == ("saved\n" * tasks, code)


def test_the_script_is_that_of_the_job_file_whatever_kubernetes_reads_into_dollars():
    run = (
        "LOCAL_RANK() { echo called; }; [ $RANK = 2 ] && echo $(LOCAL_RANK) $(echo $((1 + 1))) && kill -9 $$"
    )
    pod = container_of(f"{run}; exit 0")
    assert (pod.communicate()[0], pod.returncode) == ("called 2\n", 137)


def test_resources_are_the_vendors_unless_another_is_named_and_hosts_can_be_told():
    for model, name in (("ascend910b3", "huawei.com/Ascend910"), ("mlu590", "cambricon.com/mlu")):
        spec = JobSpec(name="x", run="true", resources=Resources((model,)))
        pod = render(spec, Rendering(image="i"))[-1]["spec"]["template"]["spec"]
        assert pod["containers"][0]["resources"]["limits"] == {name: "1"}
    how = Rendering(image="i", resource="own.example/npu", select={"kind": "fast"})
    pod = render(spec, how)[-1]["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"] == {"own.example/npu": "1"}
    assert pod["nodeSelector"] == {"kind": "fast"}


def test_each_task_of_a_pod_is_told_its_own_devices():
    run = "echo $LOCAL_RANK: $CUDA_VISIBLE_DEVICES"
    pod = container_of(run, resources=Resources(("a100",), 4))
    assert sorted(pod.communicate()[0].splitlines()) == ["0: 0,1", "1: 2,3"]


@pytest.mark.parametrize(
    ("spec", "how", "code"),
    [
        (SPEC, Rendering(image=""), "image_missing"),
        (SPEC, Rendering(image="i", gang="kueue"), "queue_missing"),
        (SPEC, Rendering(image="i", port=0), "port_invalid"),
        (msgspec.structs.replace(SPEC, network="none"), SERVICE, "service_network"),
        (msgspec.structs.replace(SPEC, after={"other": "success"}), HOW, "after_untranslatable"),
        (
            JobSpec(name="x", run="true", resources=Resources(("a100",), device_share=500)),
            HOW,
            "share_untranslatable",
        ),
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
