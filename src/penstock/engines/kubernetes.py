"""A job as manifests for Kubernetes: an indexed Job, with Kueue or Volcano where the gang must start whole.

Only rendered, never applied: what comes out is checked against the schemas of Kubernetes, and has not run on a
cluster yet. A pod is one node of the gang and starts its tasks itself; the pods meet at a headless Service.
"""

import re
import shlex
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from penstock.base.refusal import Refusal, Refused, invalid
from penstock.fleet.accelerators import catalogue, find
from penstock.lease.job import JobSpec
from penstock.lease.variants import on_stack

type Gang = Literal["none", "kueue", "volcano"]
type Manifest = dict[str, Any]

MASTER_PORT = 29500
_RESOURCE = re.compile(r"[a-z0-9.-]+/[A-Za-z0-9._-]+")
_NAME_MAX = 52
"""Pods of a Job add an index and five letters to its name, which may have 63."""
_TASKS = """\
set -u
export WORLD_SIZE={world} LOCAL_WORLD_SIZE={tasks} NODE_RANK="{index}" MASTER_ADDR={address} MASTER_PORT={port}
cat > /tmp/penstock-run <<'PENSTOCK_END'
{run}
PENSTOCK_END
{setup}
pids=()
trap 'kill -TERM "${{pids[@]}}" 2>/dev/null' TERM
for ((local = 0; local < {tasks}; local++)); do
  LOCAL_RANK=$local RANK=$((NODE_RANK * {tasks} + local)) /bin/bash /tmp/penstock-run &
  pids+=($!)
done
for pid in "${{pids[@]}}"; do
  wait "$pid" || {{ code=$?; kill -TERM "${{pids[@]}}" 2>/dev/null; exit $code; }}
done
"""


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """What a job file does not say and Kubernetes must know."""

    image: str = ""
    """Empty: that of the job's variant for the stack of its accelerators."""
    namespace: str = "default"
    gang: Gang = "none"
    queue: str = ""
    """Kueue's local queue, or Volcano's queue."""
    port: int | None = None
    """Render a service that listens here, which does not end, in place of a job."""
    storage_class: str = ""


def render(spec: JobSpec, how: Rendering) -> list[Manifest]:
    """The manifests in the order in which to apply them. Raises Refused where the job cannot be met."""
    stack = _stack(spec)
    spec = on_stack(spec, stack)
    how = msgspec.structs.replace(how, image=how.image or spec.image)
    _check(spec, how)
    name = _name(spec.name)
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "penstock"}
    meta: Manifest = {"name": name, "namespace": how.namespace, "labels": labels}
    claims = [_claim(f"{name}-checkpoint", how, labels)] if spec.checkpoint else []
    if how.port is not None:
        return [*claims, _service(meta, labels, how.port), _deployment(spec, how, meta, labels)]
    meeting = [_headless(meta, labels)] if spec.nodes > 1 and how.gang != "volcano" else []
    job = _volcano(spec, how, meta, labels) if how.gang == "volcano" else _job(spec, how, meta, labels)
    return [*claims, *meeting, job]


def _check(spec: JobSpec, how: Rendering) -> None:
    problems: list[Refusal] = []
    if not how.image:
        problems.append(
            invalid(
                "image_missing", "a pod needs an image", "name one with --image, or in the job file", "image"
            )
        )
    if how.gang != "none" and not how.queue:
        problems.append(
            invalid("queue_missing", f"{how.gang} needs a queue", "name it with --queue", "queue")
        )
    if how.port is not None and not 1 <= how.port <= 65535:
        problems.append(invalid("port_invalid", f"{how.port} is no port", "give 1 to 65535", "port"))
    if how.port is not None and (spec.nodes > 1 or spec.tasks_per_node > 1) and how.gang != "none":
        problems.append(invalid("service_gang", "a service is no gang", "leave --gang out", "gang"))
    if spec.workdir:
        problems.append(
            Refusal(
                "workdir_untranslatable",
                "a synced directory does not reach a pod",
                "put it into the image, and leave workdir out",
                "workdir",
            )
        )
    if problems:
        raise Refused(*problems)


