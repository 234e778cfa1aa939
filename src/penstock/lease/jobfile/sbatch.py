"""A batch script of Slurm as a job: nodes, tasks, devices, memory and time from its directives."""

import re
import shlex

from penstock.fleet.accelerators import catalogue, find
from penstock.lease.jobfile.array import put_array, put_dependency
from penstock.lease.jobfile.document import Scalar
from penstock.lease.jobfile.finish import default_name
from penstock.lease.jobfile.reading import Reading
from penstock.lease.jobfile.resources import accelerators
from penstock.lease.jobfile.sbatch_body import translate_body
from penstock.lease.jobfile.sbatch_commands import uses_srun
from penstock.lease.jobfile.sbatch_options import Given, Options, read_options
from penstock.lease.jobfile.values import size_bytes

_TIME = re.compile(
    r"(?:(\d{1,4})-(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?|(\d{1,7})(?::(\d{1,2})(?::(\d{1,2}))?)?)", re.ASCII
)
_COUNT = re.compile(r"\d{1,7}", re.ASCII)
_SIGNAL = re.compile(r"(?:[RB]+:)?(?:SIG)?(TERM|15)(?:@(\d{1,5}))?", re.ASCII)
_VENDORS_GRES = ("npu", "dcu", "mlu", "gcu", "xpu", "hpu", "ppu")
"""What sites call accelerators in gres.conf beside `gpu`: without a model each could be any of its vendor's."""
_MODELS, _DEVICES = "resources.models", "resources.devices_per_node"


