"""From the text of a file to a value of a type, or the place and remedy of what is wrong."""

import re
from typing import Any

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.insight.economics.units import NotUnderstood, parse
from penstock.lease.jobfile.document import Entry, Fields, Items, Value, decoded, read

_PATH = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


class Document[T](msgspec.Struct, frozen=True):
    """What was read, and where each part of it stands."""

    value: T
    root: Value

    def where(self, path: str) -> str:
        """The place of a path such as `tranches[0].life`, or of the nearest part around it."""
        return _place(self.root, f".{path}")


def read_as[T](content: str | bytes, name: str, kind: type[T]) -> Document[T] | tuple[Refusal, ...]:
    """A YAML text as that type; unknown fields, units and malformed values are refused with their place."""
    text = decoded(content, name)
    if isinstance(text, Refusal):
        return (text,)
    if not text.strip():
        return (invalid("file_empty", "the file is empty", "see the examples of the guide", name),)
    root, refusals = read(text, name)
    if root is None or refusals:
        return tuple(refusals)
    try:
        value = msgspec.convert(_plain(root), kind, strict=False, dec_hook=parse)
    except msgspec.ValidationError as error:
        return (_refusal(error, root),)
    return Document(value, root)


def _plain(value: Value) -> Any:
    """Mappings, lists and texts; numbers stay as written, so that amounts lose nothing."""
    if isinstance(value, Fields):
        return {key: _plain(entry.value) for key, entry in value.entries.items()}
    if isinstance(value, Items):
        return [_plain(one) for one in value.values]
    if value.kind == "null":
        return None
    return value.text.replace("_", "") if value.kind in ("int", "float") else value.text


def _refusal(error: msgspec.ValidationError, root: Value) -> Refusal:
    said = str(error)
    path = found.group(1) if (found := _PATH.search(said)) else ""
    where, said = _place(root, path), _PATH.sub("", said)
    cause = error.__cause__
    named = path.rpartition(".")[2]
    if isinstance(cause, NotUnderstood):
        return invalid(cause.code, f"{named}: {cause.message}", cause.remedy, where)
    unknown = re.search(r"unknown field `([^`]*)`", said)
    if unknown:
        place = _place(root, f"{path}.{unknown.group(1)}", key=True)
        return invalid("field_unknown", f"there is no field {unknown.group(1)!r}", "see the schema", place)
    missing = re.search(r"missing required field `([^`]*)`", said)
    if missing:
        return invalid("field_missing", f"{missing.group(1)!r} is missing", "give it", where)
    return invalid("field_malformed", f"{named}: {said}" if named else said, "see the schema", where)


def _place(root: Value, path: str, *, key: bool = False) -> str:
    here, where = root, root.where
    for name, index in _STEP.findall(path):
        if isinstance(here, Fields) and name in here.entries:
            entry: Entry = here.entries[name]
            here, where = entry.value, entry.where if key else entry.value.where
        elif isinstance(here, Items) and index and int(index) < len(here.values):
            here = here.values[int(index)]
            where = here.where
        else:
            break
    return where
