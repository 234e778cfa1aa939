"""Statements that are composed once and run many times, without what SQLAlchemy does anew for each execution."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Dialect, Executable, Float, Text, TypeDecorator, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

type Convert = Callable[[Any], Any]


class _Ready(NamedTuple):
    """A statement as one dialect says it; `order` of its parameters where they go by place, `result` by column."""

    text: str
    constants: dict[str, Any]
    names: tuple[str, ...]
    order: tuple[str, ...] | None
    binds: dict[str, Convert]
    result: tuple[tuple[int, Convert], ...]

    def parameters(self, given: Mapping[str, Any]) -> Any:
        """What the driver is given."""
        found = dict(self.constants)
        for name in self.names:
            convert, value = self.binds.get(name), given[name]
            found[name] = value if convert is None else convert(value)
        return found if self.order is None else [found[name] for name in self.order]

    def row(self, row: Sequence[Any]) -> list[Any]:
        """Its values as their columns' types say."""
        found = list(row)
        for place, convert in self.result:
            found[place] = convert(found[place])
        return found


class Prepared:
    """A statement that never changes; its parameters have names. `postgresql` where that says it otherwise."""

    def __init__(self, statement: Executable, postgresql: Executable | None = None) -> None:
        self._statements = {
            "sqlite": statement,
            "postgresql": statement if postgresql is None else postgresql,
        }
        self._ready: dict[str, _Ready] = {}

    def all(self, tx: Connection, **given: Any) -> list[list[Any]]:
        """Every row of its answer."""
        ready = self._in(tx)
        found = self._run(tx, ready, "execute", ready.parameters(given)).fetchall()
        return [ready.row(row) for row in found]

    def first(self, tx: Connection, **given: Any) -> list[Any] | None:
        """The first row of its answer, if there is one."""
        ready = self._in(tx)
        found = self._run(tx, ready, "execute", ready.parameters(given)).fetchone()
        return None if found is None else ready.row(found)

    def one(self, tx: Connection, **given: Any) -> list[Any]:
        """The row of an answer that has one."""
        found = self.first(tx, **given)
        assert found is not None, "an answer of one row"
        return found

    def change(self, tx: Connection, many: Sequence[Mapping[str, Any]] = ({},)) -> int:
        """Write with each set of parameters; how many rows that touched."""
        ready = self._in(tx)
        if len(many) == 1:
            return self._run(tx, ready, "execute", ready.parameters(many[0])).rowcount
        return self._run(tx, ready, "executemany", [ready.parameters(one) for one in many]).rowcount

    def _in(self, tx: Connection) -> _Ready:
        name = tx.dialect.name
        return self._ready.get(name) or self._ready.setdefault(
            name, _compiled(self._statements[name], tx.dialect)
        )

    def _run(self, tx: Connection, ready: _Ready, how: str, parameters: Any) -> Any:
        driver: Any = tx.connection.driver_connection
        cursor = driver.cursor()
        try:
            getattr(cursor, how)(ready.text, parameters)
        except tx.dialect.loaded_dbapi.Error as error:
            base: Any = tx.dialect.loaded_dbapi.Error
            raise DBAPIError.instance(ready.text, parameters, error, base, dialect=tx.dialect) from error
        return cursor


def _compiled(statement: Any, dialect: Dialect) -> _Ready:
    compiled = statement.compile(dialect=dialect)
    names = tuple(name for name, bind in compiled.binds.items() if bind.required)
    kinds = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
    made = {name: kind.bind_processor(dialect) for name, kind in kinds.items()}
    expanded = compiled.construct_expanded_state(dict.fromkeys(names))
    convert = {name: one for name, one in {**made, **expanded.processors}.items() if one is not None}
    constants = {
        name: convert[name](value) if name in convert else value
        for name, value in expanded.parameters.items()
        if name not in names
    }
    order = None if expanded.positiontup is None else tuple(expanded.positiontup)
    columns = statement.selected_columns if statement.is_select else ()
    results = (_result(column.type, dialect) for column in columns)
    result = tuple((place, convert) for place, convert in enumerate(results) if convert is not None)
    return _Ready(expanded.statement, constants, names, order, convert, result)


def _result(kind: Any, dialect: Dialect) -> Convert | None:
    if isinstance(kind, Float):  # a driver's own, and SQLAlchemy asks a cursor for its kind
        return None
    return kind.dialect_impl(dialect).result_processor(dialect, None)


class _Names(TypeDecorator[Sequence[str]]):
    """Any number of names as one parameter."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """PostgreSQL has arrays."""
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        """SQLite reads JSON."""
        return value if dialect.name == "postgresql" else msgspec.json.encode(value).decode()


def among(statement: Any, column: Any) -> Prepared:
    """The statement, of those rows alone whose column has one of the `names` that are given when it runs."""
    names = bindparam("names", type_=_Names())
    listed = select(func.json_each(names).table_valued("value").c.value)
    return Prepared(statement.where(column.in_(listed)), statement.where(column == func.any(names)))
