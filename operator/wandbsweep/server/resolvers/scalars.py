"""The scalars of the schema: JSON as text, JSON as value, times and 64-bit numbers."""

from __future__ import annotations

from typing import Any

from ariadne import ScalarType

from wandbsweep.server.json_text import write_json

json_string = ScalarType("JSONString")
json_value = ScalarType("JSON")
int64 = ScalarType("Int64")


@json_string.serializer
def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else write_json(value)


@json_string.value_parser
def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("JSONString needs JSON in a string")  # noqa: TRY004 - the engine reports a ValueError to the client
    return value


@json_value.serializer
def _as_is(value: Any) -> Any:
    return value


@int64.serializer
def _number_out(value: Any) -> int:
    return int(value)


@int64.value_parser
def _number_in(value: Any) -> int:
    return int(value)


BINDINGS = (json_string, json_value, int64)
