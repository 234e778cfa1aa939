"""Whether a job can be run as it says: every mistake at once, each at its field. Nothing is looked up."""

import re
from collections.abc import Iterator

from penstock.base.ids import check_id
from penstock.base.quantity import WHOLE
from penstock.base.refusal import Refusal, invalid
from penstock.lease.depend import ENDS
from penstock.lease.job import JobSpec
from penstock.lease.jobfile.values import format_bytes, format_s
from penstock.lease.variants import images

RANGES: dict[str, tuple[int, int]] = {
    "nodes": (1, 100_000),
    "tasks_per_node": (1, 1_024),
    "resources.devices_per_node": (1, 1_024),
    "resources.memory_bytes": (0, 2**46),
    "resources.device_memory_bytes": (0, 2**43),
    "resources.device_share": (1, WHOLE),
    "resources.cpu_millicores": (0, 10**9),
    "time_limit_s": (1, 366 * 86_400),
    "grace_s": (0, 3_600),
    "retry.max_attempts": (1, 100),
    "log_limit_bytes": (4_096, 2**40),
    "max_processes": (1, 4_194_304),
    "priority": (-1_000, 1_000),
}
"""Least and most, by field."""

NETWORKS = ("host", "none")
DEVICES_MAX = 1_000_000
MODELS_MAX = 32
THROUGHPUT_MAX = 1e15
NAME_LENGTH_MAX = 64
ENV_COUNT_MAX = 1_000
VOLUMES_MAX = 64
PATH_LENGTH_MAX = 1_024
TEXT_MAX_BYTES = 128 * 1024 - 1
"""The longest single argument or variable that Linux takes (MAX_ARG_STRLEN)."""
ENV_MAX_BYTES = 1024 * 1024

ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,255}"
ENV_OF_THE_GANG = (
    "MASTER_ADDR",
    "MASTER_PORT",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "NODE_RANK",
)
_ENV_RESERVED = re.compile(rf"{'|'.join(ENV_OF_THE_GANG)}|PENSTOCK_.*|[A-Z_]+_VISIBLE_DEVICES")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]{0,250}(@sha256:[0-9a-f]{64})?", re.ASCII)
_RULE = re.compile(r"[A-Z]{3}-\d{3}", re.ASCII)
STACKS_MAX = 256
AFTER_MAX = 100
_MODEL = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")

SYSTEM_PATHS = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/penstock",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/workspace",
)
"""Nothing is mounted at these or below."""
SHARED_PATHS = ("/", "/home", "/opt", "/root", "/tmp", "/var")  # noqa: S108 - names, not files
"""Something may be mounted below these, but not over them."""


def check_spec(spec: JobSpec) -> list[Refusal]:
    """Every mistake in a job's specification; `where` is the path of the field. Empty: none."""
    return [
        *_names(spec),
        *_ranges(spec),
        *_throughput(spec),
        *_gang(spec),
        *_network(spec),
        *_texts(spec),
        *_env(spec.env),
        *_software(spec),
        *_mounts(spec),
        *_exit_codes(spec),
        *_after(spec),
    ]


def _names(spec: JobSpec) -> Iterator[Refusal]:
    name = spec.name
    if not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable() or name != name.strip() or "/" in name:
        yield invalid(
            "name_malformed",
            f"{name[:80]!r} is no name for a job",
            f"use 1 to {NAME_LENGTH_MAX} printable characters without '/'",
            "name",
        )
    if spec.workdir and isinstance(check_id(spec.workdir), Refusal):
        yield invalid("id_malformed", "workdir is the id of an upload", "upload it first", "workdir")
    if len(spec.resources.models) > MODELS_MAX:
        yield _too_many("alternatives", MODELS_MAX, "resources.models")
    for model in spec.resources.models[:MODELS_MAX]:
        if not _MODEL.fullmatch(model):
            yield invalid(
                "model_malformed",
                f"{model[:80]!r} is no accelerator model",
                "write for instance a100, ascend910b2 or cpu",
                "resources.models",
            )


def _ranges(spec: JobSpec) -> Iterator[Refusal]:
    for path, (least, most) in RANGES.items():
        value: object = spec
        for name in path.split("."):
            value = getattr(value, name)
        if isinstance(value, int) and not least <= value <= most:
            yield invalid(
                "number_out_of_range",
                f"{path} is {_shown(path, value)}; possible is {_shown(path, least)} to {_shown(path, most)}",
                "give a number in that range",
                path,
            )


