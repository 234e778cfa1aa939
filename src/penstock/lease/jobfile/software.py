"""Readers for `software` and `variants`: on which stacks a program runs, and what is other on each."""

import difflib

from penstock.fleet.accelerators import catalogue, find
from penstock.lease.job import Variant
from penstock.lease.jobfile.document import Fields, Items, Scalar, Value
from penstock.lease.jobfile.kinds import refuse_kind, script
from penstock.lease.jobfile.reading import Field, Reading, read_fields
from penstock.lease.jobfile.sections import env

_CHECK = "check"
_DOCKER = "docker:"
_REMEDY = "write software: check, or the stacks it runs on, such as [cuda, cann]"


def stacks() -> tuple[str, ...]:
    """Names of the software stacks of the catalogue."""
    return tuple(sorted({entry.stack for entry in catalogue().values()}))


def stack_of(name: str) -> str:
    """The stack that a name stands for: its own, or that of a model or family; '' for an unknown one."""
    wanted = name.strip().lower()
    if wanted in stacks():
        return wanted
    return next((entry.stack for entry in find(wanted, catalogue())), "")


def software(reading: Reading, value: Value, path: str) -> None:
    """`check`, names of stacks, or a mapping of stacks, rules and check."""
    if isinstance(value, Scalar) and value.text.strip().lower() == _CHECK:
        reading.put(f"{path}.check", True, value.where)
    elif isinstance(value, Fields):
        reading.places[path] = value.where
        read_fields(reading, value, SOFTWARE, {})
    else:
        _stacks(reading, value, f"{path}.stacks")


def _stacks(reading: Reading, value: Value, path: str) -> None:
    each = value.values if isinstance(value, Items) else (value,)
    names = [stack for one in each if (stack := _stack(reading, one, path))]
    if len(names) == len(each):
        reading.put(path, tuple(dict.fromkeys(names)), value.where)


def _stack(reading: Reading, value: Value, path: str) -> str:
    if not isinstance(value, Scalar):
        refuse_kind(reading, value, path, "the name of a software stack", _REMEDY)
        return ""
    return _known(reading, value.text, value.where)


def _known(reading: Reading, name: str, where: str) -> str:
    """A stack by its name; another one may be of a chip that the site added, so the centre decides."""
    found = stack_of(name)
    if not found:
        close = difflib.get_close_matches(name.lower(), (*stacks(), *catalogue()), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(stacks())}"
        reading.note(where, f"{name[:40]!r} is no software stack of the built-in catalogue; {hint}")
    return found or name.strip().lower()


def _rules(reading: Reading, value: Value, path: str) -> None:
    each = value.values if isinstance(value, Items) else (value,)
    ids = tuple(one.text.strip().upper() for one in each if isinstance(one, Scalar))
    if len(ids) < len(each):
        refuse_kind(reading, value, path, "a list of rule ids", "write rules: [EXT-002, AMP-004]")
    else:
        reading.put(path, tuple(dict.fromkeys(ids)), value.where)


def _check(reading: Reading, value: Value, path: str) -> None:
    if isinstance(value, Scalar) and value.kind == "bool":
        reading.put(path, value.text.lower() in ("true", "yes", "on"), value.where)
    else:
        refuse_kind(reading, value, path, "true or false", "write check: true")


def image(reading: Reading, value: Value, path: str) -> None:
    """The reference of a container image."""
    if isinstance(value, Scalar) and value.text.strip():
        reading.put(path, value.text.strip(), value.where)
    else:
        refuse_kind(reading, value, path, "a container image", "write image: registry.example/name:tag")


def image_id(reading: Reading, value: Value, path: str) -> None:
    """SkyPilot's name for an image of a container, `docker:NAME`, or of a machine."""
    name = value.text.strip() if isinstance(value, Scalar) else ""
    if name.startswith(_DOCKER):
        reading.put(path, name.removeprefix(_DOCKER), value.where)
    else:
        remedy = "write image: with the name of a container image"
        reading.refuse(
            value.where, "field_untranslatable", "a node runs the system that it has", remedy, path
        )


def variants(reading: Reading, value: Value, path: str) -> None:
    """A mapping of stacks to what is other on each."""
    if not isinstance(value, Fields):
        refuse_kind(
            reading, value, path, "a mapping", "write the name of a stack, and under it setup: or env:"
        )
        return
    found: dict[str, Variant] = {}
    for name, entry in value.entries.items():
        stack = _known(reading, name, entry.where)
        inner = Reading()
        if isinstance(entry.value, Fields):
            read_fields(inner, entry.value, VARIANT, {})
        reading.refusals += inner.refusals
        reading.places |= {f"{path}.{stack}.{at}": where for at, where in inner.places.items()}
        if stack in found:
            reading.refuse(
                entry.where, "field_duplicate", f"{stack} has two variants", "keep one of them", path
            )
        found[stack] = Variant(**inner.values)
    reading.put(path, found, value.where)


SOFTWARE = (
    Field(
        name="stacks",
        read=_stacks,
        path="software.stacks",
        about="The software stacks that the program runs on. None: any that nothing speaks against.",
        schema={"type": "array", "items": {"type": "string"}, "examples": [["cuda", "cann"]]},
    ),
    Field(
        name="rules",
        read=_rules,
        path="software.rules",
        about="Ids of portability rules that the program meets; they keep it off the chips they speak of.",
        schema={"type": "array", "items": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{3}$"}},
    ),
    Field(
        name="check",
        read=_check,
        path="software.check",
        about="Read the working directory for such rules when the job is submitted. Nothing in it is run.",
        schema={"type": "boolean", "default": False},
    ),
)
VARIANT = (
    Field(
        name="setup",
        read=script,
        path="setup",
        about="In place of the job's setup.",
        schema={"type": "string"},
    ),
    Field(name="run", read=script, path="run", about="In place of the job's run.", schema={"type": "string"}),
    Field(
        name="env",
        read=env,
        path="env",
        about="Variables laid over the job's.",
        schema={"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
    ),
    Field(
        name="image",
        read=image,
        path="image",
        about="In place of the job's image.",
        schema={"type": "string", "examples": ["registry.example/train-npu:1"]},
    ),
)
