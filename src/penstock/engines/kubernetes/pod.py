"""The pod that is one node of a gang, or one replica of a service: its container, devices, volumes and privileges."""

import re
from collections.abc import Mapping
from typing import Any

from penstock.base.refusal import Refusal, Refused
from penstock.fleet.accelerators import catalogue, find
from penstock.lease.job import JobSpec
from penstock.lease.variants import VISIBILITY, stack_environment

type Manifest = dict[str, Any]

_RESOURCE = re.compile(r"[a-z0-9.-]+/[A-Za-z0-9._-]+")
_VENDORS_OWN = "vendor plugin:|native"
"""What the catalogue puts before it, where the name that it gives first is that of HAMi's plug-in."""
_NAME_MAX = 52
"""Pods of a Job add an index and five letters to its name, which may have 63."""
_SHARED_MEMORY = "shared-memory"
_PROBE = {"periodSeconds": 10, "timeoutSeconds": 5}
_STARTUP_PERIODS = 180
"""Half an hour: what a large model may take to load."""


def name_of(text: str) -> str:
    """A name as Kubernetes takes it."""
    return re.sub(r"[^a-z0-9-]+", "-", text.lower())[:_NAME_MAX].strip("-") or "job"


def stack_of(spec: JobSpec) -> str:
    """The software stack of the model whose resource is asked for; '' where the catalogue lacks it."""
    wanted = spec.resources.models
    found = find(wanted[0], catalogue()) if wanted else ()
    return found[0].stack if found else ""


def variable_of(spec: JobSpec) -> str:
    """What tells a program its devices; '' for none."""
    return VISIBILITY.get(stack_of(spec), "")


def template(
    spec: JobSpec, image: str, script: str, labels: Mapping[str, str], *, port: int | None, resource: str
) -> Manifest:
    """A pod without any privilege: it gains none, and has no token of the cluster. With a port it serves for good."""
    container: Manifest = {
        "name": "main",
        "image": image,
        "command": ["/bin/bash", "-c", _as_it_stands(script)],
        "env": _environment(spec),
        "resources": _resources(spec, resource),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": _SHARED_MEMORY, "mountPath": "/dev/shm"}],  # noqa: S108
    }
    if port is not None:
        container |= _served(port)
    pod: Manifest = {
        "restartPolicy": "Never" if port is None else "Always",
        "terminationGracePeriodSeconds": spec.grace_s + 5,  # the container's own kill comes first
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # a service called `master` would set MASTER_PORT
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        # Loaders of data and collectives pass more through it than the 64 MiB that a pod has otherwise.
        "volumes": [{"name": _SHARED_MEMORY, "emptyDir": {"medium": "Memory"}}],
    }
    for number, (path, claim) in enumerate(_claims(spec, labels["app.kubernetes.io/name"])):
        container["volumeMounts"].append({"name": f"volume-{number}", "mountPath": path})
        pod["volumes"].append(
            {"name": f"volume-{number}", "persistentVolumeClaim": {"claimName": name_of(claim)}}
        )
    return {"metadata": {"labels": dict(labels)}, "spec": pod}


def _as_it_stands(script: str) -> str:
    """Kubernetes puts variables in the place of `$(NAME)` in a command, and one dollar in that of two."""
    return re.sub(r"\$(?=[$(])", "$$", script)


def _served(port: int) -> Manifest:
    """Nothing is sent to it before it listens, and it is started again once it does no more."""
    listens = {"tcpSocket": {"port": port}, **_PROBE}
    return {
        "ports": [{"containerPort": port}],
        "startupProbe": {**listens, "failureThreshold": _STARTUP_PERIODS},
        "readinessProbe": listens,
        "livenessProbe": {**listens, "failureThreshold": 6},
    }


def _claims(spec: JobSpec, name: str) -> list[tuple[str, str]]:
    checkpoint = [(spec.checkpoint.path, f"{name}-checkpoint")] if spec.checkpoint else []
    return [*spec.volumes.items(), *checkpoint]


def _environment(spec: JobSpec) -> list[dict[str, str]]:
    stack = stack_of(spec)
    env = (stack_environment(stack, catalogue()) if stack else {}) | spec.env
    if spec.checkpoint:
        env["PENSTOCK_CHECKPOINT_DIR"] = spec.checkpoint.path
    return [{"name": name, "value": value} for name, value in sorted(env.items())]


def _resources(spec: JobSpec, resource: str) -> Manifest:
    """Accelerators by the name that their vendor's device plug-in gives them; of several models the first."""
    wanted = spec.resources
    model = wanted.models[0] if wanted.models else ""
    limits: dict[str, str] = {}
    if wanted.cpu_millicores:
        limits["cpu"] = f"{wanted.cpu_millicores}m"
    if model == "cpu":
        limits["cpu"] = str(wanted.devices_per_node)
    else:
        limits[resource or _resource(model)] = str(wanted.devices_per_node)
    if wanted.memory_bytes:
        limits["memory"] = str(wanted.memory_bytes)
    return {"limits": limits, "requests": dict(limits)}


def _resource(model: str) -> str:
    found = find(model, catalogue())
    known = found[0].kubernetes_resource if found else ""
    names = _RESOURCE.findall(known)
    if not names:
        raise Refused(
            Refusal(
                "resource_unknown",
                f"no name of a Kubernetes resource is known for {model or 'any model'!r}",
                "name it with --resource, or a model whose resource `penstock fleet catalogue show` tells",
                "resources.accelerators",
            )
        )
    native = _RESOURCE.findall(re.split(_VENDORS_OWN, known)[-1])
    return next((name for name in native if names[0].startswith(name)), native[0])