def _name(name: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", name.lower())[:_NAME_MAX].strip("-") or "job"


def _job(spec: JobSpec, how: Rendering, meta: Manifest, labels: Mapping[str, str]) -> Manifest:
    body: Manifest = {
        "completionMode": "Indexed",
        "completions": spec.nodes,
        "parallelism": spec.nodes,
        "backoffLimit": spec.retry.max_attempts - 1,
        "template": _template(spec, how, labels, "$JOB_COMPLETION_INDEX", "Never"),
    }
    if spec.time_limit_s is not None:
        body["activeDeadlineSeconds"] = spec.time_limit_s
    if how.gang == "kueue":
        body["suspend"] = True  # Kueue lets it go once all its pods have a place
        meta = meta | {"labels": {**labels, "kueue.x-k8s.io/queue-name": how.queue}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": body}


def _volcano(spec: JobSpec, how: Rendering, meta: Manifest, labels: Mapping[str, str]) -> Manifest:
    policies = [
        {"event": "PodFailed", "action": "RestartJob"},
        {"event": "PodEvicted", "action": "RestartJob"},
    ]
    template = _template(spec, how, labels, "$VC_TASK_INDEX", "Never")
    return {
        "apiVersion": "batch.volcano.sh/v1alpha1",
        "kind": "Job",
        "metadata": meta,
        "spec": {
            "schedulerName": "volcano",
            "minAvailable": spec.nodes,
            "queue": how.queue,
            "maxRetry": spec.retry.max_attempts,
            "policies": policies,
            "plugins": {"env": [], "svc": []},
            "tasks": [{"name": "node", "replicas": spec.nodes, "template": template}],
        },
    }


def _deployment(spec: JobSpec, how: Rendering, meta: Manifest, labels: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": spec.nodes,
            "selector": {"matchLabels": {"app.kubernetes.io/name": meta["name"]}},
            "template": _template(spec, how, labels, "0", "Always"),
        },
    }


def _service(meta: Manifest, labels: Mapping[str, str], port: int) -> Manifest:
    ports = [{"name": "service", "port": port, "targetPort": port}]
    selector = {"app.kubernetes.io/name": labels["app.kubernetes.io/name"]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": selector, "ports": ports},
    }


def _headless(meta: Manifest, labels: Mapping[str, str]) -> Manifest:
    """Gives every pod of the Job a name before it is ready, so that they can meet."""
    service = _service(meta, labels, MASTER_PORT)
    service["spec"] |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return service


def _claim(name: str, how: Rendering, labels: Mapping[str, str]) -> Manifest:
    body: Manifest = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "100Gi"}}}
    if how.storage_class:
        body["storageClassName"] = how.storage_class
    meta = {"name": name, "namespace": how.namespace, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": body}


def _template(spec: JobSpec, how: Rendering, labels: Mapping[str, str], index: str, restart: str) -> Manifest:
    name = labels["app.kubernetes.io/name"]
    claims = [(path, volume) for path, volume in spec.volumes.items()]
    if spec.checkpoint:
        claims.append((spec.checkpoint.path, f"{name}-checkpoint"))
    container: Manifest = {
        "name": "main",
        "image": how.image,
        "command": ["/bin/bash", "-c", _script(spec, how, name, index)],
        "env": _environment(spec),
        "resources": _resources(spec),
    }
    if how.port is not None:
        container["ports"] = [{"containerPort": how.port}]
    pod: Manifest = {
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": spec.grace_s,
        "containers": [container],
    }
    if claims:
        container["volumeMounts"] = [
            {"name": f"volume-{number}", "mountPath": path} for number, (path, _) in enumerate(claims)
        ]
        pod["volumes"] = [
            {"name": f"volume-{number}", "persistentVolumeClaim": {"claimName": _name(claim)}}
            for number, (_, claim) in enumerate(claims)
        ]
    if spec.nodes > 1 and how.port is None and how.gang != "volcano":
        pod["subdomain"] = name
    return {"metadata": {"labels": dict(labels)}, "spec": pod}


def _script(spec: JobSpec, how: Rendering, name: str, index: str) -> str:
    if how.port is not None:
        return f"{spec.setup}\n{spec.run}" if spec.setup else spec.run
    first = f"{name}-node-0" if how.gang == "volcano" else f"{name}-0"
    address = "127.0.0.1" if spec.nodes == 1 else f"{first}.{name}"
    setup = f"/bin/bash -c {shlex.quote(spec.setup)} || exit" if spec.setup.strip() else ""
    return _TASKS.format(
        world=spec.tasks,
        tasks=spec.tasks_per_node,
        index=index,
        address=address,
        port=MASTER_PORT,
        run=spec.run,
        setup=setup,
    )


def _environment(spec: JobSpec) -> list[dict[str, str]]:
    env = dict(spec.env)
    if spec.checkpoint:
        env["PENSTOCK_CHECKPOINT_DIR"] = spec.checkpoint.path
    return [{"name": name, "value": value} for name, value in sorted(env.items())]


def _stack(spec: JobSpec) -> str:
    """The software stack of the model whose resource is asked for; '' where the catalogue lacks it."""
    wanted = spec.resources.models
    found = find(wanted[0], catalogue()) if wanted else ()
    return found[0].stack if found else ""


def _resources(spec: JobSpec) -> Manifest:
    """Accelerators by the name that their vendor's device plug-in gives them; of several models the first."""
    wanted = spec.resources
    model = wanted.models[0] if wanted.models else ""
    limits: dict[str, str] = {}
    if model == "cpu":
        limits["cpu"] = str(wanted.devices_per_node)
    else:
        found = find(model, catalogue())
        resource = _RESOURCE.match(found[0].kubernetes_resource) if found else None
        if resource is None:
            raise Refused(
                Refusal(
                    "resource_unknown",
                    f"no name of a Kubernetes resource is known for {model or 'any model'!r}",
                    "name a model whose resource `penstock fleet catalogue show` tells",
                    "resources.accelerators",
                )
            )
        limits[resource.group()] = str(wanted.devices_per_node)
    if wanted.memory_bytes:
        limits["memory"] = str(wanted.memory_bytes)
    return {"limits": limits, "requests": dict(limits)}
