"""Readers for the fields that have an inside: env, volumes, retry, checkpoint, file mounts."""

from collections.abc import Iterator

from penstock.lease.jobfile.document import Entry, Fields, Items, Scalar, Value
from penstock.lease.jobfile.kinds import refuse_kind, shown, text, whole, whole_number
from penstock.lease.jobfile.reading import Field, Reading, is_null, read_fields

_ENV_REMEDY = "write NAME: value for each"
_MOUNT_REMEDY = "write /path: volume-name for each"


def env(reading: Reading, value: Value, path: str) -> None:
    """Variables as a mapping, or as a list of NAME=value. Values are text, just as written."""
    variables: dict[str, str] = {}
    for name, entry in _pairs(reading, value, path, "=", _ENV_REMEDY):
        reading.places[f"{path}.{name}"] = entry.where
        if not isinstance(entry.value, Scalar) or is_null(entry.value):
            reading.refuse(
                entry.where,
                "env_value_missing",
                f"{name[:40]} has no value",
                "give it one here",
                f"{path}.{name}",
            )
        else:
            variables[name] = entry.value.text
    reading.put(path, variables, value.where)


def volumes(reading: Reading, value: Value, path: str) -> None:
    """Volumes as a mapping of place to name, or as a list of name:/place."""
    mounts: dict[str, str] = {}
    for place, entry in _pairs(reading, value, path, ":", _MOUNT_REMEDY):
        reading.places[f"{path}.{place}"] = entry.where
        name = _volume_name(entry.value)
        if name is None:
            reading.refuse(
                entry.where,
                "field_malformed",
                f"{place[:80]} has no volume name",
                _MOUNT_REMEDY,
                f"{path}.{place}",
            )
        else:
            mounts[place] = name
    reading.put(path, mounts, value.where)


def _volume_name(value: Value) -> str | None:
    if isinstance(value, Scalar) and not is_null(value):
        return value.text
    if isinstance(value, Fields) and "name" in value.entries:
        return _volume_name(value.entries["name"].value)
    return None


def _pairs(
    reading: Reading, value: Value, path: str, separator: str, remedy: str
) -> Iterator[tuple[str, Entry]]:
    """The entries of a mapping, or of a list of `key=value` (or, for volumes, `value:key`) texts."""
    if isinstance(value, Fields):
        yield from value.entries.items()
        return
    if not isinstance(value, Items):
        refuse_kind(reading, value, path, "a mapping", remedy)
        return
    seen: set[str] = set()
    for item in value.values:
        parts = item.text.split(separator, 1) if isinstance(item, Scalar) else []
        if len(parts) != 2:
            refuse_kind(reading, item, path, f"a pair with {separator!r}", remedy)
            continue
        name, content = parts if separator == "=" else reversed(parts)
        if name in seen:
            reading.refuse(
                item.where, "field_duplicate", f"{name[:40]!r} stands twice", "keep one of them", path
            )
        seen.add(name)
        yield name, Entry(item.where, Scalar(item.where, content, "str"))


def file_mounts(reading: Reading, value: Value, path: str) -> None:
    """SkyPilot's file mounts: a mounted volume becomes one of ours, anything else cannot be translated."""
    if not isinstance(value, Fields):
        refuse_kind(reading, value, path, "a mapping", _MOUNT_REMEDY)
        return
    mounts: dict[str, str] = {}
    for place, entry in value.entries.items():
        inside = entry.value.entries if isinstance(entry.value, Fields) else {}
        store = inside["store"].value if "store" in inside else None
        name = _volume_name(entry.value) if isinstance(store, Scalar) and store.text == "volume" else None
        if name is None or "source" in inside:
            reading.refuse(
                entry.where,
                "field_untranslatable",
                f"file_mounts of {place[:80]} cannot be met: nothing is copied or mounted from outside",
                "put files into workdir, and data on a volume under volumes:",
            )
        else:
            reading.places[f"volumes.{place}"] = entry.where
            mounts[place] = name
    if mounts:
        reading.put(path, mounts, value.where)


def exit_codes(reading: Reading, value: Value, path: str) -> None:
    """One exit code, or a list of them."""
    codes = [whole_number(one) for one in (value.values if isinstance(value, Items) else (value,))]
    if None in codes:
        refuse_kind(reading, value, path, "a list of whole numbers", "write [1, 137]")
    else:
        reading.put(path, tuple(code for code in codes if code is not None), value.where)


RETRY = (
    Field(
        name="max_attempts",
        read=whole,
        path="retry.max_attempts",
        about="How many attempts may fail, the first included. Evicted and lost ones do not count.",
        schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 1},
    ),
    Field(
        name="on_exit_codes",
        read=exit_codes,
        path="retry.on_exit_codes",
        about="Only these exit codes are tried again; 128 + n stands for signal n. None: any failure is.",
        schema={"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 255}},
    ),
)


def retry(reading: Reading, value: Value, path: str) -> None:
    """The retry policy, or just how many attempts there may be."""
    number = whole_number(value)
    if number is not None:
        reading.put("retry.max_attempts", number, value.where)
    elif isinstance(value, Fields):
        reading.places[path] = value.where
        read_fields(reading, value, RETRY, {})
    else:
        refuse_kind(reading, value, "retry.max_attempts", "a mapping", "write retry: {max_attempts: 3}")


CHECKPOINT = (
    Field(
        name="path",
        read=text,
        path="checkpoint.path",
        about="Where the program keeps its checkpoints.",
        schema={"type": "string", "pattern": "^/", "default": "/checkpoint"},
    ),
)


def checkpoint(reading: Reading, value: Value, path: str) -> None:
    """The place of the checkpoint directory, alone or under `path`; `true` is the usual place."""
    if isinstance(value, Scalar) and value.kind == "bool":
        reading.put("checkpoint", value.text.lower() in ("true", "yes", "on"), value.where)
    elif isinstance(value, Scalar):
        reading.put("checkpoint.path", value.text, value.where)
    elif isinstance(value, Fields):
        reading.put("checkpoint", True, value.where)
        read_fields(reading, value, CHECKPOINT, {})
    else:
        refuse_kind(reading, value, path, "a path", f"write checkpoint: /checkpoint, not {shown(value)}")
