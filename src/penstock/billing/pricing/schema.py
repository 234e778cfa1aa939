"""JSON Schemas of price books, contracts and voucher programmes, from the structs that read them."""

import types
from datetime import datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

import msgspec

from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.contract import Contract
from penstock.billing.pricing.voucher import Programme

_NUMBER = {
    "description": "Exact: 12.5, 6% or 1/3",
    "anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": r"^-?[0-9][0-9,_]*(\.[0-9]{1,12})?%?$|^-?[0-9]+/[0-9]+$"},
    ],
}
_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string", "maxLength": 200},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    Fraction: _NUMBER,
    datetime: {"type": "string", "description": "2026-11-01, or 2026-11-01T08:00+08:00"},
    time: {"type": "string", "pattern": "^([01][0-9]|2[0-4]):[0-5][0-9]$"},
    timedelta: {"type": ["string", "integer"], "description": "90s, 1m, 12h or 7d"},
}
DOCUMENTS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "price-book": (PriceBook, "Penstock price book"),
    "contract": (Contract, "Penstock contract"),
    "voucher-programme": (Programme, "Penstock voucher programme"),
}


def document_schema(name: str) -> dict[str, Any]:
    """JSON Schema 2020-12 of one kind of document."""
    struct, title = DOCUMENTS[name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | _struct(struct)


def _struct(kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    tag = kind.__struct_config__.tag_field
    fields = msgspec.structs.fields(kind)
    own = {tag: {"const": kind.__struct_config__.tag}} if tag else {}
    return {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "properties": own | {field.encode_name: _of(hints[field.name]) for field in fields},
        "required": [*own, *(field.encode_name for field in fields if field.required)],
        "additionalProperties": False,
    }


def _of(kind: Any) -> dict[str, Any]:
    if isinstance(kind, TypeAliasType):
        return _of(kind.__value__)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        kinds = [_of(one) for one in inner if one is not type(None)]
        return kinds[0] if len(kinds) == 1 else {"oneOf": kinds}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": _of(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(inner[1])}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [str(member) for member in kind]}
    return _SCALARS[kind]
