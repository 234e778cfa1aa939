"""A seal over a value: its SHA-256, the same for the same content in every version of the program."""

import hashlib
from datetime import UTC, datetime

import msgspec


def canonical_json(value: object) -> bytes:
    """Canonical JSON: keys sorted, times in UTC, fields at their default left out.

    So a field that a later version adds with a default leaves earlier seals as they were.
    """
    return msgspec.json.encode(_plain(value), order="sorted")


def seal(value: object) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _plain(value: object) -> object:
    match value:
        case msgspec.Struct():
            fields = msgspec.structs.fields(value)
            held = {field.name: (field, getattr(value, field.name)) for field in fields}
            return {
                name: _plain(item) for name, (field, item) in held.items() if not _is_default(field, item)
            }
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
        case datetime():
            return value.astimezone(UTC)
        case _:
            return value


def _is_default(field: msgspec.structs.FieldInfo, value: object) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return value == field.default_factory()
    return field.default is not msgspec.NODEFAULT and value == field.default
