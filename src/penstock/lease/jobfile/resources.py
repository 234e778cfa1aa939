"""Readers for `resources`: which accelerators, how many of them, and how much memory."""

import re
from collections.abc import Sequence

from penstock.base.quantity import WHOLE
from penstock.fleet.accelerators import BYTES_PER_GIB, catalogue, find, nearest
from penstock.lease.jobfile.check import MODELS_MAX
from penstock.lease.jobfile.document import Entry, Fields, Items, Scalar, Value
from penstock.lease.jobfile.foreign import RESOURCES
from penstock.lease.jobfile.kinds import (
    memory,
    ports,
    positive,
    refuse_kind,
    shown,
    whole,
    whole_number,
    yes_or_no,
)
from penstock.lease.jobfile.reading import Field, Foreign, Reading, is_null, read_fields
from penstock.lease.jobfile.software import image_id
from penstock.lease.jobfile.values import Wanted, share_of_one, size_bytes, wanted

ANY = "any"
SHEET_SHARE = 88
"""Percent of its data sheet's memory that a card must show: error correction and driver take some."""

_DEVICE_SHARE, _CPU = "resources.device_share", "resources.cpu_millicores"
_MODELS, _COUNT, _MEMORY = "resources.models", "resources.devices_per_node", "resources.device_memory_bytes"
_CPUS = re.compile(r"(\d{1,6})(?:\.(\d{1,3}))?(?:\+|\.\.\d*)?", re.ASCII)
_WITH_MEMORY = re.compile(r"(.+)-(\d{1,4})gb", re.ASCII)
_REMEDY = "write A100:8, or a list such as [A100:8, H100:8]"


def accelerators(reading: Reading, value: Value, _path: str) -> None:
    """Model and count, as text, as a mapping, or as a list of alternatives with the same count."""
    _accelerators(reading, value.where, _alternatives(reading, value))


def _alternatives(reading: Reading, value: Value) -> list[Wanted]:
    """What is wanted, alternative by alternative; mistakes are refused."""
    if isinstance(value, Items):
        return [one for child in value.values for one in _alternatives(reading, child)]
    if isinstance(value, Scalar):
        return _one(reading, value, wanted(value.text))
    return [one for name, entry in value.entries.items() for one in _of_entry(reading, name, entry)]


def _of_entry(reading: Reading, name: str, entry: Entry) -> list[Wanted]:
    """`A100: 8`; in a set such as `{A100:8, H100:8}` the whole is the key."""
    if is_null(entry.value):
        return _one(reading, Scalar(entry.where, name, "str"), wanted(name))
    count, model = whole_number(entry.value), wanted(name)
    share = share_of_one(entry.value.text) if isinstance(entry.value, Scalar) else None
    if model is None or ":" in name or (count is None and share is None):
        return _one(reading, entry.value, None)
    if share is not None:
        return _one(reading, entry.value, Wanted(model.model, 1, model.memory, share))
    return _one(reading, entry.value, Wanted(model.model, count or 0, model.memory))


def _one(reading: Reading, value: Value, found: Wanted | None) -> list[Wanted]:
    if found is not None and found.count > 0:
        return [found]
    reading.refuse(
        value.where,
        "accelerators_malformed",
        f"{shown(value)} is no accelerator with a whole count of at least 1, or a share of one such as 0.5",
        _REMEDY,
        _MODELS,
        _COUNT,
    )
    return []


def _accelerators(reading: Reading, where: str, found: Sequence[Wanted]) -> None:
    if not found:
        if _MODELS not in reading.failed:
            reading.refuse(where, "accelerators_malformed", "no accelerator is named", _REMEDY, _MODELS)
        return
    if len(found) > MODELS_MAX:
        message = f"there are more than {MODELS_MAX} alternatives"
        reading.refuse(where, "number_out_of_range", message, "name fewer", _MODELS)
        return
    if len({(one.count, one.share) for one in found}) > 1:
        reading.refuse(
            where,
            "accelerators_untranslatable",
            "alternatives with different counts would be different jobs",
            "ask for the same count of each, or write one job for each",
            _MODELS,
            _COUNT,
        )
        return
    reading.put(_COUNT, found[0].count, where)
    if found[0].share < WHOLE:
        reading.put(_DEVICE_SHARE, found[0].share, where)
    named = [one.model for one in found]
    anything = "" in named or ANY in named
    ids = [] if anything else [model for name in named for model in _models(reading, where, name)]
    reading.put(_MODELS, tuple(dict.fromkeys(ids)), where)
    sizes = [_of_sheet(size_bytes(one.memory) or 0) for one in found]
    if min(sizes):
        reading.put(_MEMORY, min(sizes), where)


