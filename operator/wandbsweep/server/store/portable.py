"""What the two databases say in different words: values inside JSON texts, their kinds, and hints to the planner.

A value of a JSON text, or of a column that is compared with one, is whatever `json_extract` gives in SQLite, and
`jsonb` in PostgreSQL, where nothing else can be compared whatever its kind is. Each function here builds one
expression; the database that it is sent to decides how it is written.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, ColumnElement, Float, Text, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.sql.compiler import SQLCompiler

Value = ColumnElement[Any]
Condition = ColumnElement[bool]


def json_value(column: Value, *paths: Sequence[str]) -> Value:
    """What lies at the first of these paths that leads to anything; JSON's null is no value. No part holds a quote."""
    found: list[Value] = [_At(column, literal(_sqlite_path(path)), literal(_array(path))) for path in _once(paths)]
    return found[0] if len(found) == 1 else func.coalesce(*found)


def plain_value(column: Value) -> Value:
    """A column's own value, to be compared with a given one of any kind."""
    return _Plain(column)


def given_value(value: Any) -> Value:
    """A text, number or truth value of the client's."""
    return _Given(literal(value), literal(json.dumps(value)))


def is_number(value: Value) -> Condition:
    """Whether a value is a number."""
    return _IsNumber(value)


def is_text(value: Value) -> Condition:
    """Whether a value is a text."""
    return _IsText(value)


def as_number(value: Value) -> ColumnElement[float]:
    """A value that is a number, as one."""
    return _AsNumber(value)


def as_text(value: Value) -> ColumnElement[str]:
    """A value in letters."""
    return _AsText(value)


def has_any(column: Value, wanted: Sequence[str]) -> Condition:
    """Whether a JSON text that is a list of texts has one of these."""
    return _HasAny(column, *(literal(each) for each in wanted))


def latest(*moments: Value) -> ColumnElement[float]:
    """The largest of several numbers of one row."""
    return _Latest(*moments)


def likely(condition: Condition) -> Condition:
    """A condition that most rows meet: other indexes are the better way in."""
    return _Likely(condition)


def unlikely(condition: Condition) -> Condition:
    """A condition that few rows meet: its index is the best way in."""
    return _Unlikely(condition)


def _once(paths: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(path) for path in paths))


def _sqlite_path(path: Sequence[str]) -> str:
    return "$" + "".join(f'."{part}"' for part in path)


def _array(path: Sequence[str]) -> str:
    return "{" + ",".join('"' + part.replace("\\", "\\\\") + '"' for part in path) + "}"


class _At(FunctionElement[Any]):
    inherit_cache = True
    name = "json_at"


class _Plain(FunctionElement[Any]):
    inherit_cache = True
    name = "plain_value"


class _Given(FunctionElement[Any]):
    inherit_cache = True
    name = "given_value"


class _IsNumber(FunctionElement[bool]):
    inherit_cache = True
    name = "is_number"
    type = Boolean()


class _IsText(FunctionElement[bool]):
    inherit_cache = True
    name = "is_text"
    type = Boolean()


class _AsNumber(FunctionElement[float]):
    inherit_cache = True
    name = "as_number"
    type = Float()


class _AsText(FunctionElement[str]):
    inherit_cache = True
    name = "as_text"
    type = Text()


class _HasAny(FunctionElement[bool]):
    inherit_cache = True
    name = "has_any"
    type = Boolean()


class _Latest(FunctionElement[float]):
    inherit_cache = True
    name = "latest"
    type = Float()


class _Likely(FunctionElement[bool]):
    inherit_cache = True
    name = "likely"
    type = Boolean()


class _Unlikely(FunctionElement[bool]):
    inherit_cache = True
    name = "unlikely"
    type = Boolean()


# How each is written: {0} and {1} are its parts, {all} all of them, {rest} all but the first.
_WRITTEN: dict[type[FunctionElement[Any]], tuple[str, str]] = {
    _At: (
        "json_extract({0}, {1})",
        "NULLIF(CAST({0} AS JSONB) #> CAST({2} AS TEXT[]), CAST('null' AS JSONB))",
    ),
    _Plain: ("{0}", "to_jsonb({0})"),
    _Given: ("{0}", "CAST({1} AS JSONB)"),
    _IsNumber: ("typeof({0}) IN ('integer', 'real')", "jsonb_typeof({0}) = 'number'"),
    _IsText: ("typeof({0}) = 'text'", "jsonb_typeof({0}) = 'string'"),
    _AsNumber: ("{0}", "CAST({0} AS DOUBLE PRECISION)"),
    _AsText: ("CAST({0} AS TEXT)", "({0} #>> '{{}}')"),
    _HasAny: (
        "EXISTS (SELECT 1 FROM json_each({0}) WHERE value IN ({rest}))",
        "jsonb_exists_any(CAST({0} AS JSONB), CAST(ARRAY[{rest}] AS TEXT[]))",
    ),
    _Latest: ("max({all})", "greatest({all})"),
    _Likely: ("likely({0})", "({0})"),
    _Unlikely: ("unlikely({0})", "({0})"),
}


def _write(element: FunctionElement[Any], compiler: SQLCompiler, form: int, **options: Any) -> str:
    template = _WRITTEN[type(element)][form]
    # Only what is written may be compiled: a part that is not would still be sent as a parameter.
    clauses = list(element.clauses)
    parts = [
        str(compiler.process(clause, **options)) if f"{{{index}}}" in template or "{all}" in template else ""
        for index, clause in enumerate(clauses)
    ]
    rest = ", ".join(compiler.process(each, **options) for each in clauses[1:]) if "{rest}" in template else ""
    return template.format(*parts, all=", ".join(parts), rest=rest)


def _register(kind: type[FunctionElement[Any]]) -> None:
    def for_sqlite(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
        return _write(element, compiler, 0, **options)

    def for_postgresql(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
        return _write(element, compiler, 1, **options)

    compiles(kind, "sqlite")(for_sqlite)
    compiles(kind, "postgresql")(for_postgresql)


for _kind in _WRITTEN:
    _register(_kind)
