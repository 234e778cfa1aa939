"""Columns derived from the structs they hold: one set of nouns for core, rows and wire.

Instants and durations are stored as integer microseconds, enums as text, anything nested as JSON text.
"""

import types
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

from penstock.base.window import MICROSECOND, from_us, to_us

METADATA = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s"})

STRUCTS: dict[str, type[msgspec.Struct]] = {}
"""Table name -> the struct that its rows become."""


class InstantColumn(TypeDecorator[datetime]):
    """A UTC instant as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """To microseconds."""
        return None if value is None else to_us(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From microseconds."""
        return None if value is None else from_us(value)


class DurationColumn(TypeDecorator[timedelta]):
    """A duration in microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """To microseconds."""
        return None if value is None else value // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:  # noqa: ARG002
        """From microseconds."""
        return None if value is None else timedelta(microseconds=value)


class EnumColumn(TypeDecorator[StrEnum]):
    """A member of one enumeration, as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To text."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """From text."""
        return None if value is None else self.members(value)


class JsonColumn(TypeDecorator[Any]):
    """Any type that msgspec can encode, as JSON text; checked again when read."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To JSON; nothing is no text."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """From JSON."""
        return None if value is None else self._decoder.decode(value)


_SCALARS: dict[Any, Any] = {
    str: Text,
    int: BigInteger,
    float: Float,
    bool: Boolean,
    bytes: LargeBinary,
    datetime: InstantColumn,
    timedelta: DurationColumn,
}


def _column_type(kind: Any) -> tuple[Any, bool]:
    """The column type for a field's type, and whether it may be null."""
    if isinstance(kind, TypeAliasType):
        return _column_type(kind.__value__)
    if get_origin(kind) in (Union, types.UnionType):
        inner = [arg for arg in get_args(kind) if arg is not type(None)]
        assert len(inner) == 1, f"{kind} has no column type"
        return _column_type(inner[0])[0], True
    if get_origin(kind) is Literal:
        return Text, False
    if kind in _SCALARS:
        return _SCALARS[kind], False
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return EnumColumn(kind), False
    return JsonColumn(kind), False


def table(name: str, struct: type[msgspec.Struct], *key: str, **options: Any) -> Table:
    """A table whose columns are the fields of `struct`, with `key` as its primary key.

    `fixed` are fields that no row ever changes: they are left alone when it is overwritten, and so are their indexes.
    """
    columns = []
    hints = get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        column_type, nullable = _column_type(hints[field.name])
        columns.append(
            Column(
                field.name,
                column_type,
                primary_key=field.name in key,
                nullable=nullable,
                autoincrement=False,
                index=field.name in options.get("index", ()),
            )
        )
    STRUCTS[name] = struct
    info = {"fixed": (*key, *options.get("fixed", ()))}
    return Table(name, METADATA, *columns, *options.get("constraints", ()), info=info)