def _models(reading: Reading, where: str, name: str) -> tuple[str, ...]:
    """The catalogue's ids for a name, `A100-80GB` included; an unknown one is taken as it is, with a note."""
    known = catalogue()
    entries = find(name, known)
    if entries:
        return tuple(entry.id for entry in entries)
    sized = _WITH_MEMORY.fullmatch(name)
    for entry in find(sized.group(1), known) if sized else ():
        asked = int(sized.group(2)) * BYTES_PER_GIB if sized else 0
        return (entry.id,) if abs(asked - entry.memory_bytes) <= entry.memory_bytes * 0.12 else (name,)
    close = nearest(name, known)
    hint = f"; did you mean {close}?" if close else ""
    reading.note(where, f"{name} is not in the catalogue of accelerators{hint}")
    return (name,)


def _throughput(reading: Reading, value: Value, path: str) -> None:
    """Work in a second by model; a name stands for each model of the catalogue that has it."""
    entries = value.entries if isinstance(value, Fields) else {}
    speeds = {name: positive(entry.value) for name, entry in entries.items()}
    if not speeds or None in speeds.values():
        refuse_kind(
            reading, value, path, "a mapping of models to positive numbers", "write {A100: 12.5, V100: 4}"
        )
        return
    found = {
        model: speed
        for name, speed in speeds.items()
        for model in _models(reading, entries[name].value.where, name.lower())
    }
    reading.put(path, tuple(sorted(found.items())), value.where)


def _of_sheet(size: int) -> int:
    return size * SHEET_SHARE // 100


def _device_memory(reading: Reading, value: Value, path: str) -> None:
    """Memory of each device as its data sheet gives it."""
    inner = Reading()
    memory(inner, value, path)
    if path in inner.values:
        reading.put(path, _of_sheet(inner.values[path]), value.where)
    else:
        reading.failed.add(path)
        reading.refusals += inner.refusals


def _gpu(reading: Reading, value: Value, path: str) -> None:
    """dstack's `gpu`: as `accelerators`, or a mapping of name, count and memory."""
    if not isinstance(value, Fields) or "name" not in value.entries:
        accelerators(reading, value, path)
        return
    for title in value.entries.keys() - {"name", "count", "memory"}:
        reading.note(value.entries[title].where, f"{title} is ignored: models are asked for by name")
    count = value.entries.get("count")
    number = 1 if count is None else whole_number(count.value)
    names = value.entries["name"].value
    each = names.values if isinstance(names, Items) else (names,)
    found = [
        Wanted(one.text.lower(), number) for one in each if isinstance(one, Scalar) and number and number > 0
    ]
    if len(found) < len(each):
        _one(reading, value if count is None else count.value, None)
        return
    _accelerators(reading, value.where, found)
    if "memory" in value.entries:
        _device_memory(reading, value.entries["memory"].value, _MEMORY)


def _job_recovery(reading: Reading, value: Value, path: str) -> None:
    """SkyPilot's recovery of managed jobs: how many restarts after failures become attempts."""
    strategy = Foreign(ignored=True, why="evicted and lost attempts are always tried again")
    if isinstance(value, Scalar):
        reading.note(value.where, f"job_recovery is ignored: {strategy.why}")
        return
    table = (
        Field(name="max_restarts_on_errors", read=_restarts, path=path, about="", schema={}),
        Field(name="recover_on_exit_codes", read=_exit_codes, path=path, about="", schema={}),
    )
    read_fields(reading, value, table, {"strategy": strategy})


def _restarts(reading: Reading, value: Value, path: str) -> None:
    number = whole_number(value)
    if number is None:
        refuse_kind(reading, value, path, "a whole number", "write digits, without quotes")
    else:
        reading.put(path, number + 1, value.where)


def _exit_codes(reading: Reading, value: Value, _path: str) -> None:
    reading.refuse(
        value.where,
        "field_untranslatable",
        "recover_on_exit_codes restarts without limit",
        "write retry: {max_attempts: 3, on_exit_codes: [137]}",
    )


