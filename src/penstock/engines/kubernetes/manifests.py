"""A job as manifests for Kubernetes: an indexed Job, with Kueue or Volcano where the gang must start whole.

Only rendered, never applied: what comes out is checked against the schemas of Kubernetes, and has not run on a
cluster yet. A pod is one node of the gang and starts its tasks itself; the pods meet at a headless Service.
"""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from penstock.base.quantity import WHOLE
from penstock.base.refusal import Refusal, Refused, invalid
from penstock.engines.kubernetes import script
from penstock.engines.kubernetes.pod import Manifest, name_of, stack_of, template, variable_of
from penstock.lease.job import JobSpec
from penstock.lease.variants import on_stack

type Gang = Literal["none", "kueue", "volcano"]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
"""Of an object of Kubernetes (RFC 1123)."""
_NAMED = {"namespace": 63, "queue": 63, "storage_class": 253}
"""The most characters of each; a queue of Kueue is named by a label's value."""


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
    resource: str = ""
    """Of the devices, where the cluster's plug-in has another than the vendor's."""
    select: dict[str, str] = {}
    """Labels of the hosts that will do, where one resource stands for several models."""


def render(spec: JobSpec, how: Rendering) -> list[Manifest]:
    """The manifests in the order in which to apply them. Raises Refused where the job cannot be met."""
    spec = on_stack(spec, stack_of(spec))
    how = msgspec.structs.replace(how, image=how.image or spec.image)
    _check(spec, how)
    name = name_of(spec.name)
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "penstock"}
    meta: Manifest = {"name": name, "namespace": how.namespace, "labels": labels}
    before = [_claim(f"{name}-checkpoint", how, labels)] if spec.checkpoint else []
    if how.port is not None:
        return [*before, _service(meta, labels, how.port), _deployment(spec, how, meta, labels)]
    before += [_alone(meta, labels)] if spec.network == "none" else []
    if how.gang == "volcano":
        return [*before, _volcano(spec, how, meta, labels)]
    before += [_headless(meta, labels)] if spec.nodes > 1 else []
    return [*before, _job(spec, how, meta, labels)]


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
    if how.port is not None and spec.network == "none":
        problems.append(
            invalid(
                "service_network", "a service without a network serves nobody", "leave network out", "network"
            )
        )
    problems += [
        invalid(
            "kubernetes_name_invalid",
            f"{value[:80]!r} names nothing in Kubernetes",
            f"write at most {most} lower-case letters, digits, - and .",
            field,
        )
        for field, most in _NAMED.items()
        if (value := getattr(how, field)) and not (len(value) <= most and _NAME.fullmatch(value))
    ]
    problems += _untranslatable(spec)
    if problems:
        raise Refused(*problems)


def _untranslatable(spec: JobSpec) -> list[Refusal]:
    """What the job file says and no manifest can."""
    problems = []
    if spec.workdir:
        what = "a synced directory does not reach a pod"
        remedy = "put it into the image, and leave workdir out"
        problems.append(Refusal("workdir_untranslatable", what, remedy, "workdir"))
    if spec.resources.device_share < WHOLE:
        what = "device plug-ins of Kubernetes give whole devices, each in its own way shares"
        remedy = "ask for a whole device, or write the plug-in's resource in by hand"
        problems.append(Refusal("share_untranslatable", what, remedy, "resources"))
    if spec.after:
        what = "a Job of Kubernetes does not wait for another"
        remedy = "apply it when they have ended, and leave after out"
        problems.append(Refusal("after_untranslatable", what, remedy, "after"))
    return problems


def _job(spec: JobSpec, how: Rendering, meta: Manifest, labels: Mapping[str, str]) -> Manifest:
    text = script.tasks(spec, "$JOB_COMPLETION_INDEX", f"{meta['name']}-0.{meta['name']}", variable_of(spec))
    pod = _pod(spec, how, text, labels)
    if spec.nodes > 1:
        pod["spec"]["subdomain"] = meta["name"]
    body: Manifest = {
        "completionMode": "Indexed",
        "completions": spec.nodes,
        "parallelism": spec.nodes,
        # Pods are counted, and where one node of a gang fails the others fail with it.
        "backoffLimit": (spec.retry.max_attempts - 1) * spec.nodes,
        # What is evicted or loses its host has not failed.
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
            ]
        },
        "template": pod,
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
    text = script.tasks(spec, "$VC_TASK_INDEX", f"{meta['name']}-node-0.{meta['name']}", variable_of(spec))
    pod = _pod(spec, how, text, labels)
    if spec.time_limit_s is not None:
        pod["spec"]["activeDeadlineSeconds"] = spec.time_limit_s  # Volcano's Job has none
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
            "tasks": [{"name": "node", "replicas": spec.nodes, "template": pod}],
        },
    }


def _deployment(spec: JobSpec, how: Rendering, meta: Manifest, labels: Mapping[str, str]) -> Manifest:
    pod = _pod(spec, how, script.service(spec), labels)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": spec.nodes,
            "selector": {"matchLabels": {"app.kubernetes.io/name": meta["name"]}},
            # Accelerators are seldom free for one more pod than there are.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "template": pod,
        },
    }


def _pod(spec: JobSpec, how: Rendering, text: str, labels: Mapping[str, str]) -> Manifest:
    pod = template(spec, how.image, text, labels, port=how.port, resource=how.resource)
    if how.select:
        pod["spec"]["nodeSelector"] = dict(how.select)
    return pod


def _service(meta: Manifest, labels: Mapping[str, str], port: int) -> Manifest:
    ports = [{"name": "service", "port": port, "targetPort": port}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": _selector(labels), "ports": ports},
    }


def _headless(meta: Manifest, labels: Mapping[str, str]) -> Manifest:
    """Gives every pod of the Job a name before it is ready, so that they can meet."""
    service = _service(meta, labels, script.MASTER_PORT)
    service["spec"] |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return service


def _alone(meta: Manifest, labels: Mapping[str, str]) -> Manifest:
    """No network but a pod's own loopback, where the cluster's network plug-in keeps such policies."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta,
        "spec": {
            "podSelector": {"matchLabels": _selector(labels)},
            "policyTypes": ["Ingress", "Egress"],
        },
    }


def _selector(labels: Mapping[str, str]) -> dict[str, str]:
    return {"app.kubernetes.io/name": labels["app.kubernetes.io/name"]}


def _claim(name: str, how: Rendering, labels: Mapping[str, str]) -> Manifest:
    body: Manifest = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "100Gi"}}}
    if how.storage_class:
        body["storageClassName"] = how.storage_class
    meta = {"name": name, "namespace": how.namespace, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": body}
