"""What has been read of a job file so far: values by the path of the field in `JobSpec`, mistakes, notes."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.lease.jobfile.document import Entry, Fields, Scalar, Value

REFUSALS_MAX = 100


class Reading:
    """Gathers values and mistakes, so that one mistake does not hide the next."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.places: dict[str, str] = {}
        self.failed: set[str] = set()
        self.refusals: list[Refusal] = []
        self.notes: list[str] = []

    def put(self, path: str, value: Any, where: str) -> None:
        """A value for the field at `path`; another one from elsewhere in the file contradicts it."""
        if self.values.get(path, value) != value:
            self.refuse(
                where,
                "field_contradiction",
                f"{path} is given twice, also at {self.places[path]}",
                "keep one of them",
                path,
            )
        else:
            self.values[path] = value
            self.places[path] = where

    def refuse(self, where: str, code: str, message: str, remedy: str, *paths: str) -> None:
        """A mistake; the fields at `paths` then have no value, and are checked no further."""
        self.failed.update(paths)
        if len(self.refusals) < REFUSALS_MAX:
            self.refusals.append(invalid(code, message, remedy, where))

    def note(self, where: str, text: str) -> None:
        """Something that was understood, but does nothing here."""
        if len(self.notes) < REFUSALS_MAX:
            self.notes.append(f"{where}: {text}")

    def place(self, path: str, default: str) -> str:
        """Where the field was written, or the nearest one around it."""
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        return self.places.get(path, default)


type Read = Callable[[Reading, Value, str], None]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the vocabulary: how it is read, where its value goes, and what people are told of it."""

    name: str
    read: Read
    path: str
    about: str
    schema: dict[str, Any]
    aliases: tuple[str, ...] = ()


class Foreign(msgspec.Struct, frozen=True):
    """A field of another system's vocabulary that does nothing here (`ignored`), or cannot be met."""

    ignored: bool
    why: str
    remedy: str = ""


def read_fields(
    reading: Reading, value: Value, table: Iterable[Field], foreign: Mapping[str, Foreign]
) -> None:
    """Read a mapping field by field; unknown ones are refused with the nearest known name."""
    if not isinstance(value, Fields):
        reading.refuse(value.where, "field_malformed", "fields with values belong here", "write key: value")
        return
    known = {name: field for field in table for name in (field.name, *field.aliases)}
    for name, entry in value.entries.items():
        if is_null(entry.value) and name in known:
            continue
        if name in known:
            known[name].read(reading, entry.value, known[name].path)
        elif name in foreign:
            _read_foreign(reading, name, entry, foreign[name])
        else:
            _refuse_unknown(reading, name, entry, (*known, *foreign))


def _read_foreign(reading: Reading, name: str, entry: Entry, foreign: Foreign) -> None:
    if foreign.ignored:
        reading.note(entry.where, f"{name} is ignored: {foreign.why}")
    else:
        reading.refuse(
            entry.where, "field_untranslatable", f"{name} cannot be met: {foreign.why}", foreign.remedy
        )


def _refuse_unknown(reading: Reading, name: str, entry: Entry, known: tuple[str, ...]) -> None:
    if len(reading.refusals) >= REFUSALS_MAX:
        return
    close = difflib.get_close_matches(name[:40], known, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known[:20])}"
    reading.refuse(entry.where, "field_unknown", f"there is no field {name[:40]!r}", remedy)


def is_null(value: Value) -> bool:
    """A key without a value."""
    return isinstance(value, Scalar) and value.kind == "null"