def read_script(reading: Reading, text: str, filename: str) -> None:
    """Read a script that begins with `#!`; its commands are those of `run`."""
    options = read_options(reading, text, filename)
    default = f"{filename}:1:1"
    nodes, tasks_per_node = _gang(reading, options, default)
    parallel = uses_srun(text)
    started = tasks_per_node if parallel else 1
    where = _place(options, ("ntasks-per-node", "ntasks"), default)
    reading.put("nodes", nodes, _place(options, ("nodes", "ntasks"), default))
    reading.put("tasks_per_node", started, where)
    gpus = _gpus_of_node(reading, options, nodes, tasks_per_node)
    cores = _cores_of_node(reading, options, tasks_per_node, gpus)
    if not gpus and _DEVICES not in reading.failed:
        _cores(reading, options, cores, default)
    _memory(reading, options, cores, gpus)
    _plain(reading, options, default)
    known = {
        "SLURM_JOB_NAME": shlex.quote(reading.values.get("name", default_name(filename))),
        "SLURM_NNODES": str(nodes),
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_GPUS_ON_NODE": str(gpus),
        "SLURM_GPUS_PER_NODE": str(gpus),
        "SLURM_CPUS_ON_NODE": str(cores),
        "SLURM_CPUS_PER_TASK": str(cores // tasks_per_node),
    }
    if not parallel:
        known |= {"SLURM_NTASKS": str(nodes * tasks_per_node), "SLURM_NTASKS_PER_NODE": str(tasks_per_node)}
    translate_body(reading, text, filename, nodes, nodes * tasks_per_node, known)


def _place(options: Options, names: tuple[str, ...], default: str) -> str:
    return next((options[name].where for name in names if name in options), default)


def _number(reading: Reading, options: Options, name: str) -> int | None:
    """The whole number of an option, at least 1."""
    given = options.get(name)
    if given is None:
        return None
    number = int(given.value) if _COUNT.fullmatch(given.value) else 0
    if number < 1:
        _malformed(reading, given, name, "give a whole number of at least 1")
        return None
    return number


def _malformed(reading: Reading, given: Given, name: str, remedy: str) -> None:
    reading.refuse(given.where, "option_malformed", f"--{name}={given.value[:40]} is not understood", remedy)


def _gang(reading: Reading, options: Options, default: str) -> tuple[int, int]:
    """Nodes and tasks on each: of nodes, tasks, and tasks per node any two give the third."""
    nodes, tasks = _nodes(reading, options), _number(reading, options, "ntasks")
    per_node = _number(reading, options, "ntasks-per-node")
    where = _place(options, ("ntasks", "ntasks-per-node", "nodes"), default)
    if tasks is None:
        return nodes or 1, per_node or 1
    if nodes is None:
        nodes = -(-tasks // per_node) if per_node else 1
        if per_node is None and tasks > 1:
            reading.note(where, f"no number of nodes is named: all {tasks} tasks go to one node")
    if tasks % nodes or (per_node is not None and tasks > nodes * per_node):
        reading.refuse(
            where,
            "option_contradiction",
            f"{tasks} tasks are not the same number on each of {nodes} nodes"
            + ("" if per_node is None else f" with at most {per_node} on each"),
            "make ntasks the product of nodes and ntasks-per-node",
            "tasks_per_node",
        )
    return nodes, max(tasks // nodes, 1)


def _nodes(reading: Reading, options: Options) -> int | None:
    given = options.get("nodes")
    low, dash, high = given.value.partition("-") if given else ("", "", "")
    if given is None or not dash or low == high:
        return _number(reading, options | ({"nodes": Given(low, given.where)} if given else {}), "nodes")
    reading.refuse(
        given.where, "option_untranslatable", f"{given.value} nodes: a job has one size", "give one number"
    )
    return None


def _gpus_of_node(reading: Reading, options: Options, nodes: int, tasks: int) -> int:
    """GPUs of each node: the options on them must agree. 0 without any."""
    found: dict[str, tuple[str, int]] = {}
    for name, factor, divisor in (
        ("gres", 1, 1),
        ("gpus-per-node", 1, 1),
        ("gpus-per-task", tasks, 1),
        ("gpus", 1, nodes),
    ):
        wanted = _gpus(reading, options, name)
        if wanted is None:
            continue
        model, count = wanted
        if count * factor % divisor:
            _malformed(reading, options[name], name, f"give a multiple of the {nodes} nodes")
            reading.failed.add(_DEVICES)
        else:
            found[name] = (model, count * factor // divisor)
    models = {model for model, _ in found.values() if model} | _constraint(reading, options)
    if not found:
        if models:
            _malformed(reading, options["constraint"], "constraint", "ask for GPUs too, such as --gres=gpu:8")
        return 0
    counts = {count for _, count in found.values()}
    where = _place(options, tuple(found), "")
    if len(counts) > 1 or len(models) > 1:
        reading.refuse(
            where,
            "option_contradiction",
            f"{', '.join('--' + name for name in options if name in (*found, 'constraint'))} "
            "do not agree on the GPUs of a node",
            "keep one of them",
            _DEVICES,
        )
        return 0
    count = counts.pop()
    accelerators(reading, Scalar(where, ":".join((*models, str(count))), "str"), _MODELS)
    return count


def _gpus(reading: Reading, options: Options, name: str) -> tuple[str, int] | None:
    """Model ('' for any) and count of `gpu:a100:8`, `a100:8` or `8`."""
    given = options.get(name)
    if given is None:
        return None
    parts = given.value.lower().removeprefix("gres/").split(":")
    if name == "gres":
        if parts[0] in ("none", "") and len(parts) == 1:
            return None
        if "," in given.value or not (parts[0] == "gpu" or (parts[0] in _VENDORS_GRES and len(parts) > 2)):
            several = "more than one kind of resource" if "," in given.value else "no model of accelerator"
            reading.refuse(
                given.where,
                "option_untranslatable",
                f"--gres={given.value[:40]} names {several}",
                "write --gres=gpu:a100:8, with a model of `penstock fleet catalogue list`",
                _DEVICES,
            )
            return None
        parts = parts[1:] or ["1"]
    *model, count = parts if _COUNT.fullmatch(parts[-1]) else [*parts, "1"]
    if len(model) > 1 or int(count) < 1 or "," in given.value:
        _malformed(reading, given, name, "write a100:8, or 8")
        reading.failed.add(_DEVICES)
        return None
    return "".join(model), int(count)


def _constraint(reading: Reading, options: Options) -> set[str]:
    """The model that a constraint names; any other constraint cannot be met."""
    given = options.get("constraint")
    if given is None:
        return set()
    name = given.value.lower()
    if find(name, catalogue()):
        return {name}
    reading.refuse(
        given.where,
        "option_untranslatable",
        f"--constraint={given.value[:40]} cannot be met: it is no model of accelerator",
        "name the model, such as --gres=gpu:a100:8",
    )
    return set()


def _cores_of_node(reading: Reading, options: Options, tasks: int, gpus: int) -> int:
    """CPU cores of each node, asked for beside its GPUs where the script names a number."""
    each, of_gpu = _number(reading, options, "cpus-per-task"), _number(reading, options, "cpus-per-gpu")
    if of_gpu is not None and not gpus:
        _malformed(reading, options["cpus-per-gpu"], "cpus-per-gpu", "ask for GPUs too, such as --gpus=8")
    found = {count for count in (each and each * tasks, of_gpu and of_gpu * gpus) if count}
    if len(found) > 1:
        reading.refuse(
            options["cpus-per-gpu"].where,
            "option_contradiction",
            "--cpus-per-task and --cpus-per-gpu do not agree",
            "keep one of them",
        )
    cores = found.pop() if found else tasks
    if gpus and (each or of_gpu):
        where = _place(options, ("cpus-per-task", "cpus-per-gpu"), "")
        reading.put("resources.cpu_millicores", cores * 1000, where)
    return cores


def _cores(reading: Reading, options: Options, cores: int, default: str) -> None:
    """Without GPUs: CPU cores as devices."""
    where = _place(options, ("cpus-per-task", "ntasks-per-node", "ntasks"), default)
    reading.put(_MODELS, ("cpu",), where)
    reading.put(_DEVICES, cores, where)
    reading.note(where, "without GPUs, cores are taken as devices of model cpu, which may be groups of cores")


def _memory(reading: Reading, options: Options, cores: int, gpus: int) -> None:
    """Memory of each node; a bare number is in MB."""
    for name, factor in (("mem", 1), ("mem-per-cpu", cores), ("mem-per-gpu", gpus)):
        given = options.get(name)
        if given is None:
            continue
        size = size_bytes(given.value, "m")
        if size is None or factor == 0:
            remedy = "write 64G, or a number of megabytes" if factor else "ask for GPUs too"
            _malformed(reading, given, name, remedy)
        elif size == 0:
            reading.note(given.where, f"--{name}=0 is ignored: memory is that of the node's devices")
        else:
            reading.put("resources.memory_bytes", size * factor, given.where)


def _plain(reading: Reading, options: Options, default: str) -> None:
    """Name, directory, image, time, grace and variables. Pyxis writes # after the registry of an image."""
    if "job-name" in options:
        reading.put("name", options["job-name"].value, options["job-name"].where)
    directory = options.get("chdir", Given(".", default))
    reading.put("workdir", directory.value, directory.where)
    if "container-image" in options:
        given = options["container-image"]
        reading.put("image", given.value.replace("#", "/"), given.where)
    if "time" in options:
        _time(reading, options["time"])
    if "signal" in options:
        _signal(reading, options["signal"])
    if "export" in options:
        _export(reading, options["export"])
    if "array" in options:
        put_array(reading, options["array"].value, options["array"].where)
    if "dependency" in options:
        put_dependency(reading, options["dependency"].value, options["dependency"].where)


def _time(reading: Reading, given: Given) -> None:
    """`minutes[:seconds]`, `hours:minutes:seconds` or `days-hours[:minutes[:seconds]]`; 0 is no limit."""
    match = _TIME.fullmatch(given.value)
    if given.value.upper() in ("UNLIMITED", "INFINITE", "0"):
        reading.put("time_limit_s", None, given.where)
    elif match is None:
        _malformed(reading, given, "time", "write 2:30:00, 90 (minutes) or 1-12 (days-hours)")
    else:
        days, day_hours, day_minutes, day_seconds, first, second, third = (
            None if part is None else int(part) for part in match.groups()
        )
        if days is not None:
            hours, minutes, seconds = day_hours or 0, day_minutes or 0, day_seconds or 0
        elif third is not None:
            hours, minutes, seconds = first or 0, second or 0, third
        else:
            hours, minutes, seconds = 0, first or 0, second or 0
        total = (days or 0) * 86_400 + hours * 3_600 + minutes * 60 + seconds
        reading.put("time_limit_s", total, given.where)


def _signal(reading: Reading, given: Given) -> None:
    match = _SIGNAL.fullmatch(given.value)
    if match is None:
        reading.refuse(
            given.where,
            "option_untranslatable",
            f"--signal={given.value[:40]} cannot be met: a job that must end gets SIGTERM",
            "handle SIGTERM, and write --signal=TERM@60",
        )
    else:
        reading.put("grace_s", int(match.group(2) or 60), given.where)


def _export(reading: Reading, given: Given) -> None:
    """Variables with a value are set; those of the submitter are not passed on."""
    variables: dict[str, str] = {}
    for part in given.value.split(","):
        name, equals, value = part.partition("=")
        if equals:
            reading.places[f"env.{name}"] = given.where
            variables[name] = value
        elif name not in ("ALL", "NONE", "NIL", ""):
            reading.refuse(
                given.where,
                "option_untranslatable",
                f"{name[:40]} of the submitter is not passed on",
                f"give it a value: --export={name[:40]}=…",
            )
        elif name == "ALL":
            reading.note(given.where, "variables of the submitter are not passed on")
    reading.put("env", variables, given.where)