def _throughput(spec: JobSpec) -> Iterator[Refusal]:
    """One speed for each model that may serve, or none at all."""
    path, named = "resources.throughput", set(spec.resources.models)
    speeds = dict(spec.resources.throughput)
    if len(speeds) > MODELS_MAX:
        yield _too_many("models with a throughput", MODELS_MAX, path)
    elif not all(0 < speed < THROUGHPUT_MAX for speed in speeds.values()):
        what = "a throughput is work done in a second, more than 0"
        yield invalid("number_out_of_range", what, "leave out models that the job does not run on", path)
    elif speeds and named and speeds.keys() != named:
        odd = ", ".join(sorted(speeds.keys() ^ named))
        yield invalid(
            "throughput_mismatch",
            f"throughput and accelerators do not name the same models: {odd[:200]}",
            "give one number for each model that may serve",
            path,
        )


def _shown(path: str, number: int) -> str:
    if number >= 0 and path.endswith("_s"):
        return format_s(number)
    return format_bytes(number) if number >= 0 and path.endswith("_bytes") else f"{number:,}"


def _network(spec: JobSpec) -> Iterator[Refusal]:
    if spec.network not in NETWORKS:
        yield invalid(
            "network_unknown",
            f"there is no network {spec.network[:40]!r}",
            f"write {' or '.join(NETWORKS)}",
            "network",
        )
    elif spec.network == "none" and spec.nodes > 1:
        yield invalid(
            "network_needed",
            "nodes without a network cannot meet",
            "leave network out, or use one node",
            "network",
        )


def _gang(spec: JobSpec) -> Iterator[Refusal]:
    devices, tasks = spec.resources.devices_per_node, spec.tasks_per_node
    if devices < 1 or tasks < 1:
        return
    if spec.devices > DEVICES_MAX:
        yield _too_many("devices", DEVICES_MAX, "nodes")
    if spec.resources.device_share < WHOLE and devices > 1:
        yield invalid(
            "share_of_many",
            f"a share of each of {devices} devices is no share of one",
            "ask for whole devices, or for a share of one",
            "resources.devices_per_node",
        )
    if devices % tasks and tasks % devices:
        yield invalid(
            "tasks_not_divisible",
            f"{tasks} tasks cannot share {devices} devices of a node evenly",
            "make one a multiple of the other",
            "tasks_per_node",
        )


def _texts(spec: JobSpec) -> Iterator[Refusal]:
    if not spec.run.strip():
        yield invalid("run_missing", "the job says nothing to run", "write run: with a command", "run")
    for path, text in (("run", spec.run), ("setup", spec.setup)):
        yield from _text(path, text)