RESOURCES_FIELDS = (
    Field(
        name="accelerators",
        read=accelerators,
        path=_MODELS,
        about="Model and number of devices for each node, such as A100:8, or a list of alternatives; "
        "A100:0.5 takes half of one device, and is charged as half. None: one device of any model.",
        schema={
            "oneOf": [
                {"type": "string", "examples": ["A100:8", "A100:0.5", "cpu:2"]},
                {"type": "integer", "minimum": 1},
                {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        },
    ),
    Field(
        name="memory",
        read=memory,
        path="resources.memory_bytes",
        about="Host memory for each node, such as 16GB (of 2**30 bytes, as a bare number is too).",
        schema={"type": ["string", "number"], "examples": ["16GB", "512MB", 16]},
    ),
    Field(
        name="device_memory",
        read=_device_memory,
        path=_MEMORY,
        about="Memory that each device must have by its data sheet, such as 80GB; of a share of a device: how "
        "much of its memory the job takes, which counts where it is more than the share.",
        schema={"type": ["string", "number"], "examples": ["80GB"]},
    ),
    Field(
        name="throughput",
        read=_throughput,
        path="resources.throughput",
        about="Work that the job does in a second on each model of `accelerators`, in steps, samples or tokens: the "
        "centre then chooses among them by what each does for this job and for the others that wait.",
        schema={
            "type": "object",
            "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
            "examples": [{"A100": 12.5, "V100": 4}],
        },
    ),
)
TRANSLATED = (
    Field(name="image_id", read=image_id, path="image", about="", schema={}),
    Field(name="use_spot", read=yes_or_no, path="spot", about="", schema={}),
    Field(name="gpu", read=_gpu, path=_MODELS, about="", schema={}),
    Field(name="job_recovery", read=_job_recovery, path="retry.max_attempts", about="", schema={}),
    Field(name="ports", read=ports, path="ports", about="", schema={}),
    Field(name="priority", read=whole, path="priority", about="", schema={}),
)
_NAMES_MODELS = ("accelerators", "gpu")
_CHOICES = ("any_of", "ordered")
_CPU_NAMES = ("cpus", "cpu")


def resources(reading: Reading, value: Value, _path: str) -> None:
    """What each node of the gang needs."""
    if not isinstance(value, Fields):
        refuse_kind(reading, value, _MODELS, "a mapping", "write accelerators: A100:8 under resources:")
        return
    reading.places["resources"] = value.where
    apart = {name: value.entries[name] for name in (*_CHOICES, *_CPU_NAMES) if name in value.entries}
    entries = {name: entry for name, entry in value.entries.items() if name not in apart}
    for name in _CHOICES:
        if name in apart:
            entries = _chosen(reading, entries, apart[name])
    read_fields(reading, Fields(value.where, entries), (*RESOURCES_FIELDS, *TRANSLATED), RESOURCES)
    if reading.values.get(_DEVICE_SHARE) and _MEMORY in reading.values:
        # Of a share it is what the job takes, not what a card by its sheet shows at least.
        reading.values[_MEMORY] = -(-reading.values[_MEMORY] * 100 // SHEET_SHARE)
    for name in _CPU_NAMES:
        if name in apart:
            _cpus(reading, apart[name].value, named=any(name in entries for name in _NAMES_MODELS))


def _chosen(reading: Reading, entries: dict[str, Entry], choice: Entry) -> dict[str, Entry]:
    """The entries with the accelerators of all of SkyPilot's candidates as alternatives."""
    if not isinstance(choice.value, Items):
        refuse_kind(reading, choice.value, _MODELS, "a list", "start each candidate with '- '")
        return entries
    found: list[Value] = []
    for candidate in choice.value.values:
        inside = candidate.entries if isinstance(candidate, Fields) else {}
        own = inside.get("accelerators", entries.get("accelerators"))
        found += [own.value] if own is not None else []
        rest = {name: entry for name, entry in inside.items() if name != "accelerators"}
        read_fields(reading, Fields(candidate.where, rest), (), RESOURCES)
    if not found:
        return entries
    return entries | {"accelerators": Entry(choice.where, Items(choice.where, tuple(found)))}


def _cpus(reading: Reading, value: Value, *, named: bool) -> None:
    """CPU cores of a node: beside its accelerators, or devices of model `cpu` where none is named."""
    match = _CPUS.fullmatch(value.text.replace(" ", "")) if isinstance(value, Scalar) else None
    millicores = 0
    if match is not None:
        millicores = int(match.group(1)) * 1000 + int((match.group(2) or "0").ljust(3, "0"))
    if match is None or millicores == 0 or (not named and millicores % 1000):
        reading.refuse(
            value.where, "cpus_malformed", f"{shown(value)} is no number of cores", "write 4, or 4+", _COUNT
        )
    elif reading.values.get(_MODELS) == ("cpu",) and named:
        reading.note(value.where, "cpus is ignored: the devices are cores")
    elif named:
        reading.put(_CPU, millicores, value.where)
    else:
        reading.put(_COUNT, int(match.group(1)), value.where)
        reading.put(_MODELS, ("cpu",), value.where)
        reading.note(value.where, "cpus are taken as devices of model cpu, which may be groups of cores")
