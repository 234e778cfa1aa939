"""The vocabulary of a job file, field by field, as it is read and as it is documented."""

from penstock.lease.depend import ENDS
from penstock.lease.jobfile.array import after, array
from penstock.lease.jobfile.check import ENV_NAME, NETWORKS, RANGES
from penstock.lease.jobfile.document import Scalar, Value
from penstock.lease.jobfile.kinds import (
    duration,
    flops,
    ports,
    refuse_kind,
    script,
    size,
    text,
    whole,
    yes_or_no,
)
from penstock.lease.jobfile.reading import Field, Reading
from penstock.lease.jobfile.resources import resources
from penstock.lease.jobfile.sections import checkpoint, env, file_mounts, retry, volumes
from penstock.lease.jobfile.software import image, image_id, software, variants

_SCRIPT = {"oneOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}}]}
_DURATION = {"type": ["string", "integer"], "examples": ["2h30m", "45s", "1:30:00", 3600]}
_ID = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$"}


def _number(path: str, default: int) -> dict[str, object]:
    least, most = RANGES[path]
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


def _workdir(reading: Reading, value: Value, path: str) -> None:
    """A directory of the submitter's machine."""
    if isinstance(value, Scalar) and "://" not in value.text:
        text(reading, value, path)
        return
    reading.refuse(
        value.where,
        "field_untranslatable",
        "workdir is a directory here; no repository is fetched for a job",
        "check it out, and name its directory",
        path,
    )


def _spot_policy(reading: Reading, value: Value, path: str) -> None:
    """dstack's choice of the kind of capacity."""
    policy = value.text.lower() if isinstance(value, Scalar) else ""
    if policy in ("spot", "on-demand"):
        reading.put(path, policy == "spot", value.where)
    elif policy == "auto":
        reading.note(
            value.where, "spot_policy auto is taken as on-demand: write spot: true for the spot price"
        )
    else:
        refuse_kind(reading, value, path, "spot, on-demand or auto", "write spot: true")


def _type(reading: Reading, value: Value, path: str) -> None:
    """dstack's kind of run: only tasks are jobs."""
    if not isinstance(value, Scalar) or value.text != "task":
        reading.refuse(
            value.where,
            "field_untranslatable",
            "only tasks are run",
            "write type: task, or leave it out",
            path,
        )


FIELDS: tuple[Field, ...] = (
    Field(
        name="name",
        read=text,
        path="name",
        about="What people call the job. None: the name of the file.",
        schema={"type": "string", "minLength": 1, "maxLength": 64},
    ),
    Field(
        name="resources",
        read=resources,
        path="resources",
        about="What each node of the job needs.",
        schema={"type": "object"},
    ),
    Field(
        name="nodes",
        read=whole,
        path="nodes",
        about="How many nodes the job spans; all start together or none.",
        schema=_number("nodes", 1),
        aliases=("num_nodes",),
    ),
    Field(
        name="tasks_per_node",
        read=whole,
        path="tasks_per_node",
        about="Processes of run on each node; they share its devices evenly, and RANK tells them apart.",
        schema=_number("tasks_per_node", 1),
    ),
    Field(
        name="setup",
        read=script,
        path="setup",
        about="A shell script that runs once on each node before run, in the copied workdir.",
        schema=_SCRIPT,
    ),
    Field(
        name="run",
        read=script,
        path="run",
        about="The shell script that each task runs, in the copied workdir.",
        schema=_SCRIPT,
        aliases=("commands",),
    ),
    Field(
        name="env",
        read=env,
        path="env",
        about="Variables of the program. RANK, MASTER_ADDR and their like are set by the platform.",
        schema={
            "oneOf": [
                {
                    "type": "object",
                    "propertyNames": {"pattern": f"^{ENV_NAME}$"},
                    "additionalProperties": {"type": ["string", "number", "boolean"]},
                },
                {"type": "array", "items": {"type": "string", "pattern": "="}},
            ]
        },
        aliases=("envs",),
    ),
    Field(
        name="image",
        read=image,
        path="image",
        about="Container image to run in, one of those that the centre has; run: takes the place of its "
        "entrypoint. None: the file system of the node.",
        schema={"type": "string", "examples": ["registry.example/train:1"]},
    ),
    Field(
        name="workdir",
        read=_workdir,
        path="workdir",
        about="A directory of this machine that is copied to each node, without what .penstockignore lists.",
        schema={"type": "string", "examples": ["."]},
    ),
    Field(
        name="volumes",
        read=volumes,
        path="volumes",
        about="Named volumes by the place where they are mounted: `/data: imagenet`.",
        schema={
            "oneOf": [
                {"type": "object", "propertyNames": {"pattern": "^/"}, "additionalProperties": _ID},
                {"type": "array", "items": {"type": "string", "pattern": ":/"}},
            ]
        },
    ),
    Field(
        name="time_limit",
        read=duration,
        path="time_limit_s",
        about="The longest that one attempt may run, such as 2h30m; lets a job start before a booking.",
        schema=_DURATION,
        aliases=("max_duration",),
    ),
    Field(
        name="grace",
        read=duration,
        path="grace_s",
        about="From the request to stop (SIGTERM) to the end (SIGKILL).",
        schema=_DURATION | {"default": "10s"},
        aliases=("stop_duration",),
    ),
    Field(
        name="retry",
        read=retry,
        path="retry",
        about="What is done when an attempt fails.",
        schema={"oneOf": [{"type": "integer", "minimum": 1}, {"type": "object"}]},
    ),
    Field(
        name="checkpoint",
        read=checkpoint,
        path="checkpoint",
        about="A directory that stays across attempts, also known to the program as PENSTOCK_CHECKPOINT_DIR.",
        schema={"oneOf": [{"type": "string", "pattern": "^/"}, {"type": "boolean"}, {"type": "object"}]},
    ),
    Field(
        name="log_limit",
        read=size,
        path="log_limit_bytes",
        about="How much output of each task is kept, such as 64MB.",
        schema={"type": "string", "default": "64MB"},
    ),
    Field(
        name="max_processes",
        read=whole,
        path="max_processes",
        about="The most processes and threads that the job may have on a node.",
        schema=_number("max_processes", 4096),
    ),
    Field(
        name="network",
        read=text,
        path="network",
        about="host: the node's network. none: a network of its own with nothing in it but the loopback.",
        schema={"enum": list(NETWORKS), "default": "host"},
    ),
    Field(
        name="priority",
        read=whole,
        path="priority",
        about="Jobs of higher priority are placed first.",
        schema=_number("priority", 0),
    ),
    Field(
        name="spot",
        read=yes_or_no,
        path="spot",
        about="Run at the spot price on devices that are promised to others; evicted with notice when they "
        "need them, and tried again.",
        schema={"type": "boolean", "default": False},
    ),
    Field(
        name="after",
        read=after,
        path="after",
        about="Jobs that must end before this one is placed: names of those that must succeed, or `name: success`, "
        "`failure` or `end`. Where one ends otherwise, this job is cancelled.",
        schema={
            "oneOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"enum": list(ENDS)}},
            ]
        },
    ),
    Field(
        name="array",
        read=array,
        path="array",
        about="Indices such as `0-9` or `1,3,5`: one job for each, which finds its own as ARRAY_INDEX; `0-99%8` "
        "has at most 8 of them run at once.",
        schema={"type": ["string", "integer"], "examples": ["0-9", "0-99%8"]},
    ),
    Field(
        name="ports",
        read=ports,
        path="ports",
        about="Ports that the program listens on. They are checked, but not published.",
        schema={
            "oneOf": [
                {"type": ["integer", "string"]},
                {"type": "array", "items": {"type": ["integer", "string"]}},
            ]
        },
    ),
    Field(
        name="software",
        read=software,
        path="software",
        about="On which software stacks the program runs: their names, or `check` to have the working "
        "directory read for what keeps it off some.",
        schema={
            "oneOf": [
                {"type": "string", "examples": ["check", "cuda"]},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object"},
            ]
        },
    ),
    Field(
        name="variants",
        read=variants,
        path="variants",
        about="By software stack, such as cann: setup, run and env where they differ there. A job with a "
        "variant for a stack is taken to run on it.",
        schema={"type": "object"},
    ),
    Field(
        name="flops",
        read=flops,
        path="flops",
        about="FLOPs of the model over the whole run, forward and backward without recomputation, with the precision; "
        "the ladder then shows how much of the peak it got (MFU).",
        schema={"type": "string", "examples": ["3.2e21 bf16"]},
    ),
    Field(
        name="project",
        read=text,
        path="project",
        about="The project that the job is grouped under.",
        schema=_ID,
    ),
    Field(
        name="lease",
        read=text,
        path="lease",
        about="The lease on whose devices the job runs. None: on demand, at the offer's price.",
        schema=_ID,
    ),
)
TRANSLATED: tuple[Field, ...] = (
    Field(name="image_id", read=image_id, path="image", about="", schema={}),
    Field(name="file_mounts", read=file_mounts, path="volumes", about="", schema={}),
    Field(name="spot_policy", read=_spot_policy, path="spot", about="", schema={}),
    Field(name="type", read=_type, path="type", about="", schema={}),
)
"""Fields of other systems that are understood, but that are not ours."""