def _text(path: str, text: str) -> Iterator[Refusal]:
    """Text that goes to a process as one argument or variable."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        yield invalid(
            "text_malformed", f"{path} holds a NUL character or half a character", "remove it", path
        )
    elif len(text.encode()) > TEXT_MAX_BYTES:
        yield invalid(
            "text_too_long",
            f"{path} is longer than {TEXT_MAX_BYTES} bytes",
            "put it into a file of the workdir",
            path,
        )


def _env(env: dict[str, str], where: str = "env") -> Iterator[Refusal]:
    if len(env) > ENV_COUNT_MAX or sum(map(len, (*env, *env.values()))) > ENV_MAX_BYTES:
        yield _too_many("variables, or 1 MiB of them", ENV_COUNT_MAX, where)
        return
    for name, value in env.items():
        path = f"{where}.{name}"
        if not re.fullmatch(ENV_NAME, name):
            yield invalid(
                "env_name_malformed",
                f"{name[:80]!r} is no name for a variable",
                "use letters, digits and _, not starting with a digit",
                path,
            )
        elif _ENV_RESERVED.fullmatch(name):
            yield invalid("env_reserved", f"{name} is set by the platform", "leave it out", path)
        else:
            yield from _text(path, value)


def _software(spec: JobSpec) -> Iterator[Refusal]:
    for rule in spec.software.rules:
        if not _RULE.fullmatch(rule):
            yield invalid(
                "rule_malformed", f"{rule[:40]!r} is no rule id", "write such as EXT-002", "software.rules"
            )
    names = (*spec.software.stacks, *spec.variants)
    if len(names) + len(spec.software.rules) > STACKS_MAX:
        yield _too_many("stacks, rules and variants", STACKS_MAX, "software")
        return
    for name in names:
        if isinstance(check_id(name), Refusal):
            yield invalid(
                "stack_unknown", f"{name[:40]!r} is no software stack", "write such as cann", "software"
            )
    for stack, variant in spec.variants.items():
        for path, text in (("run", variant.run), ("setup", variant.setup)):
            yield from _text(f"variants.{stack}.{path}", text)
        yield from _env(variant.env, f"variants.{stack}.env")
    for field, image in images(spec).items():
        if not is_image(image):
            what = f"{image[:80]!r} is no reference of a container image"
            yield invalid("image_malformed", what, "write such as registry.example/name:tag", field)


def is_image(name: str) -> bool:
    """Whether this can be the name of a container image."""
    return _IMAGE.fullmatch(name) is not None


def _mounts(spec: JobSpec) -> Iterator[Refusal]:
    if len(spec.volumes) > VOLUMES_MAX:
        yield _too_many("volumes", VOLUMES_MAX, "volumes")
        return
    places = {f"volumes.{path}": path for path in spec.volumes}
    if spec.checkpoint is not None:
        places["checkpoint.path"] = spec.checkpoint.path
    seen: list[str] = []
    for where, path in places.items():
        problem = _mount_path(path, where) or _nested(path, seen, where)
        if problem:
            yield problem
        else:
            seen.append(path)
    for path, volume in spec.volumes.items():
        if isinstance(check_id(volume), Refusal):
            yield invalid(
                "id_malformed",
                f"{volume[:80]!r} is no name of a volume",
                "use a-z, 0-9, '.', '-' and '_', at most 64",
                f"volumes.{path}",
            )


def _mount_path(path: str, where: str) -> Refusal | None:
    parts = path.split("/")
    plain = path.startswith("/") and path.isprintable() and len(path) <= PATH_LENGTH_MAX
    if not plain or (path != "/" and not {"", ".", ".."}.isdisjoint(parts[1:])):
        return invalid(
            "mount_path_malformed",
            f"{path[:80]!r} is no place to mount something",
            "write a full path without '.', '..', doubled or trailing '/', such as /data",
            where,
        )
    if path in SHARED_PATHS or any(_inside(path, system) for system in SYSTEM_PATHS):
        return invalid(
            "mount_path_reserved", f"{path} belongs to the system", "mount it elsewhere, such as /data", where
        )
    return None


def _nested(path: str, others: list[str], where: str) -> Refusal | None:
    for other in others:
        if _inside(path, other) or _inside(other, path):
            return invalid(
                "mount_path_nested",
                f"{path} and {other} lie in each other",
                "choose places beside each other",
                where,
            )
    return None


def _inside(path: str, outer: str) -> bool:
    return path == outer or path.startswith(outer + "/")


def _exit_codes(spec: JobSpec) -> Iterator[Refusal]:
    codes = spec.retry.on_exit_codes
    if len(codes) > 255 or not all(1 <= code <= 255 for code in codes):
        yield invalid(
            "number_out_of_range",
            "exit codes that are tried again are 1 to 255",
            "leave out the others",
            "retry.on_exit_codes",
        )


def _after(spec: JobSpec) -> Iterator[Refusal]:
    if len(spec.after) > AFTER_MAX:
        yield _too_many("jobs to wait for", AFTER_MAX, "after")
        return
    for name, how in spec.after.items():
        if isinstance(check_id(name), Refusal):
            yield invalid(
                "id_malformed", f"{name[:80]!r} is no id of a job", "name the job", f"after.{name[:80]}"
            )
        elif how not in ENDS:
            yield invalid(
                "end_unknown", f"no job ends in {how[:40]!r}", f"write {', '.join(ENDS)}", f"after.{name}"
            )


def _too_many(noun: str, most: int, where: str) -> Refusal:
    return invalid("number_out_of_range", f"there are more than {most:,} {noun}", "ask for fewer", where)
