"""The JSON Schema of a job file, for editors; `parse` says more, and knows other systems' fields too."""

from collections.abc import Iterable
from typing import Any

from penstock.lease.jobfile.fields import FIELDS
from penstock.lease.jobfile.reading import Field
from penstock.lease.jobfile.resources import RESOURCES_FIELDS
from penstock.lease.jobfile.sections import CHECKPOINT, RETRY
from penstock.lease.jobfile.software import SOFTWARE, VARIANT

_INSIDE = {
    "resources": RESOURCES_FIELDS,
    "retry": RETRY,
    "checkpoint": CHECKPOINT,
    "software": SOFTWARE,
}


def job_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the vocabulary."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Penstock job file",
        "type": "object",
        "properties": _properties(FIELDS),
        "anyOf": [{"required": ["run"]}, {"required": ["commands"]}],
        "additionalProperties": False,
    }


def _properties(table: Iterable[Field]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in table:
        found[field.name] = {"description": field.about, **_filled(field)}
        for alias in field.aliases:
            found[alias] = {"$ref": f"#/properties/{field.name}"}
    return found


def _filled(field: Field) -> dict[str, Any]:
    """The field's schema, with what belongs inside of a mapping."""
    if field.name == "variants":
        one = {"type": ["object", "null"], "properties": _properties(VARIANT), "additionalProperties": False}
        return field.schema | {"additionalProperties": one}
    inside = {"properties": _properties(_INSIDE.get(field.name, ())), "additionalProperties": False}
    if field.name not in _INSIDE:
        return field.schema
    if "oneOf" not in field.schema:
        return field.schema | inside
    return {"oneOf": [one | inside if one == {"type": "object"} else one for one in field.schema["oneOf"]]}
